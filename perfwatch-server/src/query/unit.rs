//! The unit of a stored series.

use perfwatch_core::Table;

/// The unit's name by the tables; empty for a series of another host that no table here knows.
pub(crate) fn unit_of(tables: &[&'static Table], segments: &[String]) -> &'static str {
    let column = segments.last().and_then(|name| {
        let table = tables.iter().find(|table| is_in(table, segments))?;
        table.columns.iter().find(|column| column.name == name)
    });
    column.map_or("", |column| column.unit.name())
}

/// Whether a series with these segments belongs to the table.
fn is_in(table: &Table, segments: &[String]) -> bool {
    let names = table.name.split('.');
    let row = usize::from(table.row.is_some());
    segments.len() == names.clone().count() + row + 1
        && names.zip(segments).all(|(name, segment)| name == segment)
}
