//! Hardware and software performance events of the whole host, counted by the kernel.
//!
//! Each event is opened on its own merit: what this host lacks is a gap with its reason. Events
//! that are divided by one another share a group, so that both cover the same time ([`events`]).
//! The kernel's counters are reached through [`CounterSource`], so that scaling and arithmetic
//! are tested without them ([`scaled`]).

mod counting;
mod cpus;
mod encoding;
mod events;
mod kernel;
pub(crate) mod pmu;
pub(crate) mod reasons;
pub(crate) mod scaled;
mod topdown;

use perfwatch_core::{Block, Table, metric_table};

use crate::{BaseCollector, CollectError, Gap, Roots, Source, blocks_of};
use counting::Counting;
pub use encoding::Config;
pub use events::{Event, PmuEvent};
pub(crate) use kernel::FOREIGN;
pub use kernel::KernelCounters;
use topdown::TopDown;

metric_table! {
    /// Performance events of the whole host, summed over its CPUs.
    pub table host: perf_events {
        /// Time that the CPUs' clocks were counted.
        cpu_clock: Counter Microseconds,
        /// Switches from one thread to another.
        context_switches: Counter Count,
        /// Moves of a thread to another CPU.
        cpu_migrations: Counter Count,
        /// Page faults, minor and major.
        page_faults: Counter Count,
        /// Page faults that needed no disk.
        minor_faults: Counter Count,
        /// Page faults that had to wait for a disk.
        major_faults: Counter Count,
        /// CPU cycles.
        cycles: Counter Count,
        /// Instructions finished.
        instructions: Counter Count,
        /// Branches taken or not.
        branches: Counter Count,
        /// Branches that the CPU guessed wrong.
        branch_misses: Counter Count,
        /// Accesses to the last level of cache, as the CPU's vendor defines them.
        cache_references: Counter Count,
        /// Accesses to the last level of cache that missed.
        cache_misses: Counter Count,
        /// Cycles in which no instruction could be fetched.
        stalled_cycles_frontend: Counter Count,
        /// Cycles in which no instruction could be finished.
        stalled_cycles_backend: Counter Count,
        /// Reads of the first-level data cache.
        l1d_loads: Counter Count,
        /// Reads of the first-level data cache that missed.
        l1d_load_misses: Counter Count,
        /// Reads of the first-level instruction cache that missed.
        l1i_load_misses: Counter Count,
        /// Reads of the last-level cache.
        llc_loads: Counter Count,
        /// Reads of the last-level cache that missed.
        llc_load_misses: Counter Count,
        /// Look-ups of data addresses.
        dtlb_loads: Counter Count,
        /// Look-ups of data addresses that missed.
        dtlb_load_misses: Counter Count,
        /// Look-ups of instruction addresses.
        itlb_loads: Counter Count,
        /// Look-ups of instruction addresses that missed.
        itlb_load_misses: Counter Count,
        /// Slots in which a CPU could have started an operation, where the CPU counts them.
        slots: Counter Count,
        /// Slots whose operation was finished.
        slots_retiring: Counter Count,
        /// Slots lost to operations begun on a wrong guess.
        slots_bad_speculation: Counter Count,
        /// Slots left empty because no operation came in.
        slots_frontend_bound: Counter Count,
        /// Slots left empty because operations waited, mostly for memory.
        slots_backend_bound: Counter Count,
        /// Share of time in which the software events were counted.
        software_coverage: Gauge Percent,
        /// Share of time in which the hardware events were counted; the rest is estimated.
        hardware_coverage: Gauge Percent,
        /// Share of time in which the cache events were counted; the rest is estimated.
        cache_coverage: Gauge Percent,
    }
    derive {
        /// How many CPUs' clocks were counted.
        cpu_clock: Average = [cpu_clock] / second,
        /// Instructions finished per cycle.
        ipc: Ratio = [instructions] / [cycles],
        /// Branches guessed wrong as a share of all.
        branch_miss: Percent = [branch_misses] / [branches],
        /// Accesses to the last level of cache that missed, as a share of all.
        cache_miss: Percent = [cache_misses] / [cache_references],
        /// Reads of the first-level data cache that missed, as a share of all.
        l1d_miss: Percent = [l1d_load_misses] / [l1d_loads],
        /// Reads of the last-level cache that missed, as a share of all.
        llc_miss: Percent = [llc_load_misses] / [llc_loads],
        /// Look-ups of data addresses that missed, as a share of all.
        dtlb_miss: Percent = [dtlb_load_misses] / [dtlb_loads],
        /// Look-ups of instruction addresses that missed, as a share of all.
        itlb_miss: Percent = [itlb_load_misses] / [itlb_loads],
        /// Slots whose operation was finished, as a share of all (top-down analysis, level 1).
        retiring: Percent = [slots_retiring]
            / [slots_retiring slots_bad_speculation slots_frontend_bound slots_backend_bound],
        /// Slots lost to operations begun on a wrong guess, as a share of all.
        bad_speculation: Percent = [slots_bad_speculation]
            / [slots_retiring slots_bad_speculation slots_frontend_bound slots_backend_bound],
        /// Slots left empty because no operation came in, as a share of all.
        frontend_bound: Percent = [slots_frontend_bound]
            / [slots_retiring slots_bad_speculation slots_frontend_bound slots_backend_bound],
        /// Slots left empty because operations waited, mostly for memory, as a share of all.
        backend_bound: Percent = [slots_backend_bound]
            / [slots_retiring slots_bad_speculation slots_frontend_bound slots_backend_bound],
    }
}

static TABLES: [&Table; 1] = [&host::TABLE];

/// What a group of counters says: running totals since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Time since the group was switched on, in nanoseconds.
    pub enabled_ns: u64,
    /// Time in which the group was on a hardware counter, in nanoseconds.
    pub running_ns: u64,
    /// One count per event of the group, in its order.
    pub counts: [u64; MAX_GROUP],
}

/// No group has more events: more would not fit on the counters of a CPU at once.
pub const MAX_GROUP: usize = 8;

/// Where counters come from: the kernel, or a test.
pub trait CounterSource: Send {
    /// Opens and starts a group of events on one CPU, for all processes.
    ///
    /// # Errors
    /// What the system says if one of the events cannot be opened.
    fn open(&self, cpu: u32, events: &[Event]) -> std::io::Result<Box<dyn CounterGroup>>;
}

/// A group of counters that are read at once.
pub trait CounterGroup: Send {
    /// Reads all counts.
    ///
    /// # Errors
    /// What the system says.
    fn read(&mut self) -> std::io::Result<Reading>;
}

/// The events of each group that a CPU may have, for who measures what reading them costs: each
/// group is one [`CounterGroup`] on every CPU.
pub fn groups() -> impl Iterator<Item = Vec<Event>> {
    events::GROUPS.iter().map(|group| group.events.iter().map(|counted| counted.event).collect())
}

/// The collector of performance events.
pub struct PerfEvents {
    roots: Roots,
    online: Source,
    /// The list of CPUs that the groups were opened for.
    counted_cpus: Vec<u8>,
    /// Nothing where the trees are not the running kernel's.
    source: Option<Box<dyn CounterSource>>,
    paranoid: Source,
    counting: Counting,
    gaps: Vec<Gap>,
}

impl PerfEvents {
    /// Counts what the running kernel offers.
    pub fn new(roots: &Roots) -> Self {
        Self::with(roots, KernelCounters::of(roots))
    }

    /// Counts what `source` offers.
    pub fn with_source(roots: &Roots, source: Box<dyn CounterSource>) -> Self {
        Self::with(roots, Some(source))
    }

    fn with(roots: &Roots, source: Option<Box<dyn CounterSource>>) -> Self {
        Self {
            roots: roots.clone(),
            online: Source::new(roots.sys("devices/system/cpu/online")),
            counted_cpus: Vec::new(),
            source,
            paranoid: Source::new(roots.proc("sys/kernel/perf_event_paranoid")),
            counting: Counting::default(),
            gaps: Vec::new(),
        }
    }

    /// Opens all groups anew where CPUs came or went since, or some stopped counting.
    fn follow_cpus(&mut self) -> Result<(), CollectError> {
        let foreign = || CollectError::unsupported(FOREIGN, None);
        let source = self.source.as_deref().ok_or_else(foreign)?;
        let list = self.online.read()?;
        if self.counting.is_whole() && list == self.counted_cpus {
            return Ok(());
        }
        self.counted_cpus.clear();
        self.counted_cpus.extend_from_slice(list);
        let cpus = cpus::online(&self.roots, list);
        // Closed first: both at once could be more descriptors than there are.
        self.counting = Counting::default();
        let paranoid = self.paranoid.read().ok().and_then(|text| std::str::from_utf8(text).ok());
        let (counting, gaps) =
            Counting::open(source, &cpus, TopDown::find(&self.roots), paranoid.map(str::trim))?;
        self.counting = counting;
        self.gaps = gaps;
        Ok(())
    }
}

impl BaseCollector for PerfEvents {
    fn name(&self) -> &'static str {
        "perf_events"
    }

    fn tables(&self) -> &'static [&'static Table] {
        &TABLES
    }

    fn collect(&mut self, blocks: &mut [Block]) -> Result<(), CollectError> {
        let [host] = blocks_of(blocks)?;
        self.follow_cpus()?;
        host.set_read_at(crate::clock::monotonic_ns());
        self.counting.read(host)
    }

    fn gaps(&self) -> &[Gap] {
        &self.gaps
    }
}
