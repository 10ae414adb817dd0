//! Sources that hang and collectors that panic delay nobody.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "only a test")]

mod support;

use std::{
    fs, panic,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use perfwatch_collect::{
    BaseCollector, CollectError, Latest, MetricsAggregator, Sampler, Status, blocks_of,
};
use perfwatch_core::{Block, Frame, MISSING, Table, metric_table};
use support::{Host, file_collectors, settle};

metric_table! {
    /// What a file says that is read on a thread of its own.
    table hanging: hanging {
        /// Bytes of the file.
        bytes: Gauge Bytes,
    }
}

metric_table! {
    /// Never written.
    table broken: broken {
        /// Nothing.
        nothing: Gauge Count,
    }
}

/// Shows the size of a file that its slow thread reads.
struct Hanging(Latest<u64>);

impl Hanging {
    /// `answers` counts what the file said so far.
    fn new(path: PathBuf, answers: &Arc<AtomicU64>) -> Self {
        let answers = Arc::clone(answers);
        let read = move || {
            let bytes = fs::read(&path).map_or(0, |bytes| bytes.len() as u64);
            answers.fetch_add(1, Ordering::SeqCst);
            bytes
        };
        Self(Latest::spawn("hanging", Duration::from_secs(3600), read).unwrap())
    }
}

impl BaseCollector for Hanging {
    fn name(&self) -> &'static str {
        "hanging"
    }

    fn tables(&self) -> &'static [&'static Table] {
        static TABLES: [&Table; 1] = [&hanging::TABLE];
        &TABLES
    }

    fn collect(&mut self, blocks: &mut [Block]) -> Result<(), CollectError> {
        let [block] = blocks_of(blocks)?;
        self.0.with(|&bytes| block.host_row().set(hanging::bytes, bytes));
        Ok(())
    }

    fn settled(&self) -> bool {
        self.0.is_there()
    }
}

/// Panics whenever it is asked.
struct Panicking;

impl BaseCollector for Panicking {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn tables(&self) -> &'static [&'static Table] {
        static TABLES: [&Table; 1] = [&broken::TABLE];
        &TABLES
    }

    fn collect(&mut self, _: &mut [Block]) -> Result<(), CollectError> {
        panic!("on purpose")
    }
}

/// How many readings the collectors that are well left in a frame.
fn readings(frame: &Frame) -> usize {
    let well =
        |block: &&Block| !["hanging", "broken", "monitor"].contains(&block.table().metric_type());
    let there = |block: &Block| -> usize {
        let rows = (0..block.keys().len()).filter_map(|row| block.row(row));
        rows.flatten().filter(|value| **value != MISSING).count()
    };
    frame.blocks.iter().filter(well).map(there).sum()
}

/// What one tick looked like.
struct Seen {
    answers: u64,
    readings: usize,
    missed: u64,
    lateness: Duration,
}

const EACH: usize = 10;
const TICKS: usize = 30;
/// Long enough for a busy machine: the test is about waiting, not about speed.
const INTERVAL: Duration = Duration::from_millis(200);

/// FIFOs without a writer: opening one to read it hangs.
fn fifos(host: &Host) -> Vec<PathBuf> {
    let make = |number| {
        let path = host.path(&format!("fifo{number}"));
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        path
    };
    (0..EACH).map(make).collect()
}

#[test]
fn twenty_that_hang_or_panic_delay_nobody() {
    let host = Host::new("server");
    let fifos = fifos(&host);
    let answers = Arc::new(AtomicU64::new(0));
    let well = file_collectors(&host.roots());
    settle(&well);
    let mut alone = MetricsAggregator::with_collectors(file_collectors(&host.roots()));
    alone.settle(Duration::from_secs(10));
    let expected = readings(alone.collect_all());

    let mut all: Vec<Box<dyn BaseCollector>> = Vec::new();
    for path in &fifos {
        all.push(Box::new(Hanging::new(path.clone(), &answers)));
        all.push(Box::new(Panicking));
    }
    all.extend(well);
    let seen = watch(MetricsAggregator::with_collectors(all), &answers);

    assert_eq!(seen.len(), TICKS);
    for tick in &seen {
        assert_eq!(tick.answers, 0, "the files were still hanging");
        assert!(tick.readings >= expected, "{} of {expected}", tick.readings);
    }
    assert_eq!(seen.last().unwrap().missed, 0);
    let mut lateness: Vec<_> = seen.iter().map(|tick| tick.lateness).collect();
    lateness.sort_unstable();
    println!(
        "lateness of {TICKS} ticks beside {} bad collectors: half {:?}, worst {:?}",
        2 * EACH,
        lateness[TICKS / 2],
        lateness[TICKS - 1]
    );
    release(&fifos, &answers);
}

/// Runs the sampler and looks at each tick; collectors that panic are known as failed.
fn watch(aggregator: MetricsAggregator, answers: &Arc<AtomicU64>) -> Vec<Seen> {
    let quiet = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let (sender, ticks) = mpsc::channel();
    let answers = Arc::clone(answers);
    let sampler = Sampler::spawn(aggregator, INTERVAL, move |tick| {
        let failed = tick.aggregator.states();
        let failed = failed.iter().filter(|state| state.status == Status::Failed).count();
        let seen = Seen {
            answers: answers.load(Ordering::SeqCst),
            readings: if failed == EACH { readings(tick.aggregator.frame()) } else { 0 },
            missed: tick.missed,
            lateness: tick.lateness,
        };
        let _ = sender.send(seen);
    });
    let seen = ticks.iter().take(TICKS).collect();
    sampler.unwrap().stop();
    panic::set_hook(quiet);
    seen
}

/// Opens the FIFOs for writing: all of them hung until now, so each thread answers only now.
fn release(fifos: &[PathBuf], answers: &AtomicU64) {
    for path in fifos {
        fs::write(path, b"alive").unwrap();
    }
    let answered = || answers.load(Ordering::SeqCst) == EACH as u64;
    assert!((0..2000).any(|_| {
        thread::sleep(Duration::from_millis(5));
        answered()
    }));
}
