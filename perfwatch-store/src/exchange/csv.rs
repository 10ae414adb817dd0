//! CSV: `timestamp`, `host`, then a column per series; a row per frame; missing is empty.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula. Numbers may; a
//! name that does gets a `'` in front, which a spreadsheet hides, and which is taken off again.

use std::{borrow::Cow, io::Write};

use csv::{Writer, WriterBuilder};
use perfwatch_core::MISSING;

use super::{
    Column, ExchangeError, number,
    table::{Table, TableWriter},
};

/// What the first columns are called.
pub(super) const TIMESTAMP: &str = "timestamp";
pub(super) const HOST: &str = "host";

/// Characters that make a spreadsheet obey a cell, and the one that keeps it from doing so.
const OBEYED: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\''];

/// Writes rows.
pub(super) struct CsvWriter {
    columns: Vec<Column>,
    out: Writer<Box<dyn Write + Send>>,
}

impl CsvWriter {
    pub(super) fn new(
        columns: Vec<Column>,
        out: Box<dyn Write + Send>,
    ) -> Result<Self, ExchangeError> {
        let mut out = WriterBuilder::new().from_writer(out);
        let names = columns.iter().map(|column| harmless(&column.name));
        let fixed = [TIMESTAMP, HOST].map(Cow::Borrowed);
        let header = fixed.into_iter().chain(names);
        out.write_record(header.map(|name| name.into_owned())).map_err(unwritable)?;
        Ok(Self { columns, out })
    }
}

impl TableWriter for CsvWriter {
    fn write(&mut self, table: &mut Table<'_>) -> Result<(), ExchangeError> {
        let columns: Vec<_> = (0..self.columns.len()).map(|at| (table.column)(at)).collect();
        let host = harmless(table.host).into_owned();
        let mut cell = String::new();
        for (row, &time) in table.times.iter().enumerate() {
            self.out.write_field(number::time(time)).map_err(unwritable)?;
            self.out.write_field(&host).map_err(unwritable)?;
            for (column, values) in self.columns.iter().zip(&columns) {
                cell.clear();
                let value = values.as_ref().and_then(|values| values.get(row).copied());
                if let Some(value) = value.filter(|&value| value != MISSING) {
                    number::write(value, column.decimals, &mut cell);
                }
                self.out.write_field(&cell).map_err(unwritable)?;
            }
            self.out.write_record(None::<&[u8]>).map_err(unwritable)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), ExchangeError> {
        self.out.flush().map_err(ExchangeError::Write)
    }
}

/// A name that no spreadsheet obeys.
fn harmless(name: &str) -> Cow<'_, str> {
    if name.starts_with(OBEYED) { Cow::Owned(format!("'{name}")) } else { Cow::Borrowed(name) }
}

/// The name that was made harmless.
pub(super) fn plain(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|name| name.starts_with(OBEYED)).unwrap_or(cell)
}

fn unwritable(error: csv::Error) -> ExchangeError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => ExchangeError::Write(error),
        kind => ExchangeError::Write(std::io::Error::other(format!("{kind:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_obeyed_and_each_comes_back() {
        for name in ["=1+1", "+1", "-1", "@x", "\tx", "'", "'=x", "plain", "", "it's"] {
            let cell = harmless(name);
            assert_eq!(plain(&cell), name);
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
        }
    }
}
