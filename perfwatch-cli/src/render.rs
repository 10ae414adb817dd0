//! Draws the metrics of a host as tables of text: one section per metric type.
//!
//! The one renderer, whatever the origin: it walks a catalog and the JSON of a view. Nothing of
//! either is trusted: names are escaped, and a value of the wrong shape is a missing one.

mod grid;
mod pairs;

use serde_json::Value;

use crate::{
    catalog::{Catalog, FieldEntry, MetricType, TableEntry},
    format,
    message::{Message, readable_time},
    screen::Ink,
    text,
};

/// Why a metric type is not all there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// The metric type.
    pub(crate) name: String,
    /// What to say.
    pub(crate) text: String,
}

impl Note {
    /// What is said of a collector that does not work.
    pub(crate) fn new(name: &str, status: &str, reason: Option<&str>, cure: Option<&str>) -> Self {
        let reason = reason.unwrap_or("no reason is known");
        let cure = cure.map(|cure| format!("; {cure}")).unwrap_or_default();
        Self { name: name.to_owned(), text: format!("{status}: {reason}{cure}") }
    }
}

/// How the page looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) width: usize,
    pub(crate) ink: Ink,
}

/// The whole page.
pub(crate) fn page(
    catalog: &Catalog,
    message: &Message<Value>,
    notes: &[Note],
    page: Page,
) -> String {
    let mut lines = vec![heading(message, page.ink)];
    for metric_type in &catalog.metric_types {
        lines.push(String::new());
        lines.push(page.ink.bold(&text::escape(&metric_type.name)));
        let notes = notes.iter().filter(|note| note.name == metric_type.name);
        let notes: Vec<_> = notes.flat_map(|note| note_lines(note, page)).collect();
        let drawn = section(metric_type, &message.data, page);
        // Where nothing could be read, the reason says more than a page of dashes.
        if notes.is_empty() || metric_type.tables.iter().any(|it| has_values(it, &message.data)) {
            lines.extend(drawn);
        }
        lines.extend(notes);
    }
    lines.push(String::new());
    lines.join("\n")
}

fn heading(message: &Message<Value>, ink: Ink) -> String {
    let host = ink.bold(&text::escape(&message.host));
    let seconds = message.interval_ms as f64 / 1e3;
    let when = format!("{}, rates over {seconds:.1} s", readable_time(message.timestamp_ms));
    format!("{host}  {}", ink.dim(&when))
}

fn note_lines(note: &Note, page: Page) -> Vec<String> {
    let lines = text::wrap(&text::escape(&note.text), page.width.saturating_sub(2));
    lines.iter().map(|line| format!("  {}", page.ink.yellow(line))).collect()
}

fn section(metric_type: &MetricType, data: &Value, page: Page) -> Vec<String> {
    let mut lines = Vec::new();
    let mut left_out = 0;
    for table in &metric_type.tables {
        let rows = rows(table, data);
        if rows.is_empty() {
            continue;
        }
        let fields = with_values(table, &rows);
        left_out += table.fields.len() - fields.len();
        let drawn = match &table.row {
            Some(row) => grid::lines(row, &fields, rows, page),
            None => pairs::lines(&fields, find(table, data).unwrap_or(&Value::Null), page),
        };
        if drawn.is_empty() {
            continue;
        }
        if !lines.is_empty() {
            lines.push(String::new());
        }
        // Rows say by their first column what they are.
        if let (None, Some(part)) = (&table.row, table.part()) {
            lines.push(format!("  {}", page.ink.bold(&text::escape(part))));
        }
        lines.extend(drawn);
    }
    if left_out > 0 {
        let said = format!("fields without a value, left out: {left_out}");
        let said = text::wrap(&said, page.width.saturating_sub(2));
        lines.extend(said.iter().map(|line| format!("  {}", page.ink.dim(line))));
    }
    lines
}

/// The object of a table in the JSON of a view.
fn find<'a>(table: &TableEntry, data: &'a Value) -> Option<&'a Value> {
    table.name.split('.').try_fold(data, |value, name| value.get(name))
}

/// The rows of a table by name, ordered as people order names; a table about the host has one,
/// without a name.
fn rows<'a>(table: &TableEntry, data: &'a Value) -> Vec<(&'a str, &'a Value)> {
    let found = find(table, data).unwrap_or(&Value::Null);
    if table.row.is_none() {
        return vec![("", found)];
    }
    let rows = found.as_object().into_iter().flatten();
    let mut rows: Vec<_> = rows.map(|(k, v)| (k.as_str(), v)).collect();
    rows.sort_by_cached_key(|(name, _)| text::natural_key(name));
    rows
}

/// The field that sums a row up, and is shown first.
const SUMMARY: &str = "usage_percent";

/// The fields that have a value in one of these rows.
fn with_values<'a>(table: &'a TableEntry, rows: &[(&str, &Value)]) -> Vec<&'a FieldEntry> {
    let there =
        |field: &&FieldEntry| rows.iter().any(|(_, row)| number(row, &field.name).is_some());
    let mut fields: Vec<_> = table.fields.iter().filter(there).collect();
    fields.sort_by_key(|field| field.name != SUMMARY);
    fields
}

fn has_values(table: &TableEntry, data: &Value) -> bool {
    let rows = rows(table, data);
    if table.row.is_some() { !rows.is_empty() } else { !with_values(table, &rows).is_empty() }
}

fn number(row: &Value, name: &str) -> Option<f64> {
    row.get(name).and_then(Value::as_f64)
}

/// The values of a row as text, in the order of the fields.
fn cells(fields: &[&FieldEntry], row: &Value) -> Vec<String> {
    let cell = |field: &&FieldEntry| {
        let shown = format::value(number(row, &field.name), field);
        text::escape(&shown).into_owned()
    };
    fields.iter().map(cell).collect()
}

#[cfg(test)]
mod tests;
