//! The parser of `/proc/net/dev`, and the host's sum over its interfaces.

use perfwatch_core::{Block, FieldId};

use super::{host, interfaces};
use crate::{
    parse::{Numbers, ParseError, lines, name},
    totals::Totals,
};

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
        let Some(colon) = memchr::memrchr(b':', line) else {
            return Err(ParseError::at(index, "expected `name:` and counters"));
        };
        let (interface, counters) = line.split_at(colon);
        let mut row = block.push_row(&name(interface.trim_ascii()));
        let mut counters = Numbers::of(counters.get(1..).unwrap_or_default());
        for column in COLUMNS {
            let value =
                counters.next().ok_or(ParseError::at(index, "expected at least 12 counters"))?;
            if let Some(field) = column {
                row.set(field, value);
            }
        }
    }
    Ok(())
}

/// What is added up over interfaces; both tables begin with the same fields.
pub(super) static TOTALS: [(FieldId, FieldId); 8] = [
    (interfaces::bytes_recv, host::bytes_recv),
    (interfaces::bytes_sent, host::bytes_sent),
    (interfaces::packets_recv, host::packets_recv),
    (interfaces::packets_sent, host::packets_sent),
    (interfaces::errors_recv, host::errors_recv),
    (interfaces::errors_sent, host::errors_sent),
    (interfaces::drops_recv, host::drops_recv),
    (interfaces::drops_sent, host::drops_sent),
];

/// Adds up the physical interfaces; where there is none, all but `lo`. Where it is not known of
/// any interface what it is, there is no total.
pub(super) fn sum(interfaces: &Block, totals: &mut Totals, host: &mut Block) {
    let is = |row: usize, what: i64| interfaces.value(row, interfaces::physical) == what;
    let any = |what: i64| (0..interfaces.keys().len()).any(|row| is(row, what));
    let virtual_only = !any(1);
    if virtual_only && !any(0) {
        return;
    }
    let counts = |row: usize| {
        let loopback = interfaces.keys().get(row) == Some("lo");
        if virtual_only { !loopback } else { is(row, 1) }
    };
    totals.update(interfaces, counts, host);
    host.host_row().set_flag(host::virtual_only, virtual_only);
}
