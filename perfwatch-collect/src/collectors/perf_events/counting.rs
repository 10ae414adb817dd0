//! Opens all groups on all CPUs and adds up what they count.

use std::io;

use perfwatch_core::Block;

use super::{
    CounterSource, Event, MAX_GROUP,
    cpus::{Cpu, one_of_each},
    events::{Class, Counted, GROUPS},
    reasons::Refusals,
    scaled::{ScaledGroup, Spent, Total, descriptor_budget},
    topdown::TopDown,
};
use crate::{CollectError, Gap};

/// Half of the file descriptors.
const DESCRIPTOR_SHARE: u64 = 2;

/// The events of one group that this host has, and their counters on every CPU.
struct OpenGroup {
    class: Class,
    events: Vec<Counted>,
    /// Estimated totals since the start, summed over CPUs.
    totals: [Total; MAX_GROUP],
    group: ScaledGroup,
}

/// All open groups.
#[derive(Default)]
pub(super) struct Counting {
    groups: Vec<OpenGroup>,
    lost: bool,
}

impl Counting {
    /// Whether the groups are open and all of them still count.
    pub(super) fn is_whole(&self) -> bool {
        !self.groups.is_empty() && !self.lost
    }

    /// Opens what the source offers on these CPUs; says what it refuses.
    pub(super) fn open(
        source: &dyn CounterSource,
        cpus: &[Cpu],
        top_down: Result<TopDown, Gap>,
        paranoid: Option<&str>,
    ) -> Result<(Self, Vec<Gap>), CollectError> {
        let refusals = Refusals::new(paranoid);
        let mut opening = Opening {
            source,
            budget: descriptor_budget(DESCRIPTOR_SHARE),
            refusals,
            groups: Vec::new(),
        };
        for group in &GROUPS {
            let events = opening.offered(cpus, group.class, group.events);
            opening.open(cpus, group.class, events);
        }
        let lacking = match top_down {
            Ok(TopDown { pmu, events }) => {
                let has_it = |cpu: &&Cpu| cpu.pmu.is_none_or(|kind| kind == pmu);
                let cpus: Vec<Cpu> = cpus.iter().filter(has_it).copied().collect();
                opening.open(&cpus, Class::Hardware, events);
                None
            }
            Err(gap) => Some(gap),
        };
        let mut gaps = opening.refusals.into_gaps();
        if opening.groups.is_empty() {
            let first = gaps.into_iter().next();
            let (reason, cure) = first.map_or_else(
                || ("no CPU is online to count on".to_owned(), None),
                |gap| (gap.reason, gap.cure),
            );
            return Err(CollectError::Unsupported { reason, cure });
        }
        gaps.extend(lacking);
        Ok((Self { groups: opening.groups, lost: false }, gaps))
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

/// Groups being opened.
struct Opening<'a> {
    source: &'a dyn CounterSource,
    budget: u64,
    refusals: Refusals<'a>,
    groups: Vec<OpenGroup>,
}

impl Opening<'_> {
    /// The events that open alone on a CPU of each kind. One that some kind lacks is left out: the
    /// sum over the others would not be the host's.
    fn offered(&mut self, cpus: &[Cpu], class: Class, events: &[Counted]) -> Vec<Counted> {
        let cpus = one_of_each(cpus);
        let mut opens = |event: &&Counted| {
            let open = |cpu: &Cpu| self.source.open(cpu.id, &[event.event.on(cpu.pmu)]).err();
            let refused = cpus.iter().find_map(open);
            refused.inspect(|error| self.refusals.add(class, event, error)).is_none()
        };
        events.iter().filter(|event| !cpus.is_empty() && opens(event)).copied().collect()
    }

    fn open(&mut self, cpus: &[Cpu], class: Class, events: Vec<Counted>) {
        if events.is_empty() || cpus.is_empty() {
            return;
        }
        let on = |cpu: &Cpu| -> Vec<Event> {
            events.iter().map(|event| event.event.on(cpu.pmu)).collect()
        };
        let places = cpus.iter().map(|cpu| (cpu.id, on(cpu)));
        let opened = match self.budget.checked_sub((events.len() * cpus.len()) as u64) {
            Some(left) => ScaledGroup::open(self.source, places).inspect(|_| self.budget = left),
            None => Err(io::Error::from_raw_os_error(nix::libc::EMFILE)),
        };
        match opened {
            Ok(group) => {
                let totals = [Total::default(); MAX_GROUP];
                self.groups.push(OpenGroup { class, events, totals, group });
            }
            Err(error) => {
                events.iter().for_each(|event| self.refusals.add(class, event, &error));
            }
        }
    }
}

impl OpenGroup {
    fn read(&mut self) -> Result<Spent, CollectError> {
        let spent = self.group.read()?;
        self.totals.iter_mut().zip(spent.grown).for_each(|(total, grown)| total.add(grown));
        Ok(spent)
    }

    fn write(&self, block: &mut Block) {
        let mut row = block.host_row();
        for (event, total) in self.events.iter().zip(self.totals) {
            row.set_f64(event.field, event.event.in_field_unit(total.get()));
        }
    }
}
