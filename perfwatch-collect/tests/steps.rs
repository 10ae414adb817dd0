//! Counters and clocks that step: no spike, nothing below zero, nothing beyond what the hardware
//! could do.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests may")]

mod support;

use std::fs;

use perfwatch_collect::BaseCollector;
use perfwatch_core::{Column, Decimal, Frame, MISSING, Per, Source, Table, View};
use support::{Host, check_bounds, file_collectors, frame, settle};

/// The small server and what was last seen of it.
struct Watched {
    host: Host,
    collectors: Vec<Box<dyn BaseCollector>>,
    second: u64,
    before: Frame,
}

impl Watched {
    /// Seen once, at the first moment.
    fn new() -> Self {
        let host = Host::new("server");
        let mut collectors = file_collectors(&host.roots());
        settle(&collectors);
        let before = frame(&mut collectors, 1000);
        Self { host, collectors, second: 1000, before }
    }

    /// Writes something else in place of a part of a file.
    fn edit(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.host.path(file)).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        fs::write(self.host.path(file), text.replacen(from, to, 1)).unwrap();
    }

    /// The view 10 seconds later, with the clocks moved as told.
    fn step(&mut self, clocks: impl FnOnce(&mut Frame)) -> View {
        self.second += 10;
        let mut now = frame(&mut self.collectors, self.second);
        now.suspended_ns = self.before.suspended_ns;
        clocks(&mut now);
        let mut view = View::default();
        view.update(Some(&self.before), &now);
        self.before = now;
        check(&view);
        view
    }

    fn look(&mut self) -> View {
        self.step(|_| {})
    }
}

/// No card, disk or kernel of this server does more than this in a second, in bytes or events.
/// (Ten gigabits are 1.25 GB.)
const FASTEST: f64 = 1.25e9;

fn check(view: &View) {
    check_bounds(view, "steps");
    view.for_each_row(|table, key, values| {
        for (column, &value) in table.columns.iter().zip(values) {
            let value = Decimal { value, decimals: column.unit.decimals() }.get();
            let fine = value.is_none_or(|value| value <= FASTEST);
            let level = matches!(column.source, Source::Level(_));
            let rate = !level && column.name.ends_with("_per_sec");
            assert!(fine || !rate, "{}[{key}].{} = {value:?}", table.name, column.name);
        }
    });
}

fn value(view: &View, table: &str, key: &str, column: &str) -> Option<f64> {
    view.block(table)?.get(key, column)?.get()
}

const STAT: &str = "proc/stat";
const DEV: &str = "proc/1/net/dev";
const RECEIVED: &str = "bytes_recv_per_sec";

#[test]
fn a_counter_that_starts_anew_has_no_rate_and_the_others_keep_theirs() {
    let mut host = Watched::new();
    host.host.later();
    host.edit(STAT, "ctxt 5050000", "ctxt 10");
    host.edit(DEV, "eth0: 130000000", "eth0: 1000");
    let view = host.look();
    assert_eq!(value(&view, "cpu", "", "context_switches_per_sec"), None);
    assert_eq!(value(&view, "cpu", "", "interrupts_per_sec"), Some(1000.0));
    assert_eq!(value(&view, "network.interfaces", "eth0", RECEIVED), None);
    assert_eq!(value(&view, "network", "", RECEIVED), Some(1_250_000.0), "eth1 alone");
    host.edit(STAT, "ctxt 10", "ctxt 1010");
    host.edit(DEV, "eth0: 1000", "eth0: 6000");
    let view = host.look();
    assert_eq!(value(&view, "cpu", "", "context_switches_per_sec"), Some(100.0));
    assert_eq!(value(&view, "network", "", RECEIVED), Some(500.0));
}

#[test]
fn milliseconds_wrap_at_32_bits() {
    let mut host = Watched::new();
    host.host.later();
    let view = host.look();
    // 4294967290 to 34 are 40 ms for 10 reads; 4294967000 to 44 are 340 ms in 10 s.
    assert_eq!(value(&view, "disk.devices", "sdb", "read_latency_ms"), Some(4.0));
    assert_eq!(value(&view, "disk.devices", "sdb", "queue_length"), Some(0.03));
    assert_eq!(value(&view, "disk", "", "read_latency_ms"), Some(0.114), "2290 ms, 20,110 reads");
}

#[test]
fn a_disk_that_was_changed_for_another_does_not_wrap() {
    let mut host = Watched::new();
    host.host.later();
    host.edit("proc/diskstats", "sdb 510 0 40800 34", "sdb 5 0 40 3");
    let view = host.look();
    for column in ["reads_per_sec", "read_latency_ms", "queue_length"] {
        assert_eq!(value(&view, "disk.devices", "sdb", column), None, "{column}");
    }
    assert_eq!(value(&view, "disk.devices", "sda", "reads_per_sec"), Some(10.0));
}

#[test]
fn waiting_and_idling_may_step_back_a_little() {
    for (from, to, column) in
        [("90380 310", "90380 290", "iowait_percent"), ("90380 310", "89980 310", "idle_percent")]
    {
        let mut host = Watched::new();
        host.host.later();
        host.edit(STAT, from, to);
        let view = host.look();
        assert_eq!(value(&view, "cpu.cores", "0", column), Some(0.0));
        // What is left makes the whole.
        let shares = ["user", "system", "idle", "iowait", "softirq", "guest"];
        let share = |name: &str| value(&view, "cpu.cores", "0", &format!("{name}_percent"));
        let sum: f64 = shares.iter().map(|name| share(name).unwrap()).sum();
        assert!((sum - 100.0).abs() < 0.05, "{sum}");
    }
}

#[test]
fn a_cpu_is_unplugged_and_plugged_in_again() {
    let mut host = Watched::new();
    host.host.later();
    host.look();
    let line = "cpu1 12100 0 5020 88858 190 0 32 520 0 0\n";
    host.edit(STAT, line, "");
    let view = host.look();
    assert_eq!(value(&view, "cpu", "", "online_cores"), Some(2.0));
    assert_eq!(value(&view, "cpu.cores", "1", "usage_percent"), None);
    host.edit(STAT, "cpu2", &format!("{line}cpu2"));
    let view = host.look();
    assert_eq!(value(&view, "cpu", "", "online_cores"), Some(3.0));
    assert_eq!(value(&view, "cpu.cores", "1", "online"), Some(1.0));
    assert_eq!(value(&view, "cpu.cores", "1", "usage_percent"), None, "it was just plugged in");
    host.edit(STAT, "cpu1 12100 0 5020 88858", "cpu1 12600 0 5020 89358");
    let view = host.look();
    assert_eq!(value(&view, "cpu.cores", "1", "usage_percent"), Some(50.0));
}

#[test]
fn a_cpu_that_was_away_between_two_looks_starts_anew() {
    let mut host = Watched::new();
    host.host.later();
    // The kernel counts its idle time from the plugging in; so does the line of all CPUs.
    host.edit(STAT, "cpu1 12100 0 5020 88858", "cpu1 12100 0 5020 500");
    host.edit(STAT, "cpu  31600 50 12120 275238", "cpu  31600 50 12120 186880");
    let view = host.look();
    for column in ["usage_percent", "idle_percent", "user_percent"] {
        assert_eq!(value(&view, "cpu.cores", "1", column), None, "{column}");
        assert_eq!(value(&view, "cpu", "", column), None, "{column}");
    }
    assert!(value(&view, "cpu.cores", "2", "usage_percent").is_some());
}

#[test]
fn an_interface_gets_another_name() {
    let mut host = Watched::new();
    let link = |name: &str| host.host.path(&format!("sys/class/net/{name}"));
    fs::rename(link("eth1"), link("wan0")).unwrap();
    host.host.later();
    host.edit(DEV, "eth1:", "wan0:");
    let view = host.look();
    assert_eq!(value(&view, "network.interfaces", "wan0", RECEIVED), None);
    assert_eq!(value(&view, "network.interfaces", "wan0", "physical"), Some(1.0));
    assert_eq!(value(&view, "network", "", RECEIVED), Some(12_500_000.0), "eth0 alone");
    host.edit(DEV, "wan0: 15500000", "wan0: 15510000");
    let view = host.look();
    assert_eq!(value(&view, "network.interfaces", "wan0", RECEIVED), Some(1000.0));
    assert_eq!(value(&view, "network", "", RECEIVED), Some(1000.0));
}

#[test]
fn an_interface_is_born_again_under_the_same_name() {
    let mut host = Watched::new();
    host.host.later();
    host.edit(DEV, "eth1: 15500000 12500 6", "eth1: 70 1 0");
    let view = host.look();
    assert_eq!(value(&view, "network.interfaces", "eth1", RECEIVED), None);
    assert_eq!(value(&view, "network", "", RECEIVED), Some(12_500_000.0));
    // Gone for one look, and back with less than before.
    let row = "eth1: 70 1 0 0 0 0 0 5 3500000 6500 0 4 0 0 0 0\n";
    host.edit(DEV, row, "");
    assert_eq!(value(&host.look(), "network.interfaces", "eth1", RECEIVED), None);
    host.edit(DEV, "bond0:", "eth1: 9000000 5 0 0 0 0 0 0 0 0 0 0 0 0 0 0\nbond0:");
    let view = host.look();
    assert_eq!(value(&view, "network.interfaces", "eth1", RECEIVED), None);
    assert_eq!(value(&view, "network", "", RECEIVED), Some(0.0), "its 9 MB are history");
}

/// Whether a column tells of one moment, and not of what happened between two.
fn is_level(table: &Table, column: &Column) -> bool {
    let Source::Formula(index) = column.source else {
        return matches!(column.source, Source::Level(_));
    };
    let Per::Fields(per) = &table.derived[index].per else { return false };
    let mut ids = table.derived[index].sum.iter().chain(*per);
    ids.all(|id| !table.fields[id.0].kind.is_counter())
}

/// Every value of a view, without the sizes of this machine's file systems.
fn values(view: &View) -> Vec<i64> {
    let mut all = Vec::new();
    view.for_each_row(|table, _, values| {
        if table.name != "disk.filesystems" {
            all.extend_from_slice(values);
        }
    });
    all
}

#[test]
fn the_wall_clock_steps_an_hour_either_way() {
    const HOUR_MS: i64 = 3_600_000;
    let seen = |step_ms: i64| {
        let mut host = Watched::new();
        host.host.later();
        let view = host.step(|frame| frame.timestamp_ms += step_ms);
        assert_eq!(view.timestamp_ms, 1_010_000 + step_ms);
        values(&view)
    };
    let steady = seen(0);
    assert_eq!(seen(HOUR_MS), steady);
    assert_eq!(seen(-HOUR_MS), steady);
}

#[test]
fn no_rate_spans_a_suspend() {
    let mut host = Watched::new();
    host.host.later();
    let view = host.step(|frame| frame.suspended_ns += 3_600_000_000_000);
    view.for_each_row(|table, key, values| {
        for (column, &value) in table.columns.iter().zip(values) {
            let missing = value == MISSING;
            assert!(missing || is_level(table, column), "{}[{key}].{}", table.name, column.name);
        }
    });
    assert_eq!(value(&view, "cpu", "", "tasks_running"), Some(5.0));
    let view = host.look();
    assert_eq!(value(&view, "network", "", RECEIVED), Some(0.0), "nothing moved since it woke");
    host.edit(DEV, "eth0: 130000000", "eth0: 130005000");
    assert_eq!(value(&host.look(), "network", "", RECEIVED), Some(500.0));
}
