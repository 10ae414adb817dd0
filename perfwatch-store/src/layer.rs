//! A store in front of another.

use std::sync::Arc;

use async_trait::async_trait;
use perfwatch_core::{Table, series::Pattern};

use crate::{
    DamagedRange, HostIdentity, HostInfo, HostNewest, ImportFrame, RangeAnswer, RangeQuery, Record,
    RetentionPolicy, RetentionReport, Selection, SeriesSummary, Store, StoreError, Usage,
};

/// What stands in front of a store, and so is one: to measure it, say, or to hold it up. What it does
/// not change, the store behind it does.
#[async_trait]
pub trait Layer: Send + Sync {
    /// The store behind it.
    fn inner(&self) -> &dyn Store;

    /// Comes before every question and every change.
    ///
    /// # Errors
    /// One is the answer to the call, which the store behind is spared.
    async fn admit(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Comes after every change of what the store holds, whether it went well or not.
    async fn written(&self) {}

    /// As [`Store::register`].
    ///
    /// # Errors
    /// Those of the store behind.
    async fn register(&self, host: &HostIdentity) -> Result<Arc<str>, StoreError> {
        self.inner().register(host).await
    }

    /// As [`Store::append`].
    ///
    /// # Errors
    /// Those of the store behind.
    async fn append(&self, records: &[Record]) -> Result<(), StoreError> {
        self.inner().append(records).await
    }

    /// As [`Store::import`].
    ///
    /// # Errors
    /// Those of the store behind.
    async fn import(
        &self,
        frames: &[ImportFrame],
        tables: &[&'static Table],
    ) -> Result<Option<u64>, StoreError> {
        self.inner().import(frames, tables).await
    }

    /// As [`Store::close`].
    async fn close(&self) {
        self.inner().close().await;
    }
}

#[async_trait]
impl<L: Layer> Store for L {
    fn kind(&self) -> &'static str {
        self.inner().kind()
    }

    async fn register(&self, host: &HostIdentity) -> Result<Arc<str>, StoreError> {
        self.admit().await?;
        let done = Layer::register(self, host).await;
        self.written().await;
        done
    }

    async fn append(&self, records: &[Record]) -> Result<(), StoreError> {
        self.admit().await?;
        let done = Layer::append(self, records).await;
        self.written().await;
        done
    }

    async fn import(
        &self,
        frames: &[ImportFrame],
        tables: &[&'static Table],
    ) -> Result<Option<u64>, StoreError> {
        self.admit().await?;
        let done = Layer::import(self, frames, tables).await;
        self.written().await;
        done
    }

    fn import_size(&self) -> usize {
        self.inner().import_size()
    }

    async fn finish_import(&self) -> Result<(), StoreError> {
        self.admit().await?;
        let done = self.inner().finish_import().await;
        self.written().await;
        done
    }

    async fn range(&self, query: &RangeQuery) -> Result<RangeAnswer, StoreError> {
        self.admit().await?;
        self.inner().range(query).await
    }

    async fn summary(&self, selection: &Selection) -> Result<Vec<SeriesSummary>, StoreError> {
        self.admit().await?;
        self.inner().summary(selection).await
    }

    async fn series(&self, host: &str) -> Result<Vec<String>, StoreError> {
        self.admit().await?;
        self.inner().series(host).await
    }

    async fn hosts(&self) -> Result<Vec<HostInfo>, StoreError> {
        self.admit().await?;
        self.inner().hosts().await
    }

    async fn newest(
        &self,
        patterns: &[Pattern],
        since_ms: i64,
    ) -> Result<Vec<HostNewest>, StoreError> {
        self.admit().await?;
        self.inner().newest(patterns, since_ms).await
    }

    async fn usage(&self) -> Result<Usage, StoreError> {
        self.admit().await?;
        self.inner().usage().await
    }

    fn keeps_policy(&self) -> bool {
        self.inner().keeps_policy()
    }

    async fn apply_retention(
        &self,
        policy: &RetentionPolicy,
        now_ms: i64,
    ) -> Result<RetentionReport, StoreError> {
        self.admit().await?;
        self.inner().apply_retention(policy, now_ms).await
    }

    fn damaged(&self) -> Vec<DamagedRange> {
        self.inner().damaged()
    }

    async fn verify(&self) -> Result<Vec<DamagedRange>, StoreError> {
        self.admit().await?;
        self.inner().verify().await
    }

    async fn close(&self) {
        Layer::close(self).await;
    }
}
