//! The trait of everything that keeps frames.

use std::sync::Arc;

use async_trait::async_trait;
use perfwatch_core::View;

use crate::{
    RangeAnswer, RangeQuery, RetentionPolicy, RetentionReport, Selection, SeriesSummary, StoreError,
};

/// One frame of one host, as it is stored: what people read, not the raw counters.
#[derive(Clone, Debug)]
pub struct Record {
    /// The host's name.
    pub host: Arc<str>,
    /// Its values at one moment.
    pub view: Arc<View>,
}

/// A host that the store holds frames of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostInfo {
    /// Its name.
    pub name: String,
    /// The oldest time held, in milliseconds since 1970 (UTC).
    pub first_seen_ms: i64,
    /// The newest time held, in milliseconds since 1970 (UTC).
    pub last_seen_ms: i64,
}

/// What a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes on disk, or in memory where there is no disk. A log that only bridges the time until
    /// its content is in the file itself (4 MiB beside SQLite's) is not in it.
    pub bytes: u64,
    /// Frames at full resolution.
    pub frames: u64,
    /// Downsampled frames.
    pub downsampled_frames: u64,
    /// The oldest time held, in milliseconds since 1970 (UTC).
    pub oldest_ms: Option<i64>,
    /// The newest time held, in milliseconds since 1970 (UTC).
    pub newest_ms: Option<i64>,
    /// Frames whose checksum was found wrong since the store was opened. They are never shown.
    pub damaged_frames: u64,
}

/// Keeps the frames of any number of hosts.
///
/// A (host, timestamp) appended twice counts once, and frames may arrive in any order of time.
/// Times are milliseconds since 1970 (UTC); ranges include their start and not their end.
#[async_trait]
pub trait Store: Send + Sync {
    /// The backend's name, such as `sqlite`.
    fn kind(&self) -> &'static str;

    /// Keeps these frames: all of them or, on an error, none. When it returns, they are durable.
    async fn append(&self, records: &[Record]) -> Result<(), StoreError>;

    /// Series over a range, as points. A host that is not known has no points.
    async fn range(&self, query: &RangeQuery) -> Result<RangeAnswer, StoreError>;

    /// Each series over a range, as one figure per aggregate; series without a value are left out.
    async fn summary(&self, selection: &Selection) -> Result<Vec<SeriesSummary>, StoreError>;

    /// The paths of all series of a host that ever had a value, in order.
    async fn series(&self, host: &str) -> Result<Vec<String>, StoreError>;

    /// All hosts that frames are held of, by name.
    async fn hosts(&self) -> Result<Vec<HostInfo>, StoreError>;

    /// What is held.
    async fn usage(&self) -> Result<Usage, StoreError>;

    /// Downsamples and deletes what the policy says, in small steps between which appends go on.
    /// `now_ms` is the wall clock; ages count from the newest stored time where that is older,
    /// and never from a time that the clock only jumped to (see [`RetentionReport::note`]).
    async fn apply_retention(
        &self,
        policy: &RetentionPolicy,
        now_ms: i64,
    ) -> Result<RetentionReport, StoreError>;

    /// Ends all work and lets go of the file. Later calls fail with [`StoreError::Unavailable`].
    async fn close(&self);
}
