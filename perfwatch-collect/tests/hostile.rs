//! Truncated and strange kernel files: one collector degrades, the rest goes on.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests may")]

mod support;

use std::{fs, panic};

use perfwatch_collect::{MetricsAggregator, Status};
use perfwatch_core::{MISSING, View};
use proptest::prelude::*;
use support::{Host, file_collectors, frame, settle};

const FILES: [&str; 12] = [
    "proc/stat",
    "proc/loadavg",
    "proc/meminfo",
    "proc/vmstat",
    "proc/diskstats",
    "proc/1/net/dev",
    "proc/1/net/snmp",
    "proc/1/net/netstat",
    "proc/1/net/sockstat",
    "proc/pressure/cpu",
    "proc/pressure/io",
    "proc/pressure/irq",
];

/// No value may be negative: nothing here counts below zero, and a rate below zero is a bug.
fn check(view: &View, what: &str) {
    view.for_each_row(|table, key, values| {
        for (column, &value) in table.columns.iter().zip(values) {
            let fine = value == MISSING || value >= 0;
            assert!(fine, "{what}: {}[{key}].{} = {value}", table.name, column.name);
        }
    });
}

#[test]
fn a_file_cut_anywhere_degrades_its_collector_only() {
    let host = Host::new("server");
    let mut collectors = file_collectors(&host.roots());
    settle(&collectors);
    let whole = frame(&mut collectors, 1000);
    let rows = |frame: &perfwatch_core::Frame| -> Vec<usize> {
        frame.blocks.iter().map(|block| block.keys().len()).collect()
    };
    for file in FILES {
        let path = host.path(file);
        let content = fs::read(&path).unwrap();
        for cut in 0..content.len() {
            fs::write(&path, &content[..cut]).unwrap();
            let now = frame(&mut collectors, 1010);
            let mut view = View::default();
            view.update(Some(&whole), &now);
            check(&view, file);
            let lost: Vec<_> = whole
                .blocks
                .iter()
                .zip(rows(&whole).iter().zip(rows(&now)))
                .filter(|(_, (before, after))| **before > *after)
                .map(|(block, _)| block.table().metric_type())
                .collect();
            assert!(lost.windows(2).all(|pair| pair[0] == pair[1]), "{file} at {cut}: {lost:?}");
        }
        fs::write(&path, &content).unwrap();
    }
}

#[test]
fn the_aggregator_goes_on_when_trees_are_empty() {
    let empty = tempfile::TempDir::new().unwrap();
    let root = empty.path().to_owned();
    let roots =
        perfwatch_collect::Roots { procfs: root.clone(), sysfs: root.clone(), rootfs: root };
    let mut host = MetricsAggregator::new(&roots);
    host.settle(std::time::Duration::from_secs(10));
    host.collect_all();
    for state in host.states() {
        assert_eq!(state.status, Status::Unavailable, "{}", state.name);
        assert!(state.reason.is_some_and(|reason| reason.len() > 10), "{}", state.name);
    }
    // Its own cost is known wherever the host's files are.
    let monitor = host.view().block("monitor").unwrap();
    assert!(monitor.get("", "resident_bytes").unwrap().get().is_some());
}

#[test]
fn a_collector_that_panics_is_named_and_the_others_go_on() {
    struct Panicking;
    perfwatch_core::metric_table! {
        /// A table of a test.
        table broken: broken {
            /// Never written.
            nothing: Gauge Count,
        }
    }
    impl perfwatch_collect::BaseCollector for Panicking {
        fn name(&self) -> &'static str {
            "broken"
        }
        fn tables(&self) -> &'static [&'static perfwatch_core::Table] {
            static TABLES: [&perfwatch_core::Table; 1] = [&broken::TABLE];
            &TABLES
        }
        fn collect(
            &mut self,
            _: &mut [perfwatch_core::Block],
        ) -> Result<(), perfwatch_collect::CollectError> {
            panic!("on purpose")
        }
    }
    let quiet = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let host = Host::new("server");
    let mut all = vec![Box::new(Panicking) as Box<dyn perfwatch_collect::BaseCollector>];
    all.extend(file_collectors(&host.roots()));
    let mut aggregator = MetricsAggregator::with_collectors(all);
    aggregator.collect_all();
    panic::set_hook(quiet);
    let states = aggregator.states();
    assert_eq!(states[0].status, Status::Failed);
    assert_eq!(states[0].reason.as_deref(), Some("the collector panicked: on purpose"));
    assert!(aggregator.view().block("memory").unwrap().get("", "total_bytes").is_some());
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Anything may stand in a file: NUL, no UTF-8, numbers beyond 64 bits, minus signs.
    #[test]
    fn strange_bytes_never_panic(
        file in proptest::sample::select(&FILES[..]),
        at in any::<prop::sample::Index>(),
        strange in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40),
            Just(b"18446744073709551615".to_vec()),
            Just(b"99999999999999999999999".to_vec()),
            Just(b" -1 ".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"\0".to_vec()),
        ],
        replaced in 0_usize..30,
    ) {
        let host = Host::new("server");
        let mut collectors = file_collectors(&host.roots());
        let before = frame(&mut collectors, 1000);
        let path = host.path(file);
        let mut content = fs::read(&path).unwrap();
        let start = at.index(content.len());
        let end = (start + replaced).min(content.len());
        content.splice(start..end, strange);
        fs::write(&path, content).unwrap();
        let now = frame(&mut collectors, 1010);
        let mut view = View::default();
        view.update(Some(&before), &now);
        check(&view, file);
    }
}
