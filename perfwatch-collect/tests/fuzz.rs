//! A fuzzer for each parser, on the stable compiler: a tree with the one file that it reads, and
//! anything in that file. Nothing panics, and no value is one that cannot be.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests may")]

mod support;

use std::{cell::RefCell, fs, path::Path};

use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, TestRunner},
};

use perfwatch_core::View;
use support::{Host, check_bounds, file_collectors, frame, settle};

/// One change of a text: what stands between two places becomes something else.
#[derive(Clone, Debug)]
struct Edit {
    from: Index,
    length: usize,
    to: Replacement,
}

#[derive(Clone, Debug)]
enum Replacement {
    Bytes(Vec<u8>),
    /// A piece of the text itself, from here and this long.
    Piece(Index, usize),
}

fn replacement() -> impl Strategy<Value = Replacement> {
    let words = [
        "",
        "0",
        "-1",
        " ",
        "\n",
        "\0",
        ":",
        "18446744073709551615",
        "18446744073709551616",
        "9223372036854775808",
        "4294967296",
        "0.0000001",
        "1e308",
        "NaN",
        "inf",
        "\\040",
        "max",
        "0-8191",
        "é",
    ];
    prop_oneof![
        3 => prop::sample::select(words.to_vec())
            .prop_map(|word| Replacement::Bytes(word.as_bytes().to_vec())),
        1 => prop::collection::vec(any::<u8>(), 0..24).prop_map(Replacement::Bytes),
        2 => (any::<Index>(), 0_usize..80).prop_map(|(at, length)| Replacement::Piece(at, length)),
    ]
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = (any::<Index>(), 0_usize..24, replacement()).prop_map(|(from, length, to)| Edit {
        from,
        length,
        to,
    });
    prop::collection::vec(edit, 0..8)
}

/// A text with some of it changed, or bytes without any sense.
fn contents(seed: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let changed = edits().prop_map(move |edits| {
        edits.into_iter().fold(seed.clone(), |mut text, edit| {
            let range = |text: &[u8], from: Index, length: usize| {
                let start = from.index(text.len() + 1);
                start..(start + length).min(text.len())
            };
            let new = match edit.to {
                Replacement::Bytes(bytes) => bytes,
                Replacement::Piece(at, length) => text[range(&text, at, length)].to_vec(),
            };
            let place = range(&text, edit.from, edit.length);
            text.splice(place, new);
            text
        })
    });
    prop_oneof![6 => changed, 1 => prop::collection::vec(any::<u8>(), 0..600)]
}

fn run(cases: u32, seed: Vec<u8>, test: impl Fn(&[u8])) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&contents(seed), |content| {
        test(&content);
        Ok(())
    });
    result.unwrap();
}

fn seed_of(host: &str, file: &str) -> Vec<u8> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let text = fs::read(fixtures.join(host).join(file)).unwrap();
    // Long files repeat themselves, and short ones are quick.
    text.split_inclusive(|&byte| byte == b'\n').take(60).collect::<Vec<_>>().concat()
}

/// A file that is read at every tick: it changes under collectors that hold it open.
fn fuzz_ticking(host: &str, file: &str) {
    let seed = seed_of(host, file);
    let tree = Host::with_files(&[(file, &seed)]);
    let collectors = file_collectors(&tree.roots());
    settle(&collectors);
    let state = RefCell::new((collectors, 1000));
    run(256, seed.clone(), |content| {
        let (collectors, second) = &mut *state.borrow_mut();
        *second += 20;
        let before = frame(collectors, *second);
        fs::write(tree.path(file), content).unwrap();
        let now = frame(collectors, *second + 10);
        fs::write(tree.path(file), &seed).unwrap();
        let mut view = View::default();
        view.update(Some(&before), &now);
        check_bounds(&view, file);
    });
}

/// A file that is read on a slow thread, or once: collectors start anew for each content. A thread
/// that panics never settles.
fn fuzz_starting(host: &str, file: &str) {
    let seed = seed_of(host, file);
    let tree = Host::new(host);
    run(48, seed, |content| {
        fs::write(tree.path(file), content).unwrap();
        let mut collectors = file_collectors(&tree.roots());
        settle(&collectors);
        let mut view = View::default();
        let before = frame(&mut collectors, 1000);
        view.update(Some(&before), &frame(&mut collectors, 1010));
        check_bounds(&view, file);
    });
}

macro_rules! fuzz {
    ($($kind:ident $test:ident: $host:literal, $file:literal;)+) => {
        $(#[test] fn $test() { $kind($host, $file); })+
    };
}

fuzz! {
    fuzz_ticking stat: "vm", "proc/stat";
    fuzz_ticking loadavg: "vm", "proc/loadavg";
    fuzz_ticking meminfo: "kernel-6.18", "proc/meminfo";
    fuzz_ticking vmstat: "old-container", "proc/vmstat";
    fuzz_ticking diskstats: "kernel-6.18", "proc/diskstats";
    fuzz_ticking net_dev: "router", "proc/1/net/dev";
    fuzz_ticking net_snmp: "vm", "proc/1/net/snmp";
    fuzz_ticking net_netstat: "server", "proc/1/net/netstat";
    fuzz_ticking net_sockstat: "vm", "proc/1/net/sockstat";
    fuzz_ticking net_sockstat6: "vm", "proc/1/net/sockstat6";
    fuzz_ticking net_softnet_stat: "vm", "proc/1/net/softnet_stat";
    fuzz_ticking pressure_with_some: "vm", "proc/pressure/io";
    fuzz_ticking pressure_without_some: "kernel-6.18", "proc/pressure/irq";
    fuzz_ticking arcstats: "storage", "proc/spl/kstat/zfs/arcstats";
    fuzz_starting net_tcp: "server", "proc/1/net/tcp";
    fuzz_starting net_tcp6: "server", "proc/1/net/tcp6";
    fuzz_starting mountinfo: "storage", "proc/1/mountinfo";
    fuzz_starting filesystems: "storage", "proc/filesystems";
    fuzz_starting cpuinfo: "vm", "proc/cpuinfo";
    fuzz_starting cpu_lists: "server", "sys/devices/system/cpu/present";
    fuzz_starting offline_cpus: "server", "sys/devices/system/cpu/offline";
    fuzz_starting cpu_frequency: "server", "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq";
    fuzz_starting temperature: "server", "sys/class/hwmon/hwmon1/temp1_input";
    fuzz_starting link_speed: "server", "sys/devices/virtual/net/bond0/speed";
    fuzz_starting throttling: "laptop", "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count";
    fuzz_starting battery: "laptop", "sys/class/power_supply/BAT0/energy_now";
    fuzz_starting energy: "laptop", "sys/class/powercap/intel-rapl:0/energy_uj";
    fuzz_starting energy_range: "laptop", "sys/class/powercap/intel-rapl:0/max_energy_range_uj";
    fuzz_starting event: "laptop", "sys/devices/uncore_imc_free_running_0/events/data_read";
    fuzz_starting event_scale: "laptop", "sys/devices/uncore_imc_free_running_0/events/data_read.scale";
    fuzz_starting event_format: "laptop", "sys/devices/uncore_imc_free_running_0/format/umask";
    fuzz_starting event_cpus: "laptop", "sys/devices/uncore_imc_free_running_0/cpumask";
    fuzz_starting memory_limit: "container", "sys/fs/cgroup/memory.max";
    fuzz_starting memory_of_the_group: "container", "sys/fs/cgroup/memory.current";
    fuzz_starting own_group: "container", "proc/self/cgroup";
    fuzz_starting resctrl: "two-socket", "sys/fs/resctrl/mon_data/mon_L3_00/mbm_total_bytes";
    fuzz_starting interface_kind: "router", "sys/devices/virtual/net/wg0/uevent";
}
