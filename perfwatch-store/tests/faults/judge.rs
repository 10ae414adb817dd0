//! Compares what a store answers with what was written into it.

use std::time::Duration;

use perfwatch_store::{Aggregate, RangeAnswer, RangeQuery, Step, Store};

use crate::{
    truth::{self, SERIES, START, Truth, everything},
    writer::policy,
};

/// More points than any answer here has.
const MANY: usize = 100_000;

/// Points as they are stored.
pub(crate) fn raw(start_ms: i64, end_ms: i64) -> RangeQuery {
    RangeQuery {
        selection: everything(start_ms, end_ms),
        step: Step::Raw,
        limit: MANY,
        aggregates: vec![Aggregate::Last],
    }
}

/// All there is to know of each bucket.
pub(crate) fn buckets(start_ms: i64, end_ms: i64, step: Duration) -> RangeQuery {
    let aggregates = Aggregate::ALL.to_vec();
    RangeQuery { step: Step::Every(step), aggregates, ..raw(start_ms, end_ms) }
}

/// The newest frame that is stored.
pub(crate) async fn newest(store: &dyn Store, truth: Truth) -> Option<i64> {
    let time = store.usage().await.unwrap().newest_ms?;
    Some(truth.seq_at(time).unwrap_or_else(|| panic!("nothing was written at {time}")))
}

/// All frames up to this one are there exactly once, as far back as the policy keeps them: each by
/// itself, or in the bucket it was merged into.
pub(crate) async fn complete(store: &dyn Store, truth: Truth, newest: i64) {
    let policy = policy();
    let interval = i64::try_from(policy.downsample_interval.as_millis()).unwrap();
    let end = truth.time(newest) + 1;
    let days_ago = |days: u32| {
        let time = end - i64::from(days) * truth::DAY;
        (time - time.rem_euclid(interval) + interval).max(START)
    };
    each_frame(store, truth, days_ago(policy.full_resolution_days), end).await;

    let step = policy.downsample_interval;
    let answer = store.range(&buckets(START, end, step)).await.unwrap();
    assert_eq!((answer.damaged, answer.step_ms), (0, interval));
    let kept_from = days_ago(policy.downsampled_days);
    for (at, &start) in answer.timestamps_ms.iter().enumerate() {
        let seqs = truth.seqs(start, (start + interval).min(end));
        let is_empty = answer.series.iter().all(|series| series.values[at].is_none());
        // What is too old is gone or still there, but never in part.
        if !(is_empty && start < kept_from) {
            bucket(&answer, at, seqs);
        }
    }
    let from = answer.timestamps_ms[0];
    assert!(from <= kept_from, "the oldest bucket is {from}, {kept_from} should be there");
    let last = *answer.timestamps_ms.last().unwrap();
    assert!((last..last + interval).contains(&truth.time(newest)), "nothing behind {last}");
}

/// One point per frame, each with what was written, and no other.
async fn each_frame(store: &dyn Store, truth: Truth, start: i64, end: i64) {
    let answer = store.range(&raw(start, end)).await.unwrap();
    let expected: Vec<i64> = truth.seqs(start, end).map(|seq| truth.time(seq)).collect();
    assert_eq!((answer.damaged, answer.step_ms), (0, 0));
    assert_eq!(answer.timestamps_ms, expected);
    assert_eq!(shown(&answer, truth).unwrap(), answer.timestamps_ms.len() * SERIES.len());
}

/// How many values are shown, holes that were written as such counted in.
///
/// # Errors
/// The first value that is not what was written.
pub(crate) fn shown(answer: &RangeAnswer, truth: Truth) -> Result<usize, String> {
    // A series without any value is left out.
    let is_left_out = |path: &&&str| answer.series.iter().all(|series| series.path != ***path);
    let is_hole = |path: &str, time: &i64| {
        truth.seq_at(*time).is_some_and(|seq| truth::value(path, seq).is_none())
    };
    let holes =
        |path: &&str| answer.timestamps_ms.iter().filter(|time| is_hole(path, time)).count();
    let mut count = SERIES.iter().filter(is_left_out).map(holes).sum();
    for series in &answer.series {
        let path = series.path.as_str();
        if !SERIES.contains(&path) {
            return Err(format!("{path} was never written"));
        }
        for (&time, &value) in answer.timestamps_ms.iter().zip(&series.values) {
            let seq = truth.seq_at(time);
            let written = seq.and_then(|seq| truth::value(path, seq));
            let unit = 10_f64.powi(truth::decimals(path));
            let written = written.map(|written| written as f64 / unit);
            if value == written {
                count += 1;
            } else if value.is_some() {
                return Err(format!("{path} is {value:?} at {time}, {written:?} was written"));
            }
        }
    }
    Ok(count)
}

/// Every figure of a bucket is that of these frames.
fn bucket(answer: &RangeAnswer, at: usize, seqs: std::ops::Range<i64>) {
    for path in SERIES {
        let is_there = answer.series.iter().any(|series| series.path == path);
        let expected = truth::aggregate(path, Aggregate::Count, seqs.clone());
        assert!(is_there || expected.is_none(), "{path} is not there");
    }
    for series in &answer.series {
        let expected = truth::aggregate(&series.path, series.aggregate, seqs.clone());
        let time = answer.timestamps_ms[at];
        let name = series.aggregate.name();
        assert_eq!(series.values[at], expected, "{name} of {} at {time}", series.path);
    }
}
