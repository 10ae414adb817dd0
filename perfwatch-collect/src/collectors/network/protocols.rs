//! The parsers of `/proc/net/snmp`, `netstat` and `sockstat`.
//!
//! The first two hold pairs of lines, names and values, under one heading (RFC 1213 and the
//! kernel's own additions); names are looked up, because kernels add columns in the middle.

use perfwatch_core::{Block, FieldId, RowMut};

use super::{sockets, tcp, udp};
use crate::{
    granule::page_bytes,
    parse::{ParseError, lines, number, words},
};

pub(super) fn parse_snmp(bytes: &[u8], tcp: &mut Block, udp: &mut Block) -> Result<(), ParseError> {
    pairs(bytes, b"Tcp:", &mut tcp.host_row(), |name| {
        Some(match name {
            b"InSegs" => tcp::segments_recv,
            b"OutSegs" => tcp::segments_sent,
            b"RetransSegs" => tcp::segments_retransmitted,
            b"OutRsts" => tcp::resets_sent,
            b"ActiveOpens" => tcp::active_opens,
            b"CurrEstab" => tcp::current_established,
            b"PassiveOpens" => tcp::passive_opens,
            _ => return None,
        })
    })?;
    pairs(bytes, b"Udp:", &mut udp.host_row(), |name| {
        Some(match name {
            b"InDatagrams" => udp::datagrams_recv,
            b"OutDatagrams" => udp::datagrams_sent,
            b"InErrors" => udp::errors_recv,
            b"NoPorts" => udp::no_port,
            b"RcvbufErrors" => udp::buffer_errors_recv,
            b"SndbufErrors" => udp::buffer_errors_sent,
            _ => return None,
        })
    })
}

pub(super) fn parse_netstat(bytes: &[u8], tcp: &mut Block) -> Result<(), ParseError> {
    pairs(bytes, b"TcpExt:", &mut tcp.host_row(), |name| {
        Some(match name {
            b"ListenOverflows" => tcp::listen_overflows,
            b"ListenDrops" => tcp::listen_drops,
            _ => return None,
        })
    })
}

/// Reads the pair of lines that begin with `heading`; `field` says which name is which field.
fn pairs(
    bytes: &[u8],
    heading: &[u8],
    row: &mut RowMut<'_>,
    field: impl Fn(&[u8]) -> Option<FieldId>,
) -> Result<(), ParseError> {
    let mut found = lines(bytes)?.enumerate().filter(|(_, line)| {
        line.strip_prefix(heading).is_some_and(|rest| rest.first() == Some(&b' '))
    });
    let missing = ParseError { line: 0, reason: "expected a line of names and one of values" };
    let (_, names) = found.next().ok_or(missing)?;
    let (index, values) = found.next().ok_or(missing)?;
    let mut values = words(values).skip(1);
    for name in words(names).skip(1) {
        let value = values.next().ok_or(ParseError::at(index, "expected a value per name"))?;
        if let Some(field) = field(name) {
            row.set_opt(field, number(value));
        }
    }
    Ok(())
}

/// `TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 246`, and of the file for IPv6 `TCP6: inuse 1`.
pub(super) fn parse_sockstat(bytes: &[u8], block: &mut Block) -> Result<(), ParseError> {
    let mut row = block.host_row();
    for line in lines(bytes)? {
        let mut words = words(line);
        let Some(kind) = words.next() else { continue };
        while let (Some(name), Some(value)) = (words.next(), words.next().and_then(number)) {
            match (kind, name) {
                (b"sockets:", b"used") => row.set(sockets::used, value),
                (b"TCP:", b"inuse") => row.set(sockets::tcp_in_use, value),
                (b"TCP:", b"orphan") => row.set(sockets::tcp_orphans, value),
                (b"TCP:", b"tw") => row.set(sockets::tcp_time_wait, value),
                (b"TCP:", b"mem") => {
                    row.set(sockets::tcp_memory, value.saturating_mul(page_bytes()));
                }
                (b"UDP:", b"inuse") => row.set(sockets::udp_in_use, value),
                (b"TCP6:", b"inuse") => row.set(sockets::tcp6_in_use, value),
                (b"UDP6:", b"inuse") => row.set(sockets::udp6_in_use, value),
                _ => {}
            }
        }
    }
    Ok(())
}
