//! What a backend must be able to do with bytes, so that everything else is written once.
//!
//! A backend keeps the newest frames one by one and all others in slices ([`Files`]). What is asked
//! is answered from slices as they were at one [`Moment`], and from the [`Head`](crate::head::Head).

use std::ops::Range;

use async_trait::async_trait;

use crate::{
    StoreError, TierUsage,
    layout::{Frame, Place, slice::Slice},
    registry::Machine,
};

/// Times are kept in 44 bits, which last until the year 2527.
pub(crate) const TIMES: Range<i64> = 0..1 << 44;

/// The slices of one host at one resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shelf {
    /// The host's number.
    pub(crate) host: u32,
    /// How long a downsampled frame is; 0 at full resolution.
    pub(crate) interval_ms: i64,
}

impl Shelf {
    /// Where a slice that begins at this time lies.
    pub(crate) fn place(self, timestamp_ms: i64) -> Place {
        let Self { host, interval_ms } = self;
        Place { host, interval_ms, timestamp_ms }
    }
}

/// All shelves of a host: full resolution first, then what was downsampled.
pub(crate) fn shelves_of(host: u32, intervals_ms: impl IntoIterator<Item = i64>) -> Vec<Shelf> {
    let intervals = std::iter::once(0).chain(intervals_ms);
    intervals.map(|interval_ms| Shelf { host, interval_ms }).collect()
}

/// A slice's directory as it is kept.
pub(crate) type Sheet = (Place, Vec<u8>);

/// Reads slices as they were at one moment.
#[async_trait]
pub(crate) trait Moment: Send {
    /// The slices that begin in a range, in order of time, at most `limit`.
    async fn sheets(
        &mut self,
        shelf: Shelf,
        starts: Range<i64>,
        limit: usize,
    ) -> Result<Vec<Sheet>, StoreError>;

    /// The slice that begins last.
    async fn newest(&mut self, shelf: Shelf) -> Result<Option<Sheet>, StoreError>;

    /// These parts of slices, in the same order; what is not there is empty.
    async fn parts(&mut self, wanted: &[(Place, u32)]) -> Result<Vec<Vec<u8>>, StoreError>;
}

/// A host with names that are not kept yet.
#[derive(Debug)]
pub(crate) struct NewNames {
    pub(crate) host: u32,
    pub(crate) name: String,
    /// Number, path and decimals of each new series.
    pub(crate) series: Vec<(i64, String, u8)>,
}

/// What one transaction does to slices and frames.
#[derive(Debug, Default)]
pub(crate) struct Change {
    /// Slices that are gone.
    pub(crate) delete: Vec<Place>,
    /// Slices that are new; those that lie there are deleted as well.
    pub(crate) put: Vec<Slice>,
    /// Frames of the head that are in slices now, or gone.
    pub(crate) frames: Vec<Place>,
}

/// What lies in slices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// At full resolution.
    pub(crate) frames: TierUsage,
    /// Downsampled.
    pub(crate) rollups: TierUsage,
}

/// Where frames and slices are kept.
#[async_trait]
pub(crate) trait Files: Send + Sync + 'static {
    /// Whether frames are kept one by one anywhere but in the head.
    fn keeps_frames(&self) -> bool;

    /// Whether nobody else may change what is there, and a [`Files::glance`] is cheaper than a moment.
    fn may_glance(&self) -> bool {
        false
    }

    /// What is there at each look, which may change from one to the next.
    async fn glance(&self) -> Result<Box<dyn Moment + '_>, StoreError> {
        self.moment().await
    }

    /// What is there now.
    async fn moment(&self) -> Result<Box<dyn Moment + '_>, StoreError>;

    /// Keeps frames, none of which is there yet, and names: all or nothing, and durably.
    async fn append(&self, names: Vec<NewNames>, frames: &[Frame]) -> Result<(), StoreError>;

    /// Writes down which machine has a name, durably.
    async fn register(&self, name: &str, machine: &Machine) -> Result<(), StoreError>;

    /// The frames kept one by one behind a place, in order, at most `limit`: the place, and the
    /// frame if it is not damaged.
    async fn frames(
        &self,
        behind: Option<Place>,
        limit: usize,
    ) -> Result<Vec<(Place, Option<Frame>)>, StoreError>;

    /// Does all of it or nothing.
    async fn change(&self, change: &Change) -> Result<(), StoreError>;

    /// What lies in slices.
    async fn totals(&self) -> Result<Totals, StoreError>;

    /// The bytes kept, and those of them that are in use and may be taken away.
    async fn bytes(&self) -> Result<(u64, u64), StoreError>;

    /// When the oldest hour begins that is summed up beside slices, where a backend does that.
    async fn oldest_hour(&self) -> Result<Option<i64>, StoreError> {
        Ok(None)
    }

    /// Takes such hours that begin before a time away.
    async fn delete_hours(&self, _before_ms: i64) -> Result<(), StoreError> {
        Ok(())
    }

    /// Gives a little unused space back, and says whether there is more.
    async fn shrink(&self) -> Result<bool, StoreError>;

    /// What the backend itself finds wrong with its bytes.
    async fn check(&self) -> Result<Vec<String>, StoreError>;
}
