//! How long what is kept: the archive policy, and the report of having applied it.

use std::time::Duration;

use crate::StoreError;

/// The intervals that frames can be downsampled to. Each divides a day, so that buckets of any
/// two of them meet. Their order is part of the SQLite file's format.
pub const DOWNSAMPLE_INTERVALS: [Duration; 12] = [
    Duration::from_secs(60),
    Duration::from_secs(2 * 60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(3600),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(3 * 3600),
    Duration::from_secs(6 * 3600),
    Duration::from_secs(12 * 3600),
    Duration::from_secs(24 * 3600),
];

/// A hundred years: more days than anybody means.
const MAX_DAYS: u32 = 36_500;

/// Below this, a database has no room for anything but its own tables.
const MIN_BYTES: u64 = 1 << 20;

/// What is kept, how long and how fine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Frames are kept as they are for so many days; 0 downsamples every whole interval at once.
    pub full_resolution_days: u32,
    /// Older frames are merged into one per interval: average, minimum, maximum, last and count.
    pub downsample_interval: Duration,
    /// Everything older than this is deleted. At least `full_resolution_days`.
    pub downsampled_days: u32,
    /// Above this size, what would go next by age goes earlier: frames older than a day are
    /// downsampled, oldest first, then the oldest downsampled ones go, then the last day's.
    pub max_bytes: Option<u64>,
}

impl Default for RetentionPolicy {
    fn default() -> Self {
        Self {
            full_resolution_days: 30,
            downsample_interval: Duration::from_secs(5 * 60),
            downsampled_days: 365,
            max_bytes: None,
        }
    }
}

impl RetentionPolicy {
    /// Checks that the policy can be kept.
    ///
    /// # Errors
    /// [`StoreError::BadPolicy`] naming the first key that is wrong.
    pub fn validate(&self) -> Result<(), StoreError> {
        let bad = StoreError::bad_policy;
        if self.full_resolution_days > MAX_DAYS {
            return Err(bad("full_resolution_days", format!("at most {MAX_DAYS} are possible")));
        }
        if !DOWNSAMPLE_INTERVALS.contains(&self.downsample_interval) {
            return Err(bad("downsample_interval", interval_reason()));
        }
        if !(1..=MAX_DAYS).contains(&self.downsampled_days) {
            return Err(bad("downsampled_days", format!("1 to {MAX_DAYS} are possible")));
        }
        if self.downsampled_days < self.full_resolution_days {
            let least = self.full_resolution_days;
            let reason = format!("it cannot be below full_resolution_days, which is {least}");
            return Err(bad("downsampled_days", reason));
        }
        if self.max_bytes.is_some_and(|bytes| bytes < MIN_BYTES) {
            return Err(bad("max_bytes", format!("at least {MIN_BYTES} bytes are needed")));
        }
        Ok(())
    }

    pub(crate) fn interval_ms(&self) -> i64 {
        i64::try_from(self.downsample_interval.as_millis()).unwrap_or(i64::MAX)
    }
}

/// The intervals in milliseconds.
pub(crate) fn intervals_ms() -> impl Iterator<Item = i64> {
    DOWNSAMPLE_INTERVALS.iter().map(|interval| interval.as_secs() as i64 * 1000)
}

fn interval_reason() -> String {
    let names: Vec<String> = DOWNSAMPLE_INTERVALS
        .iter()
        .map(|interval| match interval.as_secs() {
            86_400 => "1d".to_owned(),
            seconds if seconds >= 3600 => format!("{}h", seconds / 3600),
            seconds => format!("{}m", seconds / 60),
        })
        .collect();
    format!("it must be one of {}", names.join(", "))
}

/// Some fields of a policy: what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionPolicyUpdate {
    /// See [`RetentionPolicy::full_resolution_days`].
    pub full_resolution_days: Option<u32>,
    /// See [`RetentionPolicy::downsample_interval`].
    pub downsample_interval: Option<Duration>,
    /// See [`RetentionPolicy::downsampled_days`].
    pub downsampled_days: Option<u32>,
    /// See [`RetentionPolicy::max_bytes`]; `Some(None)` takes the bound away.
    pub max_bytes: Option<Option<u64>>,
}

impl RetentionPolicyUpdate {
    /// The policy with these fields changed.
    ///
    /// # Errors
    /// [`StoreError::BadPolicy`] naming the first key that is wrong.
    pub fn apply_to(&self, policy: &RetentionPolicy) -> Result<RetentionPolicy, StoreError> {
        let merged = RetentionPolicy {
            full_resolution_days: self.full_resolution_days.unwrap_or(policy.full_resolution_days),
            downsample_interval: self.downsample_interval.unwrap_or(policy.downsample_interval),
            downsampled_days: self.downsampled_days.unwrap_or(policy.downsampled_days),
            max_bytes: self.max_bytes.unwrap_or(policy.max_bytes),
        };
        merged.validate()?;
        Ok(merged)
    }
}

/// What applying a policy did. Before and after, the counts of [`Usage`](crate::Usage) differ by
/// exactly these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionReport {
    /// Frames at full resolution that are gone: merged into downsampled ones, or too old for them.
    pub deleted_frames: u64,
    /// Downsampled frames that are new.
    pub downsampled_frames: u64,
    /// Downsampled frames that are gone.
    pub deleted_downsampled_frames: u64,
    /// By how much the store is smaller now.
    pub freed_bytes: u64,
    /// Why less was done than the clock alone would say, if so: the clock is far ahead of the
    /// stored frames, or they come from a time that it only jumped to.
    pub note: Option<String>,
}
