//! PerfWatch alone, as a table.

use std::{
    fs,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{
    Asker, Kind, MadeHost, Memory, QUESTIONS, Took, With, append, content::YEAR_DAYS, fill_whole,
    frames,
};

/// Fills stores in a folder, if they are not there, asks all questions, and prints a table.
///
/// # Errors
/// What a store ran into.
pub async fn print_alone(out: &mut impl Write, folder: &Path, days: i64, year: bool) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (name, with) in [("busy", With::Busy), ("quiet", With::Quiet), ("year", With::Year)] {
        let file = folder.join(format!("{name}.db"));
        let days = if with == With::Year { YEAR_DAYS } else { days };
        if file.exists() || (with == With::Year && !year) {
            continue;
        }
        let views = frames(with, days, Duration::ZERO);
        let filled = fill_whole(&file, views, days, None).await?;
        let each = filled.bytes as f64 / filled.values as f64;
        writeln!(
            out,
            "{name:<8} {each:.3} B/value: {} bytes, {} free, {} values, {:.1} s",
            filled.bytes, filled.free_bytes, filled.values, filled.seconds
        )?;
    }
    ask_all(out, &folder.join("busy.db"), &QUESTIONS[..6]).await?;
    if year {
        ask_all(out, &folder.join("year.db"), &QUESTIONS[6..]).await?;
    }
    append_both(out, &folder.join("append.db"), days).await
}

async fn append_both(out: &mut impl Write, new: &Path, days: i64) -> Result<()> {
    for (ticks, pause_ms) in [(17_316.min(17_316 * days as usize), 0), (720, 50)] {
        let _ = fs::remove_file(new);
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
    fs::remove_file(new)?;
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
