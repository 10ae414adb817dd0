//! What one missing or odd part costs: that part, with a reason, and nothing else.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may")]

mod support;

use std::{fs, path::Path};

use perfwatch_collect::{MetricsAggregator, Roots, Status, host_facts};
use support::Host;

fn value(host: &MetricsAggregator, table: &str, key: &str, column: &str) -> Option<f64> {
    host.view().block(table)?.get(key, column)?.get()
}

/// The status of a collector and what it says is missing.
fn state(host: &MetricsAggregator, name: &str) -> (Status, Vec<String>) {
    let state = host.states().into_iter().find(|state| state.name == name).unwrap();
    (state.status, state.gaps.into_iter().map(|gap| gap.what.into_owned()).collect())
}

/// The server with every part that its tree leaves out.
fn server() -> Host {
    let host = Host::new("server");
    let softnet = format!("{}00000000\n", "00000001 ".repeat(12));
    fs::write(host.path("proc/1/net/softnet_stat"), softnet).unwrap();
    let throttling = host.path("sys/devices/system/cpu/cpu0/thermal_throttle");
    fs::create_dir_all(&throttling).unwrap();
    fs::write(throttling.join("core_throttle_count"), "2\n").unwrap();
    host
}

fn collected(host: &Host) -> MetricsAggregator {
    let mut aggregator =
        MetricsAggregator::with_collectors(support::file_collectors(&host.roots()));
    aggregator.settle(std::time::Duration::from_secs(10));
    aggregator.collect_all();
    aggregator
}

#[test]
fn without_a_part_the_others_are_shown() {
    let host = server();
    for file in ["proc/loadavg", "proc/1/net/sockstat", "proc/1/net/netstat"] {
        fs::remove_file(host.path(file)).unwrap();
    }
    // A kernel that does not account for interrupts now and then has the file and refuses to
    // read it; a directory refuses as well.
    fs::remove_file(host.path("proc/pressure/irq")).unwrap();
    fs::create_dir(host.path("proc/pressure/irq")).unwrap();
    let seen = collected(&host);
    assert_eq!(state(&seen, "cpu"), (Status::Partial, vec!["load averages".to_owned()]));
    assert_eq!(value(&seen, "cpu", "", "online_cores"), Some(3.0));
    assert_eq!(value(&seen, "cpu", "", "core_throttles"), Some(2.0));
    assert_eq!(value(&seen, "cpu", "", "package_throttles"), None);
    let gaps = ["listen overflows", "sockets"].map(String::from).to_vec();
    assert_eq!(state(&seen, "network"), (Status::Partial, gaps));
    assert_eq!(value(&seen, "network.tcp", "", "established"), Some(2.0));
    assert_eq!(state(&seen, "pressure"), (Status::Partial, vec!["pressure of irq".to_owned()]));
    assert_eq!(value(&seen, "pressure", "cpu", "some_avg10_percent"), Some(1.2));
}

#[test]
fn no_collector_fails_on_a_fixture_host() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for entry in fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        let name = entry.file_name().into_string().unwrap();
        for state in collected(&Host::new(&name)).states() {
            // Pressure came with Linux 4.20.
            let old = ["kernel-4.18", "old-container"].contains(&name.as_str());
            let absent = state.name == "pressure" && old;
            let expected = [Status::Ok, Status::Partial].contains(&state.status);
            let known = if absent { state.status == Status::Unavailable } else { expected };
            assert!(known || state.name == "power", "{name}: {state:?}");
            assert!(state.gaps.iter().all(|gap| gap.reason.len() > 10), "{name}: {state:?}");
            assert_eq!(state.errors, 0, "{name}: {state:?}");
        }
    }
}

#[test]
fn what_is_there_keeps_its_rates_beside_what_is_missing() {
    let host = Host::new("server");
    for file in ["proc/loadavg", "proc/1/net/sockstat", "proc/pressure/irq"] {
        fs::remove_file(host.path(file)).unwrap();
    }
    let mut seen = collected(&host);
    // Missing parts are not asked at every tick; the third is one at which they are not.
    for _ in 0..2 {
        std::thread::sleep(std::time::Duration::from_millis(2));
        seen.collect_all();
    }
    let rates = [
        ("pressure", "cpu", "some_percent"),
        ("pressure", "io", "full_percent"),
        ("cpu", "", "context_switches_per_sec"),
        ("network", "", "bytes_recv_per_sec"),
        ("network.tcp", "", "segments_sent_per_sec"),
        ("network.udp", "", "datagrams_recv_per_sec"),
        ("disk", "", "bytes_read_per_sec"),
        ("memory_bandwidth", "", "page_faults_per_sec"),
    ];
    for (table, key, column) in rates {
        assert_eq!(value(&seen, table, key, column), Some(0.0), "{table} {column}");
    }
}

#[test]
fn a_host_without_block_devices_has_an_empty_file_and_no_fault() {
    let host = Host::new("server");
    fs::write(host.path("proc/diskstats"), "").unwrap();
    assert_eq!(state(&collected(&host), "disk"), (Status::Ok, vec![]));
}

#[test]
fn interfaces_that_sysfs_does_not_know_have_no_total() {
    let host = server();
    fs::remove_dir_all(host.path("sys/class/net")).unwrap();
    let seen = collected(&host);
    let block = seen.frame().block("network").unwrap();
    assert_eq!(block.keys().len(), 0, "a bond and its parts would count twice");
    let gap = "total of the physical interfaces".to_owned();
    assert_eq!(state(&seen, "network"), (Status::Partial, vec![gap]));
}

#[test]
fn another_hosts_first_process_that_cannot_be_seen_is_not_replaced_by_the_reader() {
    let host = Host::new("server");
    fs::rename(host.path("proc/1"), host.path("proc/hidden")).unwrap();
    fs::create_dir_all(host.path("proc/self")).unwrap();
    fs::create_dir_all(host.path("proc/net")).unwrap();
    fs::write(host.path("proc/net/dev"), "\n\nlo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n").unwrap();
    let seen = collected(&host);
    assert_eq!(state(&seen, "network").0, Status::Unavailable);
    assert_eq!(state(&seen, "disk").1, ["file systems"]);
}

#[test]
fn a_count_below_zero_is_no_count() {
    let host = Host::new("server");
    let stat = fs::read_to_string(host.path("proc/stat")).unwrap();
    for odd in ["4294967295", "18446744073709551615"] {
        let changed = stat.replace("procs_blocked 0", &format!("procs_blocked {odd}"));
        fs::write(host.path("proc/stat"), changed).unwrap();
        assert_eq!(value(&collected(&host), "cpu", "", "tasks_blocked"), None, "{odd}");
    }
}

#[test]
fn sizes_beyond_64_bits_are_no_reason_to_stop() {
    let host = Host::new("server");
    let most = u64::MAX;
    let lines = ["Buffers", "Cached", "SReclaimable", "Shmem", "SwapFree"];
    let odd: String = lines.iter().map(|name| format!("{name}: {most} kB\n")).collect();
    fs::write(host.path("proc/meminfo"), format!("MemTotal: 1000 kB\nMemFree: 10 kB\n{odd}"))
        .unwrap();
    let seen = collected(&host);
    assert_eq!(state(&seen, "memory"), (Status::Ok, vec![]));
    assert_eq!(value(&seen, "memory", "", "shared_bytes"), None);
}

#[test]
fn a_container_tells_the_hosts_name() {
    let host = Host::new("server");
    fs::create_dir_all(host.path("etc")).unwrap();
    assert_eq!(host_facts(&host.roots()).name, "rack7");
    fs::write(host.path("etc/hostname"), "rack7.example\n").unwrap();
    assert_eq!(host_facts(&host.roots()).name, "rack7.example");
    let own = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(host_facts(&Roots::default()).name, own.trim());
}

#[test]
fn names_that_are_no_text_stay_apart() {
    let host = Host::new("server");
    let path = host.path("proc/1/net/dev");
    append(
        &path,
        b"  \xff: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  \xfe: 2 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n",
    );
    let seen = collected(&host);
    let keys: Vec<_> = seen.frame().block("network.interfaces").unwrap().keys().iter().collect();
    assert_eq!(keys[keys.len() - 2..], ["\\xff", "\\xfe"]);
}

fn append(path: &Path, bytes: &[u8]) {
    let mut content = fs::read(path).unwrap();
    content.extend_from_slice(bytes);
    fs::write(path, content).unwrap();
}
