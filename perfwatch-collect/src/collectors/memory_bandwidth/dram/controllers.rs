//! Memory controllers among the host's PMUs, and which of their events count bytes.

use super::{Flow, WHAT};
use crate::{
    CollectError, Gap, Roots,
    parse::ParseError,
    perf_events::{Event, MAX_GROUP, pmu::Pmu},
};

/// What one count means where the kernel does not say: a line of the CPU's caches.
const LINE_BYTES: f64 = 64.0;

/// One PMU of a memory controller.
pub(super) struct Controller {
    /// The CPUs to count on: one for each socket that has it.
    pub(super) cpus: Vec<u32>,
    pub(super) counters: Vec<Counter>,
    /// How many of its counters fit on its hardware at once.
    pub(super) at_once: usize,
}

/// One event of a controller.
#[derive(Clone, Copy)]
pub(super) struct Counter {
    pub(super) event: Event,
    pub(super) flow: Flow,
    pub(super) bytes_per_count: f64,
}

/// Intel's events by what they count, first found first used: client parts have free-running
/// counters beside those of the channels, and the same bytes must not count twice.
const INTEL: [[&[&str]; 2]; 3] = [
    [
        // Since Granite Rapids each channel has two halves.
        &["cas_count_read", "cas_count_read_sch0", "cas_count_read_sch1"],
        &["cas_count_write", "cas_count_write_sch0", "cas_count_write_sch1"],
    ],
    [&["data_read"], &["data_write"]],
    [&["data_reads"], &["data_writes"]],
];

/// All controllers of the first family that this host has.
pub(super) fn find(roots: &Roots) -> Result<Vec<Controller>, CollectError> {
    let pmus = Pmu::all(roots, "uncore_imc");
    for [reads, writes] in INTEL {
        let intel = |pmu: &Pmu| intel(pmu, reads, writes).transpose();
        let found: Vec<_> = pmus.iter().filter_map(intel).collect::<Result<_, _>>()?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    let channels = Pmu::all(roots, "amd_umc");
    if !channels.is_empty() {
        return channels.iter().map(amd_umc).collect();
    }
    Pmu::all(roots, "amd_df").iter().filter(|pmu| is_old_fabric(pmu)).map(amd_df).collect()
}

/// The events of an Intel controller; nothing where it does not have both directions.
fn intel(pmu: &Pmu, reads: &[&str], writes: &[&str]) -> Result<Option<Controller>, CollectError> {
    let mut counters = Vec::new();
    for (names, flow) in [(reads, Flow::Read), (writes, Flow::Write)] {
        for name in names.iter().filter(|name| pmu.has(name)) {
            let bytes_per_count = bytes_per_count(pmu, name)?;
            counters.push(Counter { event: pmu.event(name)?, flow, bytes_per_count });
        }
    }
    let has = |flow| counters.iter().any(|counter| counter.flow == flow);
    if !has(Flow::Read) || !has(Flow::Write) {
        return Ok(None);
    }
    Ok(Some(Controller { cpus: pmu.cpus()?, counters, at_once: MAX_GROUP }))
}

/// The kernel's scale already holds the bytes of a line; its unit says of what.
fn bytes_per_count(pmu: &Pmu, event: &str) -> Result<f64, CollectError> {
    let Some((scale, unit)) = pmu.scale(event) else { return Ok(LINE_BYTES) };
    let unit_bytes = match unit.as_str() {
        "" | "B" | "Bytes" | "bytes" => 1.0,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        _ => {
            let path = pmu.event_file(&format!("{event}.unit"));
            return Err(CollectError::parse(
                path,
                ParseError { line: 1, reason: "expected `MiB`" },
            ));
        }
    };
    Ok(scale * unit_bytes)
}

/// Zen 4 and later: each channel is a PMU, whose CAS commands (0x0a) a mask tells apart. Its
/// `events` may be empty.
fn amd_umc(pmu: &Pmu) -> Result<Controller, CollectError> {
    let counter = |(flow, mask)| {
        let event = pmu.event_of(&[(b"event", 0x0a), (b"rdwrmask", mask)])?;
        Ok(Counter { event, flow, bytes_per_count: LINE_BYTES })
    };
    let counters = [(Flow::Read, 1), (Flow::Write, 2)].into_iter().map(counter);
    let counters = counters.collect::<Result<_, CollectError>>()?;
    Ok(Controller { cpus: pmu.cpus()?, counters, at_once: MAX_GROUP })
}

/// Whether it is the data fabric of Zen 1 to 3: later ones have other events and a wider mask.
fn is_old_fabric(pmu: &Pmu) -> bool {
    pmu.width("umask") == Some(8)
}

/// Zen 1 to 3: the data fabric counts requests with data (64 bytes, umask 0x38) of eight channels,
/// reads and writes alike. It has four counters, so each event takes its turn.
fn amd_df(pmu: &Pmu) -> Result<Controller, CollectError> {
    let counter = |channel: u64| {
        let event = pmu.event_of(&[(b"event", 0x07 + 0x40 * channel), (b"umask", 0x38)])?;
        Ok(Counter { event, flow: Flow::Either, bytes_per_count: LINE_BYTES })
    };
    let counters = (0..8).map(counter).collect::<Result<_, CollectError>>()?;
    Ok(Controller { cpus: pmu.cpus()?, counters, at_once: 1 })
}

/// Why there is no controller, which is known only after [`find`] found none.
pub(super) fn why_none(roots: &Roots) -> Gap {
    if Pmu::all(roots, "amd_df").is_empty() {
        return none();
    }
    let reason = "the kernel has no amd_umc counters in /sys/bus/event_source/devices";
    Gap::new(WHAT, reason, Some("use Linux 6.8 or later with the amd_uncore driver"))
}

pub(super) fn none() -> Gap {
    let reason = "no memory-controller counters in /sys/bus/event_source/devices; \
                  virtual machines have none";
    let cure = "on real hardware load the driver (modprobe intel_uncore or amd_uncore), or mount \
                resctrl: mount -t resctrl resctrl /sys/fs/resctrl";
    Gap::new(WHAT, reason, Some(cure)).of_hardware()
}
