use insta::assert_snapshot;
use perfwatch_core::{Block, Frame, View, metric_table};
use serde_json::json;

use super::*;

metric_table! {
    /// A machine.
    pub table host: engine {
        /// How full it is.
        load: Gauge Percent,
        /// What it holds.
        held: Gauge Bytes,
        /// How warm it is.
        temperature: Gauge Celsius,
        /// How often it turned.
        turns: Counter Count,
    }
}

metric_table! {
    /// Its wheels.
    pub table wheels: engine.wheels per wheel {
        /// What it moved.
        bytes_moved: Counter Bytes,
        /// Whether it turns.
        up: Gauge Flag,
        /// How long a turn takes.
        turn: Gauge Milliseconds,
    }
}

fn frame(seconds: u64, wheel_names: &[&str]) -> Frame {
    let mut engine = Block::new(&host::TABLE);
    engine.set_read_at(seconds * 1_000_000_000);
    let mut row = engine.host_row();
    row.set_f64(host::load, 12.34);
    row.set(host::held, 3 << 30);
    row.set(host::turns, seconds * 25_000);
    let mut wheels = Block::new(&wheels::TABLE);
    wheels.set_read_at(seconds * 1_000_000_000);
    for name in wheel_names {
        let mut row = wheels.push_row(name);
        row.set(wheels::bytes_moved, seconds * 5_000_000);
        row.set_flag(wheels::up, true);
    }
    Frame { timestamp_ms: 1_795_413_161_000, suspended_ns: 0, blocks: vec![engine, wheels] }
}

fn check(wheel_names: &[&str], width: usize, notes: &[Note]) -> String {
    let mut view = View::default();
    view.update(Some(&frame(1, wheel_names)), &frame(2, wheel_names));
    let message = Message::new("workshop", 1000, &view);
    let message = serde_json::from_value(json!(message)).unwrap();
    let catalog = Catalog::of(&[&host::TABLE, &wheels::TABLE]);
    page(&catalog, &message, notes, Page { width, ink: Ink::PLAIN })
}

#[test]
fn a_page_has_pairs_and_rows() {
    assert_snapshot!(check(&["w10", "w9"], 80, &[]));
}

#[test]
fn columns_that_do_not_fit_follow_below() {
    let page = check(&["w10", "w9"], 22, &[]);
    assert!(page.lines().skip(1).all(|line| text::width(line) <= 22), "{page}");
    assert_snapshot!(page);
}

#[test]
fn hostile_names_are_escaped() {
    let page = check(&["\x1b]0;owned\x07", "a\nb", "\u{202e}gnp"], 80, &[]);
    assert!(!page.contains(|c: char| c.is_control() && c != '\n'), "{page:?}");
    assert!(page.contains("\\u{1b}]0;owned\\u{7}"), "{page}");
    assert!(page.contains("a\\u{a}b") && page.contains("\\u{202e}gnp"), "{page}");
}

#[test]
fn what_could_not_be_read_says_why_instead_of_dashes() {
    let catalog = Catalog::of(&[&host::TABLE, &wheels::TABLE]);
    let message = json!({"type": "metrics", "timestamp": "", "timestamp_ms": 0, "host": "h",
        "interval_ms": 1000, "data": {"engine": {"load_percent": null, "wheels": {}}}});
    let message = serde_json::from_value(message).unwrap();
    let notes = [Note { name: "engine".into(), text: "unavailable: no steam".into() }];
    let shown = page(&catalog, &message, &notes, Page { width: 80, ink: Ink::PLAIN });
    assert!(shown.contains("engine\n  unavailable: no steam\n"), "{shown}");
}

#[test]
fn values_of_the_wrong_shape_are_missing_ones() {
    let catalog = Catalog::of(&[&host::TABLE, &wheels::TABLE]);
    for data in [json!(null), json!([]), json!({"engine": 1}), json!({"engine": {"wheels": [1]}})] {
        let message = json!({"type": "metrics", "timestamp": "", "timestamp_ms": i64::MAX,
            "host": "h", "interval_ms": u64::MAX, "data": data});
        let message = serde_json::from_value(message).unwrap();
        let shown = page(&catalog, &message, &[], Page { width: 80, ink: Ink::PLAIN });
        assert!(shown.contains("left out: 4"), "{shown}");
    }
}
