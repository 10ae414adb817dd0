//! How well a schedule is kept, and at what cost: `jitter plain|hung <seconds> [interval in ms]`.
//!
//! Runs the sampler with all collectors and prints, as JSON, how late the ticks were, how many were
//! missed and what the process cost. With `hung`, twenty more collectors stand beside them: ten
//! panic at every run, ten wait for a thread that hangs on a FIFO without a writer.

use std::{
    env,
    fs::File,
    io::Write,
    panic,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use nix::{sys::stat::Mode, unistd::mkfifo};
use perfwatch_benches::process_cpu;
use perfwatch_collect::{BaseCollector, CollectError, Latest, MetricsAggregator, Roots, Sampler};
use perfwatch_core::{Block, Table, metric_table};
use serde_json::json;

/// How many of each kind stand beside the others.
const OF_EACH_KIND: usize = 10;

metric_table! {
    /// A source that is no good.
    pub table bad: bad {
        /// What nobody will ever read.
        value: Gauge Count,
    }
}

static TABLES: [&Table; 1] = [&bad::TABLE];

/// Panics whenever it runs.
struct Panicking;

impl BaseCollector for Panicking {
    fn name(&self) -> &'static str {
        "panicking"
    }

    fn tables(&self) -> &'static [&'static Table] {
        &TABLES
    }

    fn collect(&mut self, _: &mut [Block]) -> Result<(), CollectError> {
        #[allow(clippy::panic, reason = "a collector that panics is what is tried here")]
        panic::panic_any("as it always does")
    }
}

/// Asks a thread that never answers.
struct Hanging {
    answer: Latest<usize>,
}

impl Hanging {
    fn new(fifo: PathBuf) -> Result<Self> {
        // Opening it waits for a writer, and there is none.
        let read = move || File::open(&fifo).map_or(0, |_| 1);
        Ok(Self { answer: Latest::spawn("hanging", Duration::from_secs(1), read)? })
    }
}

impl BaseCollector for Hanging {
    fn name(&self) -> &'static str {
        "hanging"
    }

    fn tables(&self) -> &'static [&'static Table] {
        &TABLES
    }

    fn collect(&mut self, blocks: &mut [Block]) -> Result<(), CollectError> {
        if let (Some(value), Some(block)) = (self.answer.with(|value| *value), blocks.first_mut()) {
            block.host_row().set(bad::value, value as u64);
        }
        Ok(())
    }
}

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let kind = arguments.next().context("usage: jitter plain|hung <seconds> [interval in ms]")?;
    let seconds = arguments.next().context("how many seconds?")?.parse()?;
    let interval = arguments.next().map_or(Ok(100), |interval| interval.parse())?;
    let folder = tempfile::tempdir()?;
    let mut aggregator = MetricsAggregator::new(&Roots::default());
    match kind.as_str() {
        "plain" => {}
        "hung" => add_bad(&mut aggregator, folder.path())?,
        _ => bail!("`{kind}` is neither plain nor hung"),
    }
    let run = Run { seconds, interval: Duration::from_millis(interval) };
    writeln!(std::io::stdout(), "{}", run.measure(aggregator)?)?;
    Ok(())
}

fn add_bad(aggregator: &mut MetricsAggregator, folder: &Path) -> Result<()> {
    // The daemon's way: a collector's panic is the runner's to report.
    panic::set_hook(Box::new(|_| {}));
    for number in 0..OF_EACH_KIND {
        let fifo = folder.join(number.to_string());
        mkfifo(&fifo, Mode::S_IRWXU).context("no FIFO in the temporary folder")?;
        aggregator.push(Box::new(Hanging::new(fifo)?));
        aggregator.push(Box::new(Panicking));
    }
    Ok(())
}

struct Run {
    seconds: f64,
    interval: Duration,
}

impl Run {
    fn measure(&self, mut aggregator: MetricsAggregator) -> Result<serde_json::Value> {
        // What opens files and starts threads is not the steady state.
        aggregator.collect_all();
        aggregator.collect_all();
        let (sender, ticks) = mpsc::channel();
        let (user, system) = process_cpu()?;
        let start = Instant::now();
        let sampler = Sampler::spawn(aggregator, self.interval, move |tick| {
            // The receiver lives as long as the sampler.
            let _ = sender.send((tick.lateness, tick.missed));
        })?;
        thread::sleep(Duration::from_secs_f64(self.seconds));
        let (user_after, system_after) = process_cpu()?;
        let wall = start.elapsed();
        sampler.stop();
        let (mut late, missed): (Vec<_>, Vec<_>) = ticks.iter().unzip();
        late.sort();
        let share = |time: Duration| 100.0 * time.as_secs_f64() / wall.as_secs_f64();
        Ok(json!({
            "ticks": late.len(),
            "missed": missed.iter().max(),
            "late_p50_ms": quantile(&late, 0.5),
            "late_p99_ms": quantile(&late, 0.99),
            "late_max_ms": quantile(&late, 1.0),
            "user_percent": share(user_after - user),
            "system_percent": share(system_after - system),
        }))
    }
}

/// The value that this share of the others does not exceed, in milliseconds.
fn quantile(sorted: &[Duration], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).map(|late| late.as_secs_f64() * 1e3)
}
