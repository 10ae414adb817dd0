//! The built-in collectors: one file or folder each, and one line in [`built_in`].

mod cpu;
mod disk;
mod memory;
pub mod memory_bandwidth;
mod network;
pub mod perf_events;
mod power;
mod pressure;

use crate::{BaseCollector, Roots};

/// All built-in collectors, in the order in which their numbers are shown.
pub fn built_in(roots: &Roots) -> Vec<Box<dyn BaseCollector>> {
    vec![
        Box::new(cpu::Cpu::new(roots)),
        Box::new(memory::Memory::new(roots)),
        Box::new(network::Network::new(roots)),
        Box::new(disk::Disk::new(roots)),
        Box::new(perf_events::PerfEvents::new(roots)),
        Box::new(memory_bandwidth::MemoryBandwidth::new(roots)),
        Box::new(pressure::Pressure::new(roots)),
        Box::new(power::Power::new(roots)),
    ]
}
