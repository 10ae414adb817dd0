//! What stores are filled with.

use std::{path::Path, time::Duration};

use anyhow::Result;
use clap::ValueEnum;
use perfwatch_core::View;

use super::{
    DAY_MS, Filled, HOUR_MS, INTERVAL_MS, Kind, MadeHost, START_MS, Sheet, Year, fill, record,
};

/// Frames come late for so long before their hour is sealed, and a bit more.
const GRACE_MS: i64 = 180_000;

/// How long behind the last midnight the questions are asked: half an hour is in memory.
const HEAD_MS: i64 = HOUR_MS / 2;

/// A leap year: the questions end half an hour behind it.
pub(super) const YEAR_DAYS: i64 = 366;

/// What a store is filled with.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum With {
    /// The made host that is busy.
    Busy,
    /// The made host that waits.
    Quiet,
    /// This machine.
    Recording,
    /// A year of few series.
    Year,
}

/// The frames of a host: for so many days and a bit, or recorded for so long.
pub fn frames(with: With, days: i64, recorded: Duration) -> Box<dyn Iterator<Item = View>> {
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
///
/// # Errors
/// What the store or the sheet ran into.
pub async fn fill_whole(
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
