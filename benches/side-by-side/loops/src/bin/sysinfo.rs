//! The `sysinfo` crate: CPU, load, memory, swap, disks, interfaces; no processes. It reads no TCP
//! counters and no pressure.

use side_by_side_loops::{Outcome, run};
use sysinfo::{DiskRefreshKind, Disks, Networks, System};

fn main() -> Outcome {
    let mut system = System::new()?;
    let mut disks = Disks::new_with_refreshed_list()?;
    let mut interfaces = Networks::new_with_refreshed_list()?;
    run(|| {
        system.refresh_cpu_usage();
        system.refresh_memory();
        disks.refresh_specifics(false, DiskRefreshKind::nothing().with_io_usage());
        interfaces.refresh(false);
        let received: u64 = interfaces.values().map(|one| one.total_received()).sum();
        let read: u64 = disks.iter().map(|one| one.usage().total_read_bytes).sum();
        Ok(system.total_memory() + System::load_average()?.one as u64 + received + read)
    })
}
