//! What history costs in PerfWatch's store: `history --help`.
//!
//! `history all` prints a table of PerfWatch alone. The other commands each do one thing and print
//! JSON; `benches/history/run` puts them beside what other stores do.

use std::{
    io::{BufRead, Write, stdin, stdout},
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use perfwatch_benches::history::{
    Appended, Asker, Filled, Kind, MadeHost, Memory, Sheet, With, append, fill_whole, frames,
    print_alone,
};
use serde_json::{Value, json};

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

fn main() -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(Cli::parse().command))
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::All { days, no_year, keep } => {
            let made = tempfile::tempdir()?;
            let folder = keep.unwrap_or(made.path().to_owned());
            print_alone(&mut stdout(), &folder, days, !no_year).await
        }
        Command::Fill { file, with, days, record_seconds, sheet } => {
            let views = frames(with, days, Duration::from_secs(record_seconds));
            let mut sheet = sheet.as_deref().map(Sheet::create).transpose()?;
            let filled = fill_whole(&file, views, days, sheet.as_mut()).await?;
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
