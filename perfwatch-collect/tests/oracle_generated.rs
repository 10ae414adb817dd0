//! Our parsers beside the `procfs` crate, on texts that no host ever had.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests may")]

mod support;

use std::{cell::RefCell, collections::HashMap, fs, path::Path};

use perfwatch_collect::BaseCollector;
use perfwatch_core::{Block, Frame};
use procfs::{FromRead, FromReadSI};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use support::{Host, file_collectors, frame, settle};

/// A file of a fixture host with other numbers in it, and some of its lines left out.
#[derive(Debug)]
struct Text {
    file: &'static str,
    /// How many lines are headings.
    headings: usize,
    /// How many words of a line name the row.
    names: usize,
    /// Lines that begin so are left as they are.
    fixed: &'static [&'static str],
}

impl Text {
    fn fill(&self, seed: &str, keep: &[bool], numbers: &[u64]) -> String {
        let mut numbers = numbers.iter().cycle();
        let mut text = String::new();
        for (index, line) in seed.lines().enumerate() {
            let fixed = index < self.headings || self.fixed.iter().any(|it| line.starts_with(it));
            let kept = fixed || keep[index % keep.len()];
            let word = |(at, word): (usize, &str)| {
                let number = at >= self.names && word.bytes().all(|b| b.is_ascii_digit());
                let new = number.then(|| numbers.next().unwrap().to_string());
                new.unwrap_or_else(|| word.to_owned())
            };
            match (fixed, kept) {
                (true, _) => text.push_str(line),
                (_, true) => {
                    let words: Vec<_> = line.split_whitespace().enumerate().map(word).collect();
                    text.push_str(&words.join(" "));
                }
                _ => continue,
            }
            text.push('\n');
        }
        text
    }

    /// Writes such texts into the tree of a host and hands each to `agree` with our frame.
    fn compare(&self, host: &str, agree: impl Fn(&str, &Frame)) {
        let tree = Host::new(host);
        let seed = fs::read_to_string(tree.path(self.file)).unwrap();
        let collectors = RefCell::new(collectors_of(&tree));
        let number = prop_oneof![0_u64..10, 0..1_u64 << 20, 0..1_u64 << 40];
        let input = (
            prop::collection::vec(prop::bool::weighted(0.9), 64),
            prop::collection::vec(number, 200),
        );
        check(input, |(keep, numbers)| {
            let text = self.fill(&seed, keep, numbers);
            let now = read(&tree.path(self.file), &text, &mut collectors.borrow_mut());
            agree(&text, &now);
        });
    }
}

/// Collectors that have seen the files whole: no kernel shows lines later that it had not at first.
fn collectors_of(tree: &Host) -> Vec<Box<dyn BaseCollector>> {
    let mut collectors = file_collectors(&tree.roots());
    settle(&collectors);
    frame(&mut collectors, 1000);
    collectors
}

fn check<S: Strategy>(input: S, test: impl Fn(&S::Value)) {
    let config = Config { cases: 128, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&input, |value| {
        test(&value);
        Ok(())
    });
    result.unwrap();
}

fn read(path: &Path, text: &str, collectors: &mut [Box<dyn BaseCollector>]) -> Frame {
    fs::write(path, text).unwrap();
    frame(collectors, 1000)
}

/// The readings of a row by their names; those that are missing are left out.
fn row(block: &Block, row: usize) -> HashMap<&'static str, u64> {
    let fields = block.table().fields.iter().zip(block.row(row).unwrap());
    fields.filter_map(|(field, value)| Some((field.name, u64::try_from(*value).ok()?))).collect()
}

fn host_row(frame: &Frame, table: &str) -> HashMap<&'static str, u64> {
    row(frame.block(table).unwrap(), 0)
}

/// Lines that are there on every kernel, and that the oracle insists on.
const EVERY_KERNEL: [&str; 14] = [
    "MemTotal",
    "MemFree",
    "Buffers",
    "Cached",
    "SwapCached",
    "Active:",
    "Inactive:",
    "Swap",
    "Dirty",
    "Writeback:",
    "Mapped",
    "Slab",
    "Committed",
    "Vmalloc",
];

#[test]
fn meminfo() {
    let text = Text { file: "proc/meminfo", headings: 0, names: 1, fixed: &[] };
    let tree = Host::new("kernel-6.18");
    let seed = fs::read_to_string(tree.path(text.file)).unwrap();
    let needed = |line: &str| EVERY_KERNEL.iter().any(|name| line.starts_with(name));
    let needed: Vec<bool> = seed.lines().map(needed).collect();
    let collectors = RefCell::new(collectors_of(&tree));
    let size = 0_u64..1 << 33;
    let input = (prop::collection::vec(any::<bool>(), 64), prop::collection::vec(size, 200));
    check(input, |(keep, numbers)| {
        let keep: Vec<_> = needed.iter().zip(keep).map(|(needed, keep)| *needed || *keep).collect();
        let text = text.fill(&seed, &keep, numbers);
        let now = read(&tree.path("proc/meminfo"), &text, &mut collectors.borrow_mut());
        let theirs = procfs::Meminfo::from_read(text.as_bytes()).unwrap();
        same_memory(&text, &host_row(&now, "memory"), &theirs);
    });
}

fn same_memory(text: &str, ours: &HashMap<&str, u64>, theirs: &procfs::Meminfo) {
    let same = |name: &str, value: Option<u64>| {
        assert_eq!(ours.get(name).copied(), value, "{name} in\n{text}");
    };
    same("total", Some(theirs.mem_total));
    same("free", Some(theirs.mem_free));
    same("buffers", Some(theirs.buffers));
    same("swap_total", Some(theirs.swap_total));
    same("swap_free", Some(theirs.swap_free));
    same("swap_used", Some(theirs.swap_total.saturating_sub(theirs.swap_free)));
    same("swap_cached", Some(theirs.swap_cached));
    same("dirty", Some(theirs.dirty));
    same("writeback", Some(theirs.writeback));
    same("anonymous", theirs.anon_pages);
    same("mapped", Some(theirs.mapped));
    same("shared", theirs.shmem);
    same("slab", Some(theirs.slab));
    same("slab_reclaimable", theirs.s_reclaimable);
    same("kernel_stack", theirs.kernel_stack);
    same("page_tables", theirs.page_tables);
    same("commit_limit", theirs.commit_limit);
    same("committed", Some(theirs.committed_as));
    same("huge_pages", theirs.hugepages_total);
    same("huge_pages_free", theirs.hugepages_free);
    same("huge_pages_reserved", theirs.hugepages_rsvd);
    same("huge_page_size", theirs.hugepagesize);
    let kernel_cached = theirs.cached + theirs.s_reclaimable.unwrap_or(0);
    let cached = kernel_cached.saturating_sub(theirs.shmem.unwrap_or(0));
    same("cached", Some(cached));
    let said = theirs.mem_available.filter(|&said| 0 < said && said <= theirs.mem_total);
    let estimated = (theirs.mem_free + theirs.buffers + cached).min(theirs.mem_total);
    same("used", Some(theirs.mem_total - said.unwrap_or(estimated)));
}

#[test]
fn stat() {
    let fixed = &["cpu ", "btime", "procs_", "intr", "softirq", "ctxt", "processes"];
    let text = Text { file: "proc/stat", headings: 0, names: 1, fixed };
    let tick_us = 1_000_000 / procfs::ticks_per_second();
    text.compare("laptop", |text, ours| {
        let system = procfs::current_system_info();
        let theirs = procfs::KernelStats::from_read(text.as_bytes(), system).unwrap();
        let cores = ours.block("cpu.cores").unwrap();
        let host = host_row(ours, "cpu");
        assert_eq!(host["online_cores"], theirs.cpu_time.len() as u64);
        assert_eq!(host["context_switches"], theirs.ctxt);
        assert_eq!(host["forks"], theirs.processes);
        for (index, times) in theirs.cpu_time.iter().enumerate() {
            let ours = row(cores, index);
            let same = |name: &str, ticks: u64| {
                assert_eq!(ours[name], ticks * tick_us, "{name} of line {index} in\n{text}");
            };
            let (guest, guest_nice) = (times.guest.unwrap(), times.guest_nice.unwrap());
            same("user", times.user.saturating_sub(guest));
            same("nice", times.nice.saturating_sub(guest_nice));
            same("system", times.system);
            same("idle", times.idle);
            same("iowait", times.iowait.unwrap());
            same("irq", times.irq.unwrap());
            same("softirq", times.softirq.unwrap());
            same("steal", times.steal.unwrap());
            same("guest", guest);
            same("guest_nice", guest_nice);
        }
    });
}

#[test]
fn diskstats() {
    for host in ["storage", "kernel-4.18", "old-container"] {
        let text = Text { file: "proc/diskstats", headings: 0, names: 3, fixed: &[] };
        text.compare(host, |text, ours| {
            let theirs = procfs::DiskStats::from_read(text.as_bytes()).unwrap().0;
            let devices = ours.block("disk.devices").unwrap();
            for (index, name) in devices.keys().iter().enumerate() {
                let ours = row(devices, index);
                let theirs = theirs.iter().find(|disk| disk.name == name).unwrap();
                let same = |field: &str, value: Option<u64>| {
                    assert_eq!(ours.get(field).copied(), value, "{field} of {name} in\n{text}");
                };
                same("reads", Some(theirs.reads));
                same("bytes_read", Some(theirs.sectors_read * 512));
                same("read_time", Some(theirs.time_reading));
                same("writes", Some(theirs.writes));
                same("bytes_written", Some(theirs.sectors_written * 512));
                same("write_time", Some(theirs.time_writing));
                same("in_flight", Some(theirs.in_progress));
                same("io_time", Some(theirs.time_in_progress));
                same("queue_time", Some(theirs.weighted_time_in_progress));
                same("discards", theirs.discards);
                same("bytes_discarded", theirs.sectors_discarded.map(|sectors| sectors * 512));
                same("discard_time", theirs.time_discarding);
                same("flushes", theirs.flushes);
                same("flush_time", theirs.time_flushing);
            }
        });
    }
}

#[test]
fn interfaces() {
    let text = Text { file: "proc/1/net/dev", headings: 2, names: 1, fixed: &[] };
    text.compare("router", |text, ours| {
        let theirs = procfs::net::InterfaceDeviceStatus::from_read(text.as_bytes()).unwrap().0;
        let interfaces = ours.block("network.interfaces").unwrap();
        assert_eq!(interfaces.keys().len(), theirs.len());
        for (index, name) in interfaces.keys().iter().enumerate() {
            let (ours, theirs) = (row(interfaces, index), &theirs[name]);
            let same = |field: &str, value| assert_eq!(ours[field], value, "{name} in\n{text}");
            same("bytes_recv", theirs.recv_bytes);
            same("packets_recv", theirs.recv_packets);
            same("errors_recv", theirs.recv_errs);
            same("drops_recv", theirs.recv_drop);
            same("bytes_sent", theirs.sent_bytes);
            same("packets_sent", theirs.sent_packets);
            same("errors_sent", theirs.sent_errs);
            same("drops_sent", theirs.sent_drop);
        }
    });
}

#[test]
fn vmstat() {
    let text = Text { file: "proc/vmstat", headings: 0, names: 1, fixed: &[] };
    for host in ["kernel-6.18", "kernel-4.18"] {
        text.compare(host, |text, ours| {
            let theirs = procfs::VmStat::from_read(text.as_bytes()).unwrap().0;
            let ours = host_row(ours, "memory_bandwidth");
            let theirs = |name: &str| theirs.get(name).map(|value| *value as u64);
            let same = |field: &str, value: Option<u64>| {
                assert_eq!(ours.get(field).copied(), value, "{field} in\n{text}");
            };
            let page = procfs::page_size();
            same("page_in_bytes", theirs("pgpgin").map(|kib| kib * 1024));
            same("page_out_bytes", theirs("pgpgout").map(|kib| kib * 1024));
            same("swap_in_bytes", theirs("pswpin").map(|pages| pages * page));
            same("swap_out_bytes", theirs("pswpout").map(|pages| pages * page));
            same("page_faults", theirs("pgfault"));
            same("major_faults", theirs("pgmajfault"));
            same("oom_kills", theirs("oom_kill"));
            let by = ["kswapd", "direct", "khugepaged", "proactive"];
            let sum = |what: &str| {
                let parts = by.iter().filter_map(|who| theirs(&format!("{what}_{who}")));
                parts.reduce(|sum, part| sum + part)
            };
            same("pages_scanned", sum("pgscan"));
            same("pages_reclaimed", sum("pgsteal"));
        });
    }
}

#[test]
fn pressure_and_load() {
    let tree = Host::new("vm");
    let collectors = RefCell::new(collectors_of(&tree));
    let shares = prop::collection::vec(0_u32..=10_000, 6);
    let loads = prop::collection::vec(0_u32..100_000, 3);
    check((shares, any::<[u32; 2]>(), loads), |(shares, totals, loads)| {
        let line = |what: &str, shares: &[u32], total: u32| {
            let avg: Vec<_> = shares.iter().map(|&share| f64::from(share) / 100.0).collect();
            let (ten, sixty, rest) = (avg[0], avg[1], avg[2]);
            format!("{what} avg10={ten:.2} avg60={sixty:.2} avg300={rest:.2} total={total}\n")
        };
        let text = line("some", &shares[..3], totals[0]) + &line("full", &shares[3..], totals[1]);
        fs::write(tree.path("proc/pressure/io"), &text).unwrap();
        let load: Vec<_> =
            loads.iter().map(|&load| format!("{:.2}", f64::from(load) / 100.0)).collect();
        let load = load.join(" ") + " 3/138 1801\n";
        let now = read(&tree.path("proc/loadavg"), &load, &mut collectors.borrow_mut());
        let close = |ours: u64, theirs: f32| {
            assert!((ours as f64 / 100.0 - f64::from(theirs)).abs() < 0.006, "{ours} {theirs}");
        };
        let block = now.block("pressure").unwrap();
        let io = row(block, block.keys().find("io", 0).unwrap());
        let theirs = procfs::IoPressure::from_read(text.as_bytes()).unwrap();
        close(io["some_avg10"], theirs.some.avg10);
        close(io["some_avg300"], theirs.some.avg300);
        close(io["full_avg60"], theirs.full.avg60);
        let totals = (io["some_time"], io["full_time"]);
        assert_eq!(totals, (theirs.some.total, theirs.full.total));
        let (cpu, theirs) =
            (host_row(&now, "cpu"), procfs::LoadAverage::from_read(load.as_bytes()).unwrap());
        close(cpu["load_1m"], theirs.one);
        close(cpu["load_5m"], theirs.five);
        close(cpu["load_15m"], theirs.fifteen);
    });
}
