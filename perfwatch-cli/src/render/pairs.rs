//! A table about the host: names with their values, in as many columns as fit.

use serde_json::Value;

use super::{Page, cells};
use crate::{catalog::FieldEntry, format, text};

const INDENT: usize = 2;
const GAP: usize = 3;

pub(super) fn lines(fields: &[&FieldEntry], host: &Value, page: Page) -> Vec<String> {
    let labels = fields.iter().map(|field| format::label(&field.name));
    let labels = labels.map(|label| text::escape(&label).into_owned());
    let pairs: Vec<(String, String)> = labels.zip(cells(fields, host)).collect();
    // The most columns that fit; one always does.
    let fitting = (1..=pairs.len()).rev().map(|count| Layout::new(&pairs, count));
    let layout = fitting.into_iter().find(|it| it.width() <= page.width || it.columns.len() == 1);
    layout.map(|layout| layout.draw(page)).unwrap_or_default()
}

/// Pairs in columns, read downwards.
struct Layout<'a> {
    columns: Vec<Column<'a>>,
    height: usize,
}

struct Column<'a> {
    pairs: &'a [(String, String)],
    label: usize,
    value: usize,
}

impl<'a> Layout<'a> {
    fn new(pairs: &'a [(String, String)], count: usize) -> Self {
        let height = pairs.len().div_ceil(count).max(1);
        let columns = pairs.chunks(height).map(|pairs| Column {
            pairs,
            label: pairs.iter().map(|(label, _)| text::width(label)).max().unwrap_or(0),
            value: pairs.iter().map(|(_, value)| text::width(value)).max().unwrap_or(0),
        });
        Self { columns: columns.collect(), height }
    }

    fn width(&self) -> usize {
        let columns: usize = self.columns.iter().map(|it| it.label + GAP - 1 + it.value).sum();
        INDENT + columns + GAP * self.columns.len().saturating_sub(1)
    }

    fn draw(&self, page: Page) -> Vec<String> {
        (0..self.height).map(|index| self.line(index, page)).collect()
    }

    fn line(&self, index: usize, page: Page) -> String {
        let cells = self.columns.iter().filter_map(|column| {
            let (label, value) = column.pairs.get(index)?;
            let label = page.ink.dim(&text::pad_right(label, column.label));
            Some(format!("{label}  {}", text::pad_left(value, column.value)))
        });
        format!("{}{}", " ".repeat(INDENT), cells.collect::<Vec<_>>().join(&" ".repeat(GAP)))
    }
}
