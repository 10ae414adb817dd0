//! Frames of another place.

use std::{collections::HashMap, sync::Arc};

use perfwatch_core::{Decimal, MISSING, Table, series};

use crate::{Point, Record, StoreError};

/// One frame, by the names of its series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportFrame {
    /// The host's name.
    pub host: Arc<str>,
    /// When it was measured, in milliseconds since 1970 (UTC).
    pub timestamp_ms: i64,
    /// Its values; what is missing is left out.
    pub values: Vec<ImportValue>,
}

/// One value: `value / 10^decimals`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportValue {
    /// The series' name, as [`perfwatch_core::series::push_segment`] writes it.
    pub path: Arc<str>,
    /// How many of the digits stand behind the point: at most 9.
    pub decimals: u8,
    /// The digits, as one integer.
    pub value: i64,
}

/// More decimals than any unit has.
pub(crate) const MOST_DECIMALS: u8 = 9;

/// Where a series stands, and the decimals that its column has.
struct Stand {
    table: Box<str>,
    /// What a row of the table is, and which one it is.
    row: Option<(&'static str, Box<str>)>,
    column: Box<str>,
    decimals: Option<u8>,
}

impl ImportFrame {
    /// Frames as records, for a store that keeps values by table, row and column.
    ///
    /// A series that none of these tables has is a column of its own table: all of the path but the last
    /// segment. It comes back under the path that it has.
    ///
    /// # Errors
    /// [`StoreError::BadQuery`] for a name or a number of decimals that cannot be kept.
    pub fn records(frames: &[Self], tables: &[&'static Table]) -> Result<Vec<Record>, StoreError> {
        let mut known = HashMap::new();
        for value in frames.iter().flat_map(|frame| &frame.values) {
            if value.decimals > MOST_DECIMALS {
                return Err(wrong(&value.path, "has too many decimals; 9 is the most"));
            }
            if !known.contains_key(&value.path) {
                known.insert(Arc::clone(&value.path), Stand::of(&value.path, tables)?);
            }
        }
        let record = |frame: &Self| {
            let values = frame.values.iter().filter(|it| it.value != MISSING);
            let points = values.filter_map(|it| Some(known.get(&it.path)?.point(it)));
            Record::of_points(Arc::clone(&frame.host), frame.timestamp_ms, points)
        };
        Ok(frames.iter().map(record).collect())
    }
}

impl Stand {
    fn of(path: &str, tables: &[&'static Table]) -> Result<Self, StoreError> {
        let segments = series::segments(path).map_err(|_| wrong(path, "is no series name"))?;
        let Some((column, above)) = segments.split_last() else {
            return Err(wrong(path, "is no series name"));
        };
        let decimals = series::column_of(tables, &segments).map(|it| it.unit.decimals());
        let (table, row) = match series::table_of(tables, &segments) {
            Some(table) => {
                let kind = table.row.zip(above.last());
                (table.name.to_owned(), kind.map(|(kind, row)| (kind, row.as_str().into())))
            }
            None => {
                let mut table = String::new();
                above.iter().for_each(|segment| series::push_segment(&mut table, segment));
                (table, None)
            }
        };
        Ok(Self { table: table.into(), row, column: column.as_str().into(), decimals })
    }

    /// A value in the decimals that others of its series have, if no digit is lost by it.
    fn point(&self, value: &ImportValue) -> Point<'_> {
        let more = self.decimals.and_then(|decimals| decimals.checked_sub(value.decimals));
        let scaled = more.and_then(|more| {
            let factor = 10_i64.checked_pow(more.into())?;
            Some(Decimal {
                value: value.value.checked_mul(factor)?,
                decimals: value.decimals + more,
            })
        });
        let as_it_is = Decimal { value: value.value, decimals: value.decimals };
        Point {
            table: &self.table,
            row: self.row.as_ref().map(|(kind, row)| (*kind, &**row)),
            column: &self.column,
            value: scaled.unwrap_or(as_it_is),
        }
    }
}

fn wrong(path: &str, reason: &str) -> StoreError {
    StoreError::bad_query("series", format!("`{path}` {reason}"))
}
