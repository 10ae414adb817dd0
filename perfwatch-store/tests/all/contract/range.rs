//! What is answered.

use perfwatch_store::{Aggregate, SeriesSummary, Step, Store, StoreError};

use crate::fixture::{
    DAY, HOUR, MINUTE, SECOND, START, ask, check, every, loads, record, select, step,
};

pub(crate) async fn a_range_ends_before_its_end(store: &dyn Store) {
    store.append(&loads(every(SECOND, START, START + 5 * SECOND))).await.unwrap();
    let expected = ["step 0 of 1000 raw", "at 0 1000", "app.load avg 2 3"];
    check(store, &ask(START + SECOND, START + 3 * SECOND), &expected).await;
    let expected = ["step 0 of 0 raw", "at 0", "app.load avg 2"];
    check(store, &ask(START + SECOND, START + SECOND + 1), &expected).await;
}

pub(crate) async fn a_gap_is_a_gap(store: &dyn Store) {
    let times = [0, 5, 10, 22, 34, 35, 40, 120].map(|s| START + s * SECOND);
    store.append(&loads(times)).await.unwrap();
    let mut query = ask(START, START + HOUR);
    let expected = [
        "step 0 of 5000 raw",
        "at 0 5000 10000 22000 34000 35000 40000 45000 120000",
        "app.load avg 1 2 3 4 5 6 7 - 8",
    ];
    check(store, &query, &expected).await;
    query.step = step(20 * SECOND);
    let expected = [
        "step 20000 of 5000 raw",
        "at 0 20000 40000 60000 80000 100000 120000",
        "app.load avg 2 5 7 - - - 8",
    ];
    check(store, &query, &expected).await;
    // A row of nulls is a point too.
    query.step = Step::Raw;
    query.limit = 8;
    let answer = store.range(&query).await.unwrap();
    assert_eq!((answer.step_ms, answer.timestamps_ms.len()), (30_000, 5));
}

pub(crate) async fn auto_is_raw_until_the_limit(store: &dyn Store) {
    store.append(&loads(every(10 * SECOND, START, START + MINUTE))).await.unwrap();
    let mut query = ask(START, START + MINUTE);
    query.limit = 6;
    let expected =
        ["step 0 of 10000 raw", "at 0 10000 20000 30000 40000 50000", "app.load avg 1 2 3 4 5 6"];
    check(store, &query, &expected).await;
    query.limit = 5;
    let expected =
        ["step 15000 of 10000 raw", "at 0 15000 30000 45000", "app.load avg 1.5 3 4.5 6"];
    check(store, &query, &expected).await;
    query.step = step(20 * SECOND);
    let expected = ["step 20000 of 10000 raw", "at 0 20000 40000", "app.load avg 1.5 3.5 5.5"];
    check(store, &query, &expected).await;
}

pub(crate) async fn the_limit_never_cuts_the_newest(store: &dyn Store) {
    store.append(&loads(every(5 * SECOND, START, START + 20 * MINUTE))).await.unwrap();
    for limit in [1, 2, 3, 7, 10, 39, 100, 239, 240] {
        for step in [Step::Auto, Step::Raw, step(5 * SECOND), step(7 * SECOND), step(MINUTE)] {
            let mut query = ask(START, START + DAY);
            query.limit = limit;
            query.step = step;
            query.aggregates = vec![Aggregate::Last, Aggregate::Count];
            let answer = store.range(&query).await.unwrap();
            let case = format!("{limit} {step:?} -> {}", answer.step_ms);
            assert!(answer.timestamps_ms.len() <= limit, "{case}");
            assert_eq!(answer.series[0].values.last(), Some(&Some(240.0)), "{case}");
            let counted: f64 = answer.series[1].values.iter().flatten().sum();
            assert_eq!(counted, 240.0, "{case}");
        }
    }
}

pub(crate) async fn several_aggregates_come_at_once(store: &dyn Store) {
    let frame = |s, load, heat| record("a", START + s * SECOND, Some(load), &[("x", heat)]);
    store.append(&[frame(0, 1.0, 40.0), frame(5, 4.0, 50.5), frame(61, 2.0, 60.0)]).await.unwrap();
    let mut query = ask(START, START + HOUR);
    query.selection = select("a", &["app.parts.x.heat_celsius", "app.load"], START, START + HOUR);
    query.step = step(MINUTE);
    query.aggregates =
        vec![Aggregate::Max, Aggregate::Avg, Aggregate::Min, Aggregate::Last, Aggregate::Count];
    let expected = [
        "step 60000 of 5000 raw",
        "at 0 60000",
        "app.load max 4 2",
        "app.load avg 2.5 2",
        "app.load min 1 2",
        "app.load last 4 2",
        "app.load count 2 1",
        "app.parts.x.heat_celsius max 50.5 60",
        "app.parts.x.heat_celsius avg 45.3 60",
        "app.parts.x.heat_celsius min 40 60",
        "app.parts.x.heat_celsius last 50.5 60",
        "app.parts.x.heat_celsius count 2 1",
    ];
    check(store, &query, &expected).await;
}

pub(crate) async fn averages_are_exact(store: &dyn Store) {
    // Whole hundredths whose float sum is not: 0.1 + 0.2 + ... drifts, integers do not.
    let records: Vec<_> = (0..1000_i32)
        .map(|n| record("a", START + i64::from(n) * 100, Some(f64::from(n % 10) * 0.1 + 0.01), &[]))
        .collect();
    store.append(&records).await.unwrap();
    let mut query = ask(START, START + HOUR);
    query.limit = 1;
    let expected = ["step 120000 of 100 raw", "at 0", "app.load avg 0.46"];
    check(store, &query, &expected).await;
}

pub(crate) async fn a_star_is_any_row(store: &dyn Store) {
    let rows = [("0", 1.0), ("1", 2.0), ("sd a", 3.0)];
    store.append(&[record("a", START, Some(1.0), &rows)]).await.unwrap();
    let paths = async |patterns: &[&str]| {
        let found = store.summary(&select("a", patterns, START, START + 1)).await.unwrap();
        found.into_iter().map(|series| series.path).collect::<Vec<_>>().join(" ")
    };
    let all = r#"app.parts.0.heat_celsius app.parts.1.heat_celsius app.parts["sd a"].heat_celsius"#;
    assert_eq!(paths(&["app.parts.*.heat_celsius"]).await, all);
    assert_eq!(paths(&["*.*.*.*", "app.parts.0.*", "app.parts.*.heat_celsius"]).await, all);
    assert_eq!(paths(&["app.*"]).await, "app.load");
    assert_eq!(paths(&["*"]).await, "");
    assert_eq!(paths(&[]).await, "");
}

pub(crate) async fn what_is_unknown_is_empty(store: &dyn Store) {
    store.append(&loads([START])).await.unwrap();
    let empty = ["step 0 of 0 raw", "at "];
    let mut query = ask(START, START + HOUR);
    query.selection.host = "b".into();
    check(store, &query, &empty).await;
    assert_eq!(store.summary(&query.selection).await.unwrap(), []);
    query.selection = select("a", &["app.nothing"], START, START + HOUR);
    check(store, &query, &empty).await;
    check(store, &ask(START + HOUR, START + 2 * HOUR), &empty).await;
    assert_eq!(store.series("b").await.unwrap(), [""; 0]);
}

pub(crate) async fn a_bad_question_names_its_parameter(store: &dyn Store) {
    let good = ask(START, START + HOUR);
    let mut reversed = good.clone();
    reversed.selection.end_ms = START;
    let mut absurd = good.clone();
    absurd.selection.start_ms = i64::MIN;
    let mut none = good.clone();
    none.limit = 0;
    let mut nothing = good.clone();
    nothing.aggregates.clear();
    let mut still = good.clone();
    still.step = step(0);
    let mut slow = good.clone();
    slow.step = step(i64::MAX);
    for (query, name) in [
        (&reversed, "end_time"),
        (&absurd, "start_time"),
        (&none, "limit"),
        (&nothing, "aggregate"),
        (&still, "interval"),
        (&slow, "interval"),
    ] {
        match store.range(query).await {
            Err(StoreError::BadQuery { parameter, .. }) => assert_eq!(parameter, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    let error = store.summary(&reversed.selection).await.unwrap_err();
    assert_eq!(error.to_string(), "bad end_time: it must be later than start_time");
}

pub(crate) async fn a_summary_is_one_figure_each(store: &dyn Store) {
    let records: Vec<_> = [1.0, 2.0, 2.0]
        .into_iter()
        .zip(every(DAY, START, START + 3 * DAY))
        .map(|(load, time)| record("a", time, Some(load), &[("x", load * 10.0)]))
        .collect();
    store.append(&records).await.unwrap();
    let found = store.summary(&select("a", &["app.load"], START, START + 3 * DAY)).await.unwrap();
    let expected = SeriesSummary {
        path: "app.load".into(),
        segments: vec!["app".into(), "load".into()],
        decimals: 2,
        count: 3,
        avg: 1.67,
        min: 1.0,
        max: 2.0,
        last: 2.0,
    };
    assert_eq!(found, [expected]);
    let before = store.summary(&select("a", &["*.*"], 0, START)).await.unwrap();
    assert_eq!(before, []);
}
