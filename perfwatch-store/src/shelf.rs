//! What a backend must be able to do with bodies, so that answering and retention are written once.
//!
//! All frames of one host that are equally fine lie on a [`Shelf`], in order of time. Range queries
//! need a [`Reader`] that sees one moment; retention needs a [`Keeper`], of which there is one.

use std::ops::Range;

use async_trait::async_trait;

use crate::{StoreError, layout::Place};

/// Times are kept in 44 bits, which last until the year 2527.
pub(crate) const TIMES: Range<i64> = 0..1 << 44;

/// The frames of one host at one resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shelf {
    /// The host's number.
    pub(crate) host: u32,
    /// How long a frame is; 0 at full resolution.
    pub(crate) interval_ms: i64,
}

impl Shelf {
    /// Where a frame of this time lies.
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

/// The first and the last time within a range on any of these shelves.
pub(crate) async fn span_of<R: Reader + ?Sized>(
    reader: &mut R,
    shelves: &[Shelf],
    range: Range<i64>,
) -> Result<Option<(i64, i64)>, StoreError> {
    let mut whole: Option<(i64, i64)> = None;
    for &shelf in shelves {
        if let Some((first, last)) = reader.span(shelf, range.clone()).await? {
            let (from, until) = whole.unwrap_or((first, last));
            whole = Some((from.min(first), until.max(last)));
        }
    }
    Ok(whole)
}

/// One stored frame.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    /// Where it belongs.
    pub(crate) place: Place,
    /// The checksum and the payload.
    pub(crate) bytes: Vec<u8>,
}

/// Reads bodies as they were at one moment.
#[async_trait]
pub(crate) trait Reader: Send {
    /// The first and the last time within a range.
    async fn span(
        &mut self,
        shelf: Shelf,
        range: Range<i64>,
    ) -> Result<Option<(i64, i64)>, StoreError>;

    /// How many bodies lie in a range; stops counting at `limit`.
    async fn count(
        &mut self,
        shelf: Shelf,
        range: Range<i64>,
        limit: usize,
    ) -> Result<usize, StoreError>;

    /// The oldest bodies of a range, in order of time, at most `limit`.
    async fn oldest(
        &mut self,
        shelf: Shelf,
        range: Range<i64>,
        limit: usize,
    ) -> Result<Vec<Body>, StoreError>;
}

/// What retention does in one transaction.
#[derive(Debug)]
pub(crate) struct Change {
    /// Bodies to be written, over those that lie there.
    pub(crate) put: Vec<Body>,
    /// The shelf from which to take away.
    pub(crate) shelf: Shelf,
    /// The newest time that is taken away; everything older goes with it.
    pub(crate) delete_until_ms: i64,
    /// What this does to the number of frames at full resolution.
    pub(crate) frames: i64,
    /// What this does to the number of downsampled frames.
    pub(crate) rollups: i64,
}

impl Change {
    /// Takes everything away up to this time.
    pub(crate) fn delete(shelf: Shelf, until_ms: i64) -> Self {
        Self { put: Vec::new(), shelf, delete_until_ms: until_ms, frames: 0, rollups: 0 }
    }
}

/// Changes bodies; nobody else does while there is one.
#[async_trait]
pub(crate) trait Keeper: Reader {
    /// The oldest times of a range, at most `limit`.
    async fn oldest_times(
        &mut self,
        shelf: Shelf,
        range: Range<i64>,
        limit: usize,
    ) -> Result<Vec<i64>, StoreError>;

    /// Does all of it or nothing.
    async fn change(&mut self, change: Change) -> Result<(), StoreError>;

    /// The bytes in use.
    async fn bytes(&mut self) -> Result<u64, StoreError>;

    /// Gives a little unused space back, and says whether there is more.
    async fn shrink(&mut self) -> Result<bool, StoreError>;
}
