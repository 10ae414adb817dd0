//! A store that is away: what waits for it, where, and what is lost.
//!
//! The judges know of a store only what [`Fickle`] says, so that they are the same for each kind.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::{
    common::program::Program,
    full::{Disk, fill},
    level::{count, report},
};

/// A store that can be taken away.
pub(crate) trait Fickle {
    /// What the table calls it.
    fn name(&self) -> &'static str;
    /// Where it is.
    fn url(&self) -> String;
    /// Takes it away.
    fn take(&mut self);
    /// Brings it back.
    fn give(&mut self);
    /// How many frames are in it, where somebody else than the daemon can count them.
    fn frames(&self) -> Option<u64> {
        None
    }
}

/// An SQLite file on a disk that has no space at times.
struct Sqlite(Disk);

impl Sqlite {
    fn ballast(&self) -> PathBuf {
        self.0.0.path().join("ballast")
    }
}

impl Fickle for Sqlite {
    fn name(&self) -> &'static str {
        "SQLite on a full disk"
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.0.0.path().join("perfwatch.db").display())
    }

    fn take(&mut self) {
        fill(&self.ballast());
    }

    fn give(&mut self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

/// A daemon whose spool lies in a directory of its own.
pub(crate) fn start(store: &dyn Fickle, spool: &Path, more: &[&str]) -> Program {
    let spool = format!("--spool.directory={}", spool.display());
    Program::on(&store.url(), &[&[spool.as_str()], more].concat())
}

/// What became of all frames; the sum is right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    pub(crate) expected: u64,
    pub(crate) stored: u64,
    pub(crate) waiting: u64,
    pub(crate) dropped: u64,
    pub(crate) spooled: u64,
}

impl Counts {
    pub(crate) fn of(config: &Value) -> Self {
        let [expected, stored, waiting, dropped, spooled] =
            ["expected", "stored", "waiting", "dropped", "spooled"]
                .map(|name| config["writer"][name].as_u64().unwrap());
        assert_eq!(expected, stored + waiting + dropped, "{config}");
        Self { expected, stored, waiting, dropped, spooled }
    }

    pub(crate) fn now(program: &Program, token: &str) -> Self {
        Self::of(&program.json("/api/config", token))
    }
}

/// What a program that ended said became of all frames: expected, stored, waiting, dropped.
pub(crate) fn last_counts(log: &str) -> [u64; 4] {
    let line = log.lines().rfind(|line| line.contains("what became of all frames"));
    let line = line.unwrap_or_else(|| panic!("it did not say: {log}"));
    ["expected=", "stored=", "waiting=", "dropped="].map(|name| {
        let rest = line.split(name).nth(1).unwrap();
        rest.split(' ').next().unwrap().parse().unwrap()
    })
}

/// Waits until so many seconds are over, and the sum is right all the while.
pub(crate) fn pass(program: &Program, token: &str, seconds: u64) -> Counts {
    let until = Instant::now() + Duration::from_secs(seconds);
    loop {
        let counts = Counts::now(program, token);
        if Instant::now() >= until {
            return counts;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until next to nothing waits; how long that took.
pub(crate) fn drained(program: &Program, token: &str) -> (Counts, Duration) {
    let begun = Instant::now();
    let patience = Duration::from_secs(120);
    let drained = |config: &Value| Counts::of(config).waiting <= 1;
    let config = program.wait_within(patience, "/api/config", token, drained);
    (Counts::of(&config), begun.elapsed())
}

pub(crate) fn held(program: &Program, token: &str) -> u64 {
    program.json("/api/retention", token)["usage"]["frames"].as_u64().unwrap()
}

/// Bytes of all files in a directory, as the disk has them.
fn disk_use(directory: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let files = fs::read_dir(directory).unwrap();
    files.filter_map(|file| file.unwrap().metadata().ok()).map(|file| file.blocks() * 512).sum()
}

/// The memory of a process that is really there, in bytes.
fn resident(program: &Program) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// A stop in the middle of an outage, and a start in it: nothing is lost.
pub(crate) fn stopped_meanwhile(store: &mut dyn Fickle) {
    let spool = tempfile::tempdir().unwrap();
    let program = start(store, spool.path(), &[]);
    let token = program.login();
    drained(&program, &token);
    store.take();
    let seconds = count(60, 14);
    let mut away = pass(&program, &token, seconds.into());
    // A try that nobody answers takes 8 s, and what is due goes to the spool between two.
    while away.spooled == 0 && away.waiting < 300 {
        away = pass(&program, &token, 1);
    }
    assert!(away.spooled > 0 && away.waiting >= u64::from(seconds) * 8, "{away:?}");
    let (code, first_stop, log) = program.end(Signal::SIGTERM);
    assert_eq!(code, Some(0), "{log}");
    assert!(first_stop < Duration::from_secs(5), "{first_stop:?}");
    store.give();

    let program = start(store, spool.path(), &[]);
    let token = program.login();
    let (after, took) = drained(&program, &token);
    assert_eq!(after.dropped, 0);
    assert!(took < Duration::from_secs(30), "{took:?}");
    assert!(after.stored >= away.waiting, "{away:?} {after:?}");
    let held = held(&program, &token);
    let least = away.expected + after.stored - after.expected;
    assert!(held >= least, "{held} of {least}: {away:?} {after:?}");
    assert!(!log.contains("could not be stored"), "{log}");
    let (_, _, second) = program.end(Signal::SIGTERM);
    if let Some(frames) = store.frames() {
        assert_eq!(frames, last_counts(&log)[1] + last_counts(&second)[1], "{log}\n{second}");
    }
    report(
        "SIGTERM while the store is away",
        &format!("{}, away for {seconds} s", store.name()),
        &format!(
            "ended after {} ms with {} frames in the spool; 0 lost, drained {} ms after the start",
            first_stop.as_millis(),
            away.waiting,
            took.as_millis()
        ),
    );
}

/// A kill in the middle of an outage: what is on disk is there again.
pub(crate) fn killed_meanwhile(store: &mut dyn Fickle) {
    let spool = tempfile::tempdir().unwrap();
    let program = start(store, spool.path(), &[]);
    let token = program.login();
    store.take();
    let seconds = count(60, 24);
    let away = pass(&program, &token, seconds.into());
    let begun = Instant::now();
    program.end(Signal::SIGKILL);
    store.give();

    let program = start(store, spool.path(), &[]);
    let token = program.login();
    let (after, _) = drained(&program, &token);
    assert!(after.stored >= away.spooled && away.spooled > 0, "{away:?} {after:?}");
    // Ten frames a second: what was in memory only is of the last twenty.
    let lost = away.waiting - away.spooled;
    assert!(lost <= 200, "{lost} frames were in memory only");
    assert_eq!(after.dropped, 0);
    assert!(begun.elapsed() < Duration::from_secs(30));
    program.end(Signal::SIGTERM);
    report(
        "kill -9 while the store is away",
        &format!("{}, away for {seconds} s at 10 frames/s", store.name()),
        &format!("{} frames came back from the spool, {lost} were in memory only", away.spooled),
    );
}

/// An outage longer than the spool is large: the oldest go, counted, and nothing grows.
pub(crate) fn longer_than_the_spool(store: &mut dyn Fickle) {
    let spool = tempfile::tempdir().unwrap();
    let mebibytes = count(16, 1);
    let most = u64::from(mebibytes) << 20;
    let cap = format!("--spool.max-bytes={mebibytes}MiB");
    let program = start(store, spool.path(), &[&cap]);
    let token = program.login();
    let (before, _) = drained(&program, &token);
    store.take();
    let resident_before = resident(&program);
    let begun = Instant::now();
    let (mut largest, mut grown) = (0, 0);
    let away = loop {
        let counts = pass(&program, &token, 1);
        largest = largest.max(disk_use(spool.path()));
        grown = grown.max(resident(&program).saturating_sub(resident_before));
        if counts.dropped > 50 {
            break counts;
        }
        assert!(begun.elapsed() < Duration::from_secs(1200), "{counts:?}");
    };
    assert!(largest <= most + most / 20, "{largest} of {most}");
    assert!(grown <= 10 << 20, "{grown} bytes more");
    store.give();
    let (after, took) = drained(&program, &token);
    let held = held(&program, &token);
    let kept = after.expected - after.dropped;
    assert!(after.dropped >= away.dropped, "{away:?} {after:?}");
    // Those of the time between the two questions are in it too.
    assert!(held + 2 >= kept && held <= kept + 50, "{held} {after:?}");
    assert_eq!(before.dropped, 0);
    let (_, _, log) = program.end(Signal::SIGTERM);
    let [expected, stored, waiting, dropped] = last_counts(&log);
    assert_eq!((expected - dropped, waiting, dropped), (stored, 0, after.dropped), "{log}");
    assert!(store.frames().is_none_or(|frames| frames == stored), "{stored} {log}");
    report(
        "away longer than the spool",
        &format!("{}, a spool of {mebibytes} MiB", store.name()),
        &format!(
            "{} expected, {} dropped, all others stored within {} ms; {:.1} MiB on disk, {:.1} MiB \
             more memory",
            after.expected,
            after.dropped,
            took.as_millis(),
            largest as f64 / f64::from(1 << 20),
            grown as f64 / f64::from(1 << 20)
        ),
    );
}

#[test]
fn a_stop_while_sqlite_has_no_space_loses_nothing() {
    stopped_meanwhile(&mut Sqlite(Disk::new(16)));
}

#[test]
fn a_kill_while_sqlite_has_no_space_loses_seconds() {
    killed_meanwhile(&mut Sqlite(Disk::new(16)));
}

#[test]
fn a_spool_that_is_full_drops_the_oldest_and_says_so() {
    longer_than_the_spool(&mut Sqlite(Disk::new(64)));
}
