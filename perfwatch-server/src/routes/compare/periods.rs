//! Which two periods are meant.

use super::CompareParams;
use crate::{
    error::{AppError, AppResult},
    query::{self, Range},
};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The two periods meant.
pub(super) fn periods(params: &CompareParams, now_ms: i64) -> AppResult<(Range, Range)> {
    if let Some(start) = &params.compare_start_time {
        if params.period.is_some() || params.compare_to.is_some() {
            let detail = "compare_start_time: give either two ranges or period and compare_to";
            return Err(AppError::invalid(detail));
        }
        let current =
            query::range(params.start_time.as_deref(), params.end_time.as_deref(), now_ms)?;
        let start_ms = query::required_time("compare_start_time", start)?;
        let end = params.compare_end_time.as_deref();
        let end = end.map(|text| query::required_time("compare_end_time", text)).transpose()?;
        let end_ms = end.unwrap_or_else(|| start_ms.saturating_add(current.length_ms()));
        return Ok((
            current,
            query::check(Range { start_ms, end_ms }, "compare_start_time", "compare_end_time")?,
        ));
    }
    let times = [&params.start_time, &params.end_time, &params.compare_end_time];
    if times.into_iter().any(Option::is_some) {
        return Err(AppError::invalid("compare_start_time: a second range needs its start"));
    }
    relative(params.period.as_deref(), params.compare_to.as_deref(), now_ms)
}

/// The period that ends now, and the same one so much earlier.
pub(crate) fn relative(
    period: Option<&str>,
    compare_to: Option<&str>,
    now_ms: i64,
) -> AppResult<(Range, Range)> {
    let lengths = [("hour", HOUR_MS), ("day", DAY_MS), ("week", 7 * DAY_MS)];
    let length = query::choice("period", period, lengths)?;
    let distances = [("yesterday", DAY_MS), ("last_week", 7 * DAY_MS)];
    let distance = query::choice("compare_to", compare_to, distances)?;
    let current = Range { start_ms: now_ms - length, end_ms: now_ms };
    Ok((current, current.earlier(distance)))
}
