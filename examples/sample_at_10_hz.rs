//! Samples this host ten times a second for ten seconds, and says what that cost.
//!
//! `cargo run --release -p perfwatch-examples --no-default-features --example sample_at_10_hz`
//!
//! It needs neither tokio nor a database: `cargo tree -p perfwatch-examples --no-default-features`.

use std::{error::Error, io::Write, sync::mpsc, time::Duration};

use perfwatch_collect::{MetricsAggregator, Roots, Sampler};
use perfwatch_core::View;

const INTERVAL: Duration = Duration::from_millis(100);

fn main() -> Result<(), Box<dyn Error>> {
    let rounds: usize = std::env::args().nth(1).map_or(Ok(100), |rounds| rounds.parse())?;
    let (sender, views) = mpsc::channel();
    let host = MetricsAggregator::new(&Roots::default());
    let sampler = Sampler::spawn(host, INTERVAL, move |tick| {
        // The view is the sampler's; what goes to another thread is a copy.
        let _ = sender.send((tick.aggregator.view().clone(), tick.lateness, tick.missed));
    })?;
    // The first view has no rates: they need two readings.
    let seen: Vec<_> = views.iter().skip(1).take(rounds).collect();
    drop(sampler);

    let mut out = std::io::stdout().lock();
    for (name, table, column) in [
        ("CPU use of the host, %", "cpu", "usage_percent"),
        ("context switches per second", "cpu", "context_switches_per_sec"),
        ("CPU use of this program, % of a core", "monitor", "cpu_percent"),
    ] {
        let values: Vec<_> =
            seen.iter().filter_map(|(view, ..)| value(view, table, column)).collect();
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        writeln!(out, "{name:<38} {mean:>12.3}   mean of {}", values.len())?;
    }
    let mut late: Vec<_> = seen.iter().map(|(_, lateness, _)| *lateness).collect();
    late.sort();
    let at = |share: usize| late.get((late.len() * share / 100).min(late.len().saturating_sub(1)));
    writeln!(out, "lateness: median {:?}, 99 % below {:?}", at(50), at(99))?;
    writeln!(out, "ticks missed: {}", seen.last().map_or(0, |(.., missed)| *missed))?;
    Ok(())
}

fn value(view: &View, table: &str, column: &str) -> Option<f64> {
    view.block(table)?.get("", column)?.get()
}
