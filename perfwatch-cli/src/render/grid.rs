//! A table with rows: one line per row, one column per field. Where not all columns fit, the rest
//! follows below as a second band with the same row names.

use serde_json::Value;

use super::{Page, cells};
use crate::{catalog::FieldEntry, format, text};

const INDENT: &str = "  ";
const GAP: &str = "  ";

/// A column: its label in lines, then one cell per row.
struct Column {
    label: Vec<String>,
    cells: Vec<String>,
    width: usize,
}

pub(super) fn lines(
    row: &str,
    fields: &[&FieldEntry],
    rows: Vec<(&str, &Value)>,
    page: Page,
) -> Vec<String> {
    let names = names_column(row, &rows, page);
    let values = value_columns(fields, &rows);
    let mut lines = Vec::new();
    let mut rest = values.as_slice();
    while !rest.is_empty() {
        let (band, after) = rest.split_at(fitting(rest, &names, page).max(1));
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(draw(&names, band, page));
        rest = after;
    }
    lines
}

fn names_column(row: &str, rows: &[(&str, &Value)], page: Page) -> Column {
    let longest = page.width / 3;
    let name = |name: &str| text::shorten(&text::escape(name), longest).into_owned();
    let cells = rows.iter().map(|(key, _)| name(key)).collect();
    Column::new(vec![name(row)], cells)
}

fn value_columns(fields: &[&FieldEntry], rows: &[(&str, &Value)]) -> Vec<Column> {
    let rows: Vec<Vec<String>> = rows.iter().map(|(_, row)| cells(fields, row)).collect();
    let column = |(index, name): (usize, &str)| {
        let label = format::label(name).split(' ').map(|word| text::escape(word).into()).collect();
        Column::new(label, rows.iter().filter_map(|row| row.get(index).cloned()).collect())
    };
    fields.iter().map(|field| field.name.as_str()).enumerate().map(column).collect()
}

/// How many columns fit beside the row names.
fn fitting(columns: &[Column], names: &Column, page: Page) -> usize {
    let mut taken = INDENT.len() + names.width;
    let fits = |column: &&Column| {
        taken += GAP.len() + column.width;
        taken <= page.width
    };
    columns.iter().take_while(fits).count()
}

fn draw(names: &Column, band: &[Column], page: Page) -> Vec<String> {
    let height = band.iter().map(|column| column.label.len()).max().unwrap_or(1);
    let headings = (0..height).map(|line| {
        let cells = band.iter().map(|it| text::pad_left(it.heading(line, height), it.width));
        let name = text::pad_right(names.heading(line, height), names.width);
        page.ink.dim(&join(&name, cells))
    });
    let rows = names.cells.iter().enumerate().map(|(row, name)| {
        let cell = |column: &Column| column.cells.get(row).cloned().unwrap_or_default();
        let cells = band.iter().map(|it| text::pad_left(&cell(it), it.width));
        join(&text::pad_right(name, names.width), cells)
    });
    headings.chain(rows).collect()
}

fn join(name: &str, cells: impl Iterator<Item = String>) -> String {
    let line = cells.fold(format!("{INDENT}{name}"), |line, cell| line + GAP + &cell);
    line.trim_end().to_owned()
}

impl Column {
    fn new(label: Vec<String>, cells: Vec<String>) -> Self {
        let width = label.iter().chain(&cells).map(|cell| text::width(cell)).max().unwrap_or(0);
        Self { label, cells, width }
    }

    /// A line of the label, which stands at the bottom of the heading.
    fn heading(&self, line: usize, height: usize) -> &str {
        let above = height.saturating_sub(self.label.len());
        let word = line.checked_sub(above).and_then(|index| self.label.get(index));
        word.map_or("", String::as_str)
    }
}
