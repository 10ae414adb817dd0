//! The network collector on small trees of its own.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests may")]

mod support;

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    time::{Duration, Instant},
};

use perfwatch_collect::{MetricsAggregator, Roots};
use support::{file_collectors, folder_in_memory};
use tempfile::TempDir;

/// A host with a network and nothing else.
struct Tree(TempDir);

impl Tree {
    fn new() -> Self {
        let tree = Self(folder_in_memory());
        tree.write("sys/class/net/.keep", "");
        let udp = "Udp: InDatagrams OutDatagrams\nUdp: 1 1\n";
        tree.write("proc/1/net/snmp", &format!("Tcp: CurrEstab InSegs\nTcp: 7 1\n{udp}"));
        tree.write("proc/1/net/netstat", "TcpExt: ListenDrops\nTcpExt: 0\n");
        tree.write("proc/1/net/sockstat", "sockets: used 20\nTCP: inuse 3\nUDP: inuse 2 mem 1\n");
        tree.write("proc/1/net/sockstat6", "TCP6: inuse 4\nUDP6: inuse 5\nRAW6: inuse 0\n");
        tree.write("proc/1/net/softnet_stat", &softnet(&[[0x1000, 1, 2], [0x10, 0, 3]]));
        tree.write("proc/1/net/tcp", "  sl  local_address rem_address   st\n");
        tree
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn roots(&self) -> Roots {
        let root = self.0.path();
        Roots { procfs: root.join("proc"), sysfs: root.join("sys"), rootfs: root.to_owned() }
    }

    /// An interface below a bus, with these attributes.
    fn interface(&self, bus: &str, name: &str, attributes: &[(&str, &str)]) {
        let device = format!("sys/devices/{bus}/net/{name}");
        self.write(&format!("{device}/operstate"), "up\n");
        for (file, text) in attributes {
            self.write(&format!("{device}/{file}"), text);
        }
        let link = self.0.path().join("sys/class/net").join(name);
        symlink(Path::new("../../..").join(&device), link).unwrap();
    }

    /// `/proc/net/dev` with this many bytes received by each interface.
    fn traffic(&self, received: &[(&str, u64)]) {
        let mut text = "Inter-|   Receive\n face |bytes\n".to_owned();
        for (name, bytes) in received {
            text += &format!("{name:>6}: {bytes} 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n");
        }
        self.write("proc/1/net/dev", &text);
    }

    fn collected(&self) -> MetricsAggregator {
        let mut host = MetricsAggregator::with_collectors(file_collectors(&self.roots()));
        host.settle(Duration::from_secs(30));
        host.collect_all();
        host
    }
}

fn softnet(cpus: &[[u32; 3]]) -> String {
    let line = |(cpu, [processed, dropped, squeezed]): (usize, &[u32; 3])| {
        let unused = "00000000 ".repeat(9);
        format!("{processed:08x} {dropped:08x} {squeezed:08x} {unused}{cpu:08x}\n")
    };
    cpus.iter().enumerate().map(line).collect()
}

fn value(host: &MetricsAggregator, table: &str, key: &str, column: &str) -> Option<f64> {
    host.view().block(table)?.get(key, column)?.get()
}

fn raw(host: &MetricsAggregator, table: &str, field: &str) -> i64 {
    let block = host.frame().block(table).unwrap();
    let at = block.table().fields.iter().position(|it| it.name == field).unwrap();
    block.row(0).unwrap()[at]
}

#[test]
fn a_bond_its_vlan_and_a_bridge_carry_the_same_bytes_once() {
    let tree = Tree::new();
    let (pci, made) = ("pci0000:00/0000:00:01.0", "virtual");
    let carrier = [("type", "1\n"), ("carrier", "1\n"), ("carrier_changes", "3\n")];
    tree.interface(pci, "eth0", &carrier);
    tree.interface(pci, "eth1", &[("type", "1\n"), ("carrier", "0\n")]);
    tree.interface(made, "bond0", &[("type", "1\n"), ("uevent", "DEVTYPE=bond\n")]);
    tree.interface(made, "bond0.7", &[("type", "1\n"), ("uevent", "DEVTYPE=vlan\n")]);
    tree.interface(made, "br0", &[("type", "1\n"), ("uevent", "DEVTYPE=bridge\n")]);
    let names = ["eth0", "eth1", "bond0", "bond0.7", "br0"];
    tree.traffic(&names.map(|name| (name, 1000)));
    let host = tree.collected();
    assert_eq!(raw(&host, "network", "bytes_recv"), 2000);
    let kinds = names.map(|name| value(&host, "network.interfaces", name, "kind"));
    assert_eq!(kinds, [1.0, 1.0, 3.0, 5.0, 4.0].map(Some));
    let of = |name, column| value(&host, "network.interfaces", name, column);
    assert_eq!((of("eth0", "carrier"), of("eth0", "carrier_changes")), (Some(1.0), Some(3.0)));
    assert_eq!((of("eth1", "carrier"), of("eth1", "carrier_changes")), (Some(0.0), None));
    assert_eq!(of("br0", "carrier"), None);
}

#[test]
fn sockets_and_packets_by_cpu_are_counted_for_both_families_and_all_cpus() {
    let tree = Tree::new();
    tree.traffic(&[("lo", 1)]);
    let host = tree.collected();
    let sockets = ["tcp_in_use", "tcp6_in_use", "udp_in_use", "udp6_in_use"];
    let sockets = sockets.map(|column| value(&host, "network.sockets", "", column));
    assert_eq!(sockets, [3.0, 4.0, 2.0, 5.0].map(Some));
    assert_eq!(value(&host, "network.tcp", "", "current_established"), Some(7.0));
    let softnet = ["processed", "dropped", "time_squeezed"];
    assert_eq!(softnet.map(|field| raw(&host, "network.softnet", field)), [0x1010, 1, 5]);
}

#[test]
fn a_host_without_ipv6_misses_nothing() {
    let tree = Tree::new();
    tree.traffic(&[("lo", 1)]);
    tree.interface("virtual", "lo", &[("type", "772\n")]);
    fs::remove_file(tree.0.path().join("proc/1/net/sockstat6")).unwrap();
    let host = tree.collected();
    assert_eq!(value(&host, "network.sockets", "", "tcp6_in_use"), None);
    assert_eq!(value(&host, "network.sockets", "", "tcp_in_use"), Some(3.0));
    let state = host.states().into_iter().find(|state| state.name == "network").unwrap();
    assert_eq!(state.gaps, []);
}

#[test]
fn ten_thousand_interfaces_cost_a_tick_no_allocation_and_no_search() {
    let tree = Tree::new();
    // sysfs lists them in another order than the kernel's table, and names sort in a third one.
    let names: Vec<String> = (0..10_000).map(|n| format!("veth{:x}", n * 7919 % 10_007)).collect();
    tree.interface("virtual", "veth", &[]);
    let folder = tree.0.path().join("sys/class/net");
    for name in &names {
        symlink("../../devices/virtual/net/veth", folder.join(name)).unwrap();
    }
    tree.traffic(&names.iter().map(|name| (name.as_str(), 5)).collect::<Vec<_>>());
    let mut host = tree.collected();
    for _ in 0..4 {
        host.collect_all();
    }
    let start = Instant::now();
    let counted = allocation_counter::measure(|| {
        host.collect_all();
    });
    println!("a tick with 10,000 interfaces: {:?}", start.elapsed());
    assert_eq!(counted.count_total, 0);
    assert_eq!(host.view().block("network.interfaces").unwrap().keys().len(), 10_000);
    let up = names.iter().step_by(997).map(|it| value(&host, "network.interfaces", it, "up"));
    assert!(up.into_iter().all(|up| up == Some(1.0)));
    // A search per interface makes this take seconds in a build for tests.
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}
