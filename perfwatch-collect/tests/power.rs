//! Energy and power supplies of hosts made of small trees: zones, wraps, batteries.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may")]

mod support;

use perfwatch_collect::{BaseCollector, MetricsAggregator, Roots, Status, built_in};
use perfwatch_core::{Frame, View};
use support::Tree;

/// A server with two packages, whose second has wrapped at the later moment, and a zone twin.
const SERVER: [(&str, &str); 14] = [
    ("intel-rapl/enabled", "1\n"),
    ("intel-rapl:0/name", "package-0\n"),
    ("intel-rapl:0/energy_uj", "5000000000\n"),
    ("intel-rapl:0/max_energy_range_uj", "262143328850\n"),
    ("intel-rapl:0/constraint_0_power_limit_uw", "205000000\n"),
    ("intel-rapl:0:0/name", "dram\n"),
    ("intel-rapl:0:0/energy_uj", "70000000\n"),
    ("intel-rapl:0:0/max_energy_range_uj", "65712999613\n"),
    ("intel-rapl:1/name", "package-1\n"),
    ("intel-rapl:1/energy_uj", "262143328800\n"),
    ("intel-rapl:1/max_energy_range_uj", "262143328850\n"),
    ("intel-rapl:2/name", "psys\n"),
    ("intel-rapl:2/energy_uj", "1\n"),
    ("intel-rapl-mmio:0/name", "package-0\n"),
];

fn server() -> Tree {
    let host = Tree::new();
    for (file, content) in SERVER {
        host.write(&format!("sys/class/powercap/{file}"), content);
    }
    host.write("sys/class/powercap/intel-rapl-mmio:0/energy_uj", "5000000000\n");
    host
}

fn power(roots: &Roots) -> Vec<Box<dyn BaseCollector>> {
    built_in(roots).into_iter().filter(|collector| collector.name() == "power").collect()
}

fn values(view: &View, table: &str, column: &str) -> Vec<(String, Option<f64>)> {
    let block = view.block(table).unwrap();
    let value = |key: &str| (key.to_owned(), block.get(key, column).unwrap().get());
    block.keys().iter().map(value).collect()
}

fn row(key: &str, value: impl Into<Option<f64>>) -> (String, Option<f64>) {
    (key.to_owned(), value.into())
}

/// The view of the second of two moments 5 s apart; `later` makes it from the first.
fn view(host: &Tree, later: impl Fn()) -> View {
    let mut collectors = power(&host.roots());
    support::settle(&collectors);
    let frames: [Frame; 2] = [10, 15].map(|at| {
        let frame = support::frame(&mut collectors, at);
        later();
        frame
    });
    let mut view = View::default();
    view.update(Some(&frames[0]), &frames[1]);
    view
}

#[test]
fn zones_have_power_also_where_their_counter_wraps() {
    let host = server();
    let view = view(&host, || {
        host.write("sys/class/powercap/intel-rapl:0/energy_uj", "5500000000\n");
        host.write("sys/class/powercap/intel-rapl:0:0/energy_uj", "95000000\n");
        host.write("sys/class/powercap/intel-rapl:1/energy_uj", "249999950\n");
    });
    let zones = [
        row("package-0", 100.0),
        row("package-0/dram", 5.0),
        row("package-1", 50.0),
        row("psys", 0.0),
    ];
    assert_eq!(values(&view, "power.zones", "power_watts"), zones);
    assert_eq!(values(&view, "power", "package_watts"), [row("", 150.0)]);
    assert_eq!(values(&view, "power.zones", "limit_watts")[0], row("package-0", 205.0));
}

#[test]
fn a_package_that_cannot_be_read_leaves_no_total() {
    let host = server();
    let file = host.path("sys/class/powercap/intel-rapl:1/energy_uj");
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let mut power = power(&host.roots());
    support::settle(&power);
    let frame = support::frame(&mut power, 10);
    assert!(frame.block("power").unwrap().keys().is_empty());
    let [gap] = power[0].gaps() else { panic!("{:?}", power[0].gaps()) };
    assert!(gap.reason.contains("intel-rapl:1/energy_uj"), "{gap:?}");
    support::frame(&mut power, 15);
    assert_eq!(power[0].gaps().len(), 1, "said once, and kept while it is not tried again");
}

#[test]
fn zones_with_the_same_name_stay_apart() {
    let host = server();
    host.write("sys/class/powercap/intel-rapl:1/name", "package-0\n");
    let view = view(&host, || ());
    let zones = values(&view, "power.zones", "power_watts");
    assert_eq!(zones[2], row("package-0 #2", 0.0));
}

fn laptop(battery: &[(&str, &str)]) -> View {
    let host = Tree::new();
    let supply = |name: &str, files: &[(&str, &str)]| {
        for (file, content) in files {
            host.write(&format!("sys/class/power_supply/{name}/{file}"), &format!("{content}\n"));
        }
    };
    supply("AC", &[("type", "Mains"), ("online", "1")]);
    supply("BAT0", battery);
    supply("BAT1", &[("type", "Battery"), ("present", "0")]);
    supply("hidpp_battery_0", &[("type", "Battery"), ("scope", "Device"), ("capacity", "5")]);
    view(&host, || ())
}

const COLUMNS: [&str; 6] =
    ["capacity_percent", "power_watts", "energy_wh", "energy_full_wh", "online", "charging"];

fn battery(view: &View) -> Vec<Option<f64>> {
    COLUMNS.map(|column| values(view, "power.supplies", column)[1].1).to_vec()
}

#[test]
fn a_battery_tells_charge_and_power() {
    let view = laptop(&[
        ("type", "Battery"),
        ("present", "1"),
        ("status", "Discharging"),
        ("capacity", "61"),
        ("power_now", "7430000"),
        ("energy_now", "30670000"),
        ("energy_full", "50280000"),
    ]);
    let supplies = [row("AC", 1.0), row("BAT0", None)];
    assert_eq!(values(&view, "power.supplies", "online"), supplies);
    let all = [Some(61.0), Some(7.43), Some(30.67), Some(50.28), None, Some(0.0)];
    assert_eq!(battery(&view), all);
}

#[test]
fn a_battery_that_counts_charge_and_current_is_shown_the_same() {
    let view = laptop(&[
        ("type", "Battery"),
        ("status", "Charging"),
        ("capacity", "61"),
        ("current_now", "-1000000"),
        ("voltage_now", "12000000"),
        ("voltage_min_design", "11400000"),
        ("charge_now", "2000000"),
        ("charge_full", "4000000"),
    ]);
    let all = [Some(61.0), Some(12.0), Some(22.8), Some(45.6), None, Some(1.0)];
    assert_eq!(battery(&view), all);
}

fn state(host: &Tree) -> (Status, String) {
    let mut aggregator = MetricsAggregator::with_collectors(power(&host.roots()));
    aggregator.settle(std::time::Duration::from_secs(10));
    aggregator.collect_all();
    let state = aggregator.states().into_iter().find(|state| state.name == "power").unwrap();
    let gap = state.gaps.first().map(|gap| gap.reason.clone());
    (state.status, state.reason.or(gap).unwrap_or_default())
}

#[test]
fn without_zones_there_is_a_reason_and_supplies_are_enough() {
    let host = Tree::new();
    let reason = "no /sys/class/powercap zones; virtual machines have none".to_owned();
    assert_eq!(state(&host), (Status::Unavailable, reason.clone()));
    host.write("sys/class/power_supply/AC/online", "1\n");
    assert_eq!(state(&host), (Status::Partial, reason));
    assert_eq!(state(&server()), (Status::Ok, String::new()));
}
