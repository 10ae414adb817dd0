//! Prometheus without a window for late samples: what comes twice or late is refused.

use std::{sync::Arc, time::Duration};

use perfwatch_store::{
    BatchMetricsWriter, HostIdentity, PrometheusStore, Record, Store, StoreError, WriterCounts,
    WriterOptions,
};
use tokio::time::{Instant, sleep};

use crate::{
    fixture::{HOUR, SECOND, START, ask, check, clock_ms, every, loads, record},
    process::{Engine, PROMETHEUS_IN_ORDER},
};

/// Writes frames as a daemon does; what became of them.
async fn written(
    store: &Arc<PrometheusStore>,
    options: WriterOptions,
    frames: &[Record],
) -> WriterCounts {
    let store = Arc::clone(store) as Arc<dyn Store>;
    let writer = BatchMetricsWriter::spawn(store, options);
    frames.iter().for_each(|frame| writer.push(frame.clone()));
    let patience = Instant::now() + Duration::from_secs(10);
    while writer.counts().waiting > 0 {
        assert!(Instant::now() < patience, "{:?}", writer.status());
        sleep(Duration::from_millis(5)).await;
    }
    writer.counts()
}

#[tokio::test]
async fn what_comes_twice_or_an_hour_late_is_set_aside_and_bars_no_way() {
    let engine = Engine::running(&PROMETHEUS_IN_ORDER);
    let store = Arc::new(PrometheusStore::new(&engine.url()).unwrap());
    what_comes_twice(&store).await;
    what_is_an_hour_behind_another_host(&store).await;
    what_waited_is_older_than_the_claim_to_its_name(&engine).await;
    what_another_hosts_clock_is_ahead_of_is_not_late(&store).await;
}

/// A batch without an answer is there once, and counts as dropped all the same.
async fn what_comes_twice(store: &Arc<PrometheusStore>) {
    let frames = loads(every(SECOND, START, START + 5 * SECOND));
    store.append(&frames[..3]).await.unwrap();
    let counts = written(store, WriterOptions::default(), &frames).await;
    // The newest sample of a series may come again, those before it may not.
    assert_eq!((counts.stored, counts.dropped, counts.set_aside), (3, 2, 2));
    assert_eq!(store.usage().await.unwrap().frames, 5);
    let expected = ["step 0 of 1000 raw", "at 0 1000 2000 3000 4000", "app.load avg 1 2 3 4 5"];
    check(&**store, &ask(START, START + HOUR), &expected).await;
}

async fn what_is_an_hour_behind_another_host(store: &Arc<PrometheusStore>) {
    let now = START + 100 * HOUR;
    store.append(&[record("b", now, Some(1.0), &[])]).await.unwrap();
    let frames = loads(every(10 * SECOND, now - 2 * HOUR, now));
    let error = store.append(&frames[..1]).await.unwrap_err();
    assert!(matches!(error, StoreError::Late { .. }), "{error:?}");
    let counts = written(store, WriterOptions::default(), &frames).await;
    assert_eq!((counts.expected, counts.stored, counts.set_aside), (720, 360, 360));
}

/// At each start, and after an outage, a name is claimed before the frames that waited are sent.
async fn what_waited_is_older_than_the_claim_to_its_name(engine: &Engine) {
    let identity = HostIdentity {
        name: "a".into(),
        id: "1".repeat(32).into(),
        interval_ms: 10_000,
        version: "1".into(),
    };
    let options = WriterOptions { identity: Some(identity), ..WriterOptions::default() };
    let now = clock_ms();
    let frames = loads(every(10 * SECOND, now - HOUR / 2, now));
    let url = engine.url();
    for started in frames.chunks(60) {
        let store = Arc::new(PrometheusStore::new(&url).unwrap());
        let counts = written(&store, options.clone(), started).await;
        assert_eq!((counts.stored, counts.set_aside), (60, 0));
    }
}

async fn what_another_hosts_clock_is_ahead_of_is_not_late(store: &Arc<PrometheusStore>) {
    let now = clock_ms();
    store.append(&[record("b", now + 2 * HOUR, Some(1.0), &[])]).await.unwrap();
    let error = store.append(&[record("a", now, Some(1.0), &[])]).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("clocks"), "{error}");
}
