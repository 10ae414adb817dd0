//! Times, intervals, limits and choices.

use std::time::Duration;

use perfwatch_core::{series::Pattern, text::escape};
use perfwatch_store::{Aggregate, Selection, Step};

use crate::{
    duration,
    error::{AppError, AppResult},
    time,
};

/// The most points that are asked of the store at once.
const MAX_LIMIT: usize = 11_000;
const DEFAULT_LIMIT: usize = 1000;

const DEFAULT_RANGE_MS: i64 = 3_600_000;

/// Ten years: more is a slip in a unit.
const MAX_RANGE_MS: i64 = 3660 * 86_400_000;

/// The years 1970 to 9999, in which the store can hold anything.
const TIMES: std::ops::Range<i64> = 0..253_402_300_800_000;

/// A range of time, in milliseconds since 1970; the end is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
}

impl Range {
    pub(crate) fn length_ms(self) -> i64 {
        self.end_ms - self.start_ms
    }

    /// The same length, so much earlier.
    pub(crate) fn earlier(self, ms: i64) -> Self {
        Self { start_ms: self.start_ms - ms, end_ms: self.end_ms - ms }
    }

    /// What is asked of the store.
    pub(crate) fn select(self, host: &str, patterns: &[Pattern]) -> Selection {
        let Self { start_ms, end_ms } = self;
        Selection { host: host.to_owned(), patterns: patterns.to_vec(), start_ms, end_ms }
    }
}

/// The range between two parameters; the last hour where they are not given.
pub(crate) fn range(start: Option<&str>, end: Option<&str>, now_ms: i64) -> AppResult<Range> {
    let end_ms = end.map_or(Ok(now_ms), |text| required_time("end_time", text))?;
    let hour_before = end_ms.saturating_sub(DEFAULT_RANGE_MS);
    let start_ms = start.map_or(Ok(hour_before), |text| required_time("start_time", text))?;
    check(Range { start_ms, end_ms }, "start_time", "end_time")
}

/// Refuses a range that is reversed, absurdly long or out of time, naming the parameters that its
/// start and its end came in.
pub(crate) fn check(range: Range, start: &str, end: &str) -> AppResult<Range> {
    // The store would call them by names that only one of several ranges has.
    for (parameter, time) in [(start, range.start_ms), (end, range.end_ms)] {
        if !TIMES.contains(&time) {
            return Err(AppError::invalid(format!(
                "{parameter}: it must lie between the years 1970 and 9999"
            )));
        }
    }
    if range.length_ms() <= 0 {
        return Err(AppError::invalid(format!("{end}: it is not after {start}")));
    }
    if range.length_ms() > MAX_RANGE_MS {
        return Err(AppError::invalid(format!("{start}: at most ten years are answered")));
    }
    Ok(range)
}

/// The time in a parameter.
pub(crate) fn required_time(parameter: &str, text: &str) -> AppResult<i64> {
    time::parse(text).ok_or_else(|| {
        AppError::invalid(format!(
            "{parameter}: `{}` is not a time in RFC 3339 such as 2026-01-31T12:00:00Z",
            shown(text)
        ))
    })
}

/// The step in `interval`.
pub(crate) fn interval(text: Option<&str>) -> AppResult<Step> {
    match text {
        None | Some("auto") => Ok(Step::Auto),
        Some("raw") => Ok(Step::Raw),
        Some(text) => match duration::parse(text) {
            Some(step) if step > Duration::ZERO => Ok(Step::Every(step)),
            _ => Err(AppError::invalid(format!(
                "interval: `{}` is not auto, raw, or a duration such as 5s, 1m, 1h or 1d",
                shown(text)
            ))),
        },
    }
}

/// The number of points in `limit`.
pub(crate) fn limit(text: Option<&str>) -> AppResult<usize> {
    limit_to(text, DEFAULT_LIMIT, MAX_LIMIT)
}

/// The number in `limit`, of anything.
pub(crate) fn limit_to(text: Option<&str>, usual: usize, most: usize) -> AppResult<usize> {
    let Some(text) = text else { return Ok(usual) };
    text.parse().ok().filter(|limit| (1..=most).contains(limit)).ok_or_else(|| {
        AppError::invalid(format!("limit: `{}` is not a number from 1 to {most}", shown(text)))
    })
}

/// The number above 0 in a parameter, which may have decimals.
pub(crate) fn positive(parameter: &str, text: Option<&str>, usual: f64) -> AppResult<f64> {
    let Some(text) = text else { return Ok(usual) };
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| {
        AppError::invalid(format!("{parameter}: `{}` is not a number above 0", shown(text)))
    })
}

/// The aggregates in `aggregate`, each once.
pub(crate) fn aggregates(names: &[String]) -> AppResult<Vec<Aggregate>> {
    let mut aggregates = Vec::new();
    for name in names {
        let aggregate = Aggregate::from_name(name).ok_or_else(|| {
            let all = Aggregate::ALL.map(Aggregate::name).join(", ");
            AppError::invalid(format!("aggregate: `{}` is none of {all}", shown(name)))
        })?;
        if !aggregates.contains(&aggregate) {
            aggregates.push(aggregate);
        }
    }
    Ok(if aggregates.is_empty() { vec![Aggregate::Avg] } else { aggregates })
}

/// One of a few words, as what it stands for; the first where none is given.
pub(crate) fn choice<T: Copy, const N: usize>(
    parameter: &str,
    text: Option<&str>,
    choices: [(&str, T); N],
) -> AppResult<T> {
    let wanted = text.or_else(|| choices.first().map(|(name, _)| *name)).unwrap_or_default();
    let found = choices.iter().find(|(name, _)| *name == wanted);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let all = choices.map(|(name, _)| name).join(", ");
        AppError::invalid(format!("{parameter}: `{}` is none of {all}", shown(wanted)))
    })
}

/// A text from outside, cut to what a message can bear.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 64;
    let cut: String = text.chars().take(MOST).collect();
    let end = if cut.len() < text.len() { "..." } else { "" };
    format!("{}{end}", escape(&cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_the_last_hour_unless_told_otherwise() {
        let hour = Range { start_ms: 6_400_000, end_ms: 10_000_000 };
        assert_eq!(range(None, None, 10_000_000).unwrap(), hour);
        assert_eq!(range(Some("6400"), Some("10000"), 0).unwrap(), hour);
        for (start, end) in [("10", "10"), ("11", "10"), ("0", "999999999"), ("x", "1"), ("1", "y")]
        {
            assert!(range(Some(start), Some(end), 0).is_err(), "{start} to {end}");
        }
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(shown("short"), "short");
        assert_eq!(shown(&"ä".repeat(100)).chars().count(), 67);
    }
}
