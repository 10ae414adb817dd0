//! The `psutil` crate: CPU, load, memory, swap, disks, interfaces. It reads no TCP counters and no
//! pressure.

use psutil::{
    cpu::CpuPercentCollector,
    disk::DiskIoCountersCollector,
    host::loadavg,
    memory::{swap_memory, virtual_memory},
    network::NetIoCountersCollector,
};
use side_by_side_loops::{Outcome, run};

fn main() -> Outcome {
    let mut cpus = CpuPercentCollector::new()?;
    let mut disks = DiskIoCountersCollector::default();
    let mut interfaces = NetIoCountersCollector::default();
    run(|| {
        let mut seen = cpus.cpu_percent()? as u64 + cpus.cpu_percent_percpu()?.len() as u64;
        seen += loadavg()?.one as u64;
        seen += virtual_memory()?.total() + swap_memory()?.total();
        seen += disks.disk_io_counters()?.read_bytes();
        seen += interfaces.net_io_counters()?.bytes_recv();
        Ok(seen)
    })
}
