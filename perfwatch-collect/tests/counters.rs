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
    perf_events::{
        Config, CounterGroup, CounterSource, Event, KernelCounters, PerfEvents, PmuEvent, Reading,
        groups,
    },
};
use perfwatch_core::{Frame, View};
use support::{
    Host, Tree,
    counters::{Hands, Rates, config, refused},
};

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
    let [gap, top_down] = collector.gaps() else { panic!("{:?}", collector.gaps()) };
    assert_eq!(top_down.what, "top-down analysis");
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

/// A view of two moments 5 s apart of a host made of these files.
fn view_of(files: &[(&str, &str)], rate: Rate) -> (View, PerfEvents, Hands) {
    let host = Tree::new();
    for (file, content) in files {
        host.write(&format!("sys/{file}"), content);
    }
    let (source, hands) = Rates::new(rate);
    let mut collector = PerfEvents::with_source(&host.roots(), source);
    let mut frames = [Frame::new(collector.tables()), Frame::new(collector.tables())];
    for (frame, seconds) in frames.iter_mut().zip([10, 20]) {
        hands.clock.store(seconds, Ordering::Relaxed);
        collector.collect(&mut frame.blocks).unwrap();
        frame.blocks[0].set_read_at(seconds * 1_000_000_000);
    }
    let mut view = View::default();
    view.update(Some(&frames[0]), &frames[1]);
    (view, collector, hands)
}

type Rate = fn(u32, &[Event], Event) -> io::Result<u64>;

const ONLINE: &str = "devices/system/cpu/online";
const SLOTS: u64 = 0x400;

macro_rules! top_down_pmu {
    ($name:literal, $number:literal) => {
        [
            (concat!("bus/event_source/devices/", $name, "/type"), $number),
            (concat!("bus/event_source/devices/", $name, "/format/event"), "config:0-7\n"),
            (concat!("bus/event_source/devices/", $name, "/format/umask"), "config:8-15\n"),
            (
                concat!("bus/event_source/devices/", $name, "/events/slots"),
                "event=0x00,umask=0x4\n",
            ),
            (
                concat!("bus/event_source/devices/", $name, "/events/topdown-retiring"),
                "event=0x00,umask=0x80\n",
            ),
            (
                concat!("bus/event_source/devices/", $name, "/events/topdown-bad-spec"),
                "event=0x00,umask=0x81\n",
            ),
            (
                concat!("bus/event_source/devices/", $name, "/events/topdown-fe-bound"),
                "event=0x00,umask=0x82\n",
            ),
            (
                concat!("bus/event_source/devices/", $name, "/events/topdown-be-bound"),
                "event=0x00,umask=0x83\n",
            ),
        ]
    };
}

/// As the kernel has it: a part of the slots opens only in a group that `slots` leads.
fn slots(group: &[Event], config_now: u64) -> io::Result<u64> {
    let led = group.first().and_then(|event| config(*event)).is_some_and(|(_, led)| led == SLOTS);
    match config_now {
        _ if !led => refused(nix::libc::EINVAL),
        SLOTS => Ok(10_000),
        0x8000 => Ok(4_000),
        0x8100 => Ok(500),
        0x8200 => Ok(2_500),
        0x8300 => Ok(3_000),
        _ => refused(nix::libc::ENOENT),
    }
}

const PARTS: [&str; 4] = [
    "retiring_percent",
    "bad_speculation_percent",
    "frontend_bound_percent",
    "backend_bound_percent",
];

#[test]
fn top_down_parts_are_one_group_led_by_slots_and_sum_to_the_whole() {
    let mut files = vec![(ONLINE, "0-1\n")];
    files.extend(top_down_pmu!("cpu", "4\n"));
    let (view, collector, hands) = view_of(&files, |_, group, event| match config(event) {
        Some((4, config)) => slots(group, config),
        _ => Ok(1_000),
    });
    let parts = PARTS.map(|part| value(&view, part).unwrap());
    assert_eq!(parts, [40.0, 5.0, 25.0, 30.0]);
    assert_eq!(value(&view, "slots_per_sec"), Some(20_000.0));
    assert_eq!(collector.gaps(), []);
    let opened = hands.opened.lock().unwrap();
    let top_down = opened.iter().filter(|(_, events)| config(events[0]).is_some());
    assert_eq!(top_down.count(), 2, "one group for each CPU");
    // All groups and the top-down one on two CPUs, twice.
    let reads = 2 * 2 * (groups().count() as u64 + 1);
    assert_eq!(hands.reads.load(Ordering::Relaxed), reads, "a read per group, CPU and tick");
}

#[test]
fn a_part_that_the_pmu_encodes_oddly_is_named_with_its_file() {
    let mut files = vec![(ONLINE, "0\n")];
    files.extend(top_down_pmu!("cpu", "4\n"));
    files.push(("bus/event_source/devices/cpu/events/topdown-be-bound", "event=0,metric=3\n"));
    let (view, collector, _) = view_of(&files, |_, _, _| Ok(1));
    assert_eq!(value(&view, "retiring_percent"), None);
    let [gap] = collector.gaps() else { panic!("{:?}", collector.gaps()) };
    assert!(gap.reason.contains("cpu/events/topdown-be-bound"), "{gap:?}");
    assert!(gap.reason.ends_with("a term is not among the PMU's formats"), "{gap:?}");
}

const CORE: &str = "bus/event_source/devices/cpu_core/cpus";

fn hybrid() -> Vec<(&'static str, &'static str)> {
    let mut files = vec![
        (ONLINE, "0-5\n"),
        (CORE, "0-1\n"),
        ("bus/event_source/devices/cpu_atom/cpus", "2-5\n"),
        ("bus/event_source/devices/cpu_atom/type", "10\n"),
    ];
    files.extend(top_down_pmu!("cpu_core", "4\n"));
    files
}

#[test]
fn a_hybrid_host_counts_each_kind_of_core_by_its_own_pmu_and_adds_them() {
    let (view, collector, hands) = view_of(&hybrid(), |cpu, group, event| {
        let kind = if cpu < 2 { 4 } else { 10 };
        match config(event) {
            None if matches!(event, Event::Software(_)) => Ok(1_000),
            None => refused(nix::libc::ENOENT),
            Some((4, config)) => slots(group, config),
            // Hardware and cache events name the PMU in the upper half; cycles are event 0.
            Some((0 | 3, config)) if config >> 32 != kind => refused(nix::libc::ENOENT),
            Some((0, config)) if config & 0xff == 0 => Ok(kind * 1_000),
            Some((0, _)) => Ok(kind * 500),
            // Reads of the first-level data cache that missed: 0 | 0 << 8 | 1 << 16.
            Some((3, config)) if config as u32 == 0x1_0000 => Ok(7),
            // The small cores have no counter for reads of it.
            Some((3, config)) if config as u32 == 0 && kind == 10 => refused(nix::libc::ENOENT),
            Some((3, _)) => Ok(70),
            Some(_) => refused(nix::libc::ENOENT),
        }
    });
    assert_eq!(value(&view, "cycles_per_sec"), Some(48_000.0));
    assert_eq!(value(&view, "ipc"), Some(0.5));
    assert_eq!(value(&view, "l1d_load_misses_per_sec"), Some(42.0));
    assert_eq!(value(&view, "l1d_loads_per_sec"), None, "a sum over some of the CPUs is none");
    assert_eq!(value(&view, "slots_per_sec"), Some(20_000.0));
    assert_eq!(value(&view, "context_switches_per_sec"), Some(6_000.0));
    let [gap] = collector.gaps() else { panic!("{:?}", collector.gaps()) };
    assert_eq!(gap.what, "cache events: L1-dcache-loads");
    let opened = hands.opened.lock().unwrap();
    let top_down = opened.iter().filter(|(_, events)| events.len() == 5).map(|(cpu, _)| *cpu);
    assert_eq!(top_down.collect::<Vec<_>>(), [0, 1], "only the large cores have slots");
}

#[test]
fn descriptors_are_left_for_others() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 1024, hard).unwrap();
    let (_, collector, hands) = view_of(&[(ONLINE, "0-99\n")], |_, _, _| Ok(1));
    let gap = &collector.gaps()[0];
    assert!(gap.reason.starts_with("too few file descriptors"), "{gap:?}");
    assert!(gap.cure.as_ref().unwrap().contains("LimitNOFILE"));
    // What was opened on the first CPU alone, to see whether it opens, is closed again.
    let opened = hands.opened.lock().unwrap();
    let open = opened.iter().filter(|(cpu, _)| *cpu > 0).map(|(_, events)| events.len());
    assert_eq!(open.sum::<usize>(), 99 * 5, "at most half of 1024 on 100 CPUs");
}

#[test]
fn the_kernel_takes_an_event_by_the_number_of_its_pmu() {
    // PERF_TYPE_SOFTWARE is a PMU that every kernel has, and its event 0 is the CPU's clock.
    let clock = Event::Pmu(PmuEvent { pmu: 1, config: Config::default() });
    let by_name = Event::Software(perf_event::events::Software::CPU_CLOCK);
    let opened = [by_name, clock].map(|event| KernelCounters.open(0, &[event]).ok());
    // Where the kernel gives no counters to this user, neither opens.
    let counted = opened.map(|group| {
        std::thread::sleep(std::time::Duration::from_millis(2));
        group.map(|mut group| group.read().unwrap().counts[0] > 1_000_000)
    });
    assert_eq!(counted[0], counted[1]);
    assert_ne!(counted[1], Some(false), "it counts");
}
