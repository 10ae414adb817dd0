//! Our parsers beside the `procfs` crate, on this host's own files.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests may")]

use std::collections::HashMap;

use perfwatch_collect::{MetricsAggregator, Roots};
use perfwatch_core::{Block, Frame};
use procfs::{Current, CurrentSI, FromRead};

fn levels(frame: &Frame, table: &str) -> HashMap<String, i64> {
    let block = frame.block(table).unwrap();
    fields(block, 0)
}

fn fields(block: &Block, row: usize) -> HashMap<String, i64> {
    let values = block.row(row).unwrap();
    let names = block.table().fields.iter().map(|field| field.name.to_owned());
    names.zip(values.iter().copied()).collect()
}

#[test]
fn memory_that_stands_still_is_the_same() {
    let mut host = MetricsAggregator::new(&Roots::default());
    let ours = levels(host.collect_all(), "memory");
    let theirs = procfs::Meminfo::current().unwrap();
    assert_eq!(ours["total"] as u64, theirs.mem_total);
    assert_eq!(ours["swap_total"] as u64, theirs.swap_total);
    assert_eq!(ours["huge_page_size"] as u64, theirs.hugepagesize.unwrap_or(0));
    assert_eq!(ours["total"] - ours["used"], ours["available"]);
}

#[test]
fn cpu_time_lies_between_two_readings_of_the_oracle() {
    let ticks_us = 1_000_000 / procfs::ticks_per_second();
    let mut host = MetricsAggregator::new(&Roots::default());
    let before = procfs::KernelStats::current().unwrap();
    let ours = host.collect_all().clone();
    let after = procfs::KernelStats::current().unwrap();
    let total = levels(&ours, "cpu");
    let between = |name: &str, low: u64, high: u64| {
        let value = total[name] as u64;
        // Guests are inside `user` in the oracle and apart here; this host runs none.
        assert!((low..=high).contains(&value), "{name}: {low} {value} {high}");
    };
    between("user", before.total.user * ticks_us, after.total.user * ticks_us);
    between("system", before.total.system * ticks_us, after.total.system * ticks_us);
    between("context_switches", before.ctxt, after.ctxt);
    between("forks", before.processes, after.processes);
    let cores = ours.block("cpu.cores").unwrap();
    assert_eq!(cores.keys().len(), after.cpu_time.len());
}

#[test]
fn interfaces_and_disks_are_the_oracles() {
    let mut host = MetricsAggregator::new(&Roots::default());
    let ours = host.collect_all().clone();
    let theirs = procfs::net::InterfaceDeviceStatus::from_file("/proc/net/dev").unwrap().0;
    let interfaces = ours.block("network.interfaces").unwrap();
    assert_eq!(interfaces.keys().len(), theirs.len());
    for (row, name) in interfaces.keys().iter().enumerate() {
        let (mine, other) = (fields(interfaces, row), &theirs[name]);
        assert!(mine["bytes_recv"] as u64 <= other.recv_bytes, "{name}");
        assert_eq!(mine["errors_recv"] as u64, other.recv_errs, "{name}");
        assert_eq!(mine["drops_sent"] as u64, other.sent_drop, "{name}");
    }
    let theirs = procfs::diskstats().unwrap();
    let devices = ours.block("disk.devices").unwrap();
    for (row, name) in devices.keys().iter().enumerate() {
        let other = theirs.iter().find(|disk| disk.name == name).unwrap();
        let mine = fields(devices, row);
        assert!(mine["reads"] as u64 <= other.reads, "{name}");
        assert!(mine["bytes_written"] as u64 <= other.sectors_written * 512, "{name}");
    }
}

#[test]
fn load_is_what_the_kernel_says() {
    let mut host = MetricsAggregator::new(&Roots::default());
    let before = procfs::LoadAverage::current().unwrap();
    let ours = levels(host.collect_all(), "cpu");
    let after = procfs::LoadAverage::current().unwrap();
    // The kernel recomputes it every 5 s; one of two readings around ours is the same.
    let mine = ours["load_1m"] as f32 / 100.0;
    let same = |other: f32| (mine - other).abs() < 0.005;
    assert!(same(before.one) || same(after.one), "{before:?} {mine} {after:?}");
}
