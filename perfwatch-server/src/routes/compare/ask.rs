//! What is asked of the store for two periods.

use std::time::Duration;

use perfwatch_core::series::Pattern;
use perfwatch_store::{
    Aggregate, MAX_VALUES, RangeAnswer, RangeQuery, SeriesSummary, Step, nice_step,
};

use super::axis::Axis;
use crate::{app::App, error::AppResult, query::Range};

/// What is asked of the store for both periods.
pub(super) struct Asked<'a> {
    pub(super) app: &'a App,
    pub(super) host: &'a str,
    pub(super) patterns: &'a [Pattern],
}

impl Asked<'_> {
    /// Both periods with the same step, on an axis of at most `limit` points (two if it is one).
    /// Where one of them is stored more coarsely than was asked, both are asked again with what
    /// it needs.
    pub(super) async fn on_one_axis(
        &self,
        [current, previous]: [Range; 2],
        step: Step,
        limit: usize,
    ) -> AppResult<(Axis, RangeAnswer, RangeAnswer)> {
        let longest = current.length_ms().max(previous.length_ms());
        let (asked_ms, fixed) = match step {
            Step::Every(step) => (i64::try_from(step.as_millis()).unwrap_or(i64::MAX), true),
            Step::Auto | Step::Raw => (round(longest, limit), false),
        };
        // The store keeps to the limit by what it holds; the axis has every point of a period.
        let fitting = |step_ms: i64| {
            let axis = Axis::new(step_ms, current, previous);
            if axis.points() <= limit {
                return axis;
            }
            Axis::new(step_ms.max(round(longest, limit)), current, previous)
        };
        let mut axis = fitting(asked_ms);
        loop {
            let (now, before) = tokio::try_join!(
                self.points(current, axis.step_ms, limit),
                self.points(previous, axis.step_ms, limit),
            )?;
            let stored = now.resolution_ms.max(before.resolution_ms);
            // Two frames to a bucket: a tick that comes a little late leaves no hole.
            let least = if fixed { 0 } else { round(2 * stored * 1000, 1002) };
            let wanted = now.step_ms.max(before.step_ms).max(least);
            if wanted <= axis.step_ms {
                return Ok((axis, now, before));
            }
            axis = fitting(wanted);
        }
    }

    async fn points(&self, range: Range, step_ms: i64, limit: usize) -> AppResult<RangeAnswer> {
        let query = RangeQuery {
            selection: range.select(self.host, self.patterns),
            step: Step::Every(Duration::from_millis(step_ms.unsigned_abs())),
            limit,
            aggregates: vec![Aggregate::Avg],
        };
        Ok(self.app.store.range(&query).await?)
    }

    /// Each series over a whole period.
    pub(super) async fn averages(&self, range: Range) -> AppResult<Vec<SeriesSummary>> {
        let selection = range.select(self.host, self.patterns);
        Ok(self.app.store.summary(&selection).await?)
    }
}

/// How many points each period of so many series may have: no more than were asked for, and fewer
/// where the store would answer with fewer.
pub(super) fn points_for(asked: usize, series: usize) -> usize {
    asked.min(MAX_VALUES / series.max(1)).max(2)
}

/// The round step of which at most `limit` cover a range of this length.
fn round(length_ms: i64, limit: usize) -> i64 {
    let step = nice_step(Duration::from_millis(length_ms.unsigned_abs()), limit);
    i64::try_from(step.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_series_have_fewer_points() {
        assert_eq!(points_for(1000, 0), 1000);
        assert_eq!(points_for(1000, 1000), 1000);
        assert_eq!(points_for(11_000, 2000), 500);
        assert_eq!(points_for(11_000, 10_000_000), 2);
    }
}
