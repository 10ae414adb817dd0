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
    for table in &metric_type.tables {
        let drawn = match &table.row {
            Some(row) => grid::lines(row, table, rows(table, data), page),
            None => pairs::lines(table, find(table, data), page),
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
    lines
}

/// The object of a table in the JSON of a view.
fn find<'a>(table: &TableEntry, data: &'a Value) -> Option<&'a Value> {
    table.name.split('.').try_fold(data, |value, name| value.get(name))
}

/// The rows of a table by name, ordered as people order names.
fn rows<'a>(table: &TableEntry, data: &'a Value) -> Vec<(&'a str, &'a Value)> {
    let rows = find(table, data).and_then(Value::as_object);
    let mut rows: Vec<_> = rows.into_iter().flatten().map(|(k, v)| (k.as_str(), v)).collect();
    rows.sort_by_cached_key(|(name, _)| text::natural_key(name));
    rows
}

fn has_values(table: &TableEntry, data: &Value) -> bool {
    if table.row.is_some() {
        return !rows(table, data).is_empty();
    }
    let host = find(table, data);
    table.fields.iter().any(|field| number(host, &field.name).is_some())
}

fn number(row: Option<&Value>, name: &str) -> Option<f64> {
    row.and_then(|row| row.get(name)).and_then(Value::as_f64)
}

/// All values of a row as text, in the order of the fields.
fn cells(table: &TableEntry, row: Option<&Value>) -> Vec<String> {
    let cell = |field: &FieldEntry| {
        let shown = format::value(number(row, &field.name), field);
        text::escape(&shown).into_owned()
    };
    table.fields.iter().map(cell).collect()
}

#[cfg(test)]
mod tests;
