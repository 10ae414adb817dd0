//! Stores on real engines.

use std::sync::Arc;

use async_trait::async_trait;
use perfwatch_core::series::Pattern;
use perfwatch_store::{
    HostIdentity, HostInfo, HostNewest, MemoryAccounts, Opened, PrometheusStore, RangeAnswer,
    RangeQuery, Record, RetentionPolicy, RetentionReport, Selection, SeriesSummary, Store,
    StoreError, Usage,
};

use crate::process::Engine;

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
