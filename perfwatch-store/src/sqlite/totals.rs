//! How many bodies there are: counted once, then kept up to date.
//!
//! Counting reads the whole file, so it keeps no append waiting: a reading transaction sees one
//! moment, and the writer notes what it adds from that moment on.

use std::ops::Add;

use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::SqliteStore;
use crate::StoreError;

/// How many bodies there are, or how many more than at some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) frames: i64,
    pub(super) rollups: i64,
}

impl Add for Totals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { frames: self.frames + other.frames, rollups: self.rollups + other.rollups }
    }
}

impl SqliteStore {
    /// How many bodies there are.
    pub(super) async fn totals(&self) -> Result<Totals, StoreError> {
        let mut counted = self.counted.lock().await;
        if let (Some(counted), Some(added)) = (*counted, self.added().await?) {
            return Ok(counted + added);
        }
        // An older count says nothing about the moment that the writer counts from now on.
        *counted = None;
        let mut moment = self.moment().await?;
        let totals = count(&mut moment).await.map_err(self.explain())?;
        *counted = Some(totals);
        // After a write that was cut off meanwhile, the count is that of its moment.
        Ok(totals + self.added().await?.unwrap_or_default())
    }

    async fn added(&self) -> Result<Option<Totals>, StoreError> {
        Ok(self.writer().await?.added)
    }

    /// A transaction that sees the file as it is now, from when on the writer notes what it adds.
    pub(super) async fn moment(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        // First, because it may take long: the writer is not kept waiting for it.
        let mut moment = self.readers.begin().await.map_err(self.explain())?;
        let mut writer = self.writer().await?;
        fix(&mut moment).await.map_err(self.explain())?;
        writer.added = Some(Totals::default());
        Ok(moment)
    }
}

/// Reads for the first time, which is the moment that a transaction sees.
pub(super) async fn fix(transaction: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT id FROM hosts LIMIT 1").fetch_optional(transaction).await?;
    Ok(())
}

/// Counts all bodies.
pub(super) async fn count(connection: &mut SqliteConnection) -> Result<Totals, sqlx::Error> {
    let count = "SELECT (SELECT count(*) FROM frames), (SELECT count(*) FROM rollups)";
    let (frames, rollups) = sqlx::query_as(count).fetch_one(connection).await?;
    Ok(Totals { frames, rollups })
}
