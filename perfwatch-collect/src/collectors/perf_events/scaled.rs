//! Counts of a group on several CPUs, scaled where it ran only part of the time.

use super::{CounterGroup, CounterSource, Event, MAX_GROUP, Reading};
use crate::CollectError;

/// How many file descriptors one collector's counters may take, as one in `share` of all: the rest
/// is for other collectors, connections and files.
pub(crate) fn descriptor_budget(share: u64) -> u64 {
    use nix::sys::resource::{Resource, getrlimit};
    getrlimit(Resource::RLIMIT_NOFILE).map_or(512, |(soft, _)| soft / share)
}

/// One group of events, open on some CPUs.
pub(crate) struct ScaledGroup(Vec<OnCpu>);

struct OnCpu {
    group: Box<dyn CounterGroup>,
    before: Reading,
}

/// What happened since the last reading, summed over CPUs.
pub(crate) struct Spent {
    pub(crate) enabled_ns: u64,
    pub(crate) running_ns: u64,
    /// Whether all CPUs counted. Where one did not, the sum would only pretend to be whole.
    pub(crate) everywhere: bool,
    /// A CPU that counted before has stopped for good: it was unplugged meanwhile, as a suspend
    /// does to all but the first.
    pub(crate) lost: bool,
    /// By how much each event grew, as an estimate where it was not counted all the time.
    pub(crate) grown: [f64; MAX_GROUP],
}

impl ScaledGroup {
    /// Opens the events of each place on its CPU.
    pub(crate) fn open(
        source: &dyn CounterSource,
        places: impl Iterator<Item = (u32, Vec<Event>)>,
    ) -> std::io::Result<Self> {
        let on_cpu = |(cpu, events): (u32, Vec<Event>)| {
            let group = source.open(cpu, &events)?;
            Ok(OnCpu { group, before: Reading::default() })
        };
        Ok(Self(places.map(on_cpu).collect::<std::io::Result<_>>()?))
    }

    /// Reads the group on every CPU, each with one call.
    pub(crate) fn read(&mut self) -> Result<Spent, CollectError> {
        let grown = [0.0; MAX_GROUP];
        let mut spent =
            Spent { enabled_ns: 0, running_ns: 0, everywhere: true, lost: false, grown };
        for on_cpu in &mut self.0 {
            let now = on_cpu
                .group
                .read()
                .map_err(|source| CollectError::Io { path: "perf_event_open".into(), source })?;
            let before = std::mem::replace(&mut on_cpu.before, now);
            spent.add(&before, &now);
        }
        Ok(spent)
    }
}

impl Spent {
    fn add(&mut self, before: &Reading, now: &Reading) {
        let enabled = now.enabled_ns.saturating_sub(before.enabled_ns);
        let running = now.running_ns.saturating_sub(before.running_ns);
        self.enabled_ns += enabled;
        self.running_ns += running;
        self.lost |= enabled == 0 && before.enabled_ns > 0;
        if running == 0 {
            self.everywhere = false;
            return;
        }
        // In floating point: 5 s at 4 GHz times a time in nanoseconds overflows 64 bits.
        let scale = enabled as f64 / running as f64;
        let counts = now.counts.iter().zip(before.counts);
        for (grown, (count, before)) in self.grown.iter_mut().zip(counts) {
            *grown += count.saturating_sub(before) as f64 * scale;
        }
    }
}

/// A running total.
#[derive(Clone, Copy, Default)]
pub(crate) struct Total(f64);

/// Totals beyond this start anew at 0, one interval without a rate: a block holds 63 bits, which
/// a large host fills in weeks.
const LARGEST_TOTAL: f64 = (1_u64 << 62) as f64;

impl Total {
    pub(crate) fn add(&mut self, grown: f64) {
        self.0 += grown;
        if self.0 > LARGEST_TOTAL {
            self.0 = 0.0;
        }
    }

    pub(crate) fn get(self) -> f64 {
        self.0
    }
}
