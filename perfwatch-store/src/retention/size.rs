//! Keeps a store below a size.
//!
//! What a longer age would have taken goes first: frames older than a day are downsampled, oldest
//! first; then downsampled ones go; the last day at full resolution goes only when nothing else
//! is left.

use super::{DAY_MS, Kept, STEP, delete_step, merge, whole_before};
use crate::{
    RetentionPolicy, RetentionReport, StoreError,
    shelf::{Shelf, TIMES},
};

/// Small, because a downsampled frame is many times as large as another.
const ROLLUP_STEP: usize = 64;

pub(super) async fn by_size(
    kept: &dyn Kept,
    policy: &RetentionPolicy,
    most: u64,
    now_ms: i64,
    report: &mut RetentionReport,
) -> Result<(), StoreError> {
    let interval = policy.interval_ms();
    let last_day = whole_before(now_ms.saturating_sub(DAY_MS), interval);
    while kept.keeper().await?.bytes().await? > most {
        if let Some(frames) = oldest_frames(kept, last_day).await? {
            merge::step(kept, frames, interval, last_day, report).await?;
        } else if let Some(rollups) = oldest_rollups(kept).await? {
            delete_step(kept, rollups, TIMES.end, ROLLUP_STEP, report).await?;
        } else if let Some(frames) = oldest_frames(kept, TIMES.end).await? {
            delete_step(kept, frames, TIMES.end, STEP, report).await?;
        } else {
            break;
        }
    }
    Ok(())
}

async fn oldest_frames(kept: &dyn Kept, before_ms: i64) -> Result<Option<Shelf>, StoreError> {
    let shelves = kept.shelves().into_iter().flatten();
    oldest(kept, shelves.filter(|shelf| shelf.interval_ms == 0), before_ms).await
}

async fn oldest_rollups(kept: &dyn Kept) -> Result<Option<Shelf>, StoreError> {
    let shelves = kept.shelves().into_iter().flatten();
    oldest(kept, shelves.filter(|shelf| shelf.interval_ms > 0), TIMES.end).await
}

/// The shelf with the oldest body, if any has one before this time.
async fn oldest(
    kept: &dyn Kept,
    shelves: impl Iterator<Item = Shelf> + Send,
    before_ms: i64,
) -> Result<Option<Shelf>, StoreError> {
    let mut keeper = kept.keeper().await?;
    let mut found: Option<(i64, Shelf)> = None;
    for shelf in shelves {
        if let Some((first, _)) = keeper.span(shelf, TIMES.start..before_ms).await?
            && found.is_none_or(|(time, _)| first < time)
        {
            found = Some((first, shelf));
        }
    }
    Ok(found.map(|(_, shelf)| shelf))
}
