//! What is appended: frames, by value and place.

use std::sync::Arc;

use perfwatch_core::{Decimal, MISSING, View};

/// One frame of one host, as it is stored: what people read, not the raw counters.
#[derive(Clone, Debug)]
pub struct Record {
    /// The host's name.
    pub host: Arc<str>,
    /// Its values at one moment.
    pub view: Arc<View>,
}

/// One value of a record, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point<'a> {
    /// The table's dotted name, such as `network.interfaces`; the part before the first dot is the
    /// metric type.
    pub table: &'a str,
    /// What a row of the table is (`interface`) and which one it is (`eth0`); nothing for a table
    /// about the host itself.
    pub row: Option<(&'a str, &'a str)>,
    /// The column, such as `bytes_recv_per_sec`.
    pub column: &'a str,
    /// The value, exactly.
    pub value: Decimal,
}

impl Record {
    /// When it was measured, in milliseconds since 1970 (UTC).
    pub fn timestamp_ms(&self) -> i64 {
        self.view.timestamp_ms
    }

    /// Calls `each` with every value that is there, table by table and row by row.
    pub fn for_each_point(&self, mut each: impl FnMut(Point<'_>)) {
        self.view.for_each_row(|table, key, values| {
            let row = table.row.map(|kind| (kind, key));
            for (column, &value) in table.columns.iter().zip(values) {
                if value != MISSING {
                    let value = Decimal { value, decimals: column.unit.decimals() };
                    each(Point { table: table.name, row, column: column.name, value });
                }
            }
        });
    }
}
