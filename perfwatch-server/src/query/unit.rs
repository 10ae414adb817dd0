//! The unit of a stored series.

use perfwatch_core::{Table, series::column_of};

/// The unit's name by the tables; empty for a series of another host that no table here knows.
pub(crate) fn unit_of(tables: &[&'static Table], segments: &[String]) -> &'static str {
    column_of(tables, segments).map_or("", |column| column.unit.name())
}
