//! Keeps a store below a size.
//!
//! What a longer age would have taken goes first: frames older than a day are downsampled, oldest
//! first; then downsampled ones go, with what sums hours up; the last day at full resolution goes only
//! when nothing else is left.

use super::{DAY_MS, delete_step, downsample_step, whole_before};
use crate::{
    RetentionPolicy, RetentionReport, StoreError,
    archive::{Files, Shelf, TIMES},
    engine::Engine,
    layout::slice::HOUR_MS,
};

pub(super) async fn by_size<F: Files>(
    engine: &Engine<F>,
    policy: &RetentionPolicy,
    most: u64,
    now_ms: i64,
    report: &mut RetentionReport,
) -> Result<(), StoreError> {
    let interval = policy.interval_ms();
    let last_day = whole_before(now_ms.saturating_sub(DAY_MS), interval);
    while engine.bytes().await? > most {
        if let Some((_, frames)) = oldest(engine, Kind::Frames, last_day).await? {
            downsample_step(engine, frames, interval, last_day, report).await?;
            continue;
        }
        if coarse_step(engine, report).await? {
            continue;
        }
        let Some((time, frames)) = oldest(engine, Kind::Frames, TIMES.end).await? else { break };
        let before = whole_before(time, HOUR_MS) + HOUR_MS;
        // The hour being filled stays: nothing would be left.
        if before > now_ms || !delete_step(engine, frames, before, report).await? {
            break;
        }
    }
    Ok(())
}

/// Takes the oldest of what is downsampled or summed up away, and says whether there was any.
async fn coarse_step<F: Files>(
    engine: &Engine<F>,
    report: &mut RetentionReport,
) -> Result<bool, StoreError> {
    let rollups = oldest(engine, Kind::Rollups, TIMES.end).await?;
    let hour = engine.files.oldest_hour().await?;
    if let Some(hour) = hour.filter(|hour| rollups.is_none_or(|(time, _)| *hour <= time)) {
        engine.files.delete_hours(hour + DAY_MS).await?;
        return Ok(true);
    }
    let Some((time, rollups)) = rollups else { return Ok(false) };
    delete_step(engine, rollups, time + 64 * rollups.interval_ms, report).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Frames,
    Rollups,
}

/// The oldest time, if it is before this one, and its shelf.
async fn oldest<F: Files>(
    engine: &Engine<F>,
    kind: Kind,
    before_ms: i64,
) -> Result<Option<(i64, Shelf)>, StoreError> {
    let mut found: Option<(i64, Shelf)> = None;
    for shelf in engine.shelves().into_iter().flatten() {
        if (shelf.interval_ms == 0) == (kind == Kind::Frames)
            && let Some(first) = engine.oldest(shelf).await?.filter(|&first| first < before_ms)
            && found.is_none_or(|(time, _)| first < time)
        {
            found = Some((first, shelf));
        }
    }
    Ok(found)
}
