//! Frames out of CSV.

use std::{collections::HashSet, io::Read, sync::Arc};

use csv::{Reader, ReaderBuilder, StringRecord};

use super::{
    ExchangeError,
    csv::{HOST, TIMESTAMP, plain},
    number,
    reader::{FrameReader, Names, check_path},
};
use crate::{ImportFrame, ImportValue};

/// Reads rows.
pub(super) struct CsvReader {
    input: Reader<Box<dyn Read + Send>>,
    record: StringRecord,
    hosts: Names,
    time: usize,
    host: usize,
    /// The series of each column; nothing for time and host.
    columns: Vec<Option<Arc<str>>>,
}

impl CsvReader {
    pub(super) fn new(stream: Box<dyn Read + Send>) -> Result<Self, ExchangeError> {
        let mut input = ReaderBuilder::new().from_reader(stream);
        let header = input.headers().map_err(unreadable)?.clone();
        // Spreadsheets put a mark in front of a file.
        let names: Vec<&str> =
            header.iter().map(|cell| plain(cell.trim_start_matches('\u{feff}'))).collect();
        let find = |wanted: &str| {
            names.iter().position(|name| *name == wanted).ok_or_else(|| {
                let reason = format!(
                    "there is no column `{wanted}`; the first line names the columns: \
                     {TIMESTAMP}, {HOST}, then a series each"
                );
                ExchangeError::input("line 1", reason)
            })
        };
        let (time, host) = (find(TIMESTAMP)?, find(HOST)?);
        let mut seen = HashSet::new();
        let mut columns = Vec::with_capacity(names.len());
        for (at, name) in names.iter().enumerate() {
            let wrong =
                |reason: String| ExchangeError::input(format!("line 1, column {}", at + 1), reason);
            if !seen.insert(*name) {
                return Err(wrong(format!("`{name}` is there twice; keep one of them")));
            }
            let is_series = at != time && at != host;
            if is_series {
                check_path(name).map_err(wrong)?;
            }
            columns.push(is_series.then(|| Arc::from(*name)));
        }
        let (record, hosts) = (StringRecord::new(), Names::default());
        Ok(Self { input, record, hosts, time, host, columns })
    }
}

impl FrameReader for CsvReader {
    fn next(&mut self) -> Result<Option<ImportFrame>, ExchangeError> {
        if !self.input.read_record(&mut self.record).map_err(unreadable)? {
            return Ok(None);
        }
        let line = self.record.position().map_or(0, csv::Position::line);
        let wrong = |column: &str, reason| {
            ExchangeError::input(format!("line {line}, column `{column}`"), reason)
        };
        let time = self.record.get(self.time).unwrap_or_default();
        let timestamp_ms = number::read_time(time).map_err(|reason| wrong(TIMESTAMP, reason))?;
        let host = plain(self.record.get(self.host).unwrap_or_default());
        if host.is_empty() {
            return Err(wrong(HOST, "it is empty; name the host".to_owned()));
        }
        let host = self.hosts.get(host);
        let mut values = Vec::new();
        for (path, cell) in self.columns.iter().zip(&self.record) {
            let Some(path) = path else { continue };
            let cell = cell.trim();
            if cell.is_empty() {
                continue;
            }
            let (value, decimals) = number::read(cell)
                .map_err(|reason| wrong(path, format!("{reason}; missing is an empty cell")))?;
            values.push(ImportValue { path: Arc::clone(path), decimals, value });
        }
        Ok(Some(ImportFrame { host, timestamp_ms, values }))
    }

    fn done(&self) -> u64 {
        self.input.position().byte()
    }
}

fn unreadable(error: csv::Error) -> ExchangeError {
    let line = error.position().map_or(0, csv::Position::line);
    let at = format!("line {line}");
    match error.into_kind() {
        csv::ErrorKind::Io(error) => ExchangeError::Read(error),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let reason = format!(
                "there are {len} cells, and {expected_len} columns; is the file cut off here?"
            );
            ExchangeError::input(at, reason)
        }
        csv::ErrorKind::Utf8 { .. } => ExchangeError::input(at, "it is no UTF-8 text"),
        kind => ExchangeError::input(at, format!("{kind:?}")),
    }
}
