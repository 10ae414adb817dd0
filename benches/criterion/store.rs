//! Appending one frame to a store, beside the least that keeping it can cost: a copy in memory, or
//! on disk one write of its values and one `fdatasync`, which a durable commit cannot do without.
#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run must stop")]

use std::{fs::File, os::unix::fs::FileExt, sync::Arc, time::Duration};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use perfwatch_benches::{Host, hosts};
use perfwatch_collect::MetricsAggregator;
use perfwatch_core::View;
use perfwatch_store::{Record, Store, open};
use tokio::runtime::{Builder, Runtime};

const INTERVAL_MS: i64 = 5000;

fn append(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    for host in &hosts().unwrap() {
        let mut frames = Frames::of(host);
        in_memory(criterion, host, &runtime, &mut frames);
        on_disk(criterion, host, &runtime, &mut frames);
    }
}

fn in_memory(criterion: &mut Criterion, host: &Host, runtime: &Runtime, frames: &mut Frames) {
    let mut group = criterion.benchmark_group(format!("{}/append to memory", host.name));
    group.sample_size(20).measurement_time(Duration::from_secs(2));
    group.bench_function("floor: copy", |bencher| {
        bencher.iter(|| {
            let copy = frames.view.clone();
            assert!(!copy.blocks.is_empty());
            copy
        });
    });
    let store = runtime.block_on(open("memory:")).unwrap().store;
    group.bench_function("append", |bencher| append_each(bencher, runtime, &*store, frames));
    frames.check(runtime, &*store);
}

fn on_disk(criterion: &mut Criterion, host: &Host, runtime: &Runtime, frames: &mut Frames) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut group = criterion.benchmark_group(format!("{}/append to SQLite", host.name));
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    let file = File::create(folder.path().join("floor")).unwrap();
    let values = frames.values();
    // Written over themselves: a file that grows would make the file system write more.
    file.write_all_at(&values, 0).unwrap();
    file.sync_all().unwrap();
    group.bench_function("floor: write and fdatasync", |bencher| {
        bencher.iter(|| {
            file.write_all_at(&values, 0).unwrap();
            file.sync_data().unwrap();
        });
    });
    assert_eq!(file.metadata().unwrap().len(), values.len() as u64);
    let url = format!("sqlite:{}", folder.path().join("bench.db").display());
    let store = runtime.block_on(open(&url)).unwrap().store;
    group.bench_function("append", |bencher| append_each(bencher, runtime, &*store, frames));
    frames.check(runtime, &*store);
    runtime.block_on(store.close());
}

fn append_each(
    bencher: &mut criterion::Bencher<'_>,
    runtime: &Runtime,
    store: &dyn Store,
    frames: &mut Frames,
) {
    bencher.iter_batched(
        || frames.next(),
        |record| runtime.block_on(store.append(&[record])).unwrap(),
        BatchSize::PerIteration,
    );
}

/// Frames of one host, each later than the one before.
struct Frames {
    view: View,
    made: u64,
}

impl Frames {
    fn of(host: &Host) -> Self {
        let mut aggregator = MetricsAggregator::new(&host.roots);
        aggregator.collect_all();
        std::thread::sleep(Duration::from_millis(100));
        aggregator.collect_all();
        Self { view: aggregator.view().clone(), made: 0 }
    }

    fn next(&mut self) -> Record {
        self.view.timestamp_ms += INTERVAL_MS;
        self.made += 1;
        Record::new("bench", Arc::new(self.view.clone()))
    }

    /// All values as plain bytes.
    fn values(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.view.for_each_row(|_, _, values| {
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        });
        bytes
    }

    /// Everything that was appended must be there, unless the store's ring is full.
    fn check(&mut self, runtime: &Runtime, store: &dyn Store) {
        if self.made == 0 {
            // The command line's filter left this one out.
            return;
        }
        let usage = runtime.block_on(store.usage()).unwrap();
        assert!(usage.frames > 0 && usage.frames <= self.made, "{usage:?} of {}", self.made);
        assert_eq!(usage.newest_ms, Some(self.view.timestamp_ms), "the newest frame is missing");
        self.made = 0;
    }
}

criterion_group!(benches, append);
criterion_main!(benches);
