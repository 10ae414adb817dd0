//! A tick allocates nothing once it is warm.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests may")]

mod support;

use std::time::Duration;

use perfwatch_collect::{MetricsAggregator, Roots, built_in, memory_bandwidth::MemoryBandwidth};
use support::{Host, Tree, counters::Rates};

fn allocations_per_tick(roots: &Roots) -> u64 {
    let counted = allocations(&mut MetricsAggregator::new(roots), |host| {
        host.collect_all();
    });
    println!("{:?}: {counted} allocations in {TICKS} ticks", roots.procfs);
    counted
}

const TICKS: usize = 20;

fn allocations(host: &mut MetricsAggregator, mut tick: impl FnMut(&mut MetricsAggregator)) -> u64 {
    host.settle(Duration::from_secs(10));
    // Both frames, the view and every buffer have grown to their size after this.
    for _ in 0..5 {
        tick(host);
    }
    allocation_counter::measure(|| (0..TICKS).for_each(|_| tick(host))).count_total
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

/// Zones, controllers and caches of hardware that this machine does not have.
#[test]
fn on_a_host_with_power_zones_and_memory_controllers() {
    let host = Tree::new();
    host.write("proc/vmstat", "pgpgin 1\n");
    for zone in ["intel-rapl:0", "intel-rapl:0:0", "intel-rapl:1"] {
        host.write(&format!("sys/class/powercap/{zone}/name"), "package-0\n");
        host.write(&format!("sys/class/powercap/{zone}/energy_uj"), "5\n");
    }
    host.write("sys/class/power_supply/BAT0/type", "Battery\n");
    host.write("sys/fs/resctrl/mon_data/mon_L3_00/mbm_total_bytes", "Unavailable\n");
    let controller = [
        ("type", "20"),
        ("cpumask", "0,1"),
        ("format/event", "config:0-7"),
        ("events/cas_count_read", "event=0x04"),
        ("events/cas_count_write", "event=0x05"),
    ];
    for (file, content) in controller {
        let folder = "sys/bus/event_source/devices/uncore_imc_0";
        host.write(&format!("{folder}/{file}"), &format!("{content}\n"));
    }
    let (source, hands) = Rates::new(|_, _, _| Ok(1_000));
    let mut collectors = built_in(&host.roots());
    collectors.retain(|collector| collector.name() == "power");
    collectors.push(Box::new(MemoryBandwidth::with_source(&host.roots(), source)));
    let mut host = MetricsAggregator::with_collectors(collectors);
    let tick = |host: &mut MetricsAggregator| {
        hands.clock.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        host.collect_all();
    };
    assert_eq!(allocations(&mut host, tick), 0);
    let rows = |table| host.view().block(table).unwrap().keys().len();
    assert_eq!([rows("power.zones"), rows("power.supplies")], [3, 1]);
    assert_eq!([rows("memory_bandwidth.sockets"), rows("memory_bandwidth.domains")], [2, 1]);
}
