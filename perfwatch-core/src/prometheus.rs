//! A frame as Prometheus text (version 0.0.4): the raw counters and gauges, in base units.
//!
//! Names follow the exporter conventions: `perfwatch_`, the table, the field, the base unit, and
//! `_total` for a counter. Rates and ratios are left to the reader's own queries.

use std::fmt::Write;

use crate::{Block, Decimal, Field, FieldId, Frame, MISSING, Table};

/// The media type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Appends all values of the frame; missing ones are left out.
pub fn write_frame(frame: &Frame, out: &mut String) {
    frame.blocks.iter().for_each(|block| write_block(block, out));
}

/// Appends all values of one block.
pub fn write_block(block: &Block, out: &mut String) {
    let table = block.table();
    for (index, field) in table.fields.iter().enumerate() {
        let id = FieldId(index);
        let rows = 0..block.keys().len();
        if rows.clone().all(|row| block.value(row, id) == MISSING) {
            continue;
        }
        write_header(table, field, out);
        for row in rows {
            let key = block.keys().get(row).unwrap_or_default();
            write_sample(table, field, key, block.value(row, id), out);
        }
    }
}

/// The exported name of a field, such as `perfwatch_cpu_cores_user_seconds_total`.
pub fn metric_name(table: &Table, field: &Field) -> String {
    let mut name = String::new();
    write_name(table, field, &mut name);
    name
}

fn write_name(table: &Table, field: &Field, out: &mut String) {
    out.push_str("perfwatch_");
    out.extend(table.name.chars().map(|c| if c == '.' { '_' } else { c }));
    out.push('_');
    out.push_str(field.name);
    let suffix = field.unit.base_suffix();
    // `bytes_recv` already says bytes.
    if !field.name.contains(suffix.trim_start_matches('_')) {
        out.push_str(suffix);
    }
    if field.kind.is_counter() {
        out.push_str("_total");
    }
}

fn write_header(table: &Table, field: &Field, out: &mut String) {
    out.push_str("# HELP ");
    write_name(table, field, out);
    out.push(' ');
    field.help.chars().for_each(|c| match c {
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        c => out.push(c),
    });
    out.push_str("\n# TYPE ");
    write_name(table, field, out);
    out.push_str(if field.kind.is_counter() { " counter\n" } else { " gauge\n" });
}

fn write_sample(table: &Table, field: &Field, key: &str, value: i64, out: &mut String) {
    let decimals = if field.kind.is_counter() { 0 } else { field.unit.decimals() };
    let Some(number) = (Decimal { value, decimals }).get() else { return };
    write_name(table, field, out);
    if let Some(row) = table.row {
        out.push('{');
        out.push_str(row);
        out.push_str("=\"");
        key.chars().for_each(|c| match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        });
        out.push_str("\"}");
    }
    let base = field.unit.to_base(number);
    // Writing to a string cannot fail.
    let _ = if base == value as f64 { writeln!(out, " {value}") } else { writeln!(out, " {base}") };
}
