//! Prints what sampling costs in CPU time, each figure beside its floor: the bare `pread` of the
//! same files, kept open, in the same process and by turns.

use std::{hint::black_box, io::Write};

use anyhow::{Context, Result, ensure};
use perfwatch_benches::{Alone, Floor, Host, hosts, thread_cpu, thread_cpu_ns};
use perfwatch_collect::{MetricsAggregator, built_in};
use perfwatch_core::prometheus;

const ROUNDS: usize = 31;
const RUNS_PER_ROUND: u32 = 40;

/// The kernel tells user from system time by its timer, so these rounds are long.
const ROUNDS_APART: u32 = 5;
const RUNS_APART: u32 = 2000;

/// One line of the table: microseconds of CPU time per run.
struct Line {
    name: String,
    cost: f64,
    floor: f64,
}

fn main() -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "CPU time in µs of a hot loop, median of {ROUNDS} rounds of {RUNS_PER_ROUND} runs"
    )?;
    for host in hosts()? {
        writeln!(out, "\n{:<24} {:>10} {:>10} {:>8}", host.name, "PerfWatch", "floor", "ratio")?;
        let mut lines = collectors(&host)?;
        lines.extend(whole_tick(&host, &lines)?);
        lines.extend(apart(&host, &lines)?);
        for Line { name, cost, floor } in &lines {
            let ratio = cost / floor;
            writeln!(out, "{name:<24} {cost:>10.1} {floor:>10.1} {ratio:>8.2}")?;
        }
    }
    Ok(())
}

/// Each collector that this host can serve, alone.
fn collectors(host: &Host) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for collector in built_in(&host.roots) {
        let mut alone = Alone::new(collector);
        let Ok(rows) = alone.collect() else { continue };
        let mut floor = Floor::of(alone.name(), &host.roots)?;
        let seen = floor.read()?;
        ensure!(seen > 0 && alone.values() > 0, "{} read nothing", alone.name());
        let collect = || Ok(alone.collect()? >= rows);
        let (cost, floor) = by_turns(collect, || Ok(floor.read()? > 0))?;
        lines.push(Line { name: alone.name().to_owned(), cost, floor });
    }
    Ok(lines)
}

/// A whole tick with its view, and what it takes to encode it, all above the same floor.
fn whole_tick(host: &Host, collectors: &[Line]) -> Result<Vec<Line>> {
    let names = collectors.iter().map(|line| line.name.as_str());
    let mut floor = Floor::of_all(names, &host.roots)?;
    let mut bare = || Ok(floor.read()? > 0);
    let mut aggregator = MetricsAggregator::new(&host.roots);
    aggregator.collect_all();

    let tick = || Ok(!black_box(aggregator.collect_all()).blocks.is_empty());
    let tick = by_turns(tick, &mut bare)?;
    let mut json = Vec::new();
    let encode = || {
        json.clear();
        serde_json::to_writer(&mut json, aggregator.view())?;
        Ok(json.len() > 1000)
    };
    let to_json = by_turns(encode, &mut bare)?;
    let mut text = String::new();
    let expose = || {
        text.clear();
        prometheus::write_frame(aggregator.frame(), &mut text);
        Ok(text.len() > 1000)
    };
    let to_prometheus = by_turns(expose, &mut bare)?;
    let named = [("whole tick with view", tick), ("view as JSON", to_json)];
    let named = named.into_iter().chain([("frame as Prometheus", to_prometheus)]);
    let line = |(name, (cost, floor)): (&str, (f64, f64))| Line { name: name.into(), cost, floor };
    Ok(named.map(line).collect())
}

/// A whole tick and its floor once more, user and system time apart.
fn apart(host: &Host, lines: &[Line]) -> Result<[Line; 2]> {
    let mut floor = Floor::of_all(lines.iter().map(|line| line.name.as_str()), &host.roots)?;
    let mut aggregator = MetricsAggregator::new(&host.roots);
    let (mut tick, mut bare) = ((0.0, 0.0), (0.0, 0.0));
    for _ in 0..ROUNDS_APART {
        let run = || Ok(!black_box(aggregator.collect_all()).blocks.is_empty());
        add(&mut tick, user_and_system(run)?);
        add(&mut bare, user_and_system(|| Ok(floor.read()? > 0))?);
    }
    let runs = f64::from(ROUNDS_APART * RUNS_APART);
    let line = |name: &str, cost, floor| Line {
        name: name.into(),
        cost: cost / runs,
        floor: floor / runs,
    };
    Ok([line("  in user space", tick.0, bare.0), line("  in the kernel", tick.1, bare.1)])
}

fn add(sum: &mut (f64, f64), (user, system): (f64, f64)) {
    *sum = (sum.0 + user, sum.1 + system);
}

fn user_and_system(mut run: impl FnMut() -> Result<bool>) -> Result<(f64, f64)> {
    let start = thread_cpu()?;
    for _ in 0..RUNS_APART {
        ensure!(run()?, "a run did not do its work");
    }
    let end = thread_cpu()?;
    Ok(((end.0 - start.0).as_secs_f64() * 1e6, (end.1 - start.1).as_secs_f64() * 1e6))
}

/// The medians of both in microseconds; taking turns, both meet the same disturbances.
fn by_turns(
    mut one: impl FnMut() -> Result<bool>,
    mut other: impl FnMut() -> Result<bool>,
) -> Result<(f64, f64)> {
    let (mut ones, mut others) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ones.push(time(&mut one)?);
        others.push(time(&mut other)?);
    }
    Ok((median(ones)?, median(others)?))
}

fn time(run: &mut impl FnMut() -> Result<bool>) -> Result<f64> {
    let start = thread_cpu_ns()?;
    for _ in 0..RUNS_PER_ROUND {
        ensure!(run()?, "a run did not do its work");
    }
    Ok((thread_cpu_ns()? - start) as f64 / 1e3 / f64::from(RUNS_PER_ROUND))
}

fn median(mut values: Vec<f64>) -> Result<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().context("nothing was measured")
}
