//! A view as JSON and a frame as Prometheus text, each beside the copying of as many bytes.
#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run must stop")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use perfwatch_benches::hosts;
use perfwatch_collect::MetricsAggregator;
use perfwatch_core::prometheus;

fn encode(criterion: &mut Criterion) {
    for host in &hosts().unwrap() {
        let mut aggregator = MetricsAggregator::new(&host.roots);
        aggregator.collect_all();
        std::thread::sleep(std::time::Duration::from_millis(100));
        aggregator.collect_all();
        let json = |out: &mut Vec<u8>| serde_json::to_writer(out, aggregator.view()).unwrap();
        encoder(criterion, &format!("{}/view as JSON", host.name), json);
        let exposition = |out: &mut Vec<u8>| {
            let mut text = String::from_utf8(std::mem::take(out)).unwrap();
            prometheus::write_frame(aggregator.frame(), &mut text);
            *out = text.into_bytes();
        };
        encoder(criterion, &format!("{}/frame as Prometheus", host.name), exposition);
    }
}

fn encoder(criterion: &mut Criterion, name: &str, encode: impl Fn(&mut Vec<u8>)) {
    let mut expected = Vec::new();
    encode(&mut expected);
    assert!(expected.len() > 1000, "{name} is too short");
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Bytes(expected.len() as u64));
    let mut out = Vec::with_capacity(expected.len());
    group.bench_function("floor: copy", |bencher| {
        bencher.iter(|| {
            out.clear();
            out.extend_from_slice(black_box(&expected));
            assert_eq!(out.len(), expected.len());
        });
    });
    group.bench_function("encode", |bencher| {
        bencher.iter(|| {
            out.clear();
            encode(&mut out);
            assert_eq!(out.len(), expected.len());
        });
    });
    // The command line's filter may have left it out.
    assert!(out.is_empty() || out == expected, "{name} changed");
}

criterion_group!(benches, encode);
criterion_main!(benches);
