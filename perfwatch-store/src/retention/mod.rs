//! Applies an archive policy to any backend, in small steps.
//!
//! Each step is one transaction on a few slices, made before the store is held for it. A step that
//! downsamples writes what it merged and takes the frames away at once, so every frame counts
//! exactly once at every moment, also for a reader and after a power cut.

mod forecast;
mod size;
mod step;
mod trust;

use crate::{
    RetentionPolicy, RetentionReport, StoreError,
    archive::{Files, Shelf},
    engine::Engine,
};
pub use forecast::{Forecast, forecast};
use step::{delete_step, downsample_step};

pub(crate) const DAY_MS: i64 = 24 * 3600 * 1000;

/// Does what the policy says, as far as the clock can be trusted.
pub(crate) async fn apply<F: Files>(
    engine: &Engine<F>,
    policy: &RetentionPolicy,
    now_ms: i64,
) -> Result<RetentionReport, StoreError> {
    policy.validate()?;
    let _keeping = engine.keeping().await?;
    let mut report = RetentionReport::default();
    let bytes = engine.bytes().await?;
    let trusted = trust::newest(engine).await?;
    report.note = trust::note(trusted, now_ms);
    let Some(newest_ms) = trusted else { return Ok(report) };
    let now_ms = now_ms.min(newest_ms);
    by_age(engine, policy, now_ms, &mut report).await?;
    if let Some(most) = policy.max_bytes {
        size::by_size(engine, policy, most, now_ms, &mut report).await?;
    }
    while engine.files.shrink().await? {}
    report.freed_bytes = bytes.saturating_sub(engine.bytes().await?);
    Ok(report)
}

/// Everything before `time` that is whole: the start of the interval that `time` lies in.
fn whole_before(time_ms: i64, interval_ms: i64) -> i64 {
    time_ms - time_ms.rem_euclid(interval_ms)
}

async fn by_age<F: Files>(
    engine: &Engine<F>,
    policy: &RetentionPolicy,
    now_ms: i64,
    report: &mut RetentionReport,
) -> Result<(), StoreError> {
    let interval = policy.interval_ms();
    let gone_before = now_ms.saturating_sub(i64::from(policy.downsampled_days) * DAY_MS);
    let coarse_before = now_ms.saturating_sub(i64::from(policy.full_resolution_days) * DAY_MS);
    let coarse_before = whole_before(coarse_before, interval);
    for shelves in engine.shelves() {
        let [frames, rollups @ ..] = shelves.as_slice() else { continue };
        delete_all(engine, *frames, whole_before(gone_before, interval), report).await?;
        while downsample_step(engine, *frames, interval, coarse_before, report).await? {}
        for shelf in rollups {
            // A downsampled frame is too old when its end is.
            let before = gone_before - shelf.interval_ms + 1;
            delete_all(engine, *shelf, before, report).await?;
        }
    }
    Ok(())
}

async fn delete_all<F: Files>(
    engine: &Engine<F>,
    shelf: Shelf,
    before_ms: i64,
    report: &mut RetentionReport,
) -> Result<(), StoreError> {
    while delete_step(engine, shelf, before_ms, report).await? {}
    Ok(())
}
