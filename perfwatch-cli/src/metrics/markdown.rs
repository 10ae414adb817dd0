//! The tables as the project's page about its metrics, `docs/metrics.md`.

use perfwatch_core::{Column, Field, Table, prometheus};

const HEAD: &str = "\
# Metrics

All metrics with their unit and meaning, written by `perfwatch metrics --format markdown`; a test
keeps this page current. Live values, history and the dashboard use the names of the first table
of each section. A value that cannot be had is `null`, never 0. In a table with rows, a value is
named `table.row.field`, such as `cpu.cores.0.usage_percent`; a row name with other characters than
letters, digits, `_` and `-` stands in brackets and quotes.
`/metrics` exports the raw counters and levels in base units under the names of the second table.
";

/// The whole page.
pub fn markdown(tables: &[&'static Table]) -> String {
    let sections = tables.iter().map(|table| section(table));
    std::iter::once(HEAD.to_owned()).chain(sections).collect::<Vec<_>>().join("\n")
}

fn section(table: &Table) -> String {
    let rows = table.row.map(|row| format!(" One row per {row}.")).unwrap_or_default();
    let columns: String = table.columns.iter().map(column).collect();
    let exported: String = table.fields.iter().map(|field| exported(table, field)).collect();
    format!(
        "## `{}`\n\n{}{rows}\n\n| field | unit | meaning |\n|---|---|---|\n{columns}\n\
         | Prometheus | type | meaning |\n|---|---|---|\n{exported}",
        table.name, table.help
    )
}

fn column(column: &Column) -> String {
    let unit = column.unit.name().replace('_', " ");
    format!("| `{}` | {unit} | {} |\n", column.name, cell(column.help))
}

fn exported(table: &Table, field: &Field) -> String {
    let kind = if field.kind.is_counter() { "counter" } else { "gauge" };
    let name = prometheus::metric_name(table, field);
    format!("| `{name}` | {kind} | {} |\n", cell(field.help))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
