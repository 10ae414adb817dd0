//! Opens all groups on all CPUs, reads them, and scales what was counted only part of the time.

use perfwatch_core::Block;

use super::{
    CounterGroup, CounterSource, Event, MAX_GROUP, Reading,
    events::{Class, Counted, GROUPS, Group},
    reasons::Refusals,
};
use crate::{CollectError, Gap};

/// Share of the file descriptors that counters may take; the rest is for connections and files.
const DESCRIPTOR_SHARE: u64 = 2;

/// The events of one group that this host has, and their counters on every CPU.
struct OpenGroup {
    class: Class,
    events: Vec<&'static Counted>,
    /// Estimated totals since the start, summed over CPUs.
    totals: [f64; MAX_GROUP],
    cpus: Vec<OnCpu>,
}

struct OnCpu {
    group: Box<dyn CounterGroup>,
    before: Reading,
}

/// All open groups.
#[derive(Default)]
pub(super) struct Counting {
    groups: Vec<OpenGroup>,
    lost: bool,
}

/// Totals beyond this start anew at 0, one interval without a rate: a block holds 63 bits, which
/// a large host fills in weeks.
const LARGEST_TOTAL: f64 = (1_u64 << 62) as f64;

impl Counting {
    /// Whether the groups are open and all of them still count.
    pub(super) fn is_whole(&self) -> bool {
        !self.groups.is_empty() && !self.lost
    }

    /// Opens what the source offers on these CPUs; says what it refuses.
    pub(super) fn open(
        source: &dyn CounterSource,
        cpus: &[u32],
        paranoid: Option<&str>,
    ) -> Result<(Self, Vec<Gap>), CollectError> {
        let mut refusals = Refusals::new(paranoid);
        let mut budget = descriptor_budget();
        let mut open = Vec::new();
        for group in &GROUPS {
            let events = offered(source, cpus, group, &mut refusals);
            if events.is_empty() {
                continue;
            }
            let needed = (events.len() * cpus.len()) as u64;
            let opened = match budget.checked_sub(needed) {
                Some(left) => {
                    OpenGroup::open(source, cpus, group.class, &events).inspect(|_| budget = left)
                }
                None => Err(std::io::Error::from_raw_os_error(nix::libc::EMFILE)),
            };
            match opened {
                Ok(group) => open.push(group),
                Err(error) => {
                    events.iter().for_each(|event| refusals.add(group.class, event, &error));
                }
            }
        }
        let gaps = refusals.into_gaps();
        if open.is_empty() {
            let first = gaps.into_iter().next();
            let (reason, cure) = first.map_or_else(
                || ("no CPU is online to count on".to_owned(), None),
                |gap| (gap.reason, gap.cure),
            );
            return Err(CollectError::Unsupported { reason, cure });
        }
        Ok((Self { groups: open, lost: false }, gaps))
    }

    /// Reads all groups and writes the totals and coverages.
    pub(super) fn read(&mut self, block: &mut Block) -> Result<(), CollectError> {
        let mut coverage = [(0_u64, 0_u64); Class::ALL.len()];
        for group in &mut self.groups {
            let spent = group.read()?;
            if let Some(slot) = coverage.get_mut(group.class as usize) {
                *slot = (slot.0 + spent.enabled_ns, slot.1 + spent.running_ns);
            }
            self.lost |= spent.lost;
            // Where some CPU did not count at all, the sum would pretend to be whole.
            if spent.everywhere {
                group.write(block);
            }
        }
        for (class, (enabled, running)) in Class::ALL.into_iter().zip(coverage) {
            if enabled > 0 {
                let percent = 100.0 * running as f64 / enabled as f64;
                block.host_row().set_f64(class.coverage(), percent.min(100.0));
            }
        }
        Ok(())
    }
}

/// The events of the group that open alone on the first CPU.
fn offered(
    source: &dyn CounterSource,
    cpus: &[u32],
    group: &Group,
    refusals: &mut Refusals<'_>,
) -> Vec<&'static Counted> {
    let Some(&cpu) = cpus.first() else { return Vec::new() };
    let mut opens = |event: &&'static Counted| {
        let refused = source.open(cpu, &[event.event]).err();
        refused.inspect(|error| refusals.add(group.class, event, error)).is_none()
    };
    group.events.iter().filter(|event| opens(event)).collect()
}

/// Time since the last reading, summed over CPUs.
struct Spent {
    enabled_ns: u64,
    running_ns: u64,
    everywhere: bool,
    /// A CPU that counted before has stopped for good: it was unplugged meanwhile, as a suspend
    /// does to all but the first.
    lost: bool,
}

impl OpenGroup {
    fn open(
        source: &dyn CounterSource,
        cpus: &[u32],
        class: Class,
        events: &[&'static Counted],
    ) -> std::io::Result<Self> {
        let wanted: Vec<Event> = events.iter().map(|event| event.event).collect();
        let on_cpu = |cpu: &u32| {
            let group = source.open(*cpu, &wanted)?;
            Ok(OnCpu { group, before: Reading::default() })
        };
        let cpus = cpus.iter().map(on_cpu).collect::<std::io::Result<_>>()?;
        Ok(Self { class, events: events.to_vec(), totals: [0.0; MAX_GROUP], cpus })
    }

    fn read(&mut self) -> Result<Spent, CollectError> {
        let mut spent = Spent { enabled_ns: 0, running_ns: 0, everywhere: true, lost: false };
        for on_cpu in &mut self.cpus {
            let now = on_cpu
                .group
                .read()
                .map_err(|source| CollectError::Io { path: "perf_event_open".into(), source })?;
            let before = std::mem::replace(&mut on_cpu.before, now);
            let enabled = now.enabled_ns.saturating_sub(before.enabled_ns);
            let running = now.running_ns.saturating_sub(before.running_ns);
            spent.enabled_ns += enabled;
            spent.running_ns += running;
            spent.lost |= enabled == 0 && before.enabled_ns > 0;
            if running == 0 {
                spent.everywhere = false;
                continue;
            }
            // In floating point: 5 s at 4 GHz times a time in nanoseconds overflows 64 bits.
            let scale = enabled as f64 / running as f64;
            let counts = now.counts.iter().zip(before.counts);
            for (total, (count, before)) in self.totals.iter_mut().zip(counts) {
                *total += count.saturating_sub(before) as f64 * scale;
            }
        }
        if self.totals.iter().any(|total| *total > LARGEST_TOTAL) {
            self.totals = [0.0; MAX_GROUP];
        }
        Ok(spent)
    }

    fn write(&self, block: &mut Block) {
        let mut row = block.host_row();
        for (event, total) in self.events.iter().zip(self.totals) {
            row.set_f64(event.field, event.event.in_field_unit(total));
        }
    }
}

fn descriptor_budget() -> u64 {
    use nix::sys::resource::{Resource, getrlimit};
    getrlimit(Resource::RLIMIT_NOFILE).map_or(512, |(soft, _)| soft / DESCRIPTOR_SHARE)
}
