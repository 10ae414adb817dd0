//! A view as JSON: `{"cpu": {"usage_percent": 1.5, "cores": {"0": {...}}}, ...}`.
//!
//! The path of a value in this document is the path of its series (see [`crate::series`]).

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{Decimal, MISSING, Table, View, ViewBlock};

impl Serialize for View {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for blocks in
            self.blocks.chunk_by(|a, b| a.table().metric_type() == b.table().metric_type())
        {
            if let [first, ..] = blocks {
                map.serialize_entry(first.table().metric_type(), &Subject(blocks))?;
            }
        }
        map.end()
    }
}

/// All tables of one metric type: the fields of its own table, then one member per further table.
struct Subject<'a>(&'a [ViewBlock]);

impl Serialize for Subject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for block in self.0 {
            match block.table().part() {
                Some(part) => map.serialize_entry(part, &Rows(block))?,
                None => block_entries(block, &mut map)?,
            }
        }
        map.end()
    }
}

/// A table below its metric type.
struct Rows<'a>(&'a ViewBlock);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        block_entries(self.0, &mut map)?;
        map.end()
    }
}

fn block_entries<M: SerializeMap>(block: &ViewBlock, map: &mut M) -> Result<(), M::Error> {
    let table = block.table();
    if table.row.is_some() {
        return block
            .rows()
            .try_for_each(|(key, values)| map.serialize_entry(key, &Row { table, values }));
    }
    // A collector that could not read leaves no row: its fields are there, and null.
    let values = block.rows().next().map(|(_, values)| values).unwrap_or_default();
    row_entries(table, values, map)
}

struct Row<'a> {
    table: &'static Table,
    values: &'a [i64],
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.table.columns.len()))?;
        row_entries(self.table, self.values, &mut map)?;
        map.end()
    }
}

fn row_entries<M: SerializeMap>(
    table: &Table,
    values: &[i64],
    map: &mut M,
) -> Result<(), M::Error> {
    table.columns.iter().enumerate().try_for_each(|(index, column)| {
        let value = values.get(index).copied().unwrap_or(MISSING);
        map.serialize_entry(column.name, &Decimal { value, decimals: column.unit.decimals() })
    })
}
