//! A history file that is only read, also while a daemon writes it.
//!
//! With the write-ahead log a reader and the writer do not wait for each other. A reader takes no
//! claim, writes no byte of the file and never keeps a transaction open for long, because a log
//! cannot become short again behind one. What it knows is of its opening: newer frames are not
//! seen, and frames that are sealed meanwhile are seen in memory, in their slice, or in both.

use std::{path::Path, sync::Mutex};

use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::Mutex as AsyncMutex;

use super::{
    READERS, SqliteFiles, error::explain, file, library, load, machines, options, readers, schema,
};
use crate::{
    DamagedRange, HostInfo, RangeAnswer, RangeQuery, StoreError,
    engine::{Engine, Progress, Sealing},
};

/// An SQLite history file, opened to be read.
#[derive(Debug)]
pub struct HistoryFile {
    pub(crate) engine: Engine<SqliteFiles>,
}

impl HistoryFile {
    /// Opens a file as it is: nothing is made, brought up to date or locked.
    ///
    /// # Errors
    /// [`StoreError::NoFile`], [`StoreError::Unreadable`], or what keeps the file from being
    /// history that this version reads.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        file::check_readable(path)?;
        let (mut connection, options) = connect(path).await?;
        library::check(&mut connection, path).await?;
        let files = SqliteFiles {
            path: path.to_owned(),
            readers: readers(options.clone(), READERS),
            account_readers: readers(options, 1),
            writer: AsyncMutex::new(None),
            claim: Mutex::new(None),
        };
        let index = load::index(&mut connection, path).await?;
        let engine = Engine::new(files, index, Sealing::Never);
        engine.load().await?;
        // Frames of a daemon may have come between, with names of their own.
        *engine.index() = load::index(&mut connection, path).await?;
        engine.load_slices().await?;
        let registry = machines::read(&mut connection).await;
        *engine.registry() = registry.map_err(|error| explain(path, error))?;
        connection.close().await.map_err(|error| explain(path, error))?;
        Ok(Self { engine })
    }

    /// Answers a question as the store would.
    ///
    /// # Errors
    /// As [`Store::range`](crate::Store::range).
    pub async fn range(&self, query: &RangeQuery) -> Result<RangeAnswer, StoreError> {
        self.engine.range(query).await
    }

    /// All hosts that frames are held of, by name.
    ///
    /// # Errors
    /// If the file cannot be read any more.
    pub async fn hosts(&self) -> Result<Vec<HostInfo>, StoreError> {
        self.engine.hosts().await
    }

    /// Reads everything that is stored, and names what is damaged. `tell` hears of the bytes read.
    ///
    /// # Errors
    /// If the file cannot be read at all.
    pub async fn verify(
        &self,
        tell: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Vec<DamagedRange>, StoreError> {
        self.engine.verify(tell).await
    }

    /// How much was found damaged since the opening, and left out.
    pub fn damaged(&self) -> u64 {
        self.engine.damaged()
    }

    /// Lets go of the file.
    pub async fn close(&self) {
        self.engine.close().await;
        self.engine.files.close().await;
    }
}

/// A connection to a file of the current version, and the options that made it.
async fn connect(path: &Path) -> Result<(SqliteConnection, SqliteConnectOptions), StoreError> {
    let usual = options(path).read_only(true);
    let mut found = version(&usual).await.map_err(|error| explain(path, error));
    let mut options = usual;
    if matches!(found, Err(StoreError::Unwritable { .. })) && !has_log(path) {
        // A folder that cannot be written, as on a read-only medium: nobody writes the file.
        options = options.immutable(true);
        found = version(&options).await.map_err(|error| explain(path, error));
    }
    let (connection, version) = found.map_err(|error| match error {
        StoreError::Unwritable { path, reason } => StoreError::Unreadable { path, reason },
        error => error,
    })?;
    let (path, found, supported) = (path.to_owned(), version, schema::VERSION);
    match version.cmp(&schema::VERSION) {
        std::cmp::Ordering::Less => Err(StoreError::Older { path, found, supported }),
        std::cmp::Ordering::Equal => Ok((connection, options)),
        std::cmp::Ordering::Greater => Err(StoreError::Newer { path, found, supported }),
    }
}

async fn version(options: &SqliteConnectOptions) -> Result<(SqliteConnection, i64), sqlx::Error> {
    let mut connection = options.connect().await?;
    let version = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut connection).await?;
    Ok((connection, version))
}

/// Whether a write-ahead log holds something that is not in the file yet.
fn has_log(path: &Path) -> bool {
    std::fs::metadata(super::log_path(path)).is_ok_and(|log| log.len() > 0)
}
