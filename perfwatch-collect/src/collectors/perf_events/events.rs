//! All events, once: what each is called, where its count goes, and which share a group.

use perf_event::events::{CacheId, CacheResult, Hardware, Software};
use perfwatch_core::FieldId;

use super::encoding::Config;
pub(super) use super::host;

/// An event that the kernel can count.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// Counted by the kernel itself.
    Software(Software),
    /// Counted by the CPU.
    Hardware(Hardware),
    /// Counted by the CPU: reads of a cache, or those that missed.
    CacheRead(CacheId, CacheResult),
    /// Counted by one PMU in its own terms.
    Pmu(PmuEvent),
}

/// An event in the terms of its PMU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PmuEvent {
    /// The PMU's number: `type` of its folder in `/sys/bus/event_source/devices`.
    pub pmu: u32,
    /// What it counts.
    pub config: Config,
}

/// The numbers of the PMUs that stand for whichever PMU the CPU has (`enum perf_type_id`).
const HARDWARE: u32 = 0;
const HW_CACHE: u32 = 3;

impl Event {
    /// The event on a CPU of this kind. Where there are several, the upper half of `config` says
    /// which is meant (`PERF_PMU_CAP_EXTENDED_HW_TYPE`).
    pub(super) fn on(self, kind: Option<u32>) -> Self {
        let (pmu, id) = match self {
            Self::Hardware(event) => (HARDWARE, u64::from(event)),
            Self::CacheRead(cache, result) => {
                (HW_CACHE, u64::from(u8::from(cache)) | u64::from(u8::from(result)) << 16)
            }
            Self::Software(_) | Self::Pmu(_) => return self,
        };
        let Some(kind) = kind else { return self };
        let config = Config { config: u64::from(kind) << 32 | id, ..Config::default() };
        Self::Pmu(PmuEvent { pmu, config })
    }

    /// A count in the unit of its field. The kernel counts clocks in nanoseconds.
    pub(super) fn in_field_unit(self, count: f64) -> f64 {
        match self {
            Self::Software(Software::CPU_CLOCK) => count / 1e3,
            _ => count,
        }
    }
}

/// The three kinds of events, each with a coverage of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Software,
    Hardware,
    Cache,
}

impl Class {
    pub(super) const ALL: [Self; 3] = [Self::Software, Self::Hardware, Self::Cache];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Software => "software events",
            Self::Hardware => "hardware events",
            Self::Cache => "cache events",
        }
    }

    pub(super) const fn coverage(self) -> FieldId {
        match self {
            Self::Software => host::software_coverage,
            Self::Hardware => host::hardware_coverage,
            Self::Cache => host::cache_coverage,
        }
    }
}

/// One event: its name as `perf list` has it, the field that holds its count, and the event.
#[derive(Clone, Copy)]
pub(super) struct Counted {
    pub(super) name: &'static str,
    pub(super) field: FieldId,
    pub(super) event: Event,
}

/// Events that are counted at the same time.
pub(super) struct Group {
    pub(super) class: Class,
    pub(super) events: &'static [Counted],
}

const fn software(name: &'static str, field: FieldId, event: Software) -> Counted {
    Counted { name, field, event: Event::Software(event) }
}

const fn hardware(name: &'static str, field: FieldId, event: Hardware) -> Counted {
    Counted { name, field, event: Event::Hardware(event) }
}

const fn load(name: &'static str, field: FieldId, which: CacheId, result: CacheResult) -> Counted {
    Counted { name, field, event: Event::CacheRead(which, result) }
}

const ACCESS: CacheResult = CacheResult::ACCESS;
const MISS: CacheResult = CacheResult::MISS;

/// All groups. A group of hardware events is counted only while all of it fits on the CPU's few
/// counters, so each holds no more than what is divided by one another.
pub(super) static GROUPS: [Group; 10] = [
    Group {
        class: Class::Software,
        events: &[
            software("cpu-clock", host::cpu_clock, Software::CPU_CLOCK),
            software("context-switches", host::context_switches, Software::CONTEXT_SWITCHES),
            software("cpu-migrations", host::cpu_migrations, Software::CPU_MIGRATIONS),
            software("page-faults", host::page_faults, Software::PAGE_FAULTS),
            software("minor-faults", host::minor_faults, Software::PAGE_FAULTS_MIN),
            software("major-faults", host::major_faults, Software::PAGE_FAULTS_MAJ),
        ],
    },
    Group {
        class: Class::Hardware,
        events: &[
            hardware("cycles", host::cycles, Hardware::CPU_CYCLES),
            hardware("instructions", host::instructions, Hardware::INSTRUCTIONS),
        ],
    },
    Group {
        class: Class::Hardware,
        events: &[
            hardware("branches", host::branches, Hardware::BRANCH_INSTRUCTIONS),
            hardware("branch-misses", host::branch_misses, Hardware::BRANCH_MISSES),
        ],
    },
    Group {
        class: Class::Hardware,
        events: &[
            hardware("cache-references", host::cache_references, Hardware::CACHE_REFERENCES),
            hardware("cache-misses", host::cache_misses, Hardware::CACHE_MISSES),
        ],
    },
    Group {
        class: Class::Hardware,
        events: &[
            hardware(
                "stalled-cycles-frontend",
                host::stalled_cycles_frontend,
                Hardware::STALLED_CYCLES_FRONTEND,
            ),
            hardware(
                "stalled-cycles-backend",
                host::stalled_cycles_backend,
                Hardware::STALLED_CYCLES_BACKEND,
            ),
        ],
    },
    Group {
        class: Class::Cache,
        events: &[
            load("L1-dcache-loads", host::l1d_loads, CacheId::L1D, ACCESS),
            load("L1-dcache-load-misses", host::l1d_load_misses, CacheId::L1D, MISS),
        ],
    },
    Group {
        class: Class::Cache,
        events: &[load("L1-icache-load-misses", host::l1i_load_misses, CacheId::L1I, MISS)],
    },
    Group {
        class: Class::Cache,
        events: &[
            load("LLC-loads", host::llc_loads, CacheId::LL, ACCESS),
            load("LLC-load-misses", host::llc_load_misses, CacheId::LL, MISS),
        ],
    },
    Group {
        class: Class::Cache,
        events: &[
            load("dTLB-loads", host::dtlb_loads, CacheId::DTLB, ACCESS),
            load("dTLB-load-misses", host::dtlb_load_misses, CacheId::DTLB, MISS),
        ],
    },
    Group {
        class: Class::Cache,
        events: &[
            load("iTLB-loads", host::itlb_loads, CacheId::ITLB, ACCESS),
            load("iTLB-load-misses", host::itlb_load_misses, CacheId::ITLB, MISS),
        ],
    },
];
