//! Which CPUs to count on. A hybrid host has a PMU for each kind of core.

use super::pmu::Pmu;
use crate::{Roots, parse::cpu_list};

/// A CPU, and the PMU of its kind where there are several kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cpu {
    pub(super) id: u32,
    pub(super) pmu: Option<u32>,
}

/// The CPUs of the list that the kernel gives as `online`.
pub(super) fn online(roots: &Roots, list: &[u8]) -> Vec<Cpu> {
    let mut kinds = Vec::new();
    // `cpu_core`, `cpu_atom`, `cpu_lowpower`; `cpu` alone lists no CPUs.
    for pmu in Pmu::all(roots, "cpu") {
        if let Some(cpus) = pmu.cpus().ok().filter(|_| pmu.name() != "cpu") {
            kinds.push((pmu.number(), cpus));
        }
    }
    let kind = |id: u32| kinds.iter().find(|(_, cpus)| cpus.contains(&id)).map(|(pmu, _)| *pmu);
    let mut online = Vec::new();
    cpu_list(list, |id| online.push(Cpu { id, pmu: kind(id) }));
    online
}

/// One CPU of each kind.
pub(super) fn one_of_each(cpus: &[Cpu]) -> Vec<Cpu> {
    let mut found: Vec<Cpu> = Vec::new();
    for cpu in cpus {
        if !found.iter().any(|one| one.pmu == cpu.pmu) {
            found.push(*cpu);
        }
    }
    found
}
