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

/// Reads `/proc/net/snmp` and `/proc/net/netstat`.
pub(super) struct Protocols {
    tcp: Pair,
    tcp_ext: Pair,
    udp: Pair,
}

impl Protocols {
    pub(super) fn new() -> Self {
        Self {
            tcp: Pair::new(b"Tcp:", tcp_field),
            tcp_ext: Pair::new(b"TcpExt:", tcp_ext_field),
            udp: Pair::new(b"Udp:", udp_field),
        }
    }

    pub(super) fn parse_snmp(
        &mut self,
        bytes: &[u8],
        tcp: &mut Block,
        udp: &mut Block,
    ) -> Result<(), ParseError> {
        self.tcp.read(bytes, &mut tcp.host_row())?;
        self.udp.read(bytes, &mut udp.host_row())
    }

    pub(super) fn parse_netstat(
        &mut self,
        bytes: &[u8],
        tcp: &mut Block,
    ) -> Result<(), ParseError> {
        self.tcp_ext.read(bytes, &mut tcp.host_row())
    }
}

fn tcp_field(name: &[u8]) -> Option<FieldId> {
    Some(match name {
        b"InSegs" => tcp::segments_recv,
        b"OutSegs" => tcp::segments_sent,
        b"RetransSegs" => tcp::segments_retransmitted,
        b"OutRsts" => tcp::resets_sent,
        b"CurrEstab" => tcp::current_established,
        b"ActiveOpens" => tcp::active_opens,
        b"PassiveOpens" => tcp::passive_opens,
        _ => return None,
    })
}

fn tcp_ext_field(name: &[u8]) -> Option<FieldId> {
    Some(match name {
        b"ListenOverflows" => tcp::listen_overflows,
        b"ListenDrops" => tcp::listen_drops,
        _ => return None,
    })
}

fn udp_field(name: &[u8]) -> Option<FieldId> {
    Some(match name {
        b"InDatagrams" => udp::datagrams_recv,
        b"OutDatagrams" => udp::datagrams_sent,
        b"InErrors" => udp::errors_recv,
        b"NoPorts" => udp::no_port,
        b"RcvbufErrors" => udp::buffer_errors_recv,
        b"SndbufErrors" => udp::buffer_errors_sent,
        _ => return None,
    })
}

/// A line of names and one of values. The names are looked up when they change, which they do
/// with the kernel.
struct Pair {
    heading: &'static [u8],
    field: fn(&[u8]) -> Option<FieldId>,
    names: Vec<u8>,
    /// The wanted columns, ascending.
    columns: Vec<(usize, FieldId)>,
}

impl Pair {
    fn new(heading: &'static [u8], field: fn(&[u8]) -> Option<FieldId>) -> Self {
        Self { heading, field, names: Vec::new(), columns: Vec::new() }
    }

    fn read(&mut self, bytes: &[u8], row: &mut RowMut<'_>) -> Result<(), ParseError> {
        let mut found = lines(bytes)?.enumerate().filter(|(_, line)| {
            line.strip_prefix(self.heading).is_some_and(|rest| rest.first() == Some(&b' '))
        });
        let missing = ParseError { line: 0, reason: "expected a line of names and one of values" };
        let (_, names) = found.next().ok_or(missing)?;
        let (index, values) = found.next().ok_or(missing)?;
        if names != self.names {
            self.learn(names);
        }
        let mut values = words(values).enumerate();
        for &(column, field) in &self.columns {
            let value = values.find(|(index, _)| *index == column);
            let (_, value) = value.ok_or(ParseError::at(index, "expected a value per name"))?;
            row.set_opt(field, number(value));
        }
        Ok(())
    }

    fn learn(&mut self, names: &[u8]) {
        self.names = names.to_owned();
        let wanted = |(column, name)| Some((column, (self.field)(name)?));
        self.columns = words(names).enumerate().filter_map(wanted).collect();
    }
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
