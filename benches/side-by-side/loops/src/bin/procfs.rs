//! The `procfs` crate, with all of the twelve files that it knows.

use procfs::{
    CpuPressure, Current, CurrentSI, IoPressure, KernelStats, LoadAverage, Meminfo, MemoryPressure,
    net::{dev_status, snmp},
};
use side_by_side_loops::{Outcome, run};

fn main() -> Outcome {
    run(|| {
        let interfaces = dev_status()?;
        let received: u64 = interfaces.values().map(|one| one.recv_bytes).sum();
        let busy = KernelStats::current()?.total.user
            + u64::from(LoadAverage::current()?.max)
            + Meminfo::current()?.mem_total
            + procfs::vmstat()?.len() as u64
            + procfs::diskstats()?.len() as u64
            + snmp()?.tcp_in_segs
            + CpuPressure::current()?.some.total
            + MemoryPressure::current()?.some.total
            + IoPressure::current()?.some.total;
        Ok(busy + received)
    })
}
