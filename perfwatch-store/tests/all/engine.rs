//! Stores on real engines.

use std::sync::Arc;

use async_trait::async_trait;
use perfwatch_core::series::Pattern;
use perfwatch_store::{
    Aggregate, ImportFrame, ImportValue, Layer, MemoryAccounts, MemoryStore, Opened,
    PrometheusStore, Step, Store,
};

use crate::{
    fixture::{HOUR, MINUTE, SECOND, START, ask, clock_ms, every, loads, record, select, step},
    process::{Engine, PROMETHEUS, VICTORIA_METRICS},
};

/// A store of its own on an engine.
pub(crate) fn open(engine: &Arc<Engine>) -> Opened {
    let store = PrometheusStore::new(&engine.url()).unwrap();
    let settled = Settled { store, engine: Arc::clone(engine) };
    Opened { store: Arc::new(settled), accounts: Arc::new(MemoryAccounts::default()) }
}

/// A store whose samples are seen as soon as they are written: VictoriaMetrics takes up to a second
/// otherwise.
struct Settled {
    store: PrometheusStore,
    engine: Arc<Engine>,
}

#[async_trait]
impl Layer for Settled {
    fn inner(&self) -> &dyn Store {
        &self.store
    }

    async fn written(&self) {
        self.engine.settle();
    }
}

#[tokio::test]
async fn a_host_of_another_daemon_is_seen_at_once() {
    for kind in [&VICTORIA_METRICS, &PROMETHEUS] {
        let engine = Engine::running(kind);
        let url = engine.url();
        let [one, other] = [(); 2].map(|()| PrometheusStore::new(&url).unwrap());
        let now = clock_ms();
        for (writer, host) in [(&one, "a"), (&other, "b")] {
            writer.append(&[record(host, now - 1000, Some(1.0), &[])]).await.unwrap();
            writer.append(&[record(host, now, Some(1.0), &[])]).await.unwrap();
            engine.settle();
            let hosts = one.hosts().await.unwrap();
            let newest = hosts.last().unwrap();
            assert_eq!((newest.name.as_str(), newest.last_seen_ms), (host, now));
            assert_eq!(newest.first_seen_ms, now - 1000);
        }
    }
}

/// A label that is new or gone makes each series another one to an engine, and a copy that an engine
/// does not tell from the original is another one too.
#[tokio::test]
async fn labels_that_change_and_copies_are_one_host() {
    let frames = loads(every(10 * SECOND, START, START + 2 * HOUR));
    let (earlier, later) = frames.split_at(350);
    for kind in [&VICTORIA_METRICS, &PROMETHEUS] {
        let engine = Engine::running(kind);
        let plain = MemoryStore::default();
        plain.append(&frames).await.unwrap();
        let changed = engine.url();
        let copied = engine.url();
        for (url, name, value, frames) in [
            (&changed, "team", "a", earlier),
            (&changed, "team", "b", later),
            (&copied, "replica", "0", &frames[..]),
            (&copied, "replica", "1", &frames[1..700]),
        ] {
            let store = PrometheusStore::new(&format!("{url}&label.{name}={value}")).unwrap();
            store.append(frames).await.unwrap();
        }
        engine.settle();
        for url in [changed, copied] {
            let store = PrometheusStore::new(&url).unwrap();
            let mut query = ask(START, START + 3 * HOUR);
            query.aggregates = Aggregate::ALL.to_vec();
            for (step, limit) in
                [(Step::Auto, 100), (Step::Raw, 1000), (step(MINUTE), 500), (step(HOUR), 500)]
            {
                (query.step, query.limit) = (step, limit);
                let (found, expected) = (store.range(&query).await, plain.range(&query).await);
                assert_eq!(found.unwrap(), expected.unwrap(), "{url} {step:?}");
            }
            let all = select("a", &["app.load"], START, START + 3 * HOUR);
            let (found, expected) = (store.summary(&all).await, plain.summary(&all).await);
            assert_eq!(found.unwrap(), expected.unwrap(), "{url}");
            let load = [Pattern::parse("app.load").unwrap()];
            let newest = store.newest(&load, START).await.unwrap();
            assert_eq!(newest[0].values[0].value, 720.0, "{url}");
        }
    }
}

#[tokio::test]
async fn the_last_of_numbers_with_more_and_fewer_decimals_is_the_last() {
    let frame = |number: i64, value, decimals| ImportFrame {
        host: "a".into(),
        timestamp_ms: START + number * SECOND,
        values: vec![ImportValue { path: "mine.number".into(), decimals, value }],
    };
    let frames = [frame(0, 1, 0), frame(1, 125, 2), frame(2, 2, 0), frame(3, i64::MAX, 0)];
    let all = select("a", &["mine.number"], START, START + HOUR);
    for kind in [&VICTORIA_METRICS, &PROMETHEUS] {
        let engine = Engine::running(kind);
        let (url, plain) = (engine.url(), MemoryStore::default());
        for frames in [&frames[..2], &frames[2..3]] {
            // Another process goes on.
            let store = PrometheusStore::new(&url).unwrap();
            for frames in frames.chunks(1) {
                store.import(frames, &[]).await.unwrap();
                plain.import(frames, &[]).await.unwrap();
            }
            engine.settle();
        }
        let store = PrometheusStore::new(&url).unwrap();
        let (found, expected) = (store.summary(&all).await, plain.summary(&all).await);
        assert_eq!(found.unwrap(), expected.unwrap());
        let newest = store.newest(&all.patterns, START).await.unwrap();
        assert_eq!(newest, plain.newest(&all.patterns, START).await.unwrap());
        // What has no room for more digits stays as it is.
        store.import(&frames[3..], &[]).await.unwrap();
    }
}
