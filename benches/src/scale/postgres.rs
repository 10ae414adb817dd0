//! PostgreSQL as a store, beside the plainest layout in the same server: the same frames, the same
//! questions, by turns.

use std::{
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use perfwatch_store::{Record, RetentionPolicy, Store, open};

use super::plain::Plain;
use crate::{
    history::{Asker, DAY_MS, HOST, HOUR_MS, Kind, MadeHost, Paths, START_MS},
    process_cpu_ns,
};

/// So many frames are appended at once: an hour.
const BATCH: usize = 720;

/// What autovacuum does by the minute has no time in a fill that makes a day of seconds.
const HOURS_A_VACUUM: usize = 2;

/// How often each question is asked.
const RUNS: usize = 15;

/// The plain table is slower by far.
const PLAIN_RUNS: usize = 3;

/// One line of the table: the figure of PerfWatch, that of the plain layout, and the goal.
pub struct Line {
    what: &'static str,
    ours: f64,
    plain: Option<f64>,
    most: Option<f64>,
}

/// Fills both, asks both, and gives the lines of a table. The database must be empty.
///
/// # Errors
/// What the server ran into.
pub async fn compare(url: &str, days: i64) -> Result<Vec<Line>> {
    let mut plain = Plain::connect(url).await?;
    let empty = plain.database_bytes().await?;
    let store = open(url).await?.store;
    let (values, append_us) = fill(&*store, &mut plain, days).await?;
    let ours = (plain.database_bytes().await? - empty) as f64 / values as f64;
    say("copying into the plain table");
    plain.fill().await?;
    let bytes = plain.table_bytes().await? as f64 / values as f64;
    let line = |what, ours, plain, most| Line { what, ours, plain, most };
    let mut lines = vec![
        line("bytes per value, all in", ours, Some(bytes), Some(bytes / 2.0)),
        line("append, one tick of 200 series: CPU us here", append_us, None, None),
    ];
    lines.extend(ask(&store, &mut plain, days).await?);
    let newest = START_MS + days * DAY_MS - 5000;
    let idle = median(vec![
        keep(&*store, newest, 3000).await?,
        keep(&*store, newest, 3000).await?,
        keep(&*store, newest, 3000).await?,
    ]);
    lines.push(line("retention, nothing due: ms", idle, None, Some(50.0)));
    // The last day is always kept.
    if days > 1 {
        let [ours, theirs] = retention(&*store, &mut plain, days).await?;
        lines.push(line("retention of a day: ms", ours, Some(theirs), Some(50.0)));
    }
    store.close().await;
    Ok(lines)
}

fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "{what}");
}

/// Appends the frames of the busy host, hour by hour; the values, and the CPU time of a tick.
async fn fill(store: &dyn Store, plain: &mut Plain, days: i64) -> Result<(u64, f64)> {
    let frames = usize::try_from(days * DAY_MS / 5000)?;
    let start = Instant::now();
    let (mut values, mut cpu_ns) = (0, 0);
    let mut batch = Vec::with_capacity(BATCH);
    for (at, view) in (1..).zip(MadeHost::new(Kind::Busy).take(frames)) {
        let record = Record::new(HOST, Arc::new(view));
        record.for_each_point(|_| values += 1);
        batch.push(record);
        if batch.len() == BATCH || at == frames {
            // Making frames is not counted.
            let before = process_cpu_ns()?;
            store.append(&batch).await?;
            settle(store).await?;
            keep(store, batch.last().map_or(0, Record::timestamp_ms), 3000).await?;
            cpu_ns += process_cpu_ns()? - before;
            batch.clear();
            if at % (HOURS_A_VACUUM * BATCH) == 0 {
                plain.vacuum().await?;
            }
            if at % (24 * BATCH) == 0 {
                say(&format!(
                    "day {} of {days} after {:.0} s",
                    at / (24 * BATCH),
                    start.elapsed().as_secs_f64()
                ));
            }
        }
    }
    Ok((values, cpu_ns as f64 / 1e3 / frames as f64))
}

/// Lets the store tidy up as the daemon does each hour: the milliseconds that it takes.
async fn keep(store: &dyn Store, now_ms: i64, days: u32) -> Result<f64> {
    let policy = RetentionPolicy {
        full_resolution_days: days,
        downsampled_days: days,
        ..RetentionPolicy::default()
    };
    let start = Instant::now();
    store.apply_retention(&policy, now_ms).await?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

/// Waits until all hours that are over are packed, which a daemon has an hour for.
async fn settle(store: &dyn Store) -> Result<()> {
    for _ in 0..100 {
        let usage = store.usage().await?;
        if usage.frames - usage.packed.frames < 2 * BATCH as u64 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("hours that are over are not packed")
}

/// The three questions, both asked by turns.
async fn ask(store: &Arc<dyn Store>, plain: &mut Plain, days: i64) -> Result<Vec<Line>> {
    let asker = Asker::on(Arc::clone(store)).await?;
    let end_ms = asker.end_ms();
    let all = store.series(HOST).await?;
    let questions = [
        ("week", "1 series, 7 days to 1,000 points: ms", 7 * DAY_MS, 900_000, 20.0),
        ("sixteen", "16 series, 24 h to 300 points: ms", DAY_MS, 300_000, 15.0),
        ("all", "all series, 7 days by the hour: ms", 7 * DAY_MS, HOUR_MS, 150.0),
    ];
    let mut lines = Vec::new();
    for (question, what, length, step_ms, most) in questions {
        say(what);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for run in 0..RUNS {
            ours.push(asker.ask(question, run).await?.ns as f64 / 1e6);
            if run < PLAIN_RUNS {
                let paths = match Asker::paths(question, run) {
                    Paths::Some(paths) => paths,
                    Paths::All => all.clone(),
                };
                let range = (end_ms - length.min(days * DAY_MS), end_ms);
                let (took, rows) = plain.averages(&paths, range, step_ms).await?;
                ensure!(rows > 1, "the plain table answers nothing to {question}");
                theirs.push(took.as_secs_f64() * 1e3);
            }
        }
        let (ours, plain) = (median(ours), Some(median(theirs)));
        lines.push(Line { what, ours, plain, most: Some(most) });
    }
    Ok(lines)
}

/// The oldest day goes: milliseconds here and there.
async fn retention(store: &dyn Store, plain: &mut Plain, days: i64) -> Result<[f64; 2]> {
    say("retention of a day");
    let newest = START_MS + days * DAY_MS - 5000;
    // What is older than so many days goes: all of the first but its last tick.
    let ours = keep(store, newest, u32::try_from(days - 1)?).await?;
    let theirs = plain.delete_before(newest - (days - 1) * DAY_MS).await?;
    let held = store.usage().await?;
    ensure!(
        // Whole intervals of five minutes go.
        held.frames < u64::try_from((days - 1) * DAY_MS / 5000 + 100)?,
        "nothing went: {held:?}"
    );
    Ok([ours, theirs.as_secs_f64() * 1e3])
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The lines as a table in Markdown.
///
/// # Errors
/// If it cannot be written.
pub fn print(out: &mut impl Write, lines: &[Line]) -> Result<()> {
    writeln!(out, "| what | PerfWatch | plain | plain / PerfWatch | goal | |")?;
    writeln!(out, "|---|---:|---:|---:|---:|---|")?;
    let number = |number: Option<f64>| number.map_or("-".to_owned(), |it| format!("{it:.1}"));
    for Line { what, ours, plain, most } in lines {
        let ratio = plain.map_or("-".to_owned(), |plain| format!("{:.1}x", plain / ours));
        let met = most.map_or("", |most| if *ours <= most { "met" } else { "MISSED" });
        writeln!(
            out,
            "| {what} | {ours:.1} | {} | {ratio} | {} | {met} |",
            number(*plain),
            most.map_or("-".to_owned(), |most| format!("<= {most:.1}"))
        )?;
    }
    Ok(())
}
