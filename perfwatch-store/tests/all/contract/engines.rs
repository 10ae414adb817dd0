//! What an engine does where its documented limits leave a case of the others out.

use std::sync::Arc;

use perfwatch_store::{
    Aggregate, HostIdentity, MemoryStore, RangeQuery, RetentionPolicy, Step, Store, StoreError,
};

use crate::fixture::{
    HOUR, MINUTE, SECOND, START, ask, check, clock_ms, every, loads, noise, record, select, step,
};

pub(crate) async fn the_same_frame_sent_twice_counts_once(store: &dyn Store) {
    let frames = [
        record("a", START, Some(1.5), &[("x", 20.0)]),
        record("a", START + SECOND, Some(2.5), &[("x", 21.0)]),
    ];
    store.append(&[frames[0].clone(), frames[0].clone()]).await.unwrap();
    store.append(&frames).await.unwrap();
    store.append(&frames[..1]).await.unwrap();
    assert_eq!(store.usage().await.unwrap().frames, 2);
    let mut query = ask(START, START + MINUTE);
    let expected = ["step 0 of 1000 raw", "at 0 1000", "app.load avg 1.5 2.5"];
    check(store, &query, &expected).await;
    query.aggregates = vec![Aggregate::Count, Aggregate::Avg];
    query.step = step(MINUTE);
    let expected = ["step 60000 of 1000 raw", "at 0", "app.load count 2", "app.load avg 2"];
    check(store, &query, &expected).await;
}

pub(crate) async fn another_frame_of_the_same_time_adds_none(store: &dyn Store) {
    store
        .append(&[record("a", START, Some(1.0), &[]), record("a", START, Some(9.0), &[])])
        .await
        .unwrap();
    let expected = ["step 0 of 0 raw", "at 0", "app.load avg 1"];
    check(store, &ask(START, START + MINUTE), &expected).await;
    // Taken or refused, as the engine likes, but never counted.
    let again = store.append(&[record("a", START, Some(5.0), &[])]).await;
    assert!(matches!(again, Ok(()) | Err(StoreError::Late { .. })), "{again:?}");
    let mut query = ask(START, START + MINUTE);
    query.aggregates = vec![Aggregate::Count];
    check(store, &query, &["step 0 of 0 raw", "at 0", "app.load count 1"]).await;
    assert_eq!(store.usage().await.unwrap().frames, 1);
}

pub(crate) async fn retention_is_elsewhere(store: &dyn Store) {
    assert!(!store.keeps_policy());
    let error = store.apply_retention(&RetentionPolicy::default(), START).await.unwrap_err();
    assert!(matches!(error, StoreError::RetentionElsewhere));
    assert!(!error.is_transient());
    assert!(error.to_string().contains("-retentionPeriod"), "{error}");
}

pub(crate) async fn a_register_is_seen_by_others(store: &dyn Store) {
    let host = |id: &str, interval_ms| HostIdentity {
        name: Arc::from("a"),
        id: Arc::from(id),
        interval_ms,
        version: Arc::from("1.2.3"),
    };
    let (one, other) = ("1".repeat(32), "2".repeat(32));
    assert_eq!(&*store.register(&host(&one, 5000)).await.unwrap(), "a");
    assert_eq!(&*store.register(&host(&other, 1000)).await.unwrap(), "a-22222222");
    assert_eq!(&*store.register(&host(&one, 2000)).await.unwrap(), "a");
    assert_eq!(store.hosts().await.unwrap(), [], "nobody has written a frame");
    let frames = [
        record("a", START, Some(1.0), &[]),
        record("a-22222222", START + SECOND, Some(2.0), &[]),
        record("unknown", START + 3 * HOUR, Some(3.0), &[]),
        record("unknown", START + 3 * HOUR + MINUTE, Some(3.0), &[]),
    ];
    store.append(&frames).await.unwrap();
    let hosts = store.hosts().await.unwrap();
    let shown: Vec<_> = hosts
        .iter()
        .map(|h| (h.name.as_str(), h.id.as_deref(), h.interval_ms, h.last_seen_ms - START))
        .collect();
    let expected = [
        ("a", Some(one.as_str()), Some(2000), 0),
        ("a-22222222", Some(other.as_str()), Some(1000), SECOND),
        ("unknown", None, None, 3 * HOUR + MINUTE),
    ];
    assert_eq!(shown, expected);
    assert_eq!(hosts[0].version.as_deref(), Some("1.2.3"));
}

pub(crate) async fn new_frames_are_seen_at_once(store: &dyn Store) {
    let now = clock_ms();
    store.append(&loads(every(SECOND, now - 90 * SECOND, now + SECOND))).await.unwrap();
    let mut query = ask(now - MINUTE, now + MINUTE);
    query.aggregates = vec![Aggregate::Last];
    let newest = async |query: &RangeQuery| {
        let answer = store.range(query).await.unwrap();
        let counts = answer.timestamps_ms.len();
        (counts, answer.series[0].values.last().copied().flatten())
    };
    assert_eq!(newest(&query).await, (61, Some(91.0)));
    query.step = step(SECOND);
    let (points, last) = newest(&query).await;
    assert!((61..=62).contains(&points), "{points}");
    assert_eq!(last, Some(91.0));
    let all = select("a", &["app.load"], now - MINUTE, now + 1);
    let summary = store.summary(&all).await.unwrap();
    assert_eq!((summary[0].count, summary[0].last), (61, 91.0));
}

pub(crate) async fn a_long_range_comes_in_parts(store: &dyn Store) {
    let times = every(500, START, START + 2 * HOUR);
    store.append(&loads(times)).await.unwrap();
    let mut query = ask(START, START + 2 * HOUR);
    query.step = step(600);
    query.limit = 20_000;
    query.aggregates = vec![Aggregate::Count];
    let answer = store.range(&query).await.unwrap();
    assert_eq!((answer.step_ms, answer.timestamps_ms.len()), (600, 12_000));
    let counted: f64 = answer.series[0].values.iter().flatten().sum();
    assert_eq!(counted, 14_400.0);
}

pub(crate) async fn a_bucket_holds_its_first_millisecond_and_its_last(store: &dyn Store) {
    let edge = [-1, 0, 1, MINUTE - 1, MINUTE, MINUTE + 1, 2 * MINUTE - 1, 2 * MINUTE];
    store.append(&loads(edge.map(|time| START + HOUR + time))).await.unwrap();
    let mut query = ask(START, START + 2 * HOUR);
    query.aggregates = vec![Aggregate::Min, Aggregate::Max, Aggregate::Last, Aggregate::Count];
    query.step = step(MINUTE);
    let expected = [
        "step 60000 of 1 raw",
        "at 3540000 3600000 3660000 3720000",
        "app.load min 1 2 5 8",
        "app.load max 1 4 7 8",
        "app.load last 1 4 7 8",
        "app.load count 1 3 3 1",
    ];
    check(store, &query, &expected).await;
    let inner = select("a", &["app.load"], START + HOUR, START + HOUR + MINUTE);
    assert_eq!(store.summary(&inner).await.unwrap()[0].count, 3);
}

/// The same frames, the same questions, digit for digit.
pub(crate) async fn aggregates_agree_with_sqlite(store: &dyn Store) {
    let plain = MemoryStore::default();
    let until = START + 3 * HOUR + 7 * MINUTE;
    for hour in 0..4 {
        let from = START + hour * HOUR + 1250;
        let frames = noise(5, every(5 * SECOND, from, until.min(from + HOUR)));
        store.append(&frames).await.unwrap();
        plain.append(&frames).await.unwrap();
    }
    let (start, end) = (START + 17 * MINUTE + 333, until - 2 * MINUTE - 17);
    for step in
        [Step::Auto, Step::Raw, step(5 * SECOND), step(7 * SECOND), step(MINUTE), step(HOUR)]
    {
        for limit in [1, 7, 300, 3000] {
            let selection = select("a", &["app.load", "app.parts.*.heat_celsius"], start, end);
            let aggregates = Aggregate::ALL.to_vec();
            let query = RangeQuery { selection, step, limit, aggregates };
            let answer = store.range(&query).await.unwrap();
            assert_eq!(answer, plain.range(&query).await.unwrap(), "{step:?} {limit}");
        }
    }
    let selection = select("a", &["app.*", "app.parts.*.heat_celsius"], start, end);
    assert_eq!(store.summary(&selection).await.unwrap(), plain.summary(&selection).await.unwrap());
}
