//! Top-down analysis: what became of the slots in which the CPU could have started an operation.
//!
//! The kernel offers it where the CPU counts all four parts at once (Intel, from Ice Lake on):
//! `slots` leads the group, and each part counts slots, so that their sum is the whole. Of hybrid
//! CPUs only the large cores have it.

use super::{
    events::{Counted, host},
    pmu::Pmu,
};
use crate::{CollectError, Gap, Roots};
use perfwatch_core::FieldId;

/// The names below `events`, in the order of the group.
const EVENTS: [(&str, FieldId); 5] = [
    ("slots", host::slots),
    ("topdown-retiring", host::slots_retiring),
    ("topdown-bad-spec", host::slots_bad_speculation),
    ("topdown-fe-bound", host::slots_frontend_bound),
    ("topdown-be-bound", host::slots_backend_bound),
];

/// The PMU that has the events, and the events.
pub(super) struct TopDown {
    pub(super) pmu: u32,
    pub(super) events: Vec<Counted>,
}

impl TopDown {
    pub(super) fn find(roots: &Roots) -> Result<Self, Gap> {
        let gap = |reason: &str| Gap::new("top-down analysis", reason, None).of_hardware();
        let pmus = ["cpu", "cpu_core"].into_iter().flat_map(|name| Pmu::all(roots, name));
        let pmu = pmus.into_iter().find(|pmu| EVENTS.iter().all(|(name, _)| pmu.has(name)));
        let Some(pmu) = pmu else {
            return Err(gap("no CPU in /sys/bus/event_source/devices has `slots` and the \
                            `topdown` events; Intel CPUs from Ice Lake on have them, \
                            other CPUs and most virtual machines do not"));
        };
        let counted = |&(name, field): &(&'static str, FieldId)| {
            Ok(Counted { name, field, event: pmu.event(name)? })
        };
        let events: Result<_, CollectError> = EVENTS.iter().map(counted).collect();
        let events = events.map_err(|error| gap(&error.to_string()))?;
        Ok(Self { pmu: pmu.number(), events })
    }
}
