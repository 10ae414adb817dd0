//! The disk collector on small trees of its own.

#![allow(clippy::unwrap_used, reason = "helpers of tests may")]

mod support;

use std::{fs, os::unix::fs::symlink, time::Duration};

use perfwatch_collect::{MetricsAggregator, Roots};
use support::file_collectors;
use tempfile::TempDir;

/// A host of these disks: the folder of each under `/sys/devices`, and its line in
/// `/proc/diskstats`.
fn collected(disks: &[(&str, &str, &str)]) -> MetricsAggregator {
    let tree = TempDir::new().unwrap();
    let root = tree.path();
    let roots =
        Roots { procfs: root.join("proc"), sysfs: root.join("sys"), rootfs: root.to_owned() };
    fs::create_dir_all(&roots.procfs).unwrap();
    fs::create_dir_all(roots.sys("block")).unwrap();
    let mut text = String::new();
    for (device, name, counters) in disks {
        let folder = roots.sys("devices").join(device).join(name);
        fs::create_dir_all(&folder).unwrap();
        let hidden = if name.contains('c') { "1\n" } else { "0\n" };
        fs::write(folder.join("hidden"), hidden).unwrap();
        symlink(format!("../devices/{device}/{name}"), roots.sys("block").join(name)).unwrap();
        text += &format!(" 259 0 {name} {counters}\n");
    }
    fs::write(roots.proc("diskstats"), text).unwrap();
    let mut host = MetricsAggregator::with_collectors(file_collectors(&roots));
    host.settle(Duration::from_secs(10));
    host.collect_all();
    host
}

fn raw(host: &MetricsAggregator, table: &str, key: &str, field: &str) -> Option<i64> {
    let block = host.frame().block(table)?;
    let row = block.keys().iter().position(|it| it == key)?;
    let at = block.table().fields.iter().position(|it| it.name == field)?;
    block.row(row)?.get(at).copied()
}

const PATH_0: (&str, &str, &str) =
    ("pci0000:00/0000:01:00.0/nvme/nvme0", "nvme0c0n1", "100 1 800 10 50 2 400 20 0 30 30");
const PATH_1: (&str, &str, &str) =
    ("pci0000:00/0000:02:00.0/nvme/nvme1", "nvme0c1n1", "10 0 80 1 5 0 40 2 0 3 3");

/// The kernel counts the transfers of each path, which is a hidden disk, at all times; those of
/// the disk above only since Linux 6.4.
#[test]
fn the_paths_of_an_nvme_disk_are_summed_and_the_disk_above_them_is_not() {
    let head = "virtual/nvme-subsystem/nvme-subsys0";
    let old = (head, "nvme0n1", "0 0 0 0 0 0 0 0 0 0 0");
    let host = collected(&[PATH_0, PATH_1, old]);
    assert_eq!(raw(&host, "disk", "", "reads"), Some(110));
    assert_eq!(raw(&host, "disk", "", "bytes_written"), Some(440 * 512));
    assert_eq!(raw(&host, "disk.devices", "nvme0n1", "reads"), None);

    let new = (head, "nvme0n1", "110 1 880 11 55 2 440 22 0 33 33");
    let host = collected(&[PATH_0, PATH_1, new]);
    assert_eq!(raw(&host, "disk", "", "reads"), Some(110));
    assert_eq!(raw(&host, "disk.devices", "nvme0n1", "reads"), Some(110));
    assert_eq!(raw(&host, "disk.devices", "nvme0n1", "physical"), Some(0));
}

#[test]
fn what_stands_on_disks_is_shown_and_not_summed() {
    let host = collected(&[
        ("pci0000:00/host0", "sda", "100 7 800 10 50 9 400 20 0 30 30"),
        ("pci0000:00/host1", "sdb", "100 0 800 10 50 0 400 20 0 30 30"),
        ("virtual/block", "dm-0", "200 0 1600 10 100 0 800 20 0 30 30"),
        ("virtual/block", "md127", "200 0 1600 10 100 0 800 20 0 30 30"),
    ]);
    assert_eq!(raw(&host, "disk", "", "reads"), Some(200));
    assert_eq!(raw(&host, "disk.devices", "md127", "reads"), Some(200));
    let merged = |field| raw(&host, "disk.devices", "sda", field);
    assert_eq!((merged("reads_merged"), merged("writes_merged")), (Some(7), Some(9)));
    assert_eq!((merged("reads"), merged("writes")), (Some(100), Some(50)));
}
