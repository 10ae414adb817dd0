use jiff::tz::TimeZone;
use serde_json::json;

use super::{draw, report::Report, *};
use crate::{all_tables, screen::Ink};

fn report() -> Report {
    let moved = |path: &str, moved: &str, effect: f64, percent: Option<f64>, values: [f64; 2]| {
        let figures = |value: f64| json!({"points": 720, "median": value, "p95": value});
        json!({
            "path": path, "unit": "", "help": "", "direction": "up", "moved": moved,
            "effect": effect, "cliffs_delta": 1.0, "change_percent": percent,
            "before": figures(values[0]), "after": figures(values[1]),
        })
    };
    let side = |start: &str, end: &str, points: usize| json!({"start_time": start, "end_time": end, "points": points});
    let report = json!({
        "host": "db1\u{1b}[2J", "step_ms": 2000, "min_effect": 3.0, "series": 412, "changed": 6,
        "before": side("2026-11-22T13:00:00.000Z", "2026-11-22T14:00:00.000Z", 720),
        "after": side("2026-11-22T22:30:00.000Z", "2026-11-22T23:30:00.000Z", 1),
        "below_floor": 400, "too_few_points": 4, "note": null,
        "appeared": ["disk.devices.sdb.bytes_read_per_sec", "disk.devices.sdb.bytes_written_per_sec"],
        "disappeared": [],
        "changes": [
            moved("disk.devices.sda.bytes_written_per_sec", "median", 24_000.0, Some(4e5), [20_480.0, 8.2e7]),
            moved("cpu.usage_percent", "p95", 12.04, Some(410.0), [12.0, 61.2]),
            moved("cpu.load_1m", "median", -3.5, Some(-4.5), [2.2, 2.1]),
            moved("disk.devices[\"a\\u001bb\"].utilization_percent", "median", 3.1, None, [0.0, 31.0]),
            moved("future.thing", "median", 3.0, Some(50.0), [2.0, 3.0]),
        ],
    });
    serde_json::from_value(report).unwrap()
}

fn page(report: &Report, width: Option<usize>) -> String {
    let zone = TimeZone::posix("CET-1").unwrap();
    let look = draw::Look { width, ink: Ink::PLAIN, zone: &zone };
    draw::page(report, &Catalog::of(&all_tables()), &look)
}

#[test]
fn a_page_has_windows_changes_and_counts() {
    insta::assert_snapshot!(page(&report(), None), @r#"
    db1\u{1b}[2J
      before  2026-11-22 14:00:00 to 15:00:00 CET, 720 points
      after   2026-11-22 23:30:00 to 2026-11-23 00:30:00 CET, 1 point

    #  series                                                 before        after  change  effect
    1  disk.devices.sda.bytes_written_per_sec             20.0 KiB/s → 78.2 MiB/s   x4004  +24.0k
    2  cpu.usage_percent                             p95       12.0% →      61.2%   +410%   +12.0
    3  cpu.load_1m                                              2.20 →       2.10   -4.5%    -3.5
    4  disk.devices["a\u001bb"].utilization_percent             0.0% →      31.0%  from 0    +3.1
    5  future.thing                                                2 →          3    +50%    +3.0

    appeared  disk.devices.sdb.bytes_read_per_sec disk.devices.sdb.bytes_written_per_sec

    412 series: 6 changed (1 not shown), 400 moved by less than 3 times their noise, 4 with too few points, 2 appeared, 0 disappeared
    "#);
}

#[test]
fn on_a_terminal_the_names_give_way() {
    let page = page(&report(), Some(80));
    let table = page.lines().skip(4).take(6);
    let longest = table.map(text::width).max().unwrap();
    assert!(longest <= 80, "{page}");
    assert!(page.contains("disk.devices.sd…written_per_sec"), "{page}");
}

#[test]
fn a_report_that_says_nothing_is_trouble() {
    let mut report = report();
    assert!(check(&report).is_ok());
    report.note = Some("nothing is stored for the window after".to_owned());
    insta::assert_snapshot!(check(&report).unwrap_err(), @"nothing is stored for the window after (2026-11-22T13:00:00.000Z to 2026-11-22T14:00:00.000Z, then 2026-11-22T22:30:00.000Z to 2026-11-22T23:30:00.000Z); choose others, or another --host");
    let nothing = Report { note: None, changed: 0, below_floor: 0, appeared: Vec::new(), ..report };
    insta::assert_snapshot!(check(&nothing).unwrap_err(), @"no series has enough points in both windows to be judged; choose longer windows");
    assert!(check(&Report { below_floor: 1, ..nothing }).is_ok());
}

#[test]
fn what_is_left_out_is_the_day_before() {
    let now: Zoned = "2026-11-23T15:30:00+00:00[UTC]".parse().unwrap();
    let hour_ago = windows(None, None, &now).unwrap();
    assert_eq!(hour_ago, windows(Some("yesterday 14:30..15:30"), Some("-1h"), &now).unwrap());
    assert_eq!(hour_ago, windows(Some("-1h"), None, &now).unwrap());
    assert!(windows(Some("-1h"), Some("soon"), &now).is_err());
}
