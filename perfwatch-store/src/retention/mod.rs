//! Applies an archive policy to any backend, in small steps.
//!
//! Each step is one transaction on a few hundred bodies, and the store is let go between two of
//! them. A step that downsamples writes what it merged and takes the frames away at once, so every
//! frame counts exactly once at every moment, also for a reader and after a power cut.

mod merge;
mod size;
mod trust;

use async_trait::async_trait;

use crate::{
    RetentionPolicy, RetentionReport, StoreError,
    layout::Place,
    shelf::{Change, Keeper, Shelf, TIMES},
};

pub(crate) const DAY_MS: i64 = 24 * 3600 * 1000;

/// How many bodies one transaction touches.
const STEP: usize = 512;

/// A backend, as retention sees it.
#[async_trait]
pub(crate) trait Kept: Sync {
    /// The shelves of each host: full resolution first, then what was downsampled.
    fn shelves(&self) -> Vec<Vec<Shelf>>;

    /// Waits for its turn to change something.
    async fn keeper(&self) -> Result<Box<dyn Keeper + '_>, StoreError>;

    /// Told of bodies that cannot be merged because they are damaged.
    fn damaged(&self, places: &[Place]);
}

/// Does what the policy says, as far as the clock can be trusted.
pub(crate) async fn apply(
    kept: &dyn Kept,
    policy: &RetentionPolicy,
    now_ms: i64,
) -> Result<RetentionReport, StoreError> {
    policy.validate()?;
    let mut report = RetentionReport::default();
    let bytes = kept.keeper().await?.bytes().await?;
    let trusted = trust::newest(kept).await?;
    report.note = trust::note(trusted, now_ms);
    let Some(newest_ms) = trusted else { return Ok(report) };
    let now_ms = now_ms.min(newest_ms);
    by_age(kept, policy, now_ms, &mut report).await?;
    if let Some(most) = policy.max_bytes {
        size::by_size(kept, policy, most, now_ms, &mut report).await?;
    }
    while kept.keeper().await?.shrink().await? {}
    report.freed_bytes = bytes.saturating_sub(kept.keeper().await?.bytes().await?);
    Ok(report)
}

/// Everything before `time` that is whole: the start of the interval that `time` lies in.
fn whole_before(time_ms: i64, interval_ms: i64) -> i64 {
    time_ms - time_ms.rem_euclid(interval_ms)
}

async fn by_age(
    kept: &dyn Kept,
    policy: &RetentionPolicy,
    now_ms: i64,
    report: &mut RetentionReport,
) -> Result<(), StoreError> {
    let interval = policy.interval_ms();
    let gone_before = now_ms.saturating_sub(i64::from(policy.downsampled_days) * DAY_MS);
    let coarse_before = now_ms.saturating_sub(i64::from(policy.full_resolution_days) * DAY_MS);
    for shelves in kept.shelves() {
        let [frames, rollups @ ..] = shelves.as_slice() else { continue };
        delete_all(kept, *frames, whole_before(gone_before, interval), report).await?;
        let coarse_before = whole_before(coarse_before, interval);
        while merge::step(kept, *frames, interval, coarse_before, report).await? {}
        for shelf in rollups {
            // A downsampled frame is too old when its end is.
            let before = gone_before - shelf.interval_ms + 1;
            delete_all(kept, *shelf, before, report).await?;
        }
    }
    Ok(())
}

async fn delete_all(
    kept: &dyn Kept,
    shelf: Shelf,
    before_ms: i64,
    report: &mut RetentionReport,
) -> Result<(), StoreError> {
    while delete_step(kept, shelf, before_ms, STEP, report).await? {}
    Ok(())
}

/// Takes the oldest bodies of a shelf away, and says whether there were any.
async fn delete_step(
    kept: &dyn Kept,
    shelf: Shelf,
    before_ms: i64,
    most: usize,
    report: &mut RetentionReport,
) -> Result<bool, StoreError> {
    let mut keeper = kept.keeper().await?;
    let times = keeper.oldest_times(shelf, TIMES.start..before_ms, most).await?;
    let Some(&last) = times.last() else { return Ok(false) };
    let gone = times.len() as u64;
    let mut change = Change::delete(shelf, last);
    if shelf.interval_ms == 0 {
        change.frames = -(gone as i64);
        report.deleted_frames += gone;
    } else {
        change.rollups = -(gone as i64);
        report.deleted_downsampled_frames += gone;
    }
    keeper.change(change).await?;
    Ok(true)
}
