//! An engine that is busy, refuses a sample, hangs, and takes samples without saying so. The truth
//! is what it exports.

use std::{
    collections::BTreeSet,
    thread::sleep,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::{
    away::{Counts, drained, last_counts, pass},
    common::program::Program,
    level::{count, report},
    process::{Engine, VICTORIA_METRICS},
    proxy::{Mood, Proxy},
};

/// A store that is away is noticed within this.
const NOTICED: Duration = Duration::from_secs(10);

/// A daemon, an engine, and what is between them.
struct Stage {
    engine: std::sync::Arc<Engine>,
    proxy: Proxy,
    program: Program,
    token: String,
    /// Distinguishes the series from those of other tests on the same engine.
    label: String,
    directory: TempDir,
}

impl Stage {
    fn new() -> Self {
        let engine = Engine::running(&VICTORIA_METRICS);
        let proxy = Proxy::before(engine.port);
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name).display().to_string();
        let label = format!("behind{}", proxy.port);
        let store = format!("prometheus+http://127.0.0.1:{}?label.test={label}", proxy.port);
        let accounts = format!("--accounts=sqlite:{}", place("users.db"));
        let spool = format!("--spool.directory={}", place("spool"));
        let program = Program::on(&store, &[&accounts, &spool]);
        let token = program.login();
        drained(&program, &token);
        Self { engine, proxy, program, token, label, directory }
    }

    fn pass(&self, seconds: u32) -> Counts {
        pass(&self.program, &self.token, seconds.into())
    }

    /// All goes well again: what waited is stored, and how long that took.
    fn recover(&self) -> Duration {
        self.proxy.set(Mood::Well);
        let (_, took) = drained(&self.program, &self.token);
        assert!(took <= Duration::from_secs(30), "{took:?}");
        took
    }

    /// Ends the daemon and compares: what it says it stored, what the engine holds, in what order
    /// it came. How many frames there are.
    fn settle(self, set_aside: u64) -> u64 {
        let (code, _, log) = self.program.end(Signal::SIGTERM);
        assert_eq!(code, Some(0), "{log}");
        let [expected, stored, waiting, dropped] = last_counts(&log);
        assert_eq!((expected, waiting, dropped), (stored + set_aside, 0, set_aside), "{log}");
        let seen = self.proxy.seen();
        let last: Vec<i64> = seen.taken.iter().filter_map(|times| times.last().copied()).collect();
        assert!(last.is_sorted(), "out of order: {last:?}");
        self.engine.settle();
        let matching =
            format!("perfwatch_frame_timestamp_seconds%7Btest%3D%22{}%22%7D", self.label);
        let answer = self
            .engine
            .ask(&format!("/api/v1/export?start=0&end=4102444800&match[]={matching}"), "");
        let line = answer.lines().rfind(|line| line.starts_with('{')).expect("frames are there");
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let times: Vec<i64> = line["timestamps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|time| time.as_i64().unwrap())
            .collect();
        let distinct: BTreeSet<&i64> = times.iter().collect();
        assert_eq!((distinct.len(), times.len() as u64), (times.len(), stored));
        stored
    }
}

#[test]
fn an_engine_that_asks_for_a_pause_gets_it() {
    for status in ["429 Too Many Requests", "503 Service Unavailable"] {
        let stage = Stage::new();
        stage.proxy.set(Mood::Busy(status, 2));
        let seconds = count(60, 5);
        let away = stage.pass(seconds);
        assert!(away.waiting >= u64::from(seconds) * 8, "{away:?}");
        let took = stage.recover();
        let busy = std::mem::take(&mut stage.proxy.seen().busy);
        let asked = busy.len();
        let shortest = busy.windows(2).map(|two| two[1] - two[0]).min().unwrap();
        assert!(shortest >= Duration::from_millis(1990), "{shortest:?}");
        let frames = stage.settle(0);
        report(
            &format!("engine answers {}, Retry-After: 2", &status[..3]),
            &format!("{seconds} s at 10 frames/s"),
            &format!(
                "asked {asked} times, at least {} ms apart; {frames} expected, 0 lost, 0 twice, \
                 order kept, drained in {} ms",
                shortest.as_millis(),
                took.as_millis()
            ),
        );
    }
}

#[test]
fn an_engine_that_refuses_one_sample_gets_all_others() {
    let stage = Stage::new();
    let times = count(10, 2);
    let (mut refused, mut bad) = (0, Vec::new());
    for round in 0..times {
        // What waits meanwhile comes as one batch.
        stage.proxy.set(Mood::Busy("503 Service Unavailable", 1));
        stage.pass(2);
        let newest = stage.program.json("/api/metrics/latest", &stage.token);
        let newest: jiff::Timestamp = newest["timestamp"].as_str().unwrap().parse().unwrap();
        stage.proxy.set(Mood::Refuses(newest.as_millisecond()));
        let wanted = u64::from(round) + 1;
        let config = stage.program.wait_for("/api/config", &stage.token, |config| {
            config["writer"]["set_aside"].as_u64() == Some(wanted)
        });
        assert_eq!(config["writer"]["dropped"], wanted, "{config}");
        stage.recover();
        bad.push(newest.as_millisecond());
        refused = stage.proxy.seen().refused;
    }
    let aside = stage.directory.path().join("spool/refused.jsonl");
    let aside = std::fs::read_to_string(aside).unwrap();
    assert_eq!(aside.lines().count() as u32, times, "{aside}");
    assert!(aside.contains("out of bounds"), "{aside}");
    assert!(stage.proxy.seen().taken.iter().flatten().all(|time| !bad.contains(time)));
    let frames = stage.settle(times.into());
    report(
        "engine answers 400 for one sample",
        &format!("{times} times, among 20 frames or more"),
        &format!(
            "{:.1} requests refused until it was alone, set aside and counted; all {frames} \
             others stored, 0 twice, order kept",
            refused as f64 / f64::from(times)
        ),
    );
}

#[test]
fn an_engine_that_hangs_is_noticed() {
    let stage = Stage::new();
    stage.proxy.set(Mood::Hangs);
    let begun = Instant::now();
    let health = |health: &serde_json::Value| health["status"] == "degraded";
    stage.program.wait_for("/healthz", "", health);
    let noticed = begun.elapsed();
    assert!(noticed <= NOTICED, "{noticed:?}");
    let seconds = count(60, 1);
    let away = stage.pass(seconds);
    let took = stage.recover();
    let frames = stage.settle(0);
    report(
        "engine hangs",
        &format!("{} s at 10 frames/s", u64::from(seconds) + noticed.as_secs()),
        &format!(
            "noticed after {:.1} s, {} waited; {frames} expected, 0 lost, 0 twice, order kept, \
             drained in {} ms",
            noticed.as_secs_f64(),
            away.waiting,
            took.as_millis()
        ),
    );
}

#[test]
fn an_engine_that_takes_and_does_not_say_so_has_nothing_twice() {
    let stage = Stage::new();
    let rounds = count(50, 3);
    for _ in 0..rounds {
        let before = stage.proxy.seen().cut;
        stage.proxy.set(Mood::Cuts);
        while stage.proxy.seen().cut < before + 2 {
            sleep(Duration::from_millis(20));
        }
        stage.recover();
    }
    let (cut, sent) = {
        let seen = stage.proxy.seen();
        (seen.cut, seen.taken.iter().map(Vec::len).sum::<usize>())
    };
    let frames = stage.settle(0);
    assert!(sent as u64 > frames, "{sent} {frames}: nothing was sent again");
    report(
        "engine takes samples, then the connection is cut",
        &format!("{cut} times"),
        &format!(
            "{} frames came again; {frames} expected, 0 lost, 0 twice, order kept",
            sent as u64 - frames
        ),
    );
}
