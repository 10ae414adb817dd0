//! Disks, file systems, interfaces and connections.

use perfwatch_core::Block;

use super::Moment;
use crate::history::{
    noise::{Chance, Wander},
    tables::{disks, filesystems, interfaces, tcp},
};

pub(super) struct Devices {
    disks: Vec<Device>,
    interfaces: Vec<Device>,
    /// Used pages of each file system.
    pages: [f64; 3],
    connections: f64,
}

struct Device {
    name: &'static str,
    /// How much of the host's load it carries; some carry nothing.
    weight: f64,
    bursts: Wander,
}

impl Devices {
    pub(super) fn new(chance: &mut Chance) -> Self {
        let device = |(name, weight)| Device { name, weight, bursts: Wander::over(15.0) };
        let start = 2_000_000.0 + (1000.0 * chance.share()).round();
        Self {
            disks: [("nvme0n1", 1.0), ("nvme1n1", 0.3), ("sda", 0.1)].map(device).into(),
            interfaces: [("eth0", 1.0), ("eth1", 0.1), ("lo", 0.4)].map(device).into(),
            pages: [start, 3.0 * start, 60_000.0],
            connections: 180.0,
        }
    }

    pub(super) fn tick(
        &mut self,
        moment: &mut Moment<'_>,
        disks: &mut Block,
        filesystems: &mut Block,
        interfaces: &mut Block,
        tcp: &mut Block,
    ) {
        for disk in &mut self.disks {
            disk.disk(moment, disks);
        }
        self.filesystems(moment, filesystems);
        let packets: f64 =
            self.interfaces.iter_mut().map(|link| link.interface(moment, interfaces)).sum();
        self.tcp(moment, packets, tcp);
    }

    fn filesystems(&mut self, moment: &mut Moment<'_>, block: &mut Block) {
        let mounts = [("/", 0.05, 30.0), ("/var", 0.9, 200.0), ("/boot", 0.0, 0.0)];
        for ((mount, often, step), pages) in mounts.into_iter().zip(&mut self.pages) {
            let often = if moment.quiet { 0.03 * often } else { often };
            if moment.chance.happens(often) {
                *pages += (step * moment.chance.wait()).round();
            }
            // What grew is tidied up again.
            if moment.chance.happens(often * 0.0005) {
                *pages = (*pages * 0.97).round();
            }
            let (total, used) = (25_600_000.0 * 4096.0, *pages * 4096.0);
            let mut row = block.push_row(mount);
            row.set_f64(filesystems::total, total);
            row.set_f64(filesystems::used, used);
            row.set_f64(filesystems::available, total * 0.95 - used);
            row.set_f64(filesystems::usage, 100.0 * used / total);
            row.set_f64(filesystems::files, (*pages / 16.0).round());
        }
    }

    fn tcp(&mut self, moment: &mut Moment<'_>, packets: f64, block: &mut Block) {
        if moment.chance.happens(if moment.quiet { 0.01 } else { 0.8 }) {
            let drift = 0.03 * (100.0 + 200.0 * moment.busy - self.connections);
            self.connections = (self.connections + drift + 3.0 * moment.chance.normal()).round();
        }
        let mut row = block.host_row();
        row.set_f64(tcp::segments_received, packets * 0.49);
        row.set_f64(tcp::segments_sent, packets * 0.46);
        row.set_f64(tcp::retransmitted, moment.rate(0.5 * moment.busy));
        row.set_f64(tcp::established, self.connections);
    }
}

impl Device {
    /// What it does now, around 1 for one that carries all load of a busy host.
    fn load(&mut self, moment: &mut Moment<'_>) -> f64 {
        let burst = (0.7 * self.bursts.next(moment.chance)).exp();
        self.weight * moment.busy * burst
    }

    fn disk(&mut self, moment: &mut Moment<'_>, block: &mut Block) {
        let load = self.load(moment);
        let (reads, writes) = (moment.rate(60.0 * load), moment.rate(220.0 * load));
        let bytes = |rate: f64, each: f64| {
            let sectors = (rate * moment.elapsed_s * each / 512.0).round();
            sectors * 512.0 / moment.elapsed_s
        };
        let sizes = [1.0 + moment.chance.share(), 1.0 + moment.chance.share()];
        let mut row = block.push_row(self.name);
        row.set_f64(disks::read, bytes(reads, 16_384.0 * sizes[0]));
        row.set_f64(disks::written, bytes(writes, 8192.0 * sizes[1]));
        row.set_f64(disks::reads, reads);
        row.set_f64(disks::writes, writes);
        let busy_ms = (0.08 * (reads + writes) * moment.elapsed_s * sizes[0]).round();
        row.set_f64(disks::busy, (busy_ms / (10.0 * moment.elapsed_s)).min(100.0));
        row.set_f64(disks::queue, 0.0004 * (reads + writes) * sizes[1]);
        row.set_f64(disks::read_latency, whole_ms(reads, moment, 0.2 * sizes[0]));
        row.set_f64(disks::write_latency, whole_ms(writes, moment, 0.4 * sizes[1]));
    }

    /// Gives the packets in both directions.
    fn interface(&mut self, moment: &mut Moment<'_>, block: &mut Block) -> f64 {
        let load = self.load(moment);
        let loopback = self.name == "lo";
        let received = moment.rate(6000.0 * load);
        let sent = if loopback { received } else { moment.rate(5200.0 * load) };
        let size = |chance: &mut Chance| 350.0 + 500.0 * chance.share();
        let bytes_received = (received * size(moment.chance)).round();
        let bytes_sent =
            if loopback { bytes_received } else { (sent * size(moment.chance)).round() };
        let mut row = block.push_row(self.name);
        row.set_f64(interfaces::received, bytes_received);
        row.set_f64(interfaces::sent, bytes_sent);
        row.set_f64(interfaces::packets_received, received);
        row.set_f64(interfaces::packets_sent, sent);
        row.set_f64(interfaces::errors, 0.0);
        row.set_f64(interfaces::dropped, moment.rate(0.01 * load));
        row.set_flag(interfaces::up, self.weight > 0.0);
        received + sent
    }
}

/// What a request takes on average: the kernel counts whole milliseconds of all of them together.
fn whole_ms(rate: f64, moment: &Moment<'_>, each_ms: f64) -> f64 {
    let requests = (rate * moment.elapsed_s).round();
    (requests * each_ms).round() / requests.max(1.0)
}
