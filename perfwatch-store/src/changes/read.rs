//! Reads both windows, some series at a time.

use std::{collections::BTreeMap, time::Duration};

use perfwatch_core::series::Pattern;

use super::{ChangesQuery, Window};
use crate::{
    Aggregate, RangeAnswer, RangeQuery, Selection, Series, Step, Store, StoreError, nice_step,
};

/// So many points describe a window; more only cost time.
const POINTS: usize = 2000;

/// Where one window is much longer than the other, the shorter one has about so many points...
const POINTS_OF_SHORTER: usize = 60;

/// ... and the longer one at most so many.
const MOST_POINTS: usize = 11_000;

/// At most so many values of each window are held at once: 8 MiB as they come from the store.
const VALUES: usize = 512 * 1024;

/// The points of a series in both windows, in the order of time.
pub(super) struct Pair {
    pub(super) path: String,
    pub(super) segments: Vec<String>,
    pub(super) decimals: u8,
    pub(super) before: Vec<f64>,
    pub(super) after: Vec<f64>,
}

/// What is still to be read.
pub(super) struct Reading<'a> {
    store: &'a dyn Store,
    query: &'a ChangesQuery,
    step: Duration,
    patterns: Vec<Pattern>,
    at_once: usize,
}

impl<'a> Reading<'a> {
    /// Looks up which series there are.
    pub(super) async fn new(
        store: &'a dyn Store,
        query: &'a ChangesQuery,
    ) -> Result<Self, StoreError> {
        for window in [query.before, query.after] {
            selection(&query.host, window, Vec::new()).validate()?;
        }
        let lengths = [query.before, query.after].map(length);
        let step = step_for(lengths);
        let longest = lengths.into_iter().max().unwrap_or_default();
        let points = longest.as_millis().div_ceil(step.as_millis().max(1)) as usize + 1;
        let paths = store.series(&query.host).await?;
        // By name from the end, where portions are taken from.
        let patterns = paths.iter().rev().filter_map(|path| Pattern::parse(path).ok()).collect();
        Ok(Self { store, query, step, patterns, at_once: (VALUES / points).max(1) })
    }

    /// The step that both windows are read at.
    pub(super) fn step_ms(&self) -> i64 {
        i64::try_from(self.step.as_millis()).unwrap_or(i64::MAX)
    }

    /// The next series that have a value; nothing when all were read.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Pair>>, StoreError> {
        if self.patterns.is_empty() {
            return Ok(None);
        }
        let rest = self.patterns.len().saturating_sub(self.at_once);
        let patterns = self.patterns.split_off(rest);
        loop {
            let before = self.range(self.query.before, &patterns).await?;
            let after = self.range(self.query.after, &patterns).await?;
            // One of them may be stored more coarsely; noise is comparable at one step only.
            let coarsest = before.step_ms.max(after.step_ms);
            if coarsest <= self.step_ms() {
                return Ok(Some(pairs(before, after)));
            }
            self.step = Duration::from_millis(coarsest.unsigned_abs());
        }
    }

    async fn range(&self, window: Window, patterns: &[Pattern]) -> Result<RangeAnswer, StoreError> {
        let query = RangeQuery {
            selection: selection(&self.query.host, window, patterns.to_vec()),
            step: Step::Every(self.step),
            limit: MOST_POINTS,
            aggregates: vec![Aggregate::Avg],
        };
        self.store.range(&query).await
    }
}

fn selection(host: &str, window: Window, patterns: Vec<Pattern>) -> Selection {
    let Window { start_ms, end_ms } = window;
    Selection { host: host.to_owned(), patterns, start_ms, end_ms }
}

fn length(window: Window) -> Duration {
    Duration::from_millis(window.end_ms.saturating_sub(window.start_ms).unsigned_abs())
}

/// The step for two windows of these lengths.
fn step_for(lengths: [Duration; 2]) -> Duration {
    let [shorter, longer] = [lengths[0].min(lengths[1]), lengths[0].max(lengths[1])];
    let usual = nice_step(longer, POINTS);
    usual.min(nice_step(shorter, POINTS_OF_SHORTER)).max(nice_step(longer, MOST_POINTS))
}

/// Brings together what both windows have of each series.
fn pairs(before: RangeAnswer, after: RangeAnswer) -> Vec<Pair> {
    let mut pairs: BTreeMap<String, Pair> = BTreeMap::new();
    for series in before.series {
        let pair = pair_of(&mut pairs, &series);
        pair.before = series.values.into_iter().flatten().collect();
    }
    for series in after.series {
        let pair = pair_of(&mut pairs, &series);
        pair.after = series.values.into_iter().flatten().collect();
    }
    pairs.into_values().collect()
}

fn pair_of<'a>(pairs: &'a mut BTreeMap<String, Pair>, series: &Series) -> &'a mut Pair {
    pairs.entry(series.path.clone()).or_insert_with(|| Pair {
        path: series.path.clone(),
        segments: series.segments.clone(),
        decimals: series.decimals,
        before: Vec::new(),
        after: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_window_is_not_starved() {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        assert_eq!(step_for([hours(1), hours(1)]), Duration::from_secs(2));
        assert_eq!(step_for([hours(24), hours(24)]), Duration::from_secs(60));
        assert_eq!(step_for([hours(1), hours(24)]), Duration::from_secs(60));
        assert_eq!(step_for([hours(168), hours(1)]), Duration::from_secs(120));
        assert_eq!(step_for([hours(1), hours(24 * 365)]), Duration::from_secs(3600));
    }
}
