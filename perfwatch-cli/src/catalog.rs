//! The catalog: all metric types, tables and fields, in the shape of `/api/metrics/catalog`.
//!
//! It is made from the tables of this build, or read from a daemon, which may be of another
//! version; whatever shows values walks it.

use perfwatch_core::{Code, Column, Table};
use serde::{Deserialize, Serialize};

/// All there is to know about the names in a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    pub(crate) metric_types: Vec<MetricType>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MetricType {
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) tables: Vec<TableEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableEntry {
    pub(crate) name: String,
    /// What one row is, or nothing for a table about the host.
    pub(crate) row: Option<String>,
    pub(crate) help: String,
    pub(crate) fields: Vec<FieldEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FieldEntry {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) symbol: String,
    pub(crate) decimals: u8,
    pub(crate) help: String,
    /// What its values stand for, where they are no quantities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) codes: Vec<CodeEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CodeEntry {
    pub(crate) value: i64,
    pub(crate) word: String,
}

impl Catalog {
    /// The catalog of these tables, which stand together by metric type.
    pub fn of(tables: &[&'static Table]) -> Self {
        let together = tables.chunk_by(|a, b| a.metric_type() == b.metric_type());
        Self { metric_types: together.filter_map(MetricType::of).collect() }
    }

    /// The field that a series with these segments is of.
    pub(crate) fn field(&self, segments: &[String]) -> Option<&FieldEntry> {
        let (name, place) = segments.split_last()?;
        let mut tables = self.metric_types.iter().flat_map(|it| &it.tables);
        let table = tables.find(|table| table.holds(place))?;
        table.fields.iter().find(|field| field.name == *name)
    }
}

impl MetricType {
    fn of(tables: &[&'static Table]) -> Option<Self> {
        let first = tables.first()?;
        Some(Self {
            name: first.metric_type().to_owned(),
            help: first.help.to_owned(),
            tables: tables.iter().map(|table| TableEntry::of(table)).collect(),
        })
    }
}

impl TableEntry {
    fn of(table: &Table) -> Self {
        Self {
            name: table.name.to_owned(),
            row: table.row.map(str::to_owned),
            help: table.help.to_owned(),
            fields: table.columns.iter().map(FieldEntry::of).collect(),
        }
    }

    /// Whether these segments are the table's name, and a row where it has rows.
    fn holds(&self, place: &[String]) -> bool {
        let names = self.name.split('.');
        place.len() == names.clone().count() + usize::from(self.row.is_some())
            && names.zip(place).all(|(name, segment)| name == segment)
    }

    /// The name below the metric type, if there is one.
    pub(crate) fn part(&self) -> Option<&str> {
        self.name.split_once('.').map(|(_, part)| part)
    }
}

impl FieldEntry {
    fn of(column: &Column) -> Self {
        Self {
            name: column.name.to_owned(),
            unit: column.unit.name().to_owned(),
            symbol: column.unit.symbol().to_owned(),
            decimals: column.unit.decimals(),
            help: column.help.to_owned(),
            codes: column.codes.iter().map(CodeEntry::of).collect(),
        }
    }
}

impl CodeEntry {
    fn of(code: &Code) -> Self {
        Self { value: code.value, word: code.word.to_owned() }
    }
}
