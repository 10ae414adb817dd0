//! What is in a history file, and what takes the bytes.

use std::path::PathBuf;

use super::{HistoryFile, SqliteFiles, log_path};
use crate::{
    StoreError,
    archive::Files,
    engine::{HostContents, SliceBytes},
};

/// What a history file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// The file.
    pub path: PathBuf,
    /// Its schema version.
    pub schema_version: i64,
    /// The version of SQLite that reads it.
    pub sqlite_version: String,
    /// The bytes of the file, without its log.
    pub bytes: u64,
    /// The bytes of the write-ahead log beside it.
    pub log_bytes: u64,
    /// The bytes of one page.
    pub page_size: u64,
    /// How many pages there are.
    pub pages: u64,
    /// How many of them are free.
    pub free_pages: u64,
    /// What takes the bytes.
    pub parts: PartBytes,
    /// Slices at full resolution.
    pub slices: u64,
    /// Downsampled slices.
    pub downsampled_slices: u64,
    /// Each host that frames are held of, by name.
    pub hosts: Vec<HostContents>,
    /// What was found damaged on the way; only `verify` reads everything.
    pub damaged: u64,
}

/// What takes the bytes of a file. Together with the free pages they are all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartBytes {
    /// Frames that are kept one by one until their hour is over.
    pub frames: u64,
    /// What slices at full resolution take.
    pub slices: SliceBytes,
    /// All of the downsampled slices.
    pub downsampled: u64,
    /// Names, accounts, and what the database itself needs.
    pub rest: u64,
}

impl FileInfo {
    /// Values at full resolution.
    pub fn values(&self) -> u64 {
        self.hosts.iter().map(|host| host.values).sum()
    }

    /// Bytes of the whole file per value at full resolution; nothing without any.
    pub fn bytes_per_value(&self) -> Option<f64> {
        let values = self.values();
        (values > 0).then(|| self.bytes as f64 / values as f64)
    }
}

impl HistoryFile {
    /// What is in the file.
    ///
    /// # Errors
    /// If the file cannot be read any more.
    pub async fn info(&self) -> Result<FileInfo, StoreError> {
        let files = &self.engine.files;
        let (hosts, shelves) = self.engine.contents().await?;
        let (raw, downsampled) = shelves;
        let (page_size, pages, free_pages) = files.pages().await?;
        let bytes = page_size * pages;
        let frames = files.number("SELECT coalesce(sum(length(body)), 0) FROM frames").await?;
        let known = frames + raw.bytes.sum() + downsampled.bytes.sum() + free_pages * page_size;
        Ok(FileInfo {
            path: files.path.clone(),
            schema_version: super::schema::VERSION,
            sqlite_version: files.library().await?,
            bytes,
            log_bytes: std::fs::metadata(log_path(&files.path)).map_or(0, |log| log.len()),
            page_size,
            pages,
            free_pages,
            parts: PartBytes {
                frames,
                slices: raw.bytes,
                downsampled: downsampled.bytes.sum(),
                rest: bytes.saturating_sub(known),
            },
            slices: raw.slices,
            downsampled_slices: downsampled.slices,
            hosts,
            damaged: self.damaged(),
        })
    }
}

impl SqliteFiles {
    async fn number(&self, sql: &'static str) -> Result<u64, StoreError> {
        let number: i64 =
            sqlx::query_scalar(sql).fetch_one(&self.readers).await.map_err(self.explain())?;
        Ok(number.max(0).unsigned_abs())
    }

    /// The bytes of a page, the pages, and those of them that are free.
    async fn pages(&self) -> Result<(u64, u64, u64), StoreError> {
        let (all, used) = self.bytes().await?;
        let size = self.number("PRAGMA page_size").await?.max(1);
        Ok((size, all / size, (all - used.min(all)) / size))
    }

    async fn library(&self) -> Result<String, StoreError> {
        let version = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&self.readers);
        version.await.map_err(self.explain())
    }
}
