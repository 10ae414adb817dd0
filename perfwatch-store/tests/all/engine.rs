//! Stores on real engines.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use perfwatch_core::series::Pattern;
use perfwatch_store::{
    HostIdentity, HostInfo, HostNewest, MemoryAccounts, Opened, PrometheusStore, RangeAnswer,
    RangeQuery, Record, RetentionPolicy, RetentionReport, Selection, SeriesSummary, Store,
    StoreError, Usage,
};

use crate::{
    fixture::record,
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
impl Store for Settled {
    fn kind(&self) -> &'static str {
        self.store.kind()
    }

    async fn register(&self, host: &HostIdentity) -> Result<Arc<str>, StoreError> {
        let name = self.store.register(host).await;
        self.engine.settle();
        name
    }

    async fn append(&self, records: &[Record]) -> Result<(), StoreError> {
        let done = self.store.append(records).await;
        self.engine.settle();
        done
    }

    async fn range(&self, query: &RangeQuery) -> Result<RangeAnswer, StoreError> {
        self.store.range(query).await
    }

    async fn summary(&self, selection: &Selection) -> Result<Vec<SeriesSummary>, StoreError> {
        self.store.summary(selection).await
    }

    async fn series(&self, host: &str) -> Result<Vec<String>, StoreError> {
        self.store.series(host).await
    }

    async fn hosts(&self) -> Result<Vec<HostInfo>, StoreError> {
        self.store.hosts().await
    }

    async fn newest(
        &self,
        patterns: &[Pattern],
        since_ms: i64,
    ) -> Result<Vec<HostNewest>, StoreError> {
        self.store.newest(patterns, since_ms).await
    }

    async fn usage(&self) -> Result<Usage, StoreError> {
        self.store.usage().await
    }

    async fn apply_retention(
        &self,
        policy: &RetentionPolicy,
        now_ms: i64,
    ) -> Result<RetentionReport, StoreError> {
        self.store.apply_retention(policy, now_ms).await
    }

    fn keeps_policy(&self) -> bool {
        self.store.keeps_policy()
    }

    async fn close(&self) {
        self.store.close().await;
    }
}

#[tokio::test]
async fn a_host_of_another_daemon_is_seen_at_once() {
    for kind in [&VICTORIA_METRICS, &PROMETHEUS] {
        let engine = Engine::running(kind);
        let url = engine.url();
        let [one, other] = [(); 2].map(|()| PrometheusStore::new(&url).unwrap());
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = i64::try_from(clock.as_millis()).unwrap();
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
