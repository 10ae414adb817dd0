//! How long a frame takes from its moment until the store has acknowledged it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use perfwatch_core::series::Pattern;
use perfwatch_store::{
    HostIdentity, HostInfo, HostNewest, RangeAnswer, RangeQuery, Record, RetentionPolicy,
    RetentionReport, Selection, SeriesSummary, Store, StoreError, Usage,
};

/// The lags of frames, in milliseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Lags(Arc<Mutex<Vec<i64>>>);

/// A store that notes the lags of all frames that it takes.
pub(super) struct Lagging {
    store: Arc<dyn Store>,
    lags: Lags,
}

/// The wall clock, in milliseconds since 1970 (UTC).
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Lags {
    fn lock(&self) -> MutexGuard<'_, Vec<i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lags since this was last asked, by length.
    pub(super) fn take(&self) -> Vec<i64> {
        let mut lags = std::mem::take(&mut *self.lock());
        lags.sort_unstable();
        lags
    }
}

impl Lagging {
    pub(super) fn new(store: Arc<dyn Store>, lags: &Lags) -> Self {
        Self { store, lags: lags.clone() }
    }
}

#[async_trait]
impl Store for Lagging {
    fn kind(&self) -> &'static str {
        self.store.kind()
    }

    async fn register(&self, host: &HostIdentity) -> Result<Arc<str>, StoreError> {
        self.store.register(host).await
    }

    async fn append(&self, records: &[Record]) -> Result<(), StoreError> {
        self.store.append(records).await?;
        let now = now_ms();
        self.lags.lock().extend(records.iter().map(|record| now - record.timestamp_ms()));
        Ok(())
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

    async fn close(&self) {
        self.store.close().await;
    }
}
