//! Counters of memory controllers: which are found, how they are encoded, scaled and added up.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may")]

mod support;

use std::{io, sync::atomic::Ordering};

use perfwatch_collect::{
    BaseCollector, Gap, memory_bandwidth::MemoryBandwidth, perf_events::Event,
};
use perfwatch_core::{Frame, View};
use support::{
    Tree,
    counters::{Hands, Rates, config, refused},
};

type Rate = fn(u32, &[Event], Event) -> io::Result<u64>;

/// A host, its collector, and what the collector has opened.
struct Seen {
    host: Tree,
    collector: MemoryBandwidth,
    hands: Hands,
}

const DEVICES: &str = "sys/bus/event_source/devices";
const TOPOLOGY: &str = "topology/physical_package_id";

impl Seen {
    fn new(rate: Rate, make: impl Fn(&Tree)) -> Self {
        let host = Tree::new();
        host.write("proc/vmstat", "pgpgin 1\npgpgout 2\n");
        make(&host);
        let (source, hands) = Rates::new(rate);
        let collector = MemoryBandwidth::with_source(&host.roots(), source);
        Self { host, collector, hands }
    }

    fn frame(&mut self, second: u64) -> Frame {
        self.hands.clock.store(second, Ordering::Relaxed);
        let mut frame = Frame::new(self.collector.tables());
        self.collector.collect(&mut frame.blocks).unwrap();
        frame.blocks.iter_mut().for_each(|block| block.set_read_at(second * 1_000_000_000));
        frame
    }

    /// The view of 10 seconds.
    fn view(&mut self) -> View {
        let before = self.frame(10);
        self.view_after(&before)
    }

    fn view_after(&mut self, before: &Frame) -> View {
        let frame = self.frame(20);
        let mut view = View::default();
        view.update(Some(before), &frame);
        view
    }

    fn gap(&self) -> &Gap {
        let [gap] = self.collector.gaps() else { panic!("{:?}", self.collector.gaps()) };
        assert_eq!(gap.what, "DRAM bandwidth");
        gap
    }
}

const BYTES: [&str; 3] = ["read_bytes_per_sec", "write_bytes_per_sec", "transferred_bytes_per_sec"];

fn row(view: &View, table: &str, key: &str) -> [Option<f64>; 3] {
    let block = view.block(&format!("memory_bandwidth.{table}")).unwrap();
    BYTES.map(|column| block.get(key, column)?.get())
}

fn pmu(host: &Tree, name: &str, number: u32, files: &[(&str, &str)]) {
    host.write(&format!("{DEVICES}/{name}/type"), &format!("{number}\n"));
    for (file, content) in files {
        host.write(&format!("{DEVICES}/{name}/{file}"), &format!("{content}\n"));
    }
}

/// Two controllers with a CPU on each of two sockets; the sockets' numbers are not their order.
fn server(host: &Tree) {
    for (name, number) in [("uncore_imc_0", 20), ("uncore_imc_1", 21)] {
        pmu(
            host,
            name,
            number,
            &[
                ("cpumask", "0,64"),
                ("format/event", "config:0-7"),
                ("format/umask", "config:8-15"),
                ("events/cas_count_read", "event=0x04,umask=0x03"),
                ("events/cas_count_read.scale", "6.103515625e-5"),
                ("events/cas_count_read.unit", "MiB"),
                ("events/cas_count_write", "event=0x04,umask=0x0c"),
                ("events/cas_count_write.scale", "6.103515625e-5"),
                ("events/cas_count_write.unit", "MiB"),
                ("events/clockticks", "event=0xff"),
            ],
        );
    }
    pmu(host, "uncore_imc_free_running_0", 22, &[("events/data_read", "event=0xff,umask=0x20")]);
    host.write(&format!("sys/devices/system/cpu/cpu0/{TOPOLOGY}"), "1\n");
    host.write(&format!("sys/devices/system/cpu/cpu64/{TOPOLOGY}"), "0\n");
}

/// A channel of CPU 0 reads 1000 lines a second, of CPU 64 500; both write half as many.
fn lines(cpu: u32, _: &[Event], event: Event) -> io::Result<u64> {
    let reads = if cpu == 0 { 1000 } else { 500 };
    match config(event) {
        Some((20 | 21, 0x304)) => Ok(reads),
        Some((20 | 21, 0xc04)) => Ok(reads / 2),
        _ => refused(nix::libc::EINVAL),
    }
}

#[test]
fn a_server_adds_its_controllers_by_socket() {
    let mut seen = Seen::new(lines, server);
    let view = seen.view();
    let of = |lines: f64| [Some(lines * 64.0), Some(lines * 32.0), Some(lines * 96.0)];
    assert_eq!(row(&view, "sockets", "1"), of(2000.0));
    assert_eq!(row(&view, "sockets", "0"), of(1000.0));
    assert_eq!(row(&view, "dram", ""), of(3000.0));
    let keys: Vec<_> = view.block("memory_bandwidth.sockets").unwrap().keys().iter().collect();
    assert_eq!(keys, ["0", "1"]);
    assert_eq!(seen.collector.gaps(), []);
    // Two controllers on two sockets, at two ticks: reads and writes come in one call.
    assert_eq!(seen.hands.reads.load(Ordering::Relaxed), 2 * 2 * 2);
    assert_eq!(seen.hands.opened.lock().unwrap().len(), 2 * 2, "opened once");
}

#[test]
fn what_ran_part_of_the_time_is_scaled_and_what_never_ran_is_missing() {
    let mut seen = Seen::new(lines, server);
    seen.hands.idle_tenths.store(7, Ordering::Relaxed);
    assert_eq!(row(&seen.view(), "dram", "")[0], Some(192_000.0));
    let mut seen = Seen::new(lines, server);
    seen.hands.idle_tenths.store(10, Ordering::Relaxed);
    let view = seen.view();
    assert_eq!(row(&view, "sockets", "0"), [None; 3]);
    assert!(view.block("memory_bandwidth.dram").unwrap().keys().is_empty());
}

#[test]
fn a_client_has_free_running_counters_with_a_scale_of_their_own() {
    let rate: Rate = |cpu, _, event| match config(event) {
        Some((15 | 16, 0x20ff)) if cpu == 2 => Ok(100),
        Some((15 | 16, 0x30ff)) if cpu == 2 => Ok(10),
        _ => refused(nix::libc::EINVAL),
    };
    let mut seen = Seen::new(rate, |host| {
        pmu(host, "uncore_imc_0", 14, &[("events/clockticks", "event=0x01")]);
        for (name, number) in [("uncore_imc_free_running_0", 15), ("uncore_imc_free_running_1", 16)]
        {
            pmu(
                host,
                name,
                number,
                &[
                    ("cpumask", "2"),
                    ("format/event", "config:0-7"),
                    ("format/umask", "config:8-15"),
                    ("events/data_read", "event=0xff,umask=0x20"),
                    ("events/data_read.scale", "6.103515625e-5"),
                    ("events/data_read.unit", "MiB"),
                    ("events/data_write", "event=0xff,umask=0x30"),
                    ("events/data_write.scale", "0.03125"),
                    ("events/data_write.unit", "KiB"),
                ],
            );
        }
    });
    // The kernel does not tell the socket of CPU 2: it is the first of the mask.
    assert_eq!(row(&seen.view(), "sockets", "0"), [12_800.0, 640.0, 13_440.0].map(Some));
}

#[test]
fn amd_channels_list_no_events_and_are_encoded_by_their_formats() {
    let rate: Rate = |_, _, event| match config(event) {
        Some((30, 0x10a)) => Ok(100),
        Some((30, 0x20a)) => Ok(50),
        _ => refused(nix::libc::EINVAL),
    };
    let mut seen = Seen::new(rate, |host| {
        pmu(
            host,
            "amd_umc_0",
            30,
            &[("cpumask", "0"), ("format/event", "config:0-7"), ("format/rdwrmask", "config:8-9")],
        );
        // The fabric of the same host would count the same bytes.
        amd_df(host, "config:8-15,24-27");
    });
    assert_eq!(row(&seen.view(), "dram", ""), [6_400.0, 3_200.0, 9_600.0].map(Some));
}

fn amd_df(host: &Tree, umask: &str) {
    pmu(
        host,
        "amd_df",
        11,
        &[("cpumask", "0"), ("format/event", "config:0-7,32-35,59-60"), ("format/umask", umask)],
    );
}

#[test]
fn the_fabric_of_older_amd_cpus_does_not_tell_reads_from_writes() {
    // Four channels have memory; the others count nothing. Channel 4 is event 0x107.
    let rate: Rate = |_, group, event| match config(event) {
        _ if group.len() > 1 => refused(nix::libc::EINVAL),
        Some((11, 0x3807 | 0x3847 | 0x3887 | 0x38c7)) => Ok(100),
        Some((11, config)) if config >> 32 == 1 && config as u32 & 0xff3f == 0x3807 => Ok(0),
        _ => refused(nix::libc::ENOENT),
    };
    let mut seen = Seen::new(rate, |host| amd_df(host, "config:8-15"));
    assert_eq!(row(&seen.view(), "dram", ""), [None, None, Some(25_600.0)]);
    assert_eq!(seen.collector.gaps(), []);
}

#[test]
fn newer_amd_cpus_without_the_driver_are_told_what_they_need() {
    let mut seen = Seen::new(lines, |host| amd_df(host, "config:8-15,24-27"));
    seen.view();
    assert!(seen.gap().reason.contains("no amd_umc counters"));
    assert!(seen.gap().cure.as_ref().unwrap().contains("6.8"));
}

#[test]
fn resctrl_counts_each_cache() {
    let file = |cache: &str, file: &str| format!("sys/fs/resctrl/mon_data/mon_L3_{cache}/{file}");
    let mut seen = Seen::new(lines, |host| {
        host.write(&file("00", "mbm_total_bytes"), "1000\n");
        host.write(&file("00", "mbm_local_bytes"), "900\n");
        host.write(&file("01", "mbm_total_bytes"), "Unavailable\n");
        host.write(&file("01", "mbm_local_bytes"), "5\n");
        host.write("sys/fs/resctrl/mon_data/mon_L3_x/mbm_total_bytes", "5\n");
    });
    let before = seen.frame(10);
    seen.host.write(&file("00", "mbm_total_bytes"), "6000\n");
    seen.host.write(&file("01", "mbm_total_bytes"), "7000\n");
    let view = seen.view_after(&before);
    let domains = view.block("memory_bandwidth.domains").unwrap();
    let value = |key, column| domains.get(key, column).unwrap().get();
    assert_eq!(domains.keys().iter().collect::<Vec<_>>(), ["0", "1"]);
    assert_eq!(value("0", "transferred_bytes_per_sec"), Some(500.0));
    assert_eq!(value("0", "local_bytes_per_sec"), Some(0.0));
    assert_eq!(value("1", "transferred_bytes_per_sec"), None);
    assert_eq!(seen.collector.gaps(), []);
}

#[test]
fn a_host_without_counters_says_so_and_shows_no_estimate() {
    let mut seen = Seen::new(lines, |_| ());
    let view = seen.view();
    for table in ["dram", "sockets", "domains"] {
        let block = view.block(&format!("memory_bandwidth.{table}")).unwrap();
        assert!(block.keys().is_empty(), "{table}");
    }
    assert!(seen.gap().reason.ends_with("virtual machines have none"), "{:?}", seen.gap());
    assert!(seen.gap().cure.as_ref().unwrap().contains("mount -t resctrl"));
}

#[test]
fn a_missing_permission_is_named() {
    let mut seen = Seen::new(|_, _, _| refused(nix::libc::EACCES), server);
    seen.host.write("proc/sys/kernel/perf_event_paranoid", "2\n");
    seen.view();
    assert!(seen.gap().reason.contains("perf_event_paranoid is 2"), "{:?}", seen.gap());
    assert!(seen.gap().cure.as_ref().unwrap().contains("CAP_PERFMON"));
}

#[test]
fn a_file_that_says_something_odd_is_named() {
    let wrong = |file: &'static str, content: &'static str, expected: &str| {
        let mut seen = Seen::new(lines, |host| {
            server(host);
            host.write(&format!("{DEVICES}/{file}"), content);
        });
        seen.view();
        let reason = &seen.gap().reason;
        assert!(reason.contains(file) && reason.ends_with(expected), "{reason}");
    };
    let term = "a term is not among the PMU's formats";
    wrong("uncore_imc_1/events/cas_count_read", "event=0x04,channel=1\n", term);
    wrong("uncore_imc_0/events/cas_count_write", "\n", "`event=0x04,umask=0x03`");
    wrong("uncore_imc_0/format/umask", "config9:0-7\n", "`config:0-7,32-35`");
    wrong("uncore_imc_0/events/cas_count_read.unit", "furlongs\n", "expected `MiB`");
}
