//! The default store: one SQLite file, nothing to install.
//!
//! One connection writes, a few answer queries and a few look accounts up; with the write-ahead log
//! none waits for another. Each append is one transaction that is on the disk when it returns
//! (`synchronous = FULL`). One process has the file at a time. Bodies are SQLite's only by their
//! key: everything inside them is the shared layout.

mod access;
mod accounts;
mod append;
mod error;
mod file;
mod key;
mod library;
mod load;
mod schema;
mod store;
#[cfg(test)]
mod tests;
mod totals;

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::sync::{MappedMutexGuard, Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard};

use self::totals::Totals;
use crate::{StoreError, damage::Damage, layout::Index};

/// So many queries run at once; more wait.
const READERS: u32 = 4;

/// Look-ups of accounts have connections of their own: no query keeps anybody from logging in.
const ACCOUNT_READERS: u32 = 2;

/// How long a query waits for its turn, or for a lock inside SQLite.
const PATIENCE: Duration = Duration::from_secs(5);

/// `FULL`: what was acknowledged survives a power cut. The limit lets a log that grew behind a long
/// query become short again.
const PRAGMAS: [&str; 3] = [
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA journal_size_limit = 4194304",
];

/// Keeps frames and accounts in an SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    index: Mutex<Index>,
    damage: Damage,
    readers: SqlitePool,
    account_readers: SqlitePool,
    /// Nothing once the store is closed. Dropped before the claim on the file.
    writer: AsyncMutex<Option<Writer>>,
    claim: Mutex<Option<file::Claimed>>,
    /// How many bodies there were when they were counted; the writer knows what changed since.
    counted: AsyncMutex<Option<Totals>>,
}

/// The one connection that writes.
#[derive(Debug)]
struct Writer {
    connection: SqliteConnection,
    /// What was added since the bodies were counted; nothing if that was never, or is not known.
    added: Option<Totals>,
}

impl SqliteStore {
    /// Opens a store; makes the file and its directory where they are missing.
    ///
    /// # Errors
    /// What keeps the file from being this process's store, named with the cure.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let claim = file::claim(path)?;
        let explain = |error| error::explain(path, error);
        let mut connection = options(path).connect().await.map_err(explain)?;
        library::check(&mut connection, path).await?;
        prepare(&mut connection, claim.is_new).await.map_err(explain)?;
        let index = load::index(&mut connection, path).await?;
        Ok(Self {
            path: path.to_owned(),
            index: Mutex::new(index),
            damage: Damage::default(),
            readers: readers(path, READERS),
            account_readers: readers(path, ACCOUNT_READERS),
            writer: AsyncMutex::new(Some(Writer { connection, added: None })),
            claim: Mutex::new(Some(claim)),
            counted: AsyncMutex::default(),
        })
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for its turn to write.
    async fn writer(&self) -> Result<MappedMutexGuard<'_, Writer>, StoreError> {
        let guard = self.writer.lock().await;
        AsyncMutexGuard::try_map(guard, Option::as_mut).map_err(|_| StoreError::closed())
    }

    fn explain(&self) -> impl FnOnce(sqlx::Error) -> StoreError + '_ {
        |error| error::explain(&self.path, error)
    }

    async fn close_file(&self) {
        self.readers.close().await;
        self.account_readers.close().await;
        if let Some(writer) = self.writer.lock().await.take()
            && let Err(error) = writer.connection.close().await
        {
            // Everything acknowledged is in the log of the file, and found at the next start.
            tracing::warn!(%error, "the store's file was not closed cleanly");
        }
        self.claim.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).busy_timeout(PATIENCE).disable_statement_logging()
}

/// So many connections that read, opened when they are needed and kept.
fn readers(path: &Path, most: u32) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(most)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(options(path).read_only(true))
}

/// Makes a connection the one that writes, and brings the file up to date.
async fn prepare(connection: &mut SqliteConnection, is_new: bool) -> Result<(), sqlx::Error> {
    if is_new {
        schema::claim(connection).await?;
    }
    for pragma in PRAGMAS {
        sqlx::query(pragma).execute(&mut *connection).await?;
    }
    schema::migrate(connection).await
}
