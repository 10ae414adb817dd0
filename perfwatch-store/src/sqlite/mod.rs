//! The default store: one SQLite file, nothing to install.
//!
//! One connection writes, a few read; with the write-ahead log neither waits for the other. Each
//! append is one transaction that is on the disk when it returns (`synchronous = FULL`). One
//! process has the file at a time. Bodies are SQLite's only by their key: everything inside them is
//! the shared layout.

mod access;
mod accounts;
mod append;
mod error;
mod file;
mod key;
mod load;
mod schema;
mod store;

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

use crate::{StoreError, damage::Damage, layout::Index};

/// So many queries run at once; more wait.
const READERS: u32 = 4;

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
    /// Nothing once the store is closed. Dropped before the claim on the file.
    writer: AsyncMutex<Option<Writer>>,
    claim: Mutex<Option<file::Claimed>>,
}

/// The one connection that writes.
#[derive(Debug)]
struct Writer {
    connection: SqliteConnection,
    /// How many bodies there are, once somebody asked: counting reads the whole file.
    totals: Option<Totals>,
}

/// How many bodies there are.
#[derive(Clone, Copy, Debug)]
struct Totals {
    frames: u64,
    rollups: u64,
}

impl SqliteStore {
    /// Opens a store; makes the file and its directory where they are missing.
    ///
    /// # Errors
    /// What keeps the file from being this process's store, named with the cure.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let claim = file::claim(path)?;
        let explain = |error| error::explain(path, error);
        let mut connection = connect(path, claim.is_new).await.map_err(explain)?;
        let index = load::index(&mut connection, path).await?;
        let options = options(path).read_only(true);
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(PATIENCE)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(options);
        Ok(Self {
            path: path.to_owned(),
            index: Mutex::new(index),
            damage: Damage::default(),
            readers,
            writer: AsyncMutex::new(Some(Writer { connection, totals: None })),
            claim: Mutex::new(Some(claim)),
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

/// Opens the writing connection and brings the file up to date.
async fn connect(path: &Path, is_new: bool) -> Result<SqliteConnection, sqlx::Error> {
    let mut connection = options(path).connect().await?;
    if is_new {
        schema::claim(&mut connection).await?;
    }
    for pragma in PRAGMAS {
        sqlx::query(pragma).execute(&mut connection).await?;
    }
    schema::migrate(&mut connection).await?;
    Ok(connection)
}
