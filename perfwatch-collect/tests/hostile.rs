//! Truncated and strange kernel files: one collector degrades, the rest goes on.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests may")]

mod support;

use std::{collections::BTreeSet, fs, panic};

use perfwatch_collect::{BaseCollector, MetricsAggregator, Status};
use perfwatch_core::{Frame, View};
use support::{Host, check_bounds, file_collectors, frame, settle};

/// What may stand where a number should.
const STRANGE: [&[u8]; 6] =
    [b"18446744073709551615", b"18446744073709551616", b"-1", b"1e999", b"\0", b"\xff"];

/// Puts `strange` in place of every number, or of the numbers of one line only.
fn with_numbers(content: &[u8], strange: &[u8], only: Option<usize>) -> Vec<u8> {
    let mut result = Vec::new();
    for (index, line) in content.split_inclusive(|&byte| byte == b'\n').enumerate() {
        if only.is_some_and(|only| only != index) {
            result.extend_from_slice(line);
            continue;
        }
        let mut before = b' ';
        let mut inside = false;
        for &byte in line {
            let starts = byte.is_ascii_digit() && !before.is_ascii_alphanumeric();
            if starts {
                result.extend_from_slice(strange);
            }
            inside = starts || (inside && byte.is_ascii_digit());
            if !inside {
                result.push(byte);
            }
            before = byte;
        }
    }
    result
}

/// What a file may hold one day.
fn variants(content: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut variants = vec![
        ("empty".to_owned(), Vec::new()),
        ("NUL only".to_owned(), vec![0; content.len().max(1)]),
        ("twice".to_owned(), content.repeat(2)),
        ("no text before".to_owned(), [b"\xff\xfe", content].concat()),
        ("no line".to_owned(), content.iter().copied().filter(|&byte| byte != b'\n').collect()),
    ];
    let lines = content.iter().filter(|&&byte| byte == b'\n').count();
    for strange in STRANGE {
        for only in [None, Some(lines / 2), lines.checked_sub(1)] {
            let changed = with_numbers(content, strange, only);
            variants.push((format!("{} in {only:?}", strange.escape_ascii()), changed));
        }
    }
    variants
}

/// Places to cut: all of them where that is quick, else a sample.
fn cuts(length: usize, all: bool) -> Vec<usize> {
    let step = if all && length < 4096 { 1 } else { (length / 12).max(1) };
    (0..length).step_by(step).collect()
}

/// The metric types whose readings differ. The sizes of file systems are this machine's.
fn changed<'a>(before: &'a Frame, now: &Frame) -> BTreeSet<&'a str> {
    let pairs = before.blocks.iter().zip(&now.blocks);
    let same = |a: &perfwatch_core::Block, b: &perfwatch_core::Block| {
        a.keys().iter().eq(b.keys().iter())
            && (0..a.keys().len()).all(|row| a.row(row) == b.row(row))
    };
    pairs
        .filter(|(a, b)| a.table().name != "disk.filesystems" && !same(a, b))
        .map(|(a, _)| a.table().metric_type())
        .collect()
}

/// A host, its collectors, and the second at which they were last asked.
struct Rig {
    host: Host,
    collectors: Vec<Box<dyn BaseCollector>>,
    second: u64,
}

impl Rig {
    fn new(host: Host) -> Self {
        let collectors = file_collectors(&host.roots());
        settle(&collectors);
        Self { host, collectors, second: 1000 }
    }

    fn frame(&mut self) -> Frame {
        self.second += 10;
        frame(&mut self.collectors, self.second)
    }

    /// Changes a file that collectors hold open, and back: every value stays possible, and at
    /// most one metric type notices.
    fn change(&mut self, file: &str, changes: &[(String, Vec<u8>)]) {
        let path = self.host.path(file);
        let whole = fs::read(&path).unwrap();
        let mut view = View::default();
        let mut before = self.frame();
        for (what, content) in changes {
            let what = format!("{file}: {what}");
            fs::write(&path, content).unwrap();
            let now = self.frame();
            view.update(Some(&before), &now);
            check_bounds(&view, &what);
            assert!(changed(&before, &now).len() <= 1, "{what}: {:?}", changed(&before, &now));
            fs::write(&path, &whole).unwrap();
            before = self.frame();
            view.update(Some(&now), &before);
            check_bounds(&view, &what);
        }
    }
}

/// Changes every file of `/proc` in every way while the collectors run.
fn change_all(name: &str, every_byte: bool) {
    let mut rig = Rig::new(Host::new(name));
    for file in rig.host.files("proc") {
        let content = fs::read(rig.host.path(&file)).unwrap();
        let mut changes = variants(&content);
        let cuts = cuts(content.len(), every_byte).into_iter();
        changes.extend(cuts.map(|cut| (format!("cut at {cut}"), content[..cut].to_vec())));
        rig.change(&file, &changes);
    }
}

/// A representative of each kind of file: names that differ in numbers only are of one kind.
fn kinds(files: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let kind = |file: &str| -> String { file.chars().filter(|c| !c.is_ascii_digit()).collect() };
    files.into_iter().filter(|file| seen.insert(kind(file))).collect()
}

/// Starts on a host where one file is not what it was: gone, a folder, or full of something else.
fn start_anew(name: &str) {
    let host = Host::new(name);
    let start = |what: &str| {
        let mut collectors = file_collectors(&host.roots());
        settle(&collectors);
        let (before, now) = (frame(&mut collectors, 1000), frame(&mut collectors, 1010));
        let mut view = View::default();
        view.update(Some(&before), &now);
        check_bounds(&view, what);
    };
    for file in kinds(["proc", "sys"].map(|tree| host.files(tree)).concat()) {
        let path = host.path(&file);
        let content = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        start(&format!("{file} is gone"));
        fs::create_dir(&path).unwrap();
        start(&format!("{file} is a folder"));
        fs::remove_dir(&path).unwrap();
        for strange in [&b"18446744073709551615"[..], b"-1", b"\xff\0", b""] {
            fs::write(&path, with_numbers(&content, strange, None)).unwrap();
            start(&format!("{file} with {}", strange.escape_ascii()));
        }
        fs::write(&path, &content).unwrap();
    }
}

macro_rules! hosts {
    ($($test:ident: $name:literal, $every_byte:literal;)+) => {
        $(mod $test {
            #[test]
            fn files_change_under_running_collectors() {
                super::change_all($name, $every_byte);
            }

            #[test]
            fn files_are_odd_from_the_start() {
                super::start_anew($name);
            }
        })+
    };
}

hosts! {
    server: "server", true;
    old_container: "old-container", true;
    vm: "vm", false;
    two_socket: "two-socket", false;
    laptop: "laptop", false;
    storage: "storage", false;
    router: "router", false;
    container: "container", false;
    kernel_4_18: "kernel-4.18", false;
    kernel_6_18: "kernel-6.18", false;
}

#[test]
fn a_line_of_ten_megabytes_is_one_collectors_trouble() {
    let mut rig = Rig::new(Host::new("server"));
    for file in rig.host.files("proc") {
        let content = fs::read(rig.host.path(&file)).unwrap();
        let long =
            |piece: &[u8]| [&content, &piece.repeat((10 << 20) / piece.len())[..], b"\n"].concat();
        let changes = [&b"7"[..], b"x: 7 "].map(|piece| ("10 MB".to_owned(), long(piece)));
        rig.change(&file, &changes);
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
