//! Samples as fast as it goes: `hot floor|files|everything <seconds>`.
//!
//! Prints `<samples> <user µs> <system µs>` as the other programs of `side-by-side` do. `files` is
//! PerfWatch with the collectors of the twelve core files, its frame and its view; `floor` is the
//! bare reading of the files that those collectors read; `everything` has all collectors.

use std::{
    env,
    hint::black_box,
    io::Write,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use perfwatch_benches::{Floor, process_cpu};
use perfwatch_collect::{MetricsAggregator, Roots, built_in};

/// Rounds before the clock starts: files are opened, buffers grown, threads of their own answered.
const WARM_UP: usize = 20;

/// The collectors of the core files. They read two more than the others here do, where the kernel
/// has them: `pressure/irq` and `softnet_stat`.
const CORE: [&str; 6] = ["cpu", "memory", "network", "disk", "memory_bandwidth", "pressure"];

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let what = arguments.next().context("usage: hot floor|files|everything <seconds>")?;
    let seconds = arguments.next().context("how many seconds?")?.parse()?;
    let time = Duration::from_secs_f64(seconds);
    let roots = Roots::default();
    match what.as_str() {
        "floor" => {
            let mut floor = Floor::of_all(CORE.into_iter(), &roots)?;
            repeat(time, || Ok(floor.read()? > 0))
        }
        "files" => {
            let mut collectors = built_in(&roots);
            collectors.retain(|collector| CORE.contains(&collector.name()));
            sample(time, MetricsAggregator::with_collectors(collectors))
        }
        "everything" => sample(time, MetricsAggregator::new(&roots)),
        _ => bail!("`{what}` is none of floor, files, everything"),
    }
}

fn sample(time: Duration, mut aggregator: MetricsAggregator) -> Result<()> {
    aggregator.collect_all();
    aggregator.settle(Duration::from_secs(2));
    repeat(time, || {
        let values = black_box(aggregator.collect_all()).blocks.len();
        Ok(values > 0 && black_box(aggregator.view()).block("memory").is_some())
    })
}

/// Runs `round` until the time is over and prints what it cost.
fn repeat(time: Duration, mut round: impl FnMut() -> Result<bool>) -> Result<()> {
    for _ in 0..WARM_UP {
        ensure!(round()?, "a round read nothing");
    }
    let (user, system) = process_cpu()?;
    let start = Instant::now();
    let mut rounds = 0_u64;
    while start.elapsed() < time {
        ensure!(round()?, "a round read nothing");
        rounds += 1;
    }
    let (user_after, system_after) = process_cpu()?;
    let (user, system) = (user_after - user, system_after - system);
    writeln!(std::io::stdout(), "{rounds} {} {}", user.as_micros(), system.as_micros())?;
    Ok(())
}
