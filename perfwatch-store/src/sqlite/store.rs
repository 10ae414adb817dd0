//! The trait [`Store`], over an SQLite file.

use async_trait::async_trait;
use sqlx::{Sqlite, Transaction};

use super::{SqliteStore, access::Access, totals};
use crate::{
    HostInfo, RangeAnswer, RangeQuery, Record, RetentionPolicy, RetentionReport, Selection,
    SeriesSummary, Store, StoreError, Usage,
    answer::{self, Asked},
    layout::Place,
    retention::{self, Kept},
    shelf::{Keeper, Shelf},
};

type Reading<'a> = Access<'a, Transaction<'static, Sqlite>>;

impl SqliteStore {
    /// A transaction: whatever it reads is of one moment, while frames are moved and appended.
    /// That moment is its first reading, which must come before the look into the index.
    async fn read(&self) -> Result<Reading<'_>, StoreError> {
        let mut by = self.readers.begin().await.map_err(self.explain())?;
        totals::fix(&mut by).await.map_err(self.explain())?;
        Ok(Access { by, store: self })
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn kind(&self) -> &'static str {
        "sqlite"
    }

    async fn append(&self, records: &[Record]) -> Result<(), StoreError> {
        self.append_records(records).await
    }

    async fn range(&self, query: &RangeQuery) -> Result<RangeAnswer, StoreError> {
        query.validate()?;
        let mut access = self.read().await?;
        let asked = Asked::new(&query.selection, &self.index());
        let (answer, damaged) = answer::range(&mut access, asked, query).await?;
        self.damage.note(&damaged, &self.index());
        Ok(answer)
    }

    async fn summary(&self, selection: &Selection) -> Result<Vec<SeriesSummary>, StoreError> {
        selection.validate()?;
        let mut access = self.read().await?;
        let asked = Asked::new(selection, &self.index());
        let (answer, damaged) = answer::summary(&mut access, asked).await?;
        self.damage.note(&damaged, &self.index());
        Ok(answer)
    }

    async fn series(&self, host: &str) -> Result<Vec<String>, StoreError> {
        if self.readers.is_closed() {
            return Err(StoreError::closed());
        }
        let index = self.index();
        let host = index.host(host).and_then(|host| index.get(host));
        Ok(host.map(|host| host.paths()).unwrap_or_default())
    }

    async fn hosts(&self) -> Result<Vec<HostInfo>, StoreError> {
        let mut access = self.read().await?;
        let known = self.index().known_hosts();
        answer::hosts(&mut access, known).await
    }

    async fn usage(&self) -> Result<Usage, StoreError> {
        let hosts = Store::hosts(self).await?;
        let totals = self.totals().await?;
        let pages = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        let bytes: Result<i64, _> = sqlx::query_scalar(pages).fetch_one(&self.readers).await;
        Ok(Usage {
            bytes: bytes.map_err(self.explain())?.unsigned_abs(),
            frames: u64::try_from(totals.frames).unwrap_or(0),
            downsampled_frames: u64::try_from(totals.rollups).unwrap_or(0),
            oldest_ms: hosts.iter().map(|host| host.first_seen_ms).min(),
            newest_ms: hosts.iter().map(|host| host.last_seen_ms).max(),
            damaged_frames: self.damage.count(),
        })
    }

    async fn apply_retention(
        &self,
        policy: &RetentionPolicy,
        now_ms: i64,
    ) -> Result<RetentionReport, StoreError> {
        retention::apply(self, policy, now_ms).await
    }

    async fn close(&self) {
        self.close_file().await;
    }
}

#[async_trait]
impl Kept for SqliteStore {
    fn shelves(&self) -> Vec<Vec<Shelf>> {
        self.index().shelves()
    }

    async fn keeper(&self) -> Result<Box<dyn Keeper + '_>, StoreError> {
        Ok(Box::new(Access { by: self.writer().await?, store: self }))
    }

    fn damaged(&self, places: &[Place]) {
        self.damage.note(places, &self.index());
    }
}
