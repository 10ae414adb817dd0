//! What each fixture host looks like after 10 seconds.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests may")]

mod support;

use std::{fmt::Write, time::Duration};

use allocation_counter::measure;
use perfwatch_collect::MetricsAggregator;
use perfwatch_core::{Decimal, Frame, View, prometheus, series};
use support::{Host, file_collectors, frame, settle};

/// The tables whose numbers are this machine's: `statvfs` cannot be copied.
fn is_own(table: &str) -> bool {
    table == "disk.filesystems"
}

/// The frame at the first moment, and the view of the 10 seconds after it.
fn seen(host: &Host) -> (Frame, View) {
    let mut collectors = file_collectors(&host.roots());
    settle(&collectors);
    let mut before = frame(&mut collectors, 1000);
    host.later();
    let now = frame(&mut collectors, 1010);
    let mut view = View::default();
    view.update(Some(&before), &now);
    before.blocks.retain(|block| !is_own(block.table().name));
    (before, view)
}

fn view_of(name: &str) -> View {
    seen(&Host::new(name)).1
}

/// One line per value that is there and not 0.
fn shown(view: &View) -> String {
    let mut text = String::new();
    view.for_each_row(|table, key, values| {
        let values = table.columns.iter().zip(values).filter(|_| !is_own(table.name));
        for (column, &value) in values {
            let value = Decimal { value, decimals: column.unit.decimals() };
            if value.get().is_some_and(|value| value != 0.0) {
                writeln!(text, "{} {value}", series::path(table, key, column)).unwrap();
            }
        }
    });
    text
}

fn exposition(frame: &Frame) -> String {
    let mut text = String::new();
    prometheus::write_frame(frame, &mut text);
    text
}

macro_rules! hosts {
    ($($test:ident: $name:literal),+ $(,)?) => {
        $(
            #[test]
            fn $test() {
                let (before, view) = seen(&Host::new($name));
                insta::assert_snapshot!(concat!($name, "-view"), shown(&view));
                let text = exposition(&before);
                // Types and helps are the same on all hosts: one snapshot has them.
                let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
                insta::assert_snapshot!(concat!($name, "-prometheus"), samples.join("\n"));
            }
        )+

        const HOSTS: &[&str] = &[$($name),+];
    };
}

hosts! {
    a_small_server_with_bond_bridge_lvm_and_raid: "server",
    a_kernel_older_than_all_that_is_optional: "old-container",
    the_virtual_machine_of_the_authors: "vm",
    two_sockets_with_128_cpus: "two-socket",
    a_laptop_with_two_kinds_of_cores: "laptop",
    disks_upon_disks: "storage",
    a_router: "router",
    a_container_with_a_memory_limit: "container",
    linux_4_18: "kernel-4.18",
    linux_6_18: "kernel-6.18",
}

#[test]
fn every_fixture_host_is_tested() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
    let mut names: Vec<_> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    let mut tested = HOSTS.to_vec();
    names.sort();
    tested.sort_unstable();
    assert_eq!(names, tested);
}

#[test]
fn prometheus_text_with_types_and_helps() {
    insta::assert_snapshot!(exposition(&seen(&Host::new("server")).0));
}

fn value(view: &View, table: &str, key: &str, column: &str) -> Option<f64> {
    view.block(table)?.get(key, column)?.get()
}

/// The sum of a column over the rows whose flag `physical` is set.
fn physical_sum(view: &View, table: &str, column: &str) -> f64 {
    let block = view.block(table).unwrap();
    let physical = |name: &&str| value(view, table, name, "physical") == Some(1.0);
    block.keys().iter().filter(physical).filter_map(|name| value(view, table, name, column)).sum()
}

#[test]
fn whole_disks_and_physical_interfaces_count_once() {
    for name in HOSTS.iter().filter(|name| !["container", "old-container"].contains(name)) {
        let view = view_of(name);
        for (total, rows, column) in [
            ("disk", "disk.devices", "bytes_read_per_sec"),
            ("disk", "disk.devices", "writes_per_sec"),
            ("network", "network.interfaces", "bytes_recv_per_sec"),
            ("network", "network.interfaces", "drops_sent_per_sec"),
        ] {
            let sum = physical_sum(&view, rows, column);
            let total = value(&view, total, "", column).unwrap();
            // Each row is rounded for itself.
            assert!((total - sum).abs() < 1.0, "{name}: {rows}.{column}: {total} {sum}");
        }
    }
}

/// Worked out by hand from the files of both moments, not taken from the program.
const BY_HAND: [(&str, &str, &str, &str, f64); 30] = [
    // (250 + 400) of 2 x 1000 ticks; all but 600 + 420 idle and 40 + 10 waiting.
    ("vm", "cpu", "", "user_percent", 32.5),
    ("vm", "cpu", "", "usage_percent", 46.5),
    // 20480 sectors of 512 bytes in 10 s; 1500 ms for 1000 reads.
    ("vm", "disk", "", "bytes_read_per_sec", 1_048_576.0),
    ("vm", "disk", "", "read_latency_ms", 1.5),
    // CPU 5 is off: 7 CPUs of 920 busy ticks, two of 550, one of 100, 116 of 10; in 126,000 ticks.
    ("two-socket", "cpu", "", "usage_percent", 6.98),
    ("two-socket", "cpu", "", "online_cores", 126.0),
    // 500 ticks of user time, 200 of them running a guest.
    ("two-socket", "cpu.cores", "32", "user_percent", 30.0),
    // From 4294967000 to 0 beyond 32 bits: 296 ms for 1000 reads.
    ("two-socket", "disk.devices", "nvme1n1", "read_latency_ms", 0.296),
    // Four fast cores and eight slow ones: (14006 + 8 x 1200) / 12.
    ("laptop", "cpu", "", "frequency_mhz", 1967.0),
    // 16,777,212 kB less 16,077,212 kB.
    ("laptop", "memory", "", "swap_used_bytes", 716_800_000.0),
    // sda, sdb, both paths of the multipath disk and of the NVMe namespace; nothing made of them.
    ("storage", "disk", "", "reads_per_sec", 771.0),
    ("storage", "disk", "", "bytes_read_per_sec", 47_579_136.0),
    ("storage", "pressure", "io", "full_percent", 35.0),
    // eth0, eth1 and eth2: 400 + 100 + 510 MB in 10 s.
    ("router", "network", "", "bytes_recv_per_sec", 101_000_000.0),
    ("router", "network", "", "drops_recv_per_sec", 0.4),
    // All but `lo`: 80,000 bytes in 10 s.
    ("container", "network", "", "bytes_recv_per_sec", 8000.0),
    ("container", "memory", "", "swap_usage_percent", 25.0),
    ("kernel-4.18", "disk.devices", "sda", "discard_latency_ms", 0.5),
    ("kernel-4.18", "network.tcp", "", "listen_drops_per_sec", 0.3),
    // By kswapd, directly, khugepaged and on demand: 1000 + 100 + 10 + 10 in 10 s.
    ("kernel-6.18", "memory_bandwidth", "", "pages_scanned_per_sec", 112.0),
    ("kernel-6.18", "pressure", "irq", "full_percent", 0.2),
    // 2000 J of package 0; 500 J to the end of package 1's counter and 1000 J after it.
    ("two-socket", "power", "", "package_watts", 350.0),
    ("two-socket", "power.zones", "package-1", "power_watts", 150.0),
    // 150 J once, though `intel-rapl-mmio` counts the same package.
    ("laptop", "power", "", "package_watts", 15.0),
    // From 65,500 J to the end at 65,532.6 J, and 150 J.
    ("kernel-6.18", "power", "", "package_watts", 18.26),
    // CPUs 7 and 71 are one core.
    ("two-socket", "cpu", "", "core_throttles", 3.0),
    ("two-socket", "memory_bandwidth.domains", "0", "local_bytes_per_sec", 4e9),
    ("two-socket", "network.softnet", "", "processed_per_sec", 126_000.0),
    // 29,000,000 kB, and what the ARC has beyond its least: 57,194,304,000 - 4,194,304,000.
    ("storage", "memory", "", "available_bytes", 82_696_000_000.0),
    ("container", "memory.cgroup", "", "usage_percent", 81.25),
];

#[test]
fn values_worked_out_by_hand() {
    for (host, table, key, column, expected) in BY_HAND {
        let found = value(&view_of(host), table, key, column);
        assert_eq!(found, Some(expected), "{host}: {table}[{key}].{column}");
    }
}

/// How often collecting allocates once it is warm.
fn allocations(seen: &mut MetricsAggregator) -> u64 {
    for _ in 0..4 {
        seen.collect_all();
    }
    let ticks = || {
        for _ in 0..3 {
            seen.collect_all();
        }
    };
    measure(ticks).count_total
}

#[test]
fn a_tick_allocates_nothing_on_any_host() {
    for name in HOSTS {
        let host = Host::new(name);
        let mut seen = MetricsAggregator::with_collectors(file_collectors(&host.roots()));
        seen.settle(Duration::from_secs(10));
        assert_eq!(allocations(&mut seen), 0, "{name}");
    }
}

/// A router with this many more interfaces, at two moments.
fn crowded(veths: usize) -> Host {
    let host = Host::new("router");
    let net = std::fs::read_to_string(host.path("proc/1/net/dev")).unwrap();
    let mut lines = String::new();
    for number in 0..veths {
        let name = format!("veth{number:05}");
        writeln!(lines, "{name}: 100 1 0 0 0 0 0 0 200 2 0 0 0 0 0 0").unwrap();
        let device = format!("../../devices/virtual/net/{name}");
        std::os::unix::fs::symlink(device, host.path(&format!("sys/class/net/{name}"))).unwrap();
    }
    std::fs::write(host.path("proc/1/net/dev"), net + &lines).unwrap();
    host
}

#[test]
fn ten_thousand_interfaces_count_once_and_cost_no_memory_at_a_tick() {
    const VETHS: usize = 10_000;
    let host = crowded(VETHS);
    let mut seen = MetricsAggregator::with_collectors(file_collectors(&host.roots()));
    seen.settle(Duration::from_secs(20));
    let frame = seen.collect_all();
    let interfaces = frame.block("network.interfaces").unwrap();
    let mut names: Vec<_> = interfaces.keys().iter().collect();
    assert_eq!(names.len(), VETHS + 12);
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), VETHS + 12, "no interface stands twice");
    // eth0, eth1 and eth2 only: all that is made of them or of nothing would count again.
    let received = frame.block("network").unwrap().row(0).unwrap()[0];
    assert_eq!(received, 4_000_000_000 + 1_000_000_000 + 4_500_000_000);
    assert_eq!(allocations(&mut seen), 0);
}
