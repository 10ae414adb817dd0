//! A record as bytes that need nothing beside them: each name stands in it once.
//!
//! First the host's name and the time, then the points. A name is the number of one that came
//! before (from 1), or 0 and the name itself. A point says what changed since the one before: only
//! the column, the row too, or the table too.

use std::{collections::HashMap, sync::Arc};

use perfwatch_core::Decimal;

use super::{Point, Record};
use crate::layout::varint::{Reader, put, put_signed};

const SAME_ROW: u8 = 0;
const NEW_ROW: u8 = 1;
const TABLE_WITHOUT_ROWS: u8 = 2;
const TABLE_WITH_ROWS: u8 = 3;

/// The points of a record, read anew each time. What is in it was found readable.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    timestamp_ms: i64,
    /// The points only.
    bytes: Arc<[u8]>,
}

/// Appends a record.
pub(crate) fn pack(record: &Record, out: &mut Vec<u8>) {
    put(out, record.host.len() as u64);
    out.extend_from_slice(record.host.as_bytes());
    put_signed(out, record.timestamp_ms());
    let mut packer = Packer::default();
    record.for_each_point(|point| packer.put(point, out));
}

impl Packed {
    pub(super) fn of<'a>(timestamp_ms: i64, points: impl Iterator<Item = Point<'a>>) -> Self {
        let (mut packer, mut bytes) = (Packer::default(), Vec::new());
        points.for_each(|point| packer.put(point, &mut bytes));
        Self { timestamp_ms, bytes: bytes.into() }
    }

    /// Reads a record that [`pack`] wrote; nothing if the bytes make no sense.
    pub(crate) fn open(bytes: &[u8]) -> Option<Record> {
        let mut reader = Reader(bytes);
        let host = Arc::from(text(&mut reader)?);
        let timestamp_ms = reader.signed()?;
        walk(reader.0, &mut |_| ())?;
        let packed = Self { timestamp_ms, bytes: reader.0.into() };
        Some(Record::from_packed(host, packed))
    }

    pub(super) fn timestamp_ms(&self) -> i64 {
        self.timestamp_ms
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn for_each_point(&self, each: &mut impl FnMut(Point<'_>)) {
        walk(&self.bytes, each);
    }
}

/// Calls `each` with every point; nothing where the bytes make no sense.
fn walk(bytes: &[u8], each: &mut impl FnMut(Point<'_>)) -> Option<()> {
    let mut reader = Reader(bytes);
    let mut names = Vec::new();
    let (mut table, mut row): (&str, Option<(&str, &str)>) = ("", None);
    while !reader.is_empty() {
        let what = u8::try_from(reader.number()?).ok()?;
        match what {
            SAME_ROW => {}
            NEW_ROW => row = Some((row?.0, name(&mut reader, &mut names)?)),
            TABLE_WITHOUT_ROWS => (table, row) = (name(&mut reader, &mut names)?, None),
            TABLE_WITH_ROWS => {
                table = name(&mut reader, &mut names)?;
                let kind = name(&mut reader, &mut names)?;
                row = Some((kind, name(&mut reader, &mut names)?));
            }
            _ => return None,
        }
        let column = name(&mut reader, &mut names)?;
        let decimals = u8::try_from(reader.number()?).ok()?;
        let value = Decimal { value: reader.signed()?, decimals };
        each(Point { table, row, column, value });
    }
    Some(())
}

fn name<'a>(reader: &mut Reader<'a>, names: &mut Vec<&'a str>) -> Option<&'a str> {
    match usize::try_from(reader.number()?).ok()?.checked_sub(1) {
        Some(at) => names.get(at).copied(),
        None => {
            let name = text(reader)?;
            names.push(name);
            Some(name)
        }
    }
}

fn text<'a>(reader: &mut Reader<'a>) -> Option<&'a str> {
    let length = usize::try_from(reader.number()?).ok()?;
    let (text, rest) = reader.0.split_at_checked(length)?;
    reader.0 = rest;
    std::str::from_utf8(text).ok()
}

/// Knows what was written last. It keeps copies: a point lives only while it is looked at.
#[derive(Default)]
struct Packer {
    names: HashMap<Box<str>, u64>,
    table: String,
    row: Option<(String, String)>,
}

impl Packer {
    fn put(&mut self, Point { table, row, column, value }: Point<'_>, out: &mut Vec<u8>) {
        let before = self.row.as_ref().map(|(kind, key)| (kind.as_str(), key.as_str()));
        let is_same_table =
            self.table == table && before.map(|(kind, _)| kind) == row.map(|(kind, _)| kind);
        match row {
            _ if is_same_table && before == row => out.push(SAME_ROW),
            Some((_, key)) if is_same_table => {
                out.push(NEW_ROW);
                self.name(key, out);
            }
            Some((kind, key)) => {
                out.push(TABLE_WITH_ROWS);
                [table, kind, key].iter().for_each(|name| self.name(name, out));
            }
            None => {
                out.push(TABLE_WITHOUT_ROWS);
                self.name(table, out);
            }
        }
        self.table.replace_range(.., table);
        self.row = row.map(|(kind, key)| (kind.to_owned(), key.to_owned()));
        self.name(column, out);
        put(out, value.decimals.into());
        put_signed(out, value.value);
    }

    fn name(&mut self, name: &str, out: &mut Vec<u8>) {
        if let Some(&number) = self.names.get(name) {
            return put(out, number);
        }
        self.names.insert(name.into(), self.names.len() as u64 + 1);
        put(out, 0);
        put(out, name.len() as u64);
        out.extend_from_slice(name.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use perfwatch_core::{Frame, View, metric_table};
    use proptest::prelude::*;

    use super::*;

    metric_table! {
        /// An application.
        table app: app {
            /// How busy it is.
            load: Gauge Average,
            /// What it has used.
            used: Gauge Bytes,
        }
    }

    metric_table! {
        /// Its parts.
        table parts: app.parts per part {
            /// How hot it is.
            heat: Gauge Celsius,
            /// What it has used.
            used: Gauge Bytes,
        }
    }

    fn points(record: &Record) -> Vec<String> {
        let mut points = Vec::new();
        record.for_each_point(|point| points.push(format!("{point:?}")));
        points
    }

    fn record(time: i64, load: Option<f64>, heats: &[(String, f64)]) -> Record {
        let mut frame = Frame::new([&&app::TABLE, &&parts::TABLE]);
        frame.timestamp_ms = time;
        let [block, rows] = frame.blocks.as_mut_slice() else { unreachable!() };
        let mut row = block.host_row();
        if let Some(load) = load {
            row.set_f64(app::load, load);
        }
        for (name, heat) in heats {
            let mut row = rows.push_row(name);
            row.set_f64(parts::heat, *heat);
            row.set(parts::used, 7);
        }
        let mut view = View::default();
        view.update(None, &frame);
        Record::new("a", Arc::new(view))
    }

    proptest! {
        #[test]
        fn a_record_survives_the_way_there_and_back(
            time: i64,
            load in proptest::option::of(-1e9..1e9),
            heats in proptest::collection::vec((".{0,9}", -300.0..3000.0), 0..5),
        ) {
            let record = record(time, load, &heats);
            let mut bytes = Vec::new();
            pack(&record, &mut bytes);
            let back = Packed::open(&bytes).unwrap();
            prop_assert_eq!(back.host.as_ref(), "a");
            prop_assert_eq!(back.timestamp_ms(), time);
            prop_assert_eq!(points(&back), points(&record));
            // Packing what was packed gives the same.
            let mut again = Vec::new();
            pack(&back, &mut again);
            prop_assert_eq!(again, bytes);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            if let Some(record) = Packed::open(&bytes) {
                record.for_each_point(|_| ());
            }
        }
    }
}
