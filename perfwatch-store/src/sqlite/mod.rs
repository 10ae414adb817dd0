//! The default store: one SQLite file, nothing to install.
//!
//! One connection writes, a few answer queries and a few look accounts up; with the write-ahead log
//! none waits for another. Each append is one transaction that is on the disk when it returns
//! (`synchronous = FULL`). One process has the file at a time. Bodies are SQLite's only by their
//! key: everything inside them is the shared layout.

mod accounts;
mod contents;
mod error;
mod file;
mod files;
mod gathered;
mod key;
mod library;
mod load;
mod machines;
mod policy;
mod read_only;
mod rebuild;
mod salvage;
mod schema;
#[cfg(test)]
mod tests;
mod upgrade;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::sync::{MappedMutexGuard, Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard};

pub use contents::{FileInfo, PartBytes};
pub use read_only::HistoryFile;

use crate::{
    ImportFrame, Record, StoreError,
    engine::{Engine, Sealing, Shared},
};

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
    pub(crate) engine: Shared<SqliteFiles>,
}

/// An open file.
#[derive(Debug)]
pub(crate) struct SqliteFiles {
    path: PathBuf,
    readers: SqlitePool,
    account_readers: SqlitePool,
    /// The one connection that writes; nothing once the store is closed. Dropped before the claim
    /// on the file.
    writer: AsyncMutex<Option<SqliteConnection>>,
    claim: Mutex<Option<file::Claimed>>,
}

impl SqliteStore {
    /// Opens a store; makes the file and its directory where they are missing.
    ///
    /// # Errors
    /// What keeps the file from being this process's store, named with the cure.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_sealing(path, Sealing::Hourly).await
    }

    /// Opens a store that seals with each append, however few frames an hour has: for tests.
    #[doc(hidden)]
    pub async fn open_sealing_at_once(path: &Path) -> Result<Self, StoreError> {
        Self::open_sealing(path, Sealing::AtOnce).await
    }

    /// Opens a store that does not wait for the disk: for the test that shows why others do.
    #[doc(hidden)]
    pub async fn open_unsynced(path: &Path) -> Result<Self, StoreError> {
        let store = Self::open(path).await?;
        let unsynced = sqlx::query("PRAGMA synchronous = NORMAL");
        unsynced
            .execute(&mut *store.files().writer().await?)
            .await
            .map_err(store.files().explain())?;
        Ok(store)
    }

    async fn open_sealing(path: &Path, sealing: Sealing) -> Result<Self, StoreError> {
        let claim = file::claim(path)?;
        let explain = |error| error::explain(path, error);
        let mut connection = options(path).connect().await.map_err(explain)?;
        library::check(&mut connection, path).await?;
        prepare(&mut connection, claim.is_new).await.map_err(explain)?;
        // On a connection of its own: what SQLite gives up there must not hold up the writer.
        let mut other = options(path).connect().await.map_err(explain)?;
        rebuild::damaged(&mut other).await.map_err(explain)?;
        other.close().await.map_err(explain)?;
        let index = load::index(&mut connection, path).await?;
        let registry = machines::read(&mut connection).await.map_err(explain)?;
        let files = SqliteFiles {
            path: path.to_owned(),
            readers: readers(options(path), READERS),
            account_readers: readers(options(path), ACCOUNT_READERS),
            writer: AsyncMutex::new(Some(connection)),
            claim: Mutex::new(Some(claim)),
        };
        let engine = Arc::new(Engine::new(files, index, sealing));
        *engine.registry() = registry;
        engine.load().await?;
        Ok(Self { engine })
    }

    fn files(&self) -> &SqliteFiles {
        &self.engine.files
    }

    async fn append_records(&self, records: &[Record]) -> Result<(), StoreError> {
        self.engine.append(records).await
    }

    async fn import_frames(&self, frames: &[ImportFrame]) -> Result<u64, StoreError> {
        self.engine.import(frames).await
    }

    /// The head is in the file.
    #[allow(clippy::unused_self)] // Other backends look.
    fn head_bytes(&self) -> u64 {
        0
    }

    async fn close_files(&self) {
        self.engine.close().await;
        self.files().close().await;
    }
}

crate::store::implement!(SqliteStore, "sqlite");

impl SqliteFiles {
    /// Waits for its turn to write.
    async fn writer(&self) -> Result<MappedMutexGuard<'_, SqliteConnection>, StoreError> {
        let guard = self.writer.lock().await;
        AsyncMutexGuard::try_map(guard, Option::as_mut).map_err(|_| StoreError::closed())
    }

    fn explain(&self) -> impl FnOnce(sqlx::Error) -> StoreError + '_ {
        |error| error::explain(&self.path, error)
    }

    async fn close(&self) {
        self.readers.close().await;
        self.account_readers.close().await;
        if let Some(writer) = self.writer.lock().await.take()
            && let Err(error) = writer.close().await
        {
            // Everything acknowledged is in the log of the file, and found at the next start.
            tracing::warn!(%error, "the store's file was not closed cleanly");
        }
        self.claim.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// The write-ahead log beside a database.
fn log_path(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(path);
    name.push("-wal");
    name.into()
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).busy_timeout(PATIENCE).disable_statement_logging()
}

/// So many connections that read, opened when they are needed and kept.
fn readers(options: SqliteConnectOptions, most: u32) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(most)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(options.read_only(true))
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
