//! How to read a Linux host.
//!
//! A [`BaseCollector`] is one source of numbers; [`MetricsAggregator::collect_all`] runs every
//! collector once and returns the frame; [`Sampler`] does so on a thread of its own at absolute
//! deadlines. No async, no subprocess, and after warm-up a tick allocates nothing. Every path goes
//! through [`Roots`]. One collector's failure never touches another.
//!
//! ```no_run
//! let mut host = perfwatch_collect::MetricsAggregator::new(&perfwatch_collect::Roots::default());
//! host.collect_all();
//! std::thread::sleep(std::time::Duration::from_secs(1));
//! host.collect_all();
//! println!("{:?}", host.view().block("cpu").and_then(|cpu| cpu.get("", "usage_percent")));
//! ```

mod aggregator;
mod clock;
mod collector;
mod collectors;
mod error;
mod granule;
mod health;
mod host;
mod keyed;
mod latest;
mod monitor;
pub mod parse;
mod part;
mod roots;
mod sampler;
mod source;
#[allow(unsafe_code)] // The one place: see its module doc.
mod sys;
mod sysfs;
mod totals;
mod vitals;

pub use aggregator::MetricsAggregator;
pub use collector::{BaseCollector, blocks_of};
pub use collectors::{built_in, memory_bandwidth, perf_events};
pub use error::{CollectError, Gap};
pub use health::{CollectorState, Status};
pub use host::{HostFacts, host_facts};
pub use latest::Latest;
pub use roots::Roots;
pub use sampler::{MIN_INTERVAL, Sampler, Tick};
pub use source::Source;
pub use vitals::VITALS;
