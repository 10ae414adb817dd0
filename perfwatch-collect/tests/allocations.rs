//! A tick allocates nothing once it is warm.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests may")]

mod support;

use std::time::Duration;

use perfwatch_collect::{MetricsAggregator, Roots};
use support::Host;

fn allocations_per_tick(roots: &Roots) -> u64 {
    let mut host = MetricsAggregator::new(roots);
    host.settle(Duration::from_secs(10));
    // Both frames, the view and every buffer have grown to their size after this.
    for _ in 0..5 {
        host.collect_all();
    }
    let ticks = 20;
    let counted = allocation_counter::measure(|| {
        for _ in 0..ticks {
            host.collect_all();
        }
    });
    println!("{:?}: {} allocations in {ticks} ticks", roots.procfs, counted.count_total);
    counted.count_total
}

#[test]
fn on_this_host() {
    assert_eq!(allocations_per_tick(&Roots::default()), 0);
}

#[test]
fn on_a_fixture_host() {
    let host = Host::new("server");
    assert_eq!(allocations_per_tick(&host.roots()), 0);
}
