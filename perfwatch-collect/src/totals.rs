//! Totals over rows that come and go.

use perfwatch_core::{Block, FieldId, Table, growth};

/// Adds up what the counted rows grew by. A plain sum of their counters would jump by the whole
/// history of a row that appears, and fall with one that leaves.
pub(crate) struct Totals {
    /// The field of a row, and the field of the host that holds its total.
    fields: &'static [(FieldId, FieldId)],
    sums: Option<Vec<u64>>,
    before: Block,
}

impl Totals {
    /// Totals of these fields over rows of `table`.
    pub(crate) fn new(table: &'static Table, fields: &'static [(FieldId, FieldId)]) -> Self {
        Self { fields, sums: None, before: Block::new(table) }
    }

    /// Adds what the rows that count grew by since the last call, and writes the totals. They
    /// start at what the first rows have counted so far.
    pub(crate) fn update(
        &mut self,
        rows: &Block,
        counts: impl Fn(usize) -> bool,
        host: &mut Block,
    ) {
        let first = self.sums.is_none();
        let mut sums = self.sums.take().unwrap_or_else(|| vec![0; self.fields.len()]);
        let mut hint = 0;
        for (row, key) in rows.keys().iter().enumerate().filter(|(row, _)| counts(*row)) {
            let found = self.before.keys().find(key, hint);
            hint = found.map_or(hint, |found| found + 1);
            let before = found.and_then(|found| self.before.row(found));
            let now = rows.row(row).unwrap_or_default();
            for ((field, _), sum) in self.fields.iter().zip(&mut sums) {
                let grown = match before {
                    Some(before) => growth(rows.table(), before, now, *field),
                    None if first => now.get(field.0).copied(),
                    None => None,
                };
                let grown = grown.and_then(|grown| u64::try_from(grown).ok()).unwrap_or(0);
                *sum = sum.saturating_add(grown);
            }
        }
        let mut total = host.host_row();
        self.fields.iter().zip(&sums).for_each(|((_, field), sum)| total.set(*field, *sum));
        self.before.copy_from(rows);
        self.sums = Some(sums);
    }
}

#[cfg(test)]
mod tests {
    use perfwatch_core::metric_table;

    use super::*;

    metric_table! {
        /// Rows of a test.
        table rows: rows per row {
            /// Bytes of a row.
            bytes: Counter Bytes,
            /// Time of a row.
            time: Counter32 Milliseconds,
        }
        derive {
            /// Time per second.
            time: Average = [time] / second,
        }
    }
    metric_table! {
        /// Their totals.
        table host: host {
            /// Bytes of all.
            bytes: Counter Bytes,
            /// Time of all.
            time: Counter Milliseconds,
        }
        derive {
            /// Time per second.
            time: Average = [time] / second,
        }
    }
    static FIELDS: [(FieldId, FieldId); 2] = [(rows::bytes, host::bytes), (rows::time, host::time)];

    #[test]
    fn rows_that_come_and_go_add_only_what_they_grew_by() {
        let mut totals = Totals::new(&rows::TABLE, &FIELDS);
        let mut check = |rows: &[(&str, u64, u64)], expected: (i64, i64)| {
            let mut block = Block::new(&rows::TABLE);
            for &(key, bytes, time) in rows {
                let mut row = block.push_row(key);
                row.set(rows::bytes, bytes);
                row.set(rows::time, time);
            }
            let mut total = Block::new(&host::TABLE);
            let counted = |row| block.keys().get(row) != Some("left out");
            totals.update(&block, counted, &mut total);
            assert_eq!((total.value(0, host::bytes), total.value(0, host::time)), expected);
        };
        check(&[("a", 100, 5), ("left out", 7000, 7000)], (100, 5));
        check(&[("a", 110, 6), ("left out", 9000, 9000), ("b", 1 << 40, 99)], (110, 6));
        check(&[("b", (1 << 40) + 5, 100), ("a", 120, 7)], (125, 8));
        check(&[("b", (1 << 40) + 6, 100)], (126, 8));
        check(&[("b", 3, 1)], (126, 8));
        check(&[("b", 4, (1 << 32) - 1)], (127, (1 << 32) - 2 + 8));
        check(&[("b", 4, 1)], (127, (1 << 32) + 8));
    }
}
