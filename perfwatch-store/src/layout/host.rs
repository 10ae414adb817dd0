//! The series of one host, and how a view of it becomes numbers.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use perfwatch_core::{Decimal, MISSING, Table, View, series};

use super::frame::Value;
use crate::{ImportValue, Record, StoreError, import::MOST_DECIMALS};

/// As many series as a host has at most.
pub(crate) const MOST_SERIES: usize = 1 << 20;

/// A value that has not been seen yet has no number.
const NONE: u32 = u32::MAX;

/// One series of a host.
#[derive(Clone, Debug)]
pub(crate) struct SeriesInfo {
    pub(crate) path: Arc<str>,
    pub(crate) segments: Vec<String>,
    pub(crate) decimals: u8,
    /// A checksum of the host's name, the path and the decimals. Slices hold it, so that values
    /// are never shown under another name than the one they were measured under.
    pub(crate) check: u32,
}

impl SeriesInfo {
    /// A number whose name was lost: its values are never shown.
    fn unknown() -> Self {
        Self { path: Arc::from(""), segments: Vec::new(), decimals: 0, check: 0 }
    }

    /// Whether the name is known.
    pub(super) fn is_known(&self) -> bool {
        !self.path.is_empty()
    }
}

/// The checksum of a series' name.
pub(crate) fn name_check(host: &str, path: &str, decimals: u8) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(host.as_bytes());
    hasher.update(&[0xff, decimals]);
    hasher.update(path.as_bytes());
    hasher.finalize()
}

/// The checksum of a host's name, and of the number that its frames are kept under.
pub(crate) fn host_check(id: i64, name: &str) -> u32 {
    name_check(name, &id.to_string(), 0xff)
}

/// The series of one host; a series' number is its place here.
#[derive(Debug)]
pub(crate) struct HostIndex {
    pub(crate) name: Arc<str>,
    /// Whether the host itself is on disk.
    pub(crate) saved: bool,
    /// How many of the series are on disk.
    saved_series: usize,
    /// The intervals that frames were downsampled to.
    pub(crate) intervals_ms: BTreeSet<i64>,
    /// The end of the newest slice: a frame before it may be in one already.
    pub(crate) sliced_until_ms: i64,
    names: Names,
    rows: Rows,
}

/// Where the numbers of a row's columns are found without building a string: by the table's
/// address and the row's name.
type Rows = HashMap<usize, HashMap<Box<str>, Box<[u32]>>>;

impl HostIndex {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            saved: false,
            saved_series: 0,
            intervals_ms: BTreeSet::new(),
            sliced_until_ms: i64::MIN,
            names: Names { host: Arc::clone(&name), ..Names::default() },
            name,
            rows: Rows::default(),
        }
    }

    /// All series in the order of their numbers.
    pub(crate) fn series(&self) -> &[SeriesInfo] {
        &self.names.list
    }

    /// Remembers that the host and all its series are on disk.
    pub(super) fn mark_saved(&mut self) {
        self.saved = true;
        self.saved_series = self.names.list.len();
    }

    /// The series that are not on disk, with their numbers.
    pub(crate) fn unsaved(&self) -> impl Iterator<Item = (i64, &SeriesInfo)> {
        (0..).zip(&self.names.list).skip(self.saved_series)
    }

    /// Remembers a slice that is there, and the end of what it covers.
    pub(crate) fn note_slice(&mut self, interval_ms: i64, until_ms: i64) {
        if interval_ms > 0 {
            self.intervals_ms.insert(interval_ms);
        }
        self.sliced_until_ms = self.sliced_until_ms.max(until_ms);
    }

    /// The checksum of a series' name.
    pub(crate) fn check_of(&self, series: u32) -> Option<u32> {
        let info = self.names.list.get(series as usize)?;
        info.is_known().then_some(info.check)
    }

    /// A series by its number.
    pub(crate) fn path_of(&self, series: u32) -> Option<&str> {
        self.names.list.get(series as usize).map(|info| &*info.path)
    }

    /// The paths of all series, in order.
    pub(crate) fn paths(&self) -> Vec<String> {
        let known = self.names.list.iter().filter(|series| series.is_known());
        let paths: BTreeSet<&str> = known.map(|series| &*series.path).collect();
        paths.into_iter().map(str::to_owned).collect()
    }

    /// Adds a series that has the next number on disk; nothing if its path is none.
    pub(crate) fn add_saved(&mut self, path: &str, decimals: u8) -> Option<()> {
        self.names.add(path.into(), decimals)?;
        self.saved_series = self.names.list.len();
        Some(())
    }

    /// Adds a number whose name cannot be read.
    pub(crate) fn add_unknown(&mut self) {
        self.names.list.push(SeriesInfo::unknown());
        self.saved_series = self.names.list.len();
    }

    /// How many values had no series, for there are too many, since this was asked last.
    pub(super) fn take_left_out(&mut self) -> u64 {
        std::mem::take(&mut self.names.left_out)
    }

    /// How many series there are.
    pub(crate) fn series_count(&self) -> usize {
        self.names.list.len()
    }

    /// The values that are there, by series, each series once.
    pub(super) fn prepare(&mut self, record: &Record) -> Result<Vec<Value>, StoreError> {
        match record.view() {
            Some(view) => Ok(self.prepare_view(view)),
            None => self.prepare_points(record),
        }
    }

    fn prepare_view(&mut self, view: &View) -> Vec<Value> {
        let Self { names, rows, .. } = self;
        let mut values = Vec::with_capacity(names.list.len());
        view.for_each_row(|table, key, row| {
            let by_key = rows.entry(std::ptr::from_ref(table).addr()).or_default();
            if let Some(numbers) = by_key.get_mut(key) {
                return names.number(table, key, row, numbers, &mut values);
            }
            let mut numbers = vec![NONE; table.columns.len()].into_boxed_slice();
            names.number(table, key, row, &mut numbers, &mut values);
            by_key.insert(key.into(), numbers);
        });
        sort(values)
    }

    /// The same without a view, whose tables tell series apart faster than names do.
    fn prepare_points(&mut self, record: &Record) -> Result<Vec<Value>, StoreError> {
        let mut named = Vec::new();
        let mut path = String::new();
        record.for_each_point(|point| {
            point.write_path(&mut path);
            let Decimal { value, decimals } = point.value;
            named.push(ImportValue { path: path.as_str().into(), decimals, value });
        });
        self.prepare_named(&named)
    }

    /// The same for values by the names of their series.
    pub(super) fn prepare_named(
        &mut self,
        named: &[ImportValue],
    ) -> Result<Vec<Value>, StoreError> {
        let mut values = Vec::with_capacity(named.len());
        for ImportValue { path, decimals, value } in named.iter().filter(|it| it.value != MISSING) {
            let wrong =
                |reason: &str| StoreError::bad_query("series", format!("`{path}` {reason}"));
            if *decimals > MOST_DECIMALS {
                return Err(wrong("has too many decimals; 9 is the most"));
            }
            match self.names.find_or_add(Arc::clone(path), *decimals) {
                Some(number) => values.push((number, *value)),
                None if self.names.is_full() => {}
                None => return Err(wrong("is no series name")),
            }
        }
        Ok(sort(values))
    }
}

/// Values in order of their series, each series once.
fn sort(mut values: Vec<Value>) -> Vec<Value> {
    // Numbers are given in frame order, so this sorts only where rows came later.
    values.sort_by_key(|&(series, _)| series);
    values.dedup_by_key(|&mut (series, _)| series);
    values
}

#[derive(Debug, Default)]
struct Names {
    host: Arc<str>,
    list: Vec<SeriesInfo>,
    by_path: HashMap<(Arc<str>, u8), u32>,
    /// Values that had none, for there are too many.
    left_out: u64,
}

impl Names {
    /// Appends the values of a row that are there, with their numbers.
    fn number(
        &mut self,
        table: &'static Table,
        key: &str,
        row: &[i64],
        numbers: &mut [u32],
        values: &mut Vec<Value>,
    ) {
        for ((column, &value), number) in table.columns.iter().zip(row).zip(numbers) {
            if value == MISSING {
                continue;
            }
            if *number == NONE {
                let path = series::path(table, key, column);
                let Some(new) = self.find_or_add(path.into(), column.unit.decimals()) else {
                    continue;
                };
                *number = new;
            }
            values.push((*number, value));
        }
    }

    fn is_full(&self) -> bool {
        self.list.len() >= MOST_SERIES
    }

    fn find_or_add(&mut self, path: Arc<str>, decimals: u8) -> Option<u32> {
        let key = (path, decimals);
        match self.by_path.get(&key) {
            Some(&number) => Some(number),
            None => self.add(key.0, decimals),
        }
    }

    fn add(&mut self, path: Arc<str>, decimals: u8) -> Option<u32> {
        if self.is_full() {
            self.left_out += 1;
            return None;
        }
        let segments = series::segments(&path).ok()?;
        let number = self.list.len() as u32;
        let check = name_check(&self.host, &path, decimals);
        self.list.push(SeriesInfo { path: Arc::clone(&path), segments, decimals, check });
        self.by_path.insert((path, decimals), number);
        Some(number)
    }
}
