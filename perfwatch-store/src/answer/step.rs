//! How long the buckets of an answer are.

use std::time::Duration;

use crate::{RangeQuery, Step};

/// The most values that an answer of a store holds, all its series and aggregates together: a question
/// about everything cannot take all memory.
pub const MAX_VALUES: usize = 1_000_000;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Steps that people count in; behind the last, weeks are doubled.
const ROUND: [i64; 27] = [
    100,
    200,
    500,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    56 * DAY,
    112 * DAY,
];

/// What is stored in a range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The first and the last time.
    pub(crate) times: Option<(i64, i64)>,
    /// How many frames there are.
    pub(crate) frames: usize,
    /// The different intervals of the downsampled ones.
    pub(crate) intervals_ms: Vec<i64>,
}

impl Extent {
    /// Adds frames.
    pub(crate) fn add(&mut self, first: i64, last: i64, frames: usize) {
        let (from, until) = self.times.unwrap_or((first, last));
        self.times = Some((from.min(first), until.max(last)));
        self.frames += frames;
    }

    /// How many buckets of this length the stored frames touch.
    fn buckets(&self, step_ms: i64) -> usize {
        let Some((first, last)) = self.times else { return 0 };
        let count = last.div_euclid(step_ms) - first.div_euclid(step_ms) + 1;
        usize::try_from(count).unwrap_or(usize::MAX)
    }
}

/// The points that an answer of this many columns may have.
pub(crate) fn limit_for(query: &RangeQuery, series: usize) -> usize {
    let columns = series.saturating_mul(query.aggregates.len()).max(1);
    query.limit.min(MAX_VALUES / columns).max(1)
}

/// The step of an answer: 0 for the points as they are stored.
pub(crate) fn step_for(step: Step, extent: &Extent, limit: usize) -> i64 {
    match step {
        Step::Auto | Step::Raw if extent.frames <= limit => 0,
        Step::Auto | Step::Raw => fit(1, extent, limit),
        Step::Every(step) => {
            let asked = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1);
            let whole = whole_intervals(asked, extent);
            if extent.buckets(whole) <= limit { whole } else { fit(whole, extent, limit) }
        }
    }
}

/// The smallest round step from `least` on of which at most `limit` cover the stored frames.
pub(crate) fn fit(least: i64, extent: &Extent, limit: usize) -> i64 {
    round_steps()
        .filter(|&step| step >= least)
        .map(|step| whole_intervals(step, extent))
        .find(|&step| extent.buckets(step) <= limit)
        .unwrap_or(i64::MAX)
}

/// The smallest round step of which at most `limit` cover a range of this length wherever it
/// starts (the limit is at least 2: a range may straddle two buckets of any length). Two ranges
/// asked for with the same step can be laid over one another.
pub fn nice_step(range: Duration, limit: usize) -> Duration {
    let length = i64::try_from(range.as_millis()).unwrap_or(i64::MAX);
    // A range may begin and end within a bucket, and so touch one more than it is long.
    let most = i64::try_from(limit).unwrap_or(i64::MAX).max(2) - 2;
    let fits = |step: &i64| (length - 1).max(0) / step <= most;
    let step = round_steps().find(fits).unwrap_or(i64::MAX);
    Duration::from_millis(step.unsigned_abs())
}

fn round_steps() -> impl Iterator<Item = i64> {
    let longest = ROUND.last().copied().unwrap_or(DAY);
    let longer = std::iter::successors(longest.checked_mul(2), |step| step.checked_mul(2));
    ROUND.into_iter().chain(longer)
}

/// The step made long enough to hold downsampled frames whole: a multiple of each interval.
fn whole_intervals(step: i64, extent: &Extent) -> i64 {
    let unit = extent.intervals_ms.iter().copied().fold(1, least_common_multiple);
    match step.rem_euclid(unit) {
        0 => step,
        over => (step - over).saturating_add(unit),
    }
}

fn least_common_multiple(a: i64, b: i64) -> i64 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (a / x).saturating_mul(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(first: i64, last: i64, frames: usize, intervals: &[i64]) -> Extent {
        Extent { times: Some((first, last)), frames, intervals_ms: intervals.to_vec() }
    }

    #[test]
    fn auto_is_raw_while_it_fits_and_then_the_smallest_round_step() {
        let hour = extent(0, HOUR - 5000, 720, &[]);
        assert_eq!(step_for(Step::Auto, &hour, 720), 0);
        assert_eq!(step_for(Step::Auto, &hour, 719), 10_000);
        assert_eq!(step_for(Step::Auto, &hour, 60), MINUTE);
        assert_eq!(step_for(Step::Auto, &hour, 1), HOUR);
        assert_eq!(step_for(Step::Raw, &hour, 100), MINUTE);
    }

    #[test]
    fn an_asked_step_grows_only_where_it_must() {
        let hour = extent(0, HOUR - 5000, 720, &[]);
        let seven = Step::Every(Duration::from_secs(7));
        assert_eq!(step_for(seven, &hour, 1000), 7000);
        assert_eq!(step_for(seven, &hour, 100), MINUTE);
        let mixed = extent(0, HOUR, 720, &[2 * MINUTE, 5 * MINUTE]);
        assert_eq!(step_for(seven, &mixed, 1000), 10 * MINUTE);
    }

    #[test]
    fn any_range_fits_in_one_point() {
        let all = extent(0, 253_402_300_800_000, usize::MAX, &[DAY]);
        assert_eq!(all.buckets(step_for(Step::Auto, &all, 1)), 1);
    }

    #[test]
    fn a_round_step_covers_a_range_wherever_it_starts() {
        let step = |range, limit| nice_step(Duration::from_secs(range), limit).as_secs();
        assert_eq!(step(3600, 1000), 5);
        assert_eq!(step(86_400, 300), 300);
        assert_eq!(step(7 * 86_400, 1000), 900);
        assert_eq!(step(86_400, 1), 86_400);
    }
}
