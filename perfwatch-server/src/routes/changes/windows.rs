//! Which two windows are meant.

use super::ChangesParams;
use crate::{
    error::{AppError, AppResult},
    query::{self, Range},
    routes::compare::relative,
};

/// The windows before and after.
pub(super) fn windows(params: &ChangesParams, now_ms: i64) -> AppResult<(Range, Range)> {
    let times = [&params.before_start, &params.before_end, &params.after_start, &params.after_end];
    let (period, compare_to) = (params.period.as_deref(), params.compare_to.as_deref());
    if times.into_iter().all(Option::is_none) {
        let (after, before) = relative(period, compare_to, now_ms)?;
        return Ok((before, after));
    }
    if period.is_some() || compare_to.is_some() {
        let detail = "period: give either two windows or period and compare_to";
        return Err(AppError::invalid(detail));
    }
    let before = window(("before_start", times[0]), ("before_end", times[1]))?;
    Ok((before, window(("after_start", times[2]), ("after_end", times[3]))?))
}

type Parameter<'a> = (&'a str, &'a Option<String>);

fn window(start: Parameter, end: Parameter) -> AppResult<Range> {
    let (start_ms, end_ms) = (required(start)?, required(end)?);
    query::check(Range { start_ms, end_ms }, start.0, end.0)
}

fn required((parameter, text): Parameter) -> AppResult<i64> {
    let text = text.as_deref().ok_or_else(|| {
        AppError::invalid(format!("{parameter}: both windows need their start and their end"))
    })?;
    query::required_time(parameter, text)
}
