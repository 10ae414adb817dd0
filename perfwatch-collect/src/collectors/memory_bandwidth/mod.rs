//! Traffic between memory and disk, and between the CPU and its memory.
//!
//! The two are different things and never mixed: [`paging`] reads `/proc/vmstat` and is always
//! there, [`dram`] reads the counters of memory controllers where the host has them.

mod dram;
mod paging;

use perfwatch_core::{Block, Table};

use crate::{
    BaseCollector, CollectError, Gap, Roots, Source, blocks_of,
    perf_events::{CounterSource, KernelCounters},
};
use dram::Dram;
use paging::Paging;

static TABLES: [&Table; 4] =
    [&paging::host::TABLE, &dram::host::TABLE, &dram::sockets::TABLE, &dram::domains::TABLE];

/// The collector of paging and of DRAM traffic.
pub struct MemoryBandwidth {
    vmstat: Source,
    paging: Paging,
    dram: Dram,
    gaps: Vec<Gap>,
}

impl MemoryBandwidth {
    /// Counts what the running kernel offers.
    pub fn new(roots: &Roots) -> Self {
        Self::with(roots, KernelCounters::of(roots))
    }

    /// Counts what `source` offers.
    pub fn with_source(roots: &Roots, source: Box<dyn CounterSource>) -> Self {
        Self::with(roots, Some(source))
    }

    fn with(roots: &Roots, source: Option<Box<dyn CounterSource>>) -> Self {
        let vmstat = Source::new(roots.proc("vmstat"));
        let dram = Dram::new(roots, source);
        Self { vmstat, paging: Paging::new(), dram, gaps: Vec::new() }
    }
}

impl BaseCollector for MemoryBandwidth {
    fn name(&self) -> &'static str {
        "memory_bandwidth"
    }

    fn tables(&self) -> &'static [&'static Table] {
        &TABLES
    }

    fn collect(&mut self, blocks: &mut [Block]) -> Result<(), CollectError> {
        let [host, dram, sockets, domains] = blocks_of(blocks)?;
        let paging = &mut self.paging;
        self.vmstat.parse(|bytes| paging.parse(bytes, host))?;
        host.set_read_at(self.vmstat.read_at());
        self.dram.look(self.vmstat.read_at(), &mut self.gaps);
        self.dram.read([dram, sockets, domains], &mut self.gaps);
        Ok(())
    }

    fn gaps(&self) -> &[Gap] {
        &self.gaps
    }
}
