//! How long a frame takes from its moment until the store has acknowledged it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use perfwatch_store::{Layer, Record, Store, StoreError};

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
impl Layer for Lagging {
    fn inner(&self) -> &dyn Store {
        &*self.store
    }

    async fn append(&self, records: &[Record]) -> Result<(), StoreError> {
        self.store.append(records).await?;
        let now = now_ms();
        self.lags.lock().extend(records.iter().map(|record| now - record.timestamp_ms()));
        Ok(())
    }
}
