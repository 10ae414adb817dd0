//! `/api/metrics/catalog`: every metric type, table and field, as the tables say.

use axum::{Json, extract::State};
use perfwatch_core::{Code, Column, Table};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{app::Shared, auth::Session, error::ErrorBody};

/// All that is measured.
#[derive(Serialize, ToSchema)]
pub struct CatalogAnswer {
    metric_types: Vec<CatalogType>,
}

/// A subject that a collector answers for.
#[derive(Serialize, ToSchema)]
pub(crate) struct CatalogType {
    name: &'static str,
    /// What it is about, in one sentence.
    help: &'static str,
    tables: Vec<CatalogTable>,
}

/// The fields of one kind of thing.
#[derive(Serialize, ToSchema)]
pub(crate) struct CatalogTable {
    name: &'static str,
    /// What one row is, such as `core`; null for a table about the host itself.
    row: Option<&'static str>,
    help: &'static str,
    fields: Vec<CatalogField>,
}

/// One number.
#[derive(Serialize, ToSchema)]
pub(crate) struct CatalogField {
    name: &'static str,
    /// The unit's name, such as `bytes_per_second`.
    unit: &'static str,
    /// What to print behind a number, such as `%`.
    symbol: &'static str,
    /// How many decimals a value has.
    decimals: u8,
    help: &'static str,
    /// What its values stand for, where they are no quantities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    codes: Vec<CatalogCode>,
}

/// The word for one value of a coded field.
#[derive(Serialize, ToSchema)]
pub(crate) struct CatalogCode {
    value: i64,
    word: &'static str,
}

/// What is measured: names, units, help.
#[utoipa::path(get, path = "/api/metrics/catalog", tag = "live", security(("token" = [])),
    responses((status = 200, body = CatalogAnswer), (status = "default", body = ErrorBody)))]
pub(crate) async fn catalog(State(app): State<Shared>, _: Session) -> Json<CatalogAnswer> {
    Json(catalog_of(&app.tables))
}

/// The catalog of these tables.
pub fn catalog_of(tables: &[&'static Table]) -> CatalogAnswer {
    let same_type = |a: &&Table, b: &&Table| a.metric_type() == b.metric_type();
    let types = tables.chunk_by(same_type).filter_map(|tables| match tables {
        [] => None,
        [first, ..] => Some(CatalogType {
            name: first.metric_type(),
            help: first.help,
            tables: tables.iter().map(|table| table_entry(table)).collect(),
        }),
    });
    CatalogAnswer { metric_types: types.collect() }
}

fn table_entry(table: &Table) -> CatalogTable {
    let fields = table.columns.iter().map(field_entry).collect();
    CatalogTable { name: table.name, row: table.row, help: table.help, fields }
}

fn field_entry(column: &Column) -> CatalogField {
    CatalogField {
        name: column.name,
        unit: column.unit.name(),
        symbol: column.unit.symbol(),
        decimals: column.unit.decimals(),
        help: column.help,
        codes: column
            .codes
            .iter()
            .map(|&Code { value, word }| CatalogCode { value, word })
            .collect(),
    }
}
