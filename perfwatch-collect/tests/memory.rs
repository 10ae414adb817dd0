//! The memory collector on a tree of its own: ZFS's cache and a container's limit.

#![allow(clippy::unwrap_used, reason = "helpers of tests may")]

mod support;

use std::{fs, time::Duration};

use perfwatch_collect::{MetricsAggregator, Roots};
use support::file_collectors;
use tempfile::TempDir;

const MEMINFO: &str = "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 300 kB\n\
    Active: 11 kB\nInactive: 12 kB\nActive(anon): 1 kB\nUnevictable: 13 kB\nMlocked: 2 kB\n\
    AnonPages: 50 kB\nSUnreclaim: 14 kB\nPercpu: 15 kB\nHardwareCorrupted: 16 kB\n\
    AnonHugePages: 17 kB\n";

fn collected(files: &[(&str, &str)]) -> MetricsAggregator {
    let tree = TempDir::new().unwrap();
    let root = tree.path();
    for (file, text) in files {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let roots =
        Roots { procfs: root.join("proc"), sysfs: root.join("sys"), rootfs: root.to_owned() };
    let mut host = MetricsAggregator::with_collectors(file_collectors(&roots));
    host.settle(Duration::from_secs(10));
    for _ in 0..4 {
        host.collect_all();
    }
    let counted = allocation_counter::measure(|| {
        host.collect_all();
    });
    assert_eq!(counted.count_total, 0);
    host
}

fn value(host: &MetricsAggregator, table: &str, column: &str) -> Option<f64> {
    host.view().block(table)?.get("", column)?.get()
}

#[test]
fn lines_that_are_fields_are_not_mixed_up() {
    let host = collected(&[("proc/meminfo", MEMINFO)]);
    let columns = [
        "active_bytes",
        "inactive_bytes",
        "unevictable_bytes",
        "slab_unreclaimable_bytes",
        "percpu_bytes",
        "hardware_corrupted_bytes",
        "anonymous_huge_pages_bytes",
    ];
    let seen = columns.map(|column| value(&host, "memory", column).map(|bytes| bytes / 1024.0));
    assert_eq!(seen, [11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0].map(Some));
}

#[test]
fn a_host_with_neither_misses_nothing() {
    let host = collected(&[("proc/meminfo", MEMINFO)]);
    assert_eq!(value(&host, "memory", "used_bytes"), Some(700.0 * 1024.0));
    assert_eq!(value(&host, "memory", "zfs_arc_bytes"), None);
    assert_eq!(host.view().block("memory.cgroup").unwrap().keys().len(), 0);
    let state = host.states().into_iter().find(|state| state.name == "memory").unwrap();
    assert_eq!(state.gaps, []);
}

#[test]
fn zfs_gives_back_what_it_can_and_a_container_has_its_own_limit() {
    let host = collected(&[
        ("proc/meminfo", MEMINFO),
        ("proc/spl/kstat/zfs/arcstats", "1 2\nname type data\nc_min 4 1024\nsize 4 205824\n"),
        ("sys/fs/cgroup/memory.max", "102400\n"),
        ("sys/fs/cgroup/memory.current", "25600\n"),
    ]);
    assert_eq!(value(&host, "memory", "available_bytes"), Some(500.0 * 1024.0));
    assert_eq!(value(&host, "memory", "usage_percent"), Some(50.0));
    assert_eq!(value(&host, "memory", "zfs_arc_bytes"), Some(205_824.0));
    assert_eq!(value(&host, "memory.cgroup", "limit_bytes"), Some(102_400.0));
    assert_eq!(value(&host, "memory.cgroup", "usage_percent"), Some(25.0));
}
