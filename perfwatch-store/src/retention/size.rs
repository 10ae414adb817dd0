//! Keeps a store below a size.
//!
//! What a longer age would have taken goes first: frames older than a day are downsampled, oldest
//! first; then downsampled ones go; the last day at full resolution goes only when nothing else
//! is left.

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
        } else if let Some((time, rollups)) = oldest(engine, Kind::Rollups, TIMES.end).await? {
            delete_step(engine, rollups, time + 64 * rollups.interval_ms, report).await?;
        } else if let Some((time, frames)) = oldest(engine, Kind::Frames, TIMES.end).await? {
            let before = whole_before(time, HOUR_MS) + HOUR_MS;
            // The hour being filled stays: nothing would be left.
            if before > now_ms || !delete_step(engine, frames, before, report).await? {
                break;
            }
        } else {
            break;
        }
    }
    Ok(())
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
