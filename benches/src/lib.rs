//! What the benchmarks share: the hosts they read, one collector alone, and the floor under both.
//!
//! A figure means little without one beside it. The [`Floor`] is the least that any reader of the
//! same kernel files can spend: a bare `pread` of each, kept open, nothing parsed.

mod alone;
mod cpu_clock;
mod floor;
pub mod history;
mod hosts;
pub mod scale;
mod synthetic;

pub use alone::Alone;
pub use cpu_clock::{process_cpu, process_cpu_ns, thread_cpu, thread_cpu_ns};
pub use floor::Floor;
pub use hosts::{Host, hosts};
pub use synthetic::SyntheticHost;
