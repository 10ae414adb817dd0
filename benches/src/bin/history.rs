//! What history costs in PerfWatch's store: `history --help`.
//!
//! `history all` prints a table of PerfWatch alone. The other commands each do one thing and print
//! JSON; `benches/history/run` puts them beside what other stores do.

use std::{
    io::{BufRead, Write, stdin, stdout},
    ops::Range,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use perfwatch_benches::history::{
    Appended, Asker, DAY_MS, Filled, HOUR_MS, INTERVAL_MS, Kind, MadeHost, Memory, QUESTIONS,
    START_MS, Sheet, Took, Year, append, fill, record,
};
use perfwatch_core::View;
use serde_json::{Value, json};

/// Frames come late for so long before their hour is sealed, and a bit more.
const GRACE_MS: i64 = 180_000;

/// How long behind the last midnight the questions are asked: half an hour is in memory.
const HEAD_MS: i64 = HOUR_MS / 2;

const YEAR_DAYS: i64 = 366;

/// What history costs in PerfWatch's store.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fill stores, ask all questions, and print a table of PerfWatch alone.
    All {
        /// How many days of the made hosts.
        #[arg(long, default_value_t = 7)]
        days: i64,
        /// Leave the year out.
        #[arg(long)]
        no_year: bool,
        /// Keep the stores in this folder, and use them if they are there.
        #[arg(long)]
        keep: Option<PathBuf>,
    },
    /// Fill a new store, and print what it holds.
    Fill {
        /// The store's file.
        file: PathBuf,
        /// What it is filled with.
        #[arg(long, value_enum)]
        with: With,
        /// How many days, where it is not a recording.
        #[arg(long, default_value_t = 7)]
        days: i64,
        /// How long a recording takes, in seconds.
        #[arg(long, default_value_t = 120)]
        record_seconds: u64,
        /// Write the same values into this file, one frame a line.
        #[arg(long)]
        sheet: Option<PathBuf>,
    },
    /// Append frames of the busy host one by one to a new store, and print what a tick cost.
    Append {
        /// The store's file.
        file: PathBuf,
        /// How many ticks.
        #[arg(long, default_value_t = 17_316)]
        ticks: usize,
        /// How long it waits between them, in milliseconds.
        #[arg(long, default_value_t = 0)]
        pause_ms: u64,
    },
    /// Open a store and answer lines of `QUESTION [RUNS [FIRST RUN]]` or `memory` with a line of
    /// JSON each.
    Ask {
        /// The store's file.
        file: PathBuf,
    },
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum With {
    Busy,
    Quiet,
    Recording,
    Year,
}

fn main() -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(Cli::parse().command))
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::All { days, no_year, keep } => all(days, !no_year, keep.as_deref()).await,
        Command::Fill { file, with, days, record_seconds, sheet } => {
            let views = frames(with, days, Duration::from_secs(record_seconds));
            let mut sheet = sheet.as_deref().map(Sheet::create).transpose()?;
            let filled = fill_in_two(&file, views, days, sheet.as_mut()).await?;
            if let Some(sheet) = &mut sheet {
                sheet.finish()?;
            }
            let names = sheet.as_ref().map(Sheet::names);
            say(&json!({ "filled": shown(&filled), "names": names }))
        }
        Command::Append { file, ticks, pause_ms } => {
            let views = MadeHost::new(Kind::Busy).take(ticks);
            let cost = append(&file, views, Duration::from_millis(pause_ms)).await?;
            say(&cost_shown(&cost))
        }
        Command::Ask { file } => answer_lines(&file).await,
    }
}

fn say(value: &Value) -> Result<()> {
    Ok(writeln!(stdout(), "{value}")?)
}

fn shown(filled: &Filled) -> Value {
    json!({
        "frames": filled.frames, "values": filled.values, "bytes": filled.bytes,
        "free_bytes": filled.free_bytes, "seconds": filled.seconds,
    })
}

fn cost_shown(cost: &Appended) -> Value {
    json!({
        "ticks": cost.ticks, "cpu_us": cost.cpu_us, "median_us": cost.median_us,
        "written": cost.written,
    })
}

/// The frames of a host.
fn frames(with: With, days: i64, recorded: Duration) -> Box<dyn Iterator<Item = View>> {
    let end = START_MS + days * DAY_MS + HEAD_MS;
    let until = move |view: &View| view.timestamp_ms < end;
    match with {
        With::Busy => Box::new(MadeHost::new(Kind::Busy).take_while(until)),
        With::Quiet => Box::new(MadeHost::new(Kind::Quiet).take_while(until)),
        With::Year => Box::new(Year::default().take_while(until)),
        With::Recording => Box::new(moved(record(recorded)).into_iter()),
    }
}

/// A recording, moved in time so that it ends with an hour; its last frame is so late that this
/// hour is over.
fn moved(mut views: Vec<View>) -> Vec<View> {
    let length = views.len() as i64 * INTERVAL_MS;
    let by = HOUR_MS - length.rem_euclid(HOUR_MS);
    views.iter_mut().for_each(|view| view.timestamp_ms += by);
    if let Some(last) = views.last_mut() {
        last.timestamp_ms = START_MS + by + length + GRACE_MS;
    }
    views
}

/// Fills a store until all whole days are sealed, says what it holds then, and goes on.
async fn fill_in_two(
    file: &Path,
    views: impl Iterator<Item = View>,
    days: i64,
    mut sheet: Option<&mut Sheet>,
) -> Result<Filled> {
    let sealed = START_MS + days * DAY_MS + GRACE_MS;
    // A year of hours would be tidied up for minutes.
    let hours = if days < YEAR_DAYS { 1 } else { 24 };
    let mut views = views.peekable();
    let before = std::iter::from_fn(|| views.next_if(|view| view.timestamp_ms < sealed));
    let filled = fill(file, before, hours, sheet.as_deref_mut()).await?;
    if views.peek().is_some() {
        fill(file, views, hours, sheet).await?;
    }
    Ok(filled)
}

async fn answer_lines(file: &Path) -> Result<()> {
    let asker = Asker::open(file).await?;
    say(&json!({ "open_ms": asker.opened.as_secs_f64() * 1e3, "end_ms": asker.end_ms() }))?;
    for line in stdin().lock().lines() {
        let line = line?;
        let mut words = line.split_whitespace();
        let question = words.next().unwrap_or_default();
        if question == "memory" {
            say(&json!({ "now": Memory::read()?.now }))?;
            continue;
        }
        let mut number = |otherwise| {
            let word = words.next().map(str::parse).unwrap_or(Ok(otherwise));
            word.with_context(|| format!("`{line}` is not `QUESTION RUNS FIRST`"))
        };
        let (runs, first) = (number(1)?, number(0)?);
        say(&asked(&asker, question, first..first + runs).await?)?;
    }
    asker.close().await;
    Ok(())
}

async fn asked(asker: &Asker, question: &str, runs: Range<usize>) -> Result<Value> {
    let before = Memory::read()?.now;
    // Without the right to forget it, the peak of all questions so far is told.
    let forgotten = Memory::forget_peak().is_ok();
    let mut took = Vec::with_capacity(runs.len());
    for run in runs {
        took.push(asker.ask(question, run).await?);
    }
    let grown = Memory::read()?.peak.saturating_sub(before);
    let last = took.last().cloned().unwrap_or_default();
    Ok(json!({
        "question": question,
        "ns": took.iter().map(|took| took.ns).collect::<Vec<_>>(),
        "series": last.series, "points": last.points, "step_ms": last.step_ms,
        "grown": forgotten.then_some(grown),
    }))
}

async fn all(days: i64, year: bool, keep: Option<&Path>) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let folder = keep.unwrap_or(folder.path());
    std::fs::create_dir_all(folder)?;
    let mut out = stdout();
    for (name, with) in [("busy", With::Busy), ("quiet", With::Quiet), ("year", With::Year)] {
        let file = folder.join(format!("{name}.db"));
        let days = if with == With::Year { YEAR_DAYS } else { days };
        if file.exists() || (with == With::Year && !year) {
            continue;
        }
        let views = frames(with, days, Duration::ZERO);
        let filled = fill_in_two(&file, views, days, None).await?;
        let each = filled.bytes as f64 / filled.values as f64;
        writeln!(
            out,
            "{name:<8} {each:.3} B/value: {} bytes, {} free, {} values, {:.1} s",
            filled.bytes, filled.free_bytes, filled.values, filled.seconds
        )?;
    }
    ask_all(&mut out, &folder.join("busy.db"), &QUESTIONS[..6]).await?;
    if year {
        ask_all(&mut out, &folder.join("year.db"), &QUESTIONS[6..]).await?;
    }
    append_both(&mut out, &folder.join("append.db"), days).await
}

async fn append_both(out: &mut impl Write, new: &Path, days: i64) -> Result<()> {
    for (ticks, pause_ms) in [(17_316.min(17_316 * days as usize), 0), (60, 200)] {
        let _ = std::fs::remove_file(new);
        let start = Instant::now();
        let views = MadeHost::new(Kind::Busy).take(ticks);
        let cost = append(new, views, Duration::from_millis(pause_ms)).await?;
        writeln!(
            out,
            "append   {:.0} µs CPU a tick with sealing, median {:.0} µs, {:.0} bytes written; {ticks} ticks, \
             {pause_ms} ms apart, {:.1} s",
            cost.cpu_us,
            cost.median_us,
            cost.written,
            start.elapsed().as_secs_f64()
        )?;
    }
    std::fs::remove_file(new)?;
    Ok(())
}

async fn ask_all(out: &mut impl Write, file: &Path, questions: &[&str]) -> Result<()> {
    let asker = Asker::open(file).await?;
    writeln!(out, "open     {:.1} ms", asker.opened.as_secs_f64() * 1e3)?;
    for question in questions {
        let first = asker.ask(question, 0).await?;
        let before = Memory::read()?.now;
        let _ = Memory::forget_peak();
        let mut took: Vec<Took> = Vec::new();
        for run in 0..40 {
            took.push(asker.ask(question, run).await?);
        }
        took.sort_by_key(|took| took.ns);
        let median = took.get(took.len() / 2).cloned().unwrap_or_default();
        let grown = Memory::read()?.peak.saturating_sub(before) >> 10;
        writeln!(
            out,
            "{question:<8} {:.3} ms (first {:.3}): {} series of {} points, {} s apart; {grown} KiB more",
            median.ns as f64 / 1e6,
            first.ns as f64 / 1e6,
            median.series,
            median.points,
            median.step_ms / 1000
        )?;
    }
    writeln!(out, "resident {} KiB", Memory::read()?.now >> 10)?;
    asker.close().await;
    Ok(())
}
