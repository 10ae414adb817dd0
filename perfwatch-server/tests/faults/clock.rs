//! The daemon's clock is turned an hour and a year, forward and back, while it runs: `libfaketime`
//! tells it another time than the system has. Its monotonic clock goes on, as it does in life.

use std::{fs, path::Path, time::Duration};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::{
    common::program::{Program, request},
    level::{count, report},
};

/// Where Debian's package puts it.
fn library() -> String {
    format!("/usr/lib/{}-linux-gnu/faketime/libfaketimeMT.so.1", std::env::consts::ARCH)
}

/// The clock is right again behind each of them. The days are what the policy keeps: less than a
/// year, so that a clock a year ahead would make everything old that is stored. What a clock a year
/// behind stamps is a year old, and more is kept then.
const TURNS: [(&str, u32); 4] = [("+1h", 60), ("-1h", 60), ("+365d", 60), ("-365d", 800)];

fn keep(program: &Program, days: u32) {
    let policy = format!(r#"{{"full_resolution_days": {days}, "downsampled_days": {days}}}"#);
    let (status, body) = request(program.port, "PUT /api/retention", &program.login(), &policy);
    assert_eq!(status, 200, "{body}");
}

fn turn(clock: &Path, by: &str) {
    // In one step: half of a number would be another time.
    let new = clock.with_extension("new");
    fs::write(&new, format!("{by}\n")).unwrap();
    fs::rename(&new, clock).unwrap();
}

fn start(data: &Path, clock: &Path) -> Program {
    let library = library();
    assert!(Path::new(&library).exists(), "{library} is missing: install the package faketime");
    let environment = [
        ("LD_PRELOAD", library.as_str()),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    Program::start_with(data, &["--interval=200ms", "--log=info"], &environment)
}

/// Lets the daemon run under the clock as it is, and asks it to clean up then.
fn live(program: &Program, seconds: u32) {
    std::thread::sleep(Duration::from_secs(seconds.into()));
    // A token of before is over a year later.
    let token = program.login();
    let (status, body) = request(program.port, "POST /api/retention/cleanup", &token, "");
    assert_eq!(status, 200, "{body}");
    let report: Value = serde_json::from_str(&body).unwrap();
    for deleted in ["deleted_frames", "deleted_downsampled_frames"] {
        assert_eq!(report[deleted], 0, "{body}");
    }
}

#[test]
fn a_daemon_whose_clock_is_turned_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let clock = directory.path().join("clock");
    turn(&clock, "+0");
    let program = start(directory.path(), &clock);
    let seconds = count(5, 1);
    live(&program, seconds);
    for (by, days) in TURNS {
        keep(&program, days);
        turn(&clock, by);
        live(&program, seconds);
        turn(&clock, "+0");
        live(&program, seconds);
    }

    let token = program.login();
    let config = program.json("/api/config", &token);
    let [stored, dropped, missed] =
        [&config["writer"]["stored"], &config["writer"]["dropped"], &config["sampler"]["missed"]]
            .map(|count| count.as_u64().unwrap());
    let held = program.json("/api/retention", &token)["usage"]["frames"].as_u64().unwrap();
    assert_eq!(dropped, 0);
    assert!(held >= stored, "{stored} are said to be stored, {held} are");
    let turns = 2 * TURNS.len() as u64;
    assert!(missed <= turns, "{missed} ticks are missing after {turns} turns");
    let days = |days: i64| jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
    let all = program.json(
        &format!(
            "/api/history/metrics?metric_type=cpu&fields=usage_percent&interval=200ms&limit=11000\
             &start_time={}&end_time={}",
            days(-700),
            days(700)
        ),
        &token,
    );
    let times: Vec<&str> = all["data_points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["timestamp"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted(), "out of order: {times:?}");
    let years = [times[0], times[times.len() - 1]];
    let [first, last] = years.map(|time| time.parse::<jiff::Timestamp>().unwrap());
    assert!(first < days(-364) && last > days(364), "the clock was not turned: {years:?}");
    let (code, _, log) = program.end(Signal::SIGTERM);
    assert_eq!(code, Some(0), "{log}");
    report(
        "clock, the daemon's",
        "an hour and a year, forward and back",
        &format!("{held} frames held, {missed} ticks missing, nothing deleted, in order"),
    );
}
