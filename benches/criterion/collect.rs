//! Each collector alone and a whole tick, each beside its floor, on this host and on a large one.
#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run must stop")]

use criterion::{Criterion, criterion_group, criterion_main};
use perfwatch_benches::{Alone, Floor, Host, hosts};
use perfwatch_collect::{MetricsAggregator, built_in};

fn collect(criterion: &mut Criterion) {
    for host in &hosts().unwrap() {
        let served: Vec<_> = built_in(&host.roots)
            .into_iter()
            .map(Alone::new)
            .filter_map(|mut alone| alone.collect().is_ok().then_some(alone))
            .collect();
        let names: Vec<_> = served.iter().map(Alone::name).collect();
        for alone in served {
            one_collector(criterion, host, alone);
        }
        whole_tick(criterion, host, &names);
    }
}

fn one_collector(criterion: &mut Criterion, host: &Host, mut alone: Alone) {
    let rows = alone.collect().unwrap();
    let values = alone.values();
    assert!(values > 0, "{} read nothing", alone.name());
    let mut group = criterion.benchmark_group(format!("{}/{}", host.name, alone.name()));
    let mut floor = Floor::of(alone.name(), &host.roots).unwrap();
    group.bench_function("floor", |bencher| {
        bencher.iter(|| assert!(floor.read().unwrap() > 0));
    });
    group.bench_function("collect", |bencher| {
        bencher.iter(|| assert!(alone.collect().unwrap() >= rows));
    });
    // A disk or a socket may come or go meanwhile; a parser that stopped reading is caught.
    assert!(alone.values() >= values / 2, "{} lost its values", alone.name());
}

fn whole_tick(criterion: &mut Criterion, host: &Host, names: &[&str]) {
    let mut group = criterion.benchmark_group(format!("{}/whole tick", host.name));
    let mut floor = Floor::of_all(names.iter().copied(), &host.roots).unwrap();
    group.bench_function("floor", |bencher| {
        bencher.iter(|| assert!(floor.read().unwrap() > 0));
    });
    let mut aggregator = MetricsAggregator::new(&host.roots);
    aggregator.collect_all();
    group.bench_function("collect_all", |bencher| {
        bencher.iter(|| {
            let cores = aggregator.collect_all().block("cpu.cores");
            assert!(cores.is_some_and(|block| !block.keys().is_empty()));
        });
    });
    let view = aggregator.view();
    let used = view.block("memory").and_then(|memory| memory.get("", "used_bytes"));
    assert!(used.and_then(|used| used.get()).is_some(), "the view has no memory.used_bytes");
}

criterion_group!(benches, collect);
criterion_main!(benches);
