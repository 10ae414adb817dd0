//! Filling a store, and writing the same values down for its peers.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{BufWriter, Read, Write},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use perfwatch_core::{Decimal, MISSING, View, series};
use perfwatch_store::{Record, RetentionPolicy, Store, open};

use super::HOST;

/// How many frames an hour has.
const HOUR: usize = 720;

/// Longer than anything that is made.
const KEPT_DAYS: u32 = 3000;

/// Where SQLite's header holds the number of all pages and that of the free ones.
const PAGES_AT: usize = 28;
const FREE_AT: usize = 36;
/// The length of a page that SQLite takes by default, which the store leaves as it is.
const PAGE: u64 = 4096;

/// What a store holds after it was filled.
#[derive(Clone, Debug, Default)]
pub struct Filled {
    /// Frames appended.
    pub frames: u64,
    /// Values in them; what is missing is not counted.
    pub values: u64,
    /// The length of its file.
    pub bytes: u64,
    /// The part of it that SQLite keeps free for what comes.
    pub free_bytes: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// Appends frames to the store in a file, seals what is due and tidies up each so many hours (the
/// daemon: each), closes it, and says what it holds then.
///
/// # Errors
/// What the store or the sheet ran into.
pub async fn fill(
    path: &Path,
    views: impl Iterator<Item = View>,
    hours: usize,
    mut sheet: Option<&mut Sheet>,
) -> Result<Filled> {
    let start = Instant::now();
    let store = open(&format!("sqlite:{}", path.display())).await?.store;
    let mut filled = Filled::default();
    let mut batch = Vec::with_capacity(HOUR);
    for view in views {
        filled.frames += 1;
        filled.values += values_of(&view);
        if let Some(sheet) = &mut sheet {
            sheet.add(&view)?;
        }
        batch.push(Record::new(HOST, Arc::new(view)));
        if batch.len() >= HOUR * hours {
            append(&*store, &mut batch).await?;
        }
    }
    append(&*store, &mut batch).await?;
    store.close().await;
    filled.seconds = start.elapsed().as_secs_f64();
    (filled.bytes, filled.free_bytes) = size(path)?;
    Ok(filled)
}

async fn append(store: &dyn Store, batch: &mut Vec<Record>) -> Result<()> {
    store.append(batch).await?;
    let newest_ms = batch.last().map_or(0, |record| record.timestamp_ms());
    batch.clear();
    tidy(store, newest_ms).await
}

/// Waits until what is due is sealed, and lets retention give free pages back.
pub(super) async fn tidy(store: &dyn Store, now_ms: i64) -> Result<()> {
    // Sealing is a task of its own; once it has begun, retention waits for its end.
    tokio::time::sleep(Duration::from_millis(1)).await;
    let all = RetentionPolicy {
        full_resolution_days: KEPT_DAYS,
        downsampled_days: KEPT_DAYS,
        ..RetentionPolicy::default()
    };
    let report = store.apply_retention(&all, now_ms).await?;
    ensure!(report.deleted_frames == 0, "frames are gone: {report:?}");
    Ok(())
}

fn values_of(view: &View) -> u64 {
    let mut count = 0;
    view.for_each_row(|_, _, values| {
        count += values.iter().filter(|&&value| value != MISSING).count() as u64;
    });
    count
}

/// Bytes of a file with its log, and how many of them are free.
fn size(path: &Path) -> Result<(u64, u64)> {
    let name = path.display();
    let mut header = [0; 100];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.with_context(|| format!("{name} cannot be read"))?;
    let number = |at: usize| {
        let bytes = header.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |bytes| u64::from(u32::from_be_bytes(*bytes)))
    };
    let bytes = fs::metadata(path)?.len();
    ensure!(bytes == PAGE * number(PAGES_AT), "{name} is not as long as it says");
    let log = fs::metadata(format!("{name}-wal")).map_or(0, |log| log.len());
    Ok((bytes + log, PAGE * number(FREE_AT)))
}

/// A file of values: a line per frame with its time and, in the order of [`Sheet::names`], all
/// values with commas between; what is missing is empty, also at a line's end.
pub struct Sheet {
    out: BufWriter<File>,
    names: Vec<String>,
    /// The first column of a row, by table and row.
    rows: HashMap<&'static str, HashMap<String, usize>>,
    cells: Vec<Option<f64>>,
}

impl Sheet {
    /// An empty file.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path);
        let file = file.with_context(|| format!("{} cannot be written", path.display()))?;
        let (names, rows, cells) = Default::default();
        Ok(Self { out: BufWriter::new(file), names, rows, cells })
    }

    /// The paths of the series, in the order of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    fn add(&mut self, view: &View) -> Result<()> {
        self.cells.fill(None);
        view.for_each_row(|table, key, values| {
            let rows = self.rows.entry(table.name).or_default();
            let first = match rows.get(key) {
                Some(first) => *first,
                None => {
                    let first = self.names.len();
                    let paths = table.columns.iter().map(|column| series::path(table, key, column));
                    self.names.extend(paths);
                    rows.insert(key.to_owned(), first);
                    self.cells.resize(self.names.len(), None);
                    first
                }
            };
            let cells = self.cells.iter_mut().skip(first);
            for ((cell, value), column) in cells.zip(values).zip(table.columns) {
                *cell = Decimal { value: *value, decimals: column.unit.decimals() }.get();
            }
        });
        write!(self.out, "{}", view.timestamp_ms)?;
        for cell in &self.cells {
            match cell {
                Some(value) => write!(self.out, ",{value}")?,
                None => self.out.write_all(b",")?,
            }
        }
        self.out.write_all(b"\n")?;
        Ok(())
    }

    /// Writes what is not written yet.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(&mut self) -> Result<()> {
        Ok(self.out.flush()?)
    }
}
