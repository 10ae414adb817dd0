//! JSON lines: an object per frame, its `data` nested as in the live message.
//!
//! A series that has no value for an hour is left out; one that only lacks single values is `null`
//! where it does. Numbers have all the decimals that are stored.

use std::io::Write;

use perfwatch_core::MISSING;

use super::{
    Column, ExchangeError, number,
    table::{Table, TableWriter},
};
use crate::text::json;

/// Writes lines.
pub(super) struct JsonLinesWriter {
    /// Ordered by their segments, which are written as JSON here.
    columns: Vec<Column>,
    out: Box<dyn Write + Send>,
}

impl JsonLinesWriter {
    pub(super) fn new(mut columns: Vec<Column>, out: Box<dyn Write + Send>) -> Self {
        for segment in columns.iter_mut().flat_map(|column| &mut column.segments) {
            *segment = json(segment);
        }
        Self { columns, out }
    }
}

impl TableWriter for JsonLinesWriter {
    fn write(&mut self, table: &mut Table<'_>) -> Result<(), ExchangeError> {
        let columns = self.columns.iter().enumerate();
        let columns: Vec<(&Column, Vec<i64>)> =
            columns.filter_map(|(at, column)| Some((column, (table.column)(at)?))).collect();
        let host = json(table.host);
        let mut line = String::new();
        for (row, &time) in table.times.iter().enumerate() {
            line.clear();
            line.push_str("{\"timestamp\":\"");
            line.push_str(&number::time(time));
            line.push_str(&format!("\",\"timestamp_ms\":{time},\"host\":{host},\"data\":"));
            let values = columns
                .iter()
                .map(|(column, values)| (*column, values.get(row).copied().unwrap_or(MISSING)));
            write_object(values, &mut line);
            line.push_str("}\n");
            self.out.write_all(line.as_bytes()).map_err(ExchangeError::Write)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), ExchangeError> {
        self.out.flush().map_err(ExchangeError::Write)
    }
}

/// Values in order of their segments, as nested objects.
fn write_object<'a>(values: impl Iterator<Item = (&'a Column, i64)>, line: &mut String) {
    let mut open: &[String] = &[];
    line.push('{');
    let mut is_first = true;
    for (column, value) in values {
        let Some((leaf, above)) = column.segments.split_last() else { continue };
        let common = open.iter().zip(above).take_while(|(a, b)| a == b).count();
        line.extend(std::iter::repeat_n('}', open.len() - common));
        if !is_first {
            line.push(',');
        }
        for name in above.iter().skip(common) {
            line.push_str(name);
            line.push_str(":{");
        }
        line.push_str(leaf);
        line.push(':');
        match value {
            MISSING => line.push_str("null"),
            value => number::write(value, column.decimals, line),
        }
        (open, is_first) = (above, false);
    }
    line.extend(std::iter::repeat_n('}', open.len() + 1));
}
