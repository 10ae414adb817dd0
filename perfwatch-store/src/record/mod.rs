//! What is appended: frames, by value and place.
//!
//! A record is the view that the sampler made, or what a spool file kept of one. Whoever reads it
//! by [`Record::for_each_point`] need not know which.

mod packed;

use std::{borrow::Cow, sync::Arc};

pub(crate) use packed::{Packed, pack};
use perfwatch_core::{Decimal, MISSING, View, ViewBlock, series};

/// One frame of one host, as it is stored: what people read, not the raw counters.
#[derive(Clone, Debug)]
pub struct Record {
    /// The host's name.
    pub host: Arc<str>,
    values: Values,
}

#[derive(Clone, Debug)]
enum Values {
    View(Arc<View>),
    Packed(Packed),
}

/// One value of a record, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point<'a> {
    /// The table's dotted name, such as `network.interfaces`; the part before the first dot is the
    /// metric type. Of a series that was imported and that no table has, it is all of its path but
    /// the last segment, spelt as in a path: some segments may be quoted.
    pub table: &'a str,
    /// What a row of the table is (`interface`) and which one it is (`eth0`); nothing for a table
    /// about the host itself.
    pub row: Option<(&'a str, &'a str)>,
    /// The column, such as `bytes_recv_per_sec`.
    pub column: &'a str,
    /// The value, exactly.
    pub value: Decimal,
}

impl<'a> Point<'a> {
    /// Writes the path of its series.
    pub(crate) fn write_path(&self, path: &mut String) {
        path.clear();
        path.push_str(self.table);
        if let Some((_, row)) = self.row {
            series::push_segment(path, row);
        }
        series::push_segment(path, self.column);
    }

    /// The segments of its series' path.
    pub(crate) fn segments(&self) -> impl Iterator<Item = Cow<'a, str>> {
        // Names in code need no quotes, and only what is quoted has brackets.
        let is_quoted = self.table.contains('[');
        let quoted = is_quoted.then(|| series::segments(self.table).unwrap_or_default());
        let plain = (!is_quoted && !self.table.is_empty()).then(|| self.table.split('.'));
        let names = self.row.map(|(_, row)| row).into_iter().chain([self.column]);
        let table = quoted.into_iter().flatten().map(Cow::Owned);
        table.chain(plain.into_iter().flatten().chain(names).map(Cow::Borrowed))
    }
}

impl Record {
    /// A host's values at one moment.
    pub fn new(host: impl Into<Arc<str>>, view: Arc<View>) -> Self {
        Self { host: host.into(), values: Values::View(view) }
    }

    /// A host's values at one moment, point by point.
    pub(crate) fn of_points<'a>(
        host: Arc<str>,
        timestamp_ms: i64,
        points: impl Iterator<Item = Point<'a>>,
    ) -> Self {
        Self::from_packed(host, Packed::of(timestamp_ms, points))
    }

    /// What a spool file kept of a record.
    pub(crate) fn from_packed(host: Arc<str>, packed: Packed) -> Self {
        Self { host, values: Values::Packed(packed) }
    }

    /// The same values under another name.
    pub(crate) fn under(&self, host: Arc<str>) -> Self {
        Self { host, values: self.values.clone() }
    }

    /// The view, which is gone where the record comes from a spool file.
    pub(crate) fn view(&self) -> Option<&View> {
        match &self.values {
            Values::View(view) => Some(view),
            Values::Packed(_) => None,
        }
    }

    /// When it was measured, in milliseconds since 1970 (UTC).
    pub fn timestamp_ms(&self) -> i64 {
        match &self.values {
            Values::View(view) => view.timestamp_ms,
            Values::Packed(packed) => packed.timestamp_ms(),
        }
    }

    /// Calls `each` with every value that is there, table by table and row by row.
    pub fn for_each_point(&self, mut each: impl FnMut(Point<'_>)) {
        match &self.values {
            Values::View(view) => for_each_of_view(view, &mut each),
            Values::Packed(packed) => packed.for_each_point(&mut each),
        }
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn weight(&self) -> usize {
        match &self.values {
            Values::View(view) => view.blocks.iter().map(weight).sum(),
            Values::Packed(packed) => packed.len(),
        }
    }
}

fn for_each_of_view(view: &View, each: &mut impl FnMut(Point<'_>)) {
    view.for_each_row(|table, key, values| {
        let row = table.row.map(|kind| (kind, key));
        for (column, &value) in table.columns.iter().zip(values) {
            if value != MISSING {
                let value = Decimal { value, decimals: column.unit.decimals() };
                each(Point { table: table.name, row, column: column.name, value });
            }
        }
    });
}

/// A value has eight bytes, and so has the end of a row's name.
fn weight(block: &ViewBlock) -> usize {
    let names: usize = block.keys().iter().map(|key| key.len() + 8).sum();
    names + block.keys().len() * block.table().columns.len() * 8 + size_of::<ViewBlock>()
}
