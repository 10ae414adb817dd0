//! Interfaces, TCP, UDP and sockets, from `/proc/net`.
//!
//! The counters are read at every tick. Links and the number of sockets come from a slower thread
//! ([`slow`]), and so do the connections by state ([`connections`]), which cost most.

mod connections;
mod dev;
mod kind;
mod links;
mod physical;
mod protocols;
mod slow;
mod sock_diag;
mod softnet;

use perfwatch_core::{Block, Table, metric_table};

use crate::{
    BaseCollector, CollectError, Gap, Latest, Roots, Source, blocks_of, part::Part, totals::Totals,
};
use connections::Connections;
use physical::PhysicalLinks;
use protocols::Protocols;
use slow::Slow;
use softnet::Softnet;

/// A table that begins with traffic in both directions; the host and its interfaces have that in
/// common.
macro_rules! traffic_table {
    ($(#[doc = $help:literal])+ $module:ident: $($name:ident).+ $(per $row:ident)? {
        $($own:tt)+
    }) => {
        metric_table! {
            $(#[doc = $help])+
            pub table $module: $($name).+ $(per $row)? {
                /// Bytes received.
                bytes_recv: Counter Bytes,
                /// Bytes sent.
                bytes_sent: Counter Bytes,
                /// Packets received.
                packets_recv: Counter Count,
                /// Packets sent.
                packets_sent: Counter Count,
                /// Packets that arrived damaged.
                errors_recv: Counter Count,
                /// Packets that could not be sent because of an error.
                errors_sent: Counter Count,
                /// Packets that arrived and were thrown away.
                drops_recv: Counter Count,
                /// Packets thrown away before they were sent.
                drops_sent: Counter Count,
                $($own)+
            }
        }
    };
}

traffic_table! {
    /// Traffic of the host: the sum over its physical interfaces.
    host: network {
        /// Whether only virtual interfaces exist (a container): then all but `lo` are summed.
        virtual_only: Gauge Flag,
    }
}

traffic_table! {
    /// Traffic of each interface, by its name.
    interfaces: network.interfaces per interface {
        /// Speed of the link in one direction.
        speed: Gauge BytesPerSecond,
        /// Whether the link is up.
        up: Gauge Flag,
        /// Whether the other end of the cable or of the pair is there.
        carrier: Gauge Flag,
        /// How often the other end came or went since the interface exists.
        carrier_changes: Gauge Count,
        /// Whether it is a device of its own, and not a bridge, a bond or the like.
        physical: Gauge Flag,
        /// What it is.
        kind: Gauge Count {
            1 "device", 2 "loopback", 3 "bond", 4 "bridge", 5 "VLAN", 6 "veth", 7 "tunnel",
            8 "other virtual"
        },
    }
}

metric_table! {
    /// TCP connections and segments of the host.
    pub table tcp: network.tcp {
        /// Connections open in both directions, read at every tick; newer kernels count those in it that only the other side has closed.
        current_established: Gauge Count,
        /// Connections that are open in both directions, counted every 15 seconds like all states below.
        established: Gauge Count,
        /// Connections being opened from here.
        syn_sent: Gauge Count,
        /// Connections being opened from the other side.
        syn_recv: Gauge Count,
        /// Connections closed here, the other side has not answered yet.
        fin_wait1: Gauge Count,
        /// Connections closed here, the other side is still open.
        fin_wait2: Gauge Count,
        /// Closed connections kept for late segments.
        time_wait: Gauge Count,
        /// Sockets without a connection.
        close: Gauge Count,
        /// Connections closed by the other side, still open here.
        close_wait: Gauge Count,
        /// Connections closed by both sides, the last answer is missing.
        last_ack: Gauge Count,
        /// Sockets that wait for connections.
        listen: Gauge Count,
        /// Connections closed by both sides at once.
        closing: Gauge Count,
        /// Segments received.
        segments_recv: Counter Count,
        /// Segments sent, retransmitted ones left out.
        segments_sent: Counter Count,
        /// Segments sent again.
        segments_retransmitted: Counter Count,
        /// Segments sent that reset a connection.
        resets_sent: Counter Count,
        /// Connections opened from here.
        active_opens: Counter Count,
        /// Connections opened from the other side.
        passive_opens: Counter Count,
        /// Connections refused because a listening program did not accept them in time.
        listen_overflows: Counter Count,
        /// Connections dropped at a listening socket for any reason.
        listen_drops: Counter Count,
    }
    derive {
        /// Segments sent again as a share of the segments sent.
        retransmit: Percent = [segments_retransmitted] / [segments_sent],
    }
}

metric_table! {
    /// UDP datagrams of the host.
    pub table udp: network.udp {
        /// Datagrams handed to programs.
        datagrams_recv: Counter Count,
        /// Datagrams sent.
        datagrams_sent: Counter Count,
        /// Datagrams that could not be handed over.
        errors_recv: Counter Count,
        /// Datagrams for a port that nobody listens on.
        no_port: Counter Count,
        /// Datagrams thrown away because a program read too slowly.
        buffer_errors_recv: Counter Count,
        /// Datagrams not sent because the send buffer was full.
        buffer_errors_sent: Counter Count,
    }
}

metric_table! {
    /// Sockets of the host.
    pub table sockets: network.sockets {
        /// Sockets of all kinds.
        used: Gauge Count,
        /// TCP sockets in use (IPv4).
        tcp_in_use: Gauge Count,
        /// TCP sockets in use (IPv6).
        tcp6_in_use: Gauge Count,
        /// TCP sockets that no program holds any more.
        tcp_orphans: Gauge Count,
        /// Closed TCP connections kept for late segments.
        tcp_time_wait: Gauge Count,
        /// UDP sockets in use (IPv4).
        udp_in_use: Gauge Count,
        /// UDP sockets in use (IPv6).
        udp6_in_use: Gauge Count,
        /// Memory of TCP's buffers.
        tcp_memory: Gauge Bytes,
    }
}

static TABLES: [&Table; 6] = [
    &host::TABLE,
    &interfaces::TABLE,
    &tcp::TABLE,
    &udp::TABLE,
    &sockets::TABLE,
    &softnet::host::TABLE,
];

pub(super) struct Network {
    dev: Source,
    protocols: Protocols,
    snmp: Part,
    netstat: Part,
    softnet_stat: Part,
    physical: PhysicalLinks,
    totals: Totals,
    softnet: Softnet,
    slow: Option<Latest<Slow>>,
    /// Where each interface's link was found last.
    places: Vec<usize>,
    connections: Option<Latest<Option<Connections>>>,
    gaps: Vec<Gap>,
    /// The words of the gaps that may come, made beforehand: a tick allocates nothing.
    unread_connections: Gap,
    unknown_interfaces: Gap,
}

impl Network {
    pub(super) fn new(roots: &Roots) -> Self {
        Self {
            dev: Source::new(roots.net("dev")),
            protocols: Protocols::new(),
            snmp: Part::new("TCP and UDP", Source::new(roots.net("snmp"))),
            netstat: Part::new("listen overflows", Source::new(roots.net("netstat"))),
            softnet_stat: Part::new("packets by CPU", Source::new(roots.net("softnet_stat"))),
            physical: PhysicalLinks::new(roots),
            totals: Totals::new(&interfaces::TABLE, &dev::TOTALS),
            softnet: Softnet::default(),
            slow: Slow::watch(roots),
            places: Vec::new(),
            connections: Connections::watch(roots),
            gaps: Vec::new(),
            unread_connections: Gap::new(
                BY_STATE,
                "neither netlink's sock_diag nor /proc/net/tcp can be read",
                None,
            ),
            unknown_interfaces: Gap::new(
                TOTAL,
                "/sys/class/net knows none of the interfaces",
                Some("name the host's /sys with --path.sysfs"),
            ),
        }
    }

    /// Keeps the gaps of what is not read as a part in step with what is known.
    fn note_gaps(&mut self) {
        let unread = self.connections.as_ref().and_then(|it| it.with(Option::is_none));
        if let Some(unread) = unread {
            Gap::keep(&mut self.gaps, BY_STATE, unread.then_some(&self.unread_connections));
        }
        let unknown = self.physical.nothing_known();
        Gap::keep(&mut self.gaps, TOTAL, unknown.then_some(&self.unknown_interfaces));
    }
}

const BY_STATE: &str = "TCP connections by state";
const TOTAL: &str = "total of the physical interfaces";

impl BaseCollector for Network {
    fn name(&self) -> &'static str {
        "network"
    }

    fn tables(&self) -> &'static [&'static Table] {
        &TABLES
    }

    fn collect(&mut self, blocks: &mut [Block]) -> Result<(), CollectError> {
        let [host, interfaces, tcp, udp, sockets, softnet] = blocks_of(blocks)?;
        self.dev.parse(|bytes| dev::parse(bytes, interfaces))?;
        interfaces.set_read_at(self.dev.read_at());
        host.set_read_at(self.dev.read_at());
        self.physical.mark(interfaces);
        dev::sum(interfaces, &mut self.totals, host);

        let (gaps, protocols) = (&mut self.gaps, &mut self.protocols);
        if !self.snmp.parse(gaps, |bytes| protocols.parse_snmp(bytes, tcp, udp)) {
            tcp.clear();
            udp.clear();
        }
        tcp.set_read_at(self.snmp.read_at());
        udp.set_read_at(self.snmp.read_at());
        self.netstat.parse(gaps, |bytes| protocols.parse_netstat(bytes, tcp));
        let counters = &mut self.softnet;
        self.softnet_stat.parse(gaps, |bytes| counters.parse(bytes, softnet));
        softnet.set_read_at(self.softnet_stat.read_at());

        if let Some(slow) = &self.slow {
            slow.with(|slow| {
                slow.links.fill(interfaces, &mut self.places);
                slow.fill_sockets(sockets, gaps);
            });
        }
        if let Some(connections) = &self.connections {
            connections.with(|it| it.as_ref().map(|connections| connections.fill(tcp)));
        }
        self.note_gaps();
        Ok(())
    }

    fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    fn settled(&self) -> bool {
        self.slow.as_ref().is_none_or(Latest::is_there)
            && self.connections.as_ref().is_none_or(Latest::is_there)
    }
}
