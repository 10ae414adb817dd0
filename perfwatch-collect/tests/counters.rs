//! Performance counters through a source of the test's own: what opens, how counts are scaled.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests may")]

mod support;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use perfwatch_collect::{
    BaseCollector,
    perf_events::{CounterGroup, CounterSource, Event, PerfEvents, Reading},
};
use perfwatch_core::{Frame, View};
use support::Host;

/// A source that refuses caches, and whose groups count while a clock of the test advances.
struct Fake {
    /// Seconds since the start.
    clock: Arc<AtomicU64>,
    /// How many of ten seconds a hardware group is on the counters.
    running_tenths: u64,
    refusal: i32,
    /// How many groups were opened so far.
    opened: Arc<AtomicU64>,
}

struct FakeGroup {
    clock: Arc<AtomicU64>,
    running_tenths: u64,
    per_second: Vec<u64>,
}

impl CounterSource for Fake {
    fn open(&self, cpu: u32, events: &[Event]) -> io::Result<Box<dyn CounterGroup>> {
        let hardware = matches!(events[0], Event::Hardware(_));
        if events.iter().any(|event| matches!(event, Event::CacheRead(..))) {
            return Err(io::Error::from_raw_os_error(self.refusal));
        }
        self.opened.fetch_add(1, Ordering::Relaxed);
        // CPU 1 does twice the work of CPU 0; the second event of a group counts half the first.
        let per_second = (0..events.len() as u64)
            .map(|index| 4_000_000_000 * (u64::from(cpu) + 1) / (index + 1))
            .collect();
        Ok(Box::new(FakeGroup {
            clock: Arc::clone(&self.clock),
            running_tenths: if hardware { self.running_tenths } else { 10 },
            per_second,
        }))
    }
}

impl CounterGroup for FakeGroup {
    fn read(&mut self) -> io::Result<Reading> {
        let seconds = self.clock.load(Ordering::Relaxed);
        let mut reading = Reading {
            enabled_ns: seconds * 1_000_000_000,
            running_ns: seconds * self.running_tenths * 100_000_000,
            ..Reading::default()
        };
        for (count, per_second) in reading.counts.iter_mut().zip(&self.per_second) {
            *count = per_second / 10 * self.running_tenths * seconds;
        }
        Ok(reading)
    }
}

fn view(running_tenths: u64) -> (View, PerfEvents) {
    let host = Host::new("server");
    let clock = Arc::new(AtomicU64::new(0));
    let fake = Fake {
        clock: Arc::clone(&clock),
        running_tenths,
        refusal: nix::libc::ENOENT,
        opened: Arc::default(),
    };
    let mut collector = PerfEvents::with_source(&host.roots(), Box::new(fake));
    let mut frames = [Frame::new(collector.tables()), Frame::new(collector.tables())];
    for (frame, seconds) in frames.iter_mut().zip([10, 15]) {
        clock.store(seconds, Ordering::Relaxed);
        collector.collect(&mut frame.blocks).unwrap();
        frame.blocks[0].set_read_at(seconds * 1_000_000_000);
    }
    let mut view = View::default();
    view.update(Some(&frames[0]), &frames[1]);
    (view, collector)
}

fn value(view: &View, column: &str) -> Option<f64> {
    view.block("perf_events").unwrap().get("", column).unwrap().get()
}

#[test]
fn counts_are_summed_over_cpus_and_scaled_by_the_time_they_ran() {
    let (view, _) = view(3);
    // 4, 8 and 12 thousand million cycles a second on the three CPUs that are online.
    assert_eq!(value(&view, "cycles_per_sec"), Some(24e9));
    assert_eq!(value(&view, "instructions_per_sec"), Some(12e9));
    assert_eq!(value(&view, "ipc"), Some(0.5));
    assert_eq!(value(&view, "hardware_coverage_percent"), Some(30.0));
    assert_eq!(value(&view, "software_coverage_percent"), Some(100.0));
}

#[test]
fn what_never_ran_is_not_counted_and_not_zero() {
    let (view, _) = view(0);
    assert_eq!(value(&view, "cycles_per_sec"), None);
    assert_eq!(value(&view, "ipc"), None);
    assert_eq!(value(&view, "hardware_coverage_percent"), Some(0.0));
    assert!(value(&view, "context_switches_per_sec").is_some());
}

#[test]
fn events_that_do_not_open_are_named_with_reason_and_cure() {
    let (view, collector) = view(10);
    assert_eq!(value(&view, "l1d_loads_per_sec"), None);
    let [gap] = collector.gaps() else { panic!("{:?}", collector.gaps()) };
    assert!(gap.what.starts_with("cache events: L1-dcache-loads, "), "{}", gap.what);
    assert_eq!(gap.reason, "this CPU or virtual machine has no counter for it");
    assert!(gap.cure.as_ref().unwrap().contains("pmu=on"));
}

#[test]
fn a_forbidden_event_says_which_permission_is_missing() {
    let host = Host::new("server");
    let clock = Arc::new(AtomicU64::new(0));
    let fake =
        Fake { clock, running_tenths: 10, refusal: nix::libc::EACCES, opened: Arc::default() };
    let mut collector = PerfEvents::with_source(&host.roots(), Box::new(fake));
    let mut frame = Frame::new(collector.tables());
    collector.collect(&mut frame.blocks).unwrap();
    let gap = &collector.gaps()[0];
    assert!(gap.reason.contains("perf_event_paranoid is 2"), "{}", gap.reason);
    assert!(gap.cure.as_ref().unwrap().contains("CAP_PERFMON"));
}

#[test]
fn counters_that_stopped_for_good_are_opened_anew() {
    let host = Host::new("server");
    let (clock, opened) = (Arc::new(AtomicU64::new(10)), Arc::new(AtomicU64::new(0)));
    let fake = Fake {
        clock: Arc::clone(&clock),
        running_tenths: 10,
        refusal: nix::libc::ENOENT,
        opened: Arc::clone(&opened),
    };
    let mut collector = PerfEvents::with_source(&host.roots(), Box::new(fake));
    let mut frame = Frame::new(collector.tables());
    let mut collect = || {
        frame.blocks[0].clear();
        collector.collect(&mut frame.blocks).unwrap();
        frame.blocks[0].row(0).is_some_and(|row| row[0] != perfwatch_core::MISSING)
    };
    assert!(collect());
    let at_first = opened.load(Ordering::Relaxed);
    clock.store(15, Ordering::Relaxed);
    assert!(collect());
    assert_eq!(opened.load(Ordering::Relaxed), at_first);
    // The clock of the counters stands still, as after a suspend that unplugged their CPUs.
    assert!(!collect(), "what no longer counts is not shown as counted");
    clock.store(20, Ordering::Relaxed);
    assert!(collect());
    assert_eq!(opened.load(Ordering::Relaxed), 2 * at_first);
}
