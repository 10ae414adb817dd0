//! What is kept.

use perfwatch_core::{Frame, metric_table, series};
use perfwatch_store::{HostInfo, Store, StoreError};

use crate::fixture::{MINUTE, SECOND, START, ask, check, every, loads, of, parts, record, select};

pub(crate) async fn a_frame_sent_twice_counts_once(store: &dyn Store) {
    let first = record("a", START, Some(1.0), &[]);
    let again = record("a", START, Some(9.0), &[]);
    store.append(&[first.clone(), again.clone()]).await.unwrap();
    store.append(&[again, first]).await.unwrap();
    assert_eq!(store.usage().await.unwrap().frames, 1);
    let expected = ["step 0 of 0 raw", "at 0", "app.load avg 1"];
    check(store, &ask(START, START + MINUTE), &expected).await;
}

pub(crate) async fn frames_may_come_in_any_order(store: &dyn Store) {
    let mut records = loads(every(5 * SECOND, START, START + 25 * SECOND));
    records.swap(0, 4);
    records.swap(1, 3);
    for record in &records {
        store.append(std::slice::from_ref(record)).await.unwrap();
    }
    let expected = ["step 0 of 5000 raw", "at 0 5000 10000 15000 20000", "app.load avg 1 2 3 4 5"];
    check(store, &ask(START, START + MINUTE), &expected).await;
    let usage = store.usage().await.unwrap();
    assert_eq!((usage.oldest_ms, usage.newest_ms), (Some(START), Some(START + 20 * SECOND)));
}

pub(crate) async fn hosts_are_kept_apart(store: &dyn Store) {
    assert_eq!(store.hosts().await.unwrap(), []);
    let later = START + SECOND;
    let records = [
        record("zoë's box", START, Some(1.0), &[]),
        record("a", START, Some(2.0), &[("x", 30.0)]),
        record("a", later, Some(3.0), &[]),
    ];
    store.append(&records).await.unwrap();
    let host = |name: &str, last_seen_ms| HostInfo {
        name: name.to_owned(),
        first_seen_ms: START,
        last_seen_ms,
        id: None,
        interval_ms: None,
        version: None,
    };
    let expected = [host("a", later), host("zoë's box", START)];
    assert_eq!(store.hosts().await.unwrap(), expected);
    assert_eq!(store.series("a").await.unwrap(), ["app.load", "app.parts.x.heat_celsius"]);
    assert_eq!(store.series("zoë's box").await.unwrap(), ["app.load"]);
    let query = ask(START, START + MINUTE);
    check(store, &query, &["step 0 of 1000 raw", "at 0 1000", "app.load avg 2 3"]).await;
}

pub(crate) async fn any_row_name_is_a_name(store: &dyn Store) {
    let long = "x".repeat(5000);
    let names = [
        "eth 0",
        "\"",
        "\\",
        "][",
        "*",
        "",
        ".",
        "a.b",
        "ü",
        "\u{1f525}",
        "\n\0",
        &long,
        "'); DROP TABLE hosts; --",
        "%s%n",
        "../../etc",
        "-",
        "0",
    ];
    let rows: Vec<(&str, f64)> = (1..).zip(names).map(|(n, name)| (name, f64::from(n))).collect();
    store.append(&[record("'); DROP TABLE hosts; --", START, None, &rows)]).await.unwrap();
    let paths = store.series("'); DROP TABLE hosts; --").await.unwrap();
    assert_eq!(paths.len(), names.len());
    for (name, value) in rows {
        let column = &parts::TABLE.columns[0];
        let path = series::path(&parts::TABLE, name, column);
        let one = select("'); DROP TABLE hosts; --", &[&path], START, START + 1);
        let found = store.summary(&one).await.unwrap();
        assert_eq!(found.len(), 1, "{path}");
        assert_eq!((&found[0].path, found[0].avg), (&path, value));
        assert_eq!(found[0].segments, ["app", "parts", name, "heat_celsius"]);
    }
}

pub(crate) async fn missing_is_missing(store: &dyn Store) {
    let records = [
        record("a", START, Some(1.0), &[("x", 20.0)]),
        record("a", START + 1000, None, &[("y", 30.5)]),
        record("a", START + 2000, Some(-0.5), &[("x", -273.1)]),
    ];
    store.append(&records).await.unwrap();
    let mut query = ask(START, START + MINUTE);
    query.selection = select("a", &["app.*", "app.parts.*.*"], START, START + MINUTE);
    let expected = [
        "step 0 of 1000 raw",
        "at 0 1000 2000",
        "app.load avg 1 - -0.5",
        "app.parts.x.heat_celsius avg 20 - -273.1",
        "app.parts.y.heat_celsius avg - 30.5 -",
    ];
    check(store, &query, &expected).await;
}

pub(crate) async fn an_impossible_time_is_refused_with_its_whole_batch(store: &dyn Store) {
    for time in [-1, 1 << 44, i64::MAX] {
        let records = [record("a", START, Some(1.0), &[]), record("a", time, Some(1.0), &[])];
        let error = store.append(&records).await.unwrap_err();
        assert!(matches!(error, StoreError::BadQuery { parameter: "timestamp", .. }), "{error}");
        assert!(!error.is_transient());
    }
    assert_eq!(store.usage().await.unwrap().frames, 0);
}

pub(crate) async fn a_series_may_get_more_decimals(store: &dyn Store) {
    // The same names as `app`, as a later version might have them.
    metric_table! {
        /// An application.
        table finer: app {
            /// How busy it is.
            load: Gauge Ratio,
        }
    }
    let mut frame = Frame::new([&&finer::TABLE]);
    frame.timestamp_ms = START + 1000;
    frame.blocks[0].host_row().set_f64(finer::load, 2.001);
    store.append(&[record("a", START, Some(1.25), &[]), of("a", &frame)]).await.unwrap();
    let mut query = ask(START, START + MINUTE);
    let expected = ["step 0 of 1000 raw", "at 0 1000", "app.load avg 1.25 2.001"];
    check(store, &query, &expected).await;
    query.limit = 1;
    let expected = ["step 2000 of 1000 raw", "at 0", "app.load avg 1.626"];
    check(store, &query, &expected).await;
}

pub(crate) async fn a_row_named_twice_counts_once(store: &dyn Store) {
    let record = record("a", START, None, &[("x", 1.0), ("x", 2.0), ("w", 3.0)]);
    store.append(&[record]).await.unwrap();
    let all = select("a", &["app.parts.*.heat_celsius"], START, START + 1);
    let found = store.summary(&all).await.unwrap();
    let counts: Vec<(u64, f64)> = found.iter().map(|series| (series.count, series.avg)).collect();
    assert_eq!(counts, [(1, 3.0), (1, 1.0)]);
}

pub(crate) async fn a_closed_store_says_so(store: &dyn Store) {
    store.append(&loads([START])).await.unwrap();
    store.close().await;
    store.close().await;
    let unavailable = |error| matches!(error, StoreError::Unavailable { .. });
    assert!(unavailable(store.append(&loads([START])).await.unwrap_err()));
    assert!(unavailable(store.range(&ask(START, START + 1)).await.unwrap_err()));
    assert!(unavailable(store.usage().await.unwrap_err()));
    assert!(unavailable(store.series("a").await.unwrap_err()));
}
