//! A PostgreSQL database, for a team that runs one: open to plain SQL, and shared by many hosts.
//!
//! A frame is a JSON document per metric type in `metrics_snapshots`, which anybody can query, and
//! a packed row in `frames`. When its hour is over, its values are put into slices, in the layout
//! that all stores share, and its row in `frames` goes: questions are answered from slices and from
//! `frames`, by the code that answers everywhere. No document is ever read back. Retention takes slices away, and drops
//! the partition of a day when no slice at full resolution is left of it.
//!
//! Any number of daemons write to one database. Nothing is connected before it is needed, and
//! nothing waits longer than a deadline.

mod accounts;
mod address;
mod append;
mod ask;
mod document;
mod due;
mod error;
mod files;
mod head;
mod hourly;
mod keep;
mod link;
mod names;
mod newest;
mod partitions;
mod passwords;
mod pool;
mod register;
mod retain;
mod room;
mod schema;
mod usage;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use perfwatch_core::series::Pattern;

use crate::{
    DamagedRange, HostIdentity, HostInfo, HostNewest, RangeAnswer, RangeQuery, Record,
    RetentionPolicy, RetentionReport, Selection, SeriesSummary, Store, StoreError, Usage,
    damage::Damage, engine::damaged_ranges,
};

/// How long opening waits to learn whether the server lets it in. Live waits for it too.
const FIRST_LOOK: Duration = Duration::from_secs(1);

/// Keeps frames and accounts in a PostgreSQL database.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    link: Arc<link::Link>,
    names: Arc<names::Names>,
    partitions: Arc<partitions::Partitions>,
    due: Arc<due::Due>,
    damage: Arc<Damage>,
}

impl PostgresStore {
    /// Opens a store by its URL, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. A server that is
    /// away is no error: it is asked again by each call.
    ///
    /// One that refuses is, although a password may be about to change: a mistyped one is told to
    /// whoever starts the daemon, and not found days later in a log. Whoever changes a password while
    /// machines start has them started again until it fits, as `Restart=on-failure` does. A daemon
    /// that runs is not ended by a refusal: its frames wait.
    ///
    /// # Errors
    /// [`StoreError::BadUrl`], [`StoreError::Denied`] where the server lets nobody in by this URL,
    /// and [`StoreError::Newer`] for tables of a newer version.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let store = Self {
            link: Arc::new(link::Link::new(url)?),
            names: Arc::default(),
            partitions: Arc::default(),
            due: Arc::default(),
            damage: Arc::default(),
        };
        match store.link.within(FIRST_LOOK, store.link.ready()).await {
            Err(error @ StoreError::Unavailable { .. }) => {
                tracing::warn!(%error, "the store is away; it is asked again with each call");
                Ok(store)
            }
            answer => answer.map(|()| store),
        }
    }
}

#[async_trait]
impl Store for PostgresStore {
    fn kind(&self) -> &'static str {
        "postgres"
    }

    async fn register(&self, host: &HostIdentity) -> Result<Arc<str>, StoreError> {
        self.register_host(host).await
    }

    async fn append(&self, records: &[Record]) -> Result<(), StoreError> {
        self.append_records(records).await
    }

    async fn finish_import(&self) -> Result<(), StoreError> {
        self.seal_appended().await
    }

    async fn range(&self, query: &RangeQuery) -> Result<RangeAnswer, StoreError> {
        self.ask_range(query).await
    }

    async fn summary(&self, selection: &Selection) -> Result<Vec<SeriesSummary>, StoreError> {
        self.ask_summary(selection).await
    }

    async fn series(&self, host: &str) -> Result<Vec<String>, StoreError> {
        self.ask_series(host).await
    }

    async fn hosts(&self) -> Result<Vec<HostInfo>, StoreError> {
        files::moment(&self.link).await?.ask(usage::hosts).await
    }

    async fn newest(
        &self,
        patterns: &[Pattern],
        since_ms: i64,
    ) -> Result<Vec<HostNewest>, StoreError> {
        self.ask_newest(patterns, since_ms).await
    }

    async fn usage(&self) -> Result<Usage, StoreError> {
        let usage = files::moment(&self.link).await?.ask(usage::usage).await?;
        Ok(Usage { damaged: self.damage.count(), ..usage })
    }

    async fn apply_retention(
        &self,
        policy: &RetentionPolicy,
        now_ms: i64,
    ) -> Result<RetentionReport, StoreError> {
        self.retain(policy, now_ms).await
    }

    fn damaged(&self) -> Vec<DamagedRange> {
        damaged_ranges(&self.damage, &self.names.known().index)
    }

    async fn close(&self) {
        self.link.close().await;
    }
}
