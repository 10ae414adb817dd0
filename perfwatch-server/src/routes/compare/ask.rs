//! What is asked of the store for two periods.

use std::time::Duration;

use perfwatch_core::series::Pattern;
use perfwatch_store::{Aggregate, RangeAnswer, RangeQuery, SeriesSummary, Step, nice_step};

use crate::{
    app::App,
    error::AppResult,
    query::{self, Range},
};

/// What is asked of the store for both periods.
pub(super) struct Asked<'a> {
    pub(super) app: &'a App,
    pub(super) host: &'a str,
    pub(super) patterns: &'a [Pattern],
    pub(super) limit: usize,
}

impl Asked<'_> {
    /// Both periods with the same step. Where one of them is stored more coarsely than was asked,
    /// both are asked again with what it needs.
    pub(super) async fn on_one_axis(
        &self,
        current: Range,
        previous: Range,
        step: Step,
    ) -> AppResult<(RangeAnswer, RangeAnswer)> {
        let longest = current.length_ms().max(previous.length_ms());
        let (mut step_ms, fixed) = match step {
            Step::Every(step) => (i64::try_from(step.as_millis()).unwrap_or(i64::MAX), true),
            Step::Auto | Step::Raw => (round(longest, self.limit), false),
        };
        loop {
            let now = self.points(current, step_ms).await?;
            let before = self.points(previous, step_ms).await?;
            let stored = now.resolution_ms.max(before.resolution_ms);
            // Two frames to a bucket: a tick that comes a little late leaves no hole.
            let least = if fixed { 0 } else { round(2 * stored * 1000, 1002) };
            let wanted = now.step_ms.max(before.step_ms).max(least);
            if wanted <= step_ms {
                return Ok((now, before));
            }
            step_ms = wanted;
        }
    }

    async fn points(&self, range: Range, step_ms: i64) -> AppResult<RangeAnswer> {
        let query = RangeQuery {
            selection: range.select(self.host, self.patterns),
            step: Step::Every(Duration::from_millis(step_ms.unsigned_abs())),
            limit: self.limit,
            aggregates: vec![Aggregate::Avg],
        };
        self.app.store.range(&query).await.map_err(query::refused)
    }

    /// Each series over a whole period.
    pub(super) async fn averages(&self, range: Range) -> AppResult<Vec<SeriesSummary>> {
        let selection = range.select(self.host, self.patterns);
        self.app.store.summary(&selection).await.map_err(query::refused)
    }
}

/// The round step of which at most `limit` cover a range of this length.
fn round(length_ms: i64, limit: usize) -> i64 {
    let step = nice_step(Duration::from_millis(length_ms.unsigned_abs()), limit);
    i64::try_from(step.as_millis()).unwrap_or(i64::MAX)
}
