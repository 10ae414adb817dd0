//! The `systemstat` crate: CPU, load, memory, swap, disks, each interface. It reads no TCP counters
//! and no pressure.

use side_by_side_loops::{Outcome, run};
use systemstat::{Platform, System};

fn main() -> Outcome {
    let system = System::new();
    let mut before = system.cpu_load_aggregate()?;
    run(|| {
        let mut seen = system.memory()?.total.as_u64() + system.swap()?.total.as_u64();
        seen += system.load_average()?.one as u64;
        seen += system.block_device_statistics()?.len() as u64;
        for interface in system.networks()?.keys() {
            seen += system.network_stats(interface)?.rx_bytes.as_u64();
        }
        // Its first answer is the time between this reading and the one before.
        let load = std::mem::replace(&mut before, system.cpu_load_aggregate()?);
        seen += u64::from(load.done().is_ok());
        Ok(seen)
    })
}
