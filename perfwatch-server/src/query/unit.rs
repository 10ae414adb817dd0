//! What is known of a stored series: its unit and its meaning.

use perfwatch_core::{Column, Table};

/// The unit's name by the tables; empty for a series of another host that no table here knows.
pub(crate) fn unit_of(tables: &[&'static Table], segments: &[String]) -> &'static str {
    column_of(tables, segments).map_or("", |column| column.unit.name())
}

/// The column that a series is of.
pub(crate) fn column_of(tables: &[&'static Table], segments: &[String]) -> Option<&'static Column> {
    let name = segments.last()?;
    let table = tables.iter().find(|table| is_in(table, segments))?;
    table.columns.iter().find(|column| column.name == name)
}

/// Whether a series with these segments belongs to the table.
fn is_in(table: &Table, segments: &[String]) -> bool {
    let names = table.name.split('.');
    let row = usize::from(table.row.is_some());
    segments.len() == names.clone().count() + row + 1
        && names.zip(segments).all(|(name, segment)| name == segment)
}
