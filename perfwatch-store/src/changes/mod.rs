//! What changed between two windows of time: every series of a host, ranked by how far it moved
//! against its own noise.
//!
//! A pure reader of any [`Store`]: it asks for ranges, as anybody could, and keeps nothing. Both
//! windows are read at the same step, in portions of series, so that neither long windows nor many
//! series take much memory. `docs/changes.md` describes the statistics and where they are from.
//! No name of a metric stands here; what a unit's smallest change worth telling is, does.

mod judge;
mod least;
mod read;
mod sample;
#[cfg(test)]
mod tests;

use std::{cmp::Ordering, sync::Arc};

use perfwatch_core::{Table, series::column_of};

pub use sample::p95;

use crate::{Store, StoreError};
use read::Reading;

/// The effect below which a shift is noise, unless the question says otherwise.
pub const DEFAULT_MIN_EFFECT: f64 = 3.0;

/// A series with fewer points than this in a window is not judged.
const FEWEST: usize = 8;

/// A range of time in milliseconds since 1970; the end is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first millisecond.
    pub start_ms: i64,
    /// The millisecond behind the last.
    pub end_ms: i64,
}

/// A question about two windows of one host. They may be of any length and in any order.
#[derive(Clone, Debug)]
pub struct ChangesQuery {
    /// The host's name.
    pub host: String,
    /// What is compared with.
    pub before: Window,
    /// What is asked about.
    pub after: Window,
    /// The floor: smaller effects are noise.
    pub min_effect: f64,
    /// At most so many of the changes, the greatest ones.
    pub limit: usize,
}

/// What changed. Each series that has a value in either window is counted once: it changed, or
/// lies below the floor, or has too few points, or appeared, or disappeared.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// The length of the buckets whose means are the points.
    pub step_ms: i64,
    /// The points of the window before: the most that any series has.
    pub points_before: usize,
    /// The points of the window after.
    pub points_after: usize,
    /// How many series have a value in either window.
    pub series: usize,
    /// How many of them changed: all of them, also those beyond the limit.
    pub changed: usize,
    /// How many moved by less than the floor.
    pub below: usize,
    /// How many have too few points in a window to be judged.
    pub too_few: usize,
    /// The changes, by size.
    pub changes: Vec<Change>,
    /// The series that are only in the window after, by path.
    pub appeared: Vec<String>,
    /// The series that are only in the window before, by path.
    pub disappeared: Vec<String>,
}

impl Changes {
    /// Says so where a window has nothing stored, so that nothing could be compared.
    pub fn note(&self) -> Option<&'static str> {
        match (self.points_before, self.points_after) {
            (0, 0) => Some("nothing is stored for either window"),
            (0, _) => Some("nothing is stored for the window before"),
            (_, 0) => Some("nothing is stored for the window after"),
            _ => None,
        }
    }
}

/// A series that moved.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The series' name.
    pub path: String,
    /// The path's segments.
    pub segments: Vec<String>,
    /// How many decimals its values have.
    pub decimals: u8,
    /// Which of its figures moved the most.
    pub moved: Figure,
    /// By how many times its noise that figure moved; below 0 where it fell.
    pub effect: f64,
    /// Of all pairs of a point before and a point after: the share in which the later one is
    /// higher less the share in which it is lower (Cliff's delta), from -1 to 1.
    pub cliffs_delta: f64,
    /// The window before.
    pub before: Figures,
    /// The window after.
    pub after: Figures,
}

/// One of the figures that a window is summed up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// What half of the points lie at or below.
    Median,
    /// What 95 of 100 points lie at or below.
    P95,
}

impl Figure {
    /// Its name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Median => "median",
            Self::P95 => "p95",
        }
    }
}

/// A series in one window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// How many points it has.
    pub points: usize,
    /// What half of them lie at or below.
    pub median: f64,
    /// What 95 of 100 lie at or below.
    pub p95: f64,
}

impl Change {
    /// The figure that moved the most, before and after.
    pub fn shift(&self) -> (f64, f64) {
        match self.moved {
            Figure::Median => (self.before.median, self.after.median),
            Figure::P95 => (self.before.p95, self.after.p95),
        }
    }

    /// By how much that figure changed, in percent of what it was; nothing from 0.
    pub fn percent(&self) -> Option<f64> {
        let (before, after) = self.shift();
        let percent = (after - before) / before.abs() * 100.0;
        percent.is_finite().then_some(percent)
    }
}

/// Ranks the series of a host by how far they moved between two windows. `tables` say what unit a
/// series has, and so how small a shift is none.
///
/// # Errors
/// [`StoreError::BadQuery`] for a window that is none or a floor that is no positive number, and
/// what the store ran into.
pub async fn changes(
    store: &dyn Store,
    query: &ChangesQuery,
    tables: &[&'static Table],
) -> Result<Changes, StoreError> {
    if !(query.min_effect.is_finite() && query.min_effect > 0.0) {
        return Err(StoreError::bad_query("min_effect", "it must be a number above 0"));
    }
    let mut reading = Reading::new(store, query).await?;
    let mut found = judge::Found::default();
    let tables: Arc<[&'static Table]> = tables.into();
    while let Some(pairs) = reading.next().await? {
        // Statistics of many series take long enough to hold up a thread that serves others.
        let (min_effect, tables) = (query.min_effect, Arc::clone(&tables));
        let judged = tokio::task::spawn_blocking(move || {
            let unit_of = |segments: &[String]| column_of(&tables, segments).map(|it| it.unit);
            judge::Found::of(pairs, min_effect, &unit_of)
        });
        found.merge(judged.await.map_err(|error| StoreError::Backend(Box::new(error)))?);
    }
    Ok(found.finish(reading.step_ms(), query.limit))
}

/// The greatest effect first; by path where they are equal.
fn by_size(a: &Change, b: &Change) -> Ordering {
    b.effect.abs().total_cmp(&a.effect.abs()).then_with(|| a.path.cmp(&b.path))
}
