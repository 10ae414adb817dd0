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
pub(crate) use trust::{newest, newest_believed, note};

pub(crate) const DAY_MS: i64 = 24 * 3600 * 1000;

/// Does what the policy says, as far as the clock can be trusted.
pub(crate) async fn apply<F: Files>(
    engine: &Engine<F>,
    policy: &RetentionPolicy,
    now_ms: i64,
) -> Result<RetentionReport, StoreError> {
    let _keeping = engine.keeping().await?;
    let trusted = newest(engine).await?;
    let hosts: Vec<u32> = (0..engine.index().hosts().len() as u32).collect();
    apply_to(engine, policy, (trusted, now_ms), &hosts).await
}

/// The same for some hosts, by the newest time that is believed and the clock, where nobody else
/// changes slices.
pub(crate) async fn apply_to<F: Files>(
    engine: &Engine<F>,
    policy: &RetentionPolicy,
    (trusted, now_ms): (Option<i64>, i64),
    hosts: &[u32],
) -> Result<RetentionReport, StoreError> {
    policy.validate()?;
    let mut report = RetentionReport { note: note(trusted, now_ms), ..RetentionReport::default() };
    let Some(newest_ms) = trusted else { return Ok(report) };
    let bytes = engine.bytes().await?;
    let now_ms = now_ms.min(newest_ms);
    by_age(engine, &Ages::of(policy, now_ms), hosts, &mut report).await?;
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

/// Before which times a policy merges frames, and takes them away.
pub(crate) struct Ages {
    interval_ms: i64,
    gone_before_ms: i64,
    coarse_before_ms: i64,
}

impl Ages {
    pub(crate) fn of(policy: &RetentionPolicy, now_ms: i64) -> Self {
        let before = |days: u32| now_ms.saturating_sub(i64::from(days) * DAY_MS);
        let interval_ms = policy.interval_ms();
        Self {
            interval_ms,
            gone_before_ms: before(policy.downsampled_days),
            coarse_before_ms: whole_before(before(policy.full_resolution_days), interval_ms),
        }
    }

    /// Frames before this are merged, or gone.
    pub(crate) fn merged_before_ms(&self) -> i64 {
        self.coarse_before_ms.max(self.frames_before_ms())
    }

    /// A downsampled frame that begins before this is gone: it is too old when its end is.
    pub(crate) fn gone_before(&self, interval_ms: i64) -> i64 {
        self.gone_before_ms - interval_ms + 1
    }

    fn frames_before_ms(&self) -> i64 {
        whole_before(self.gone_before_ms, self.interval_ms)
    }
}

async fn by_age<F: Files>(
    engine: &Engine<F>,
    ages: &Ages,
    hosts: &[u32],
    report: &mut RetentionReport,
) -> Result<(), StoreError> {
    let (interval, merged_before) = (ages.interval_ms, ages.coarse_before_ms);
    let shelves = engine.shelves();
    for shelves in hosts.iter().filter_map(|&host| shelves.get(host as usize)) {
        let [frames, rollups @ ..] = shelves.as_slice() else { continue };
        delete_all(engine, *frames, ages.frames_before_ms(), report).await?;
        while downsample_step(engine, *frames, interval, merged_before, report).await? {}
        for shelf in rollups {
            delete_all(engine, *shelf, ages.gone_before(shelf.interval_ms), report).await?;
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
