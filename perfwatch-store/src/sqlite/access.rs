//! The shared way of reading and changing bodies, over a connection.

use std::{ops::Range, path::Path};

use async_trait::async_trait;
use sqlx::{Connection, Row, Sqlite, SqliteConnection, Transaction};
use tokio::sync::MappedMutexGuard;

use super::{
    SqliteStore, Writer,
    error::explain,
    key::{key, key_of, statements, time},
    totals::Totals,
};
use crate::{
    StoreError,
    shelf::{Body, Change, Keeper, Reader, Shelf, TIMES},
};

/// How many pages are given back in one step.
const PAGES: &str = "PRAGMA incremental_vacuum(512)";

/// A connection that is in use.
pub(super) trait InUse: Send {
    fn connection(&mut self) -> &mut SqliteConnection;
}

impl InUse for Transaction<'_, Sqlite> {
    fn connection(&mut self) -> &mut SqliteConnection {
        self
    }
}

impl InUse for MappedMutexGuard<'_, Writer> {
    fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

/// Bodies behind a connection: a reading transaction, which sees one moment, or the writer.
pub(super) struct Access<'a, C> {
    pub(super) by: C,
    pub(super) store: &'a SqliteStore,
}

impl<C: InUse> Access<'_, C> {
    fn path(&self) -> &Path {
        &self.store.path
    }
}

#[async_trait]
impl<C: InUse> Reader for Access<'_, C> {
    async fn span(
        &mut self,
        shelf: Shelf,
        range: Range<i64>,
    ) -> Result<Option<(i64, i64)>, StoreError> {
        let found: Result<(Option<i64>, Option<i64>), _> = sqlx::query_as(statements(shelf).span)
            .bind(key(shelf, range.start))
            .bind(key(shelf, range.end))
            .fetch_one(self.by.connection())
            .await;
        let (first, last) = found.map_err(|error| explain(self.path(), error))?;
        Ok(first.zip(last).map(|(first, last)| (time(first), time(last))))
    }

    async fn count(
        &mut self,
        shelf: Shelf,
        range: Range<i64>,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let count: Result<i64, _> = sqlx::query_scalar(statements(shelf).count)
            .bind(key(shelf, range.start))
            .bind(key(shelf, range.end))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_one(self.by.connection())
            .await;
        let count = count.map_err(|error| explain(self.path(), error))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    async fn oldest(
        &mut self,
        shelf: Shelf,
        range: Range<i64>,
        limit: usize,
    ) -> Result<Vec<Body>, StoreError> {
        let keys = key(shelf, range.start)..key(shelf, range.end);
        let bodies = fetch_oldest(self.by.connection(), shelf, keys, limit).await;
        bodies.map_err(|error| explain(self.path(), error))
    }
}

/// The first bodies of some keys.
pub(super) async fn fetch_oldest(
    connection: &mut SqliteConnection,
    shelf: Shelf,
    keys: Range<i64>,
    limit: usize,
) -> Result<Vec<Body>, sqlx::Error> {
    let rows = sqlx::query(statements(shelf).oldest)
        .bind(keys.start)
        .bind(keys.end)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(connection)
        .await?;
    let body = |row: sqlx::sqlite::SqliteRow| {
        let place = shelf.place(time(row.try_get(0)?));
        Ok(Body { place, bytes: row.try_get(1)? })
    };
    rows.into_iter().map(body).collect()
}

#[async_trait]
impl Keeper for Access<'_, MappedMutexGuard<'_, Writer>> {
    async fn oldest_times(
        &mut self,
        shelf: Shelf,
        range: Range<i64>,
        limit: usize,
    ) -> Result<Vec<i64>, StoreError> {
        let keys: Result<Vec<i64>, _> = sqlx::query_scalar(statements(shelf).times)
            .bind(key(shelf, range.start))
            .bind(key(shelf, range.end))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(self.by.connection())
            .await;
        let keys = keys.map_err(|error| explain(self.path(), error))?;
        Ok(keys.into_iter().map(time).collect())
    }

    async fn change(&mut self, change: Change) -> Result<(), StoreError> {
        // Before the commit: whoever sees the new bodies must know where to look for them.
        self.store.index().note_rollups(&change.put);
        let added = self.by.added.take();
        let done = write(self.by.connection(), &change).await;
        done.map_err(|error| explain(self.path(), error))?;
        let new = Totals { frames: change.frames, rollups: change.rollups };
        self.by.added = added.map(|added| added + new);
        Ok(())
    }

    async fn bytes(&mut self) -> Result<u64, StoreError> {
        let pages = "SELECT (page_count - freelist_count) * page_size \
                     FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
        let bytes: Result<i64, _> = sqlx::query_scalar(pages).fetch_one(self.by.connection()).await;
        let bytes = bytes.map_err(|error| explain(self.path(), error))?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }

    async fn shrink(&mut self) -> Result<bool, StoreError> {
        let more = give_back(self.by.connection()).await;
        more.map_err(|error| explain(self.path(), error))
    }
}

async fn write(connection: &mut SqliteConnection, change: &Change) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let put = "INSERT INTO rollups (key, body) VALUES (?, ?) \
               ON CONFLICT (key) DO UPDATE SET body = excluded.body";
    for Body { place, bytes } in &change.put {
        let query = sqlx::query(put).bind(key_of(*place)).bind(bytes.as_slice());
        query.execute(&mut *transaction).await?;
    }
    sqlx::query(statements(change.shelf).delete)
        .bind(key(change.shelf, TIMES.start))
        .bind(key(change.shelf, change.delete_until_ms + 1))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

/// Gives pages back to the file system, and says whether there are more.
async fn give_back(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let free = "PRAGMA freelist_count";
    let before: i64 = sqlx::query_scalar(free).fetch_one(&mut *connection).await?;
    if before > 0 {
        sqlx::query(PAGES).execute(&mut *connection).await?;
    }
    let after: i64 = sqlx::query_scalar(free).fetch_one(&mut *connection).await?;
    if 0 < after && after < before {
        return Ok(true);
    }
    // The file itself becomes shorter when the log is written back. `PASSIVE` waits for no reader.
    sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&mut *connection).await?;
    Ok(false)
}
