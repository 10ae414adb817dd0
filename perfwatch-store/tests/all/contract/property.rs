//! Any frames, any question: the answer is what a plain computation over all values gives.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use perfwatch_store::{Aggregate, RangeAnswer, Record, Step, Store};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

use crate::fixture::{Backend, MINUTE, START, ask, policy, record, select, step};

/// Frames lie within this.
const LENGTH: i64 = 40 * MINUTE;

/// The two series of these frames, in hundredths and tenths.
type Values = (Option<i32>, Option<i32>);

#[derive(Clone, Debug)]
struct Case {
    frames: Vec<(i64, Values)>,
    minutes: Range<i64>,
    step_minutes: i64,
    limit: usize,
}

fn cases() -> impl Strategy<Value = Case> {
    let value = || proptest::option::of(-100_000..100_000_i32);
    let frames = vec((0..LENGTH / 2500, (value(), value())), 1..120);
    (frames, 0..30_i64, 1..11_i64, 1..8_i64, 1..60_usize).prop_map(
        |(frames, start, length, step_minutes, limit)| Case {
            frames: frames.into_iter().map(|(at, values)| (START + at * 2500, values)).collect(),
            minutes: start..start + length,
            step_minutes,
            limit,
        },
    )
}

/// Checks many cases against one kind of backend.
pub(crate) fn answers_are_plain_computations<F: Future<Output = Backend>>(open: impl Fn() -> F) {
    run(open, async |store, case| check(store, &case).await);
}

/// The same without retention, and with frames that are sent again as they were.
pub(crate) fn answers_of_an_engine_are_plain_computations<F: Future<Output = Backend>>(
    open: impl Fn() -> F,
) {
    run(open, async |store, mut case| {
        let mut times = BTreeSet::new();
        case.frames.retain(|(time, _)| times.insert(*time));
        let records: Vec<Record> = case.frames.iter().map(frame).collect();
        for batch in records.chunks(17) {
            store.append(batch).await.unwrap();
        }
        store.append(&records).await.unwrap();
        compare(store, &case, Step::Auto).await;
        compare(store, &case, step(case.step_minutes * MINUTE)).await;
    });
}

fn run<F: Future<Output = Backend>>(open: impl Fn() -> F, check: impl AsyncFn(&dyn Store, Case)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..Default::default() };
    TestRunner::new(config)
        .run(&cases(), |case| {
            runtime.block_on(async {
                let backend = open().await;
                check(backend.store(), case).await;
                backend.store().close().await;
            });
            Ok(())
        })
        .unwrap();
}

async fn check(store: &dyn Store, case: &Case) {
    let records: Vec<Record> = case.frames.iter().map(frame).collect();
    for batch in records.chunks(17) {
        store.append(batch).await.unwrap();
    }
    compare(store, case, Step::Auto).await;
    compare(store, case, step(case.step_minutes * MINUTE)).await;
    // Half of it downsampled, then sent again.
    store.apply_retention(&policy(0, MINUTE, 1), START + LENGTH / 2).await.unwrap();
    compare(store, case, step(case.step_minutes * MINUTE)).await;
    store.append(&records).await.unwrap();
    compare(store, case, step(case.step_minutes * MINUTE)).await;
    store.apply_retention(&policy(0, MINUTE, 1), START + 2 * LENGTH).await.unwrap();
    compare(store, case, step(case.step_minutes * MINUTE)).await;
}

fn frame((time, (load, heat)): &(i64, Values)) -> Record {
    let heat = heat.map(|heat| ("x", f64::from(heat) / 10.0));
    record("a", *time, load.map(|load| f64::from(load) / 100.0), heat.as_slice())
}

async fn compare(store: &dyn Store, case: &Case, step: Step) {
    let range = START + case.minutes.start * MINUTE..START + case.minutes.end * MINUTE;
    let mut query = ask(range.start, range.end);
    query.selection =
        select("a", &["app.load", "app.parts.*.heat_celsius"], range.start, range.end);
    query.step = step;
    query.limit = case.limit;
    query.aggregates = Aggregate::ALL.to_vec();
    let answer = store.range(&query).await.unwrap();
    assert!(answer.timestamps_ms.len() <= case.limit);
    if let Step::Every(asked) = step {
        assert!(answer.step_ms >= i64::try_from(asked.as_millis()).unwrap());
    }
    assert_eq!(found(&answer), expected(case, &range, answer.step_ms), "{query:?}");
}

/// What is not null: path, aggregate and time of each value.
type Points = BTreeMap<(&'static str, &'static str, i64), f64>;

fn found(answer: &RangeAnswer) -> Points {
    let mut points = Points::new();
    for series in &answer.series {
        let path = if series.path == "app.load" { "load" } else { "heat" };
        for (&time, value) in answer.timestamps_ms.iter().zip(&series.values) {
            if let Some(value) = value {
                points.insert((path, series.aggregate.name(), time), *value);
            }
        }
    }
    points
}

fn expected(case: &Case, range: &Range<i64>, step_ms: i64) -> Points {
    // The first frame of a time counts.
    let mut frames = BTreeMap::new();
    for (time, values) in &case.frames {
        frames.entry(*time).or_insert(*values);
    }
    let mut buckets: BTreeMap<(&str, i64), Vec<i64>> = BTreeMap::new();
    for (&time, &(load, heat)) in frames.range(range.clone()) {
        let bucket = if step_ms == 0 { time } else { time.div_euclid(step_ms) * step_ms };
        for (path, value) in [("load", load), ("heat", heat)] {
            if let Some(value) = value {
                buckets.entry((path, bucket)).or_default().push(i64::from(value));
            }
        }
    }
    let mut points = Points::new();
    for ((path, bucket), values) in buckets {
        let scale = if path == "load" { 100.0 } else { 10.0 };
        let count = values.len() as f64;
        let mean = (values.iter().sum::<i64>() as f64 / count).round();
        let ends = (values.iter().min().unwrap(), values.iter().max().unwrap());
        for (name, value) in [
            ("avg", mean / scale),
            ("min", *ends.0 as f64 / scale),
            ("max", *ends.1 as f64 / scale),
            ("last", *values.last().unwrap() as f64 / scale),
            ("count", count),
        ] {
            points.insert((path, name, bucket), value);
        }
    }
    points
}
