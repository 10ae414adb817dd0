//! The parser of `/proc/net/dev`, and the host's sum over its interfaces.

use perfwatch_core::{Block, FieldId, MISSING};

use super::{host, interfaces};
use crate::parse::{ParseError, lines, number, words};

/// The columns of the file that are fields, in its order; a column without a field is passed over.
const COLUMNS: [Option<FieldId>; 12] = [
    Some(interfaces::bytes_recv),
    Some(interfaces::packets_recv),
    Some(interfaces::errors_recv),
    Some(interfaces::drops_recv),
    None, // fifo
    None, // frame
    None, // compressed
    None, // multicast
    Some(interfaces::bytes_sent),
    Some(interfaces::packets_sent),
    Some(interfaces::errors_sent),
    Some(interfaces::drops_sent),
];

pub(super) fn parse(bytes: &[u8], block: &mut Block) -> Result<(), ParseError> {
    // Two lines of headings come first.
    for (index, line) in lines(bytes)?.enumerate().skip(2) {
        let Some(colon) = line.iter().rposition(|&byte| byte == b':') else {
            return Err(ParseError::at(index, "expected `name:` and counters"));
        };
        let (name, counters) = line.split_at(colon);
        let name = String::from_utf8_lossy(name.trim_ascii());
        let mut row = block.push_row(&name);
        let mut counters = words(counters.get(1..).unwrap_or_default());
        for column in COLUMNS {
            let value = counters.next().and_then(number);
            let value = value.ok_or(ParseError::at(index, "expected at least 12 counters"))?;
            if let Some(field) = column {
                row.set(field, value);
            }
        }
    }
    Ok(())
}

/// Sums the physical interfaces; where there is none, all but `lo`.
pub(super) fn sum(interfaces: &Block, host: &mut Block) {
    let rows = 0..interfaces.keys().len();
    let physical = |row: &usize| interfaces.value(*row, interfaces::physical) == 1;
    let virtual_only = !rows.clone().any(|row| physical(&row));
    let counted = |row: &usize| {
        let loopback = interfaces.keys().get(*row) == Some("lo");
        if virtual_only { !loopback } else { physical(row) }
    };
    let mut total = host.host_row();
    total.set_flag(host::virtual_only, virtual_only);
    for row in rows.filter(counted) {
        // Both tables begin with the same fields.
        for field in COLUMNS.into_iter().flatten() {
            let value = interfaces.value(row, field);
            if value != MISSING {
                total.add(field, value.unsigned_abs());
            }
        }
    }
}
