//! History in the files of other programs: CSV, JSON lines and Parquet, out and in again.
//!
//! What leaves at full resolution is every value exactly as it was stored, a day or less in memory
//! at a time; what comes in is appended frame by frame, so that a (host, timestamp) counts once
//! however often it is read. A value is an integer with decimals on both ways: no float is made
//! of it.
//!
//! Work and writing happen on the calling task: this is for a command, not for a daemon's runtime.

mod aggregates;
mod csv;
mod deliver;
mod error;
mod import;
mod json_lines;
mod kept;
mod number;
mod parquet;
mod plan;
mod raw;
mod read_csv;
mod read_json_lines;
mod read_parquet;
mod reader;
mod sign;
mod table;

use std::{io::Write, ops::Range, time::Duration};

use perfwatch_core::series::Pattern;

use crate::{HistoryFile, Progress};
pub use error::ExchangeError;
pub use import::{Imported, Input, import_file};
use plan::Plan;
use table::{Column, TableWriter};

/// How the file of another program is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A header with the names of the series, then a row per frame.
    Csv,
    /// A JSON object per frame and line, shaped like the live message.
    JsonLines,
    /// A column per series.
    Parquet,
}

/// What is to be exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportQuery {
    /// The hosts' names; without any, all.
    pub hosts: Vec<String>,
    /// The series; without any, all.
    pub patterns: Vec<Pattern>,
    /// The first millisecond, and the one behind the last.
    pub range_ms: Range<i64>,
    /// Nothing for every value as it was stored; else the length of the buckets of which average,
    /// lowest, highest and count are exported. A day must be a multiple of it, or it of a day.
    pub interval: Option<Duration>,
}

/// What was exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Frames, or buckets.
    pub frames: u64,
    /// Columns beside host and time.
    pub columns: u64,
    /// What was damaged and left out.
    pub damaged: u64,
    /// Frames in the range that were downsampled: no single values are left to export.
    pub left_out: u64,
}

/// Writes history into `out`; `tell` hears how many frames are written. The memory needed depends
/// on how many series there are, not on how long the range is.
///
/// # Errors
/// [`ExchangeError`]: what is wrong with the query, or kept the file from being read or written.
pub async fn export(
    file: &HistoryFile,
    query: &ExportQuery,
    format: Format,
    out: Box<dyn Write + Send>,
    tell: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Exported, ExchangeError> {
    let plan = Plan::new(file, query).await?;
    let columns = match query.interval {
        None => plan.columns.clone(),
        Some(_) => aggregates::columns(&plan.columns),
    };
    let count = columns.len() as u64;
    let mut writer = writer(format, columns, out)?;
    let frames = match query.interval {
        None => raw::write(file, &plan, &mut *writer, tell).await?,
        Some(step) => aggregates::write(file, &plan, step, &mut *writer, tell).await?,
    };
    writer.finish()?;
    let left_out = if query.interval.is_none() { plan.left_out } else { 0 };
    Ok(Exported { frames, columns: count, damaged: file.damaged(), left_out })
}

fn writer(
    format: Format,
    columns: Vec<Column>,
    out: Box<dyn Write + Send>,
) -> Result<Box<dyn TableWriter>, ExchangeError> {
    Ok(match format {
        Format::Csv => Box::new(csv::CsvWriter::new(columns, out)?),
        Format::JsonLines => Box::new(json_lines::JsonLinesWriter::new(columns, out)),
        Format::Parquet => Box::new(parquet::ParquetWriter::new(columns, out)?),
    })
}
