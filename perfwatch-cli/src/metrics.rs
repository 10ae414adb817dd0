//! `perfwatch metrics`: every metric with its unit and meaning, straight from the tables.

mod markdown;

use anyhow::Result;
use perfwatch_collect::{MetricsAggregator, Roots};
use perfwatch_core::Table;

use crate::{
    args::{MetricsArgs, MetricsFormat},
    catalog::{Catalog, TableEntry},
    screen::{Ink, Screen},
    text,
};

pub use markdown::markdown;

/// All tables of the built-in collectors, in the order of a view.
pub fn all_tables() -> Vec<&'static Table> {
    MetricsAggregator::new(&Roots::default()).tables()
}

pub(crate) fn run(args: &MetricsArgs, screen: &mut Screen) -> Result<()> {
    let tables = all_tables();
    let text = match args.format {
        MetricsFormat::Markdown => markdown(&tables),
        MetricsFormat::Json => {
            format!("{}\n", serde_json::to_string_pretty(&Catalog::of(&tables))?)
        }
        MetricsFormat::Table => page(&Catalog::of(&tables), screen.width(), screen.ink()),
    };
    screen.write(&text)
}

fn page(catalog: &Catalog, width: usize, ink: Ink) -> String {
    let tables = catalog.metric_types.iter().flat_map(|metric_type| &metric_type.tables);
    let sections: Vec<String> = tables.map(|table| section(table, width, ink)).collect();
    sections.join("\n")
}

fn section(table: &TableEntry, width: usize, ink: Ink) -> String {
    let rows = table.row.as_ref().map(|row| format!(", per {row}")).unwrap_or_default();
    let mut lines = format!("{}{rows}: {}\n", ink.bold(&table.name), table.help);
    let names = table.fields.iter().map(|it| it.name.len()).max().unwrap_or(0);
    let units = table.fields.iter().map(|it| text::width(&it.symbol)).max().unwrap_or(0);
    let indent = 2 + names + 2 + units + 2;
    for field in &table.fields {
        let name = text::pad_right(&field.name, names);
        let unit = ink.dim(&text::pad_right(&field.symbol, units));
        let help = text::wrap(&field.help, width.saturating_sub(indent).max(20));
        let help = help.join(&format!("\n{}", " ".repeat(indent)));
        lines.push_str(&format!("  {name}  {unit}  {help}\n"));
    }
    lines
}
