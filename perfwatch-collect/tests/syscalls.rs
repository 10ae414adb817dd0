//! How many system calls a tick makes, counted by `strace` (Debian package `strace`).
//!
//! The test runs itself under strace twice, for a few and for many ticks: the difference is what
//! the ticks alone cost. Threads of slow sources are not followed: they are not the tick.

#![allow(clippy::disallowed_methods, clippy::print_stdout)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test without the test harness")]

use std::{collections::BTreeMap, env, fs, process::Command, time::Duration};

use perfwatch_collect::{MetricsAggregator, Roots};

const TICKS: &str = "PERFWATCH_TEST_TICKS";

/// No tick opens, closes, seeks or stats: what is read is open already.
const FORBIDDEN: [&str; 8] =
    ["open", "openat", "close", "lseek", "stat", "fstat", "newfstatat", "getdents64"];

fn main() {
    if let Ok(ticks) = env::var(TICKS) {
        return tick(ticks.parse().unwrap());
    }
    let (few, many) = (10, 110);
    let (before, after) = (count(few), count(many));
    let mut per_tick = BTreeMap::new();
    for (name, calls) in after {
        let calls = calls - before.get(&name).copied().unwrap_or(0);
        per_tick.insert(name, calls as f64 / f64::from(many - few));
    }
    per_tick.retain(|_, calls| *calls >= 0.05);
    let total: f64 = per_tick.values().sum();
    println!("system calls of one tick: {total:.1} {per_tick:?}");
    for name in FORBIDDEN {
        assert!(!per_tick.contains_key(name), "a tick calls {name}: {per_tick:?}");
    }
    // On 2 CPUs without a PMU 21: 16 pread of files (`/proc/diskstats` is read to its end), one
    // read per CPU and group of events, and three looks at the CPU clock: around one collector a
    // tick in turn, and of the process. More CPUs have more groups, longer files a second answer.
    let groups = per_tick.remove("read").unwrap_or(0.0);
    let rest = total - groups;
    assert!(rest <= 40.0, "a tick makes {rest:.1} system calls beside its counters: {per_tick:?}");
    println!("\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
}

fn tick(ticks: u32) {
    let mut host = MetricsAggregator::new(&Roots::default());
    host.settle(Duration::from_secs(10));
    for _ in 0..ticks {
        host.collect_all();
    }
}

fn count(ticks: u32) -> BTreeMap<String, i64> {
    let folder = tempfile::TempDir::new().unwrap();
    let report = folder.path().join("calls");
    let status = Command::new("strace")
        .args(["-o", report.to_str().unwrap()])
        .arg(env::current_exe().unwrap())
        .env(TICKS, ticks.to_string())
        .status()
        .expect("strace is missing: apt-get install strace");
    assert!(status.success(), "{status}");
    let mut calls = BTreeMap::new();
    for line in fs::read_to_string(&report).unwrap().lines() {
        if let Some((name, _)) = line.split_once('(') {
            *calls.entry(name.to_owned()).or_insert(0) += 1;
        }
    }
    calls
}
