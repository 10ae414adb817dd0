//! Runs `perfwatch changes` on a real file and on the real daemon.
#![allow(clippy::disallowed_methods, reason = "starting the binary is what these tests are for")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod real_daemon;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use perfwatch_collect::{MetricsAggregator, Roots};
use perfwatch_core::{FieldId, Frame, View};
use perfwatch_store::{Record, RetentionPolicyUpdate};
use real_daemon::{PASSWORD, RealDaemon};
use serde_json::Value;
use tempfile::TempDir;

/// 2023-11-14T22:00:00Z.
const START: i64 = 1_699_999_200_000;

const BEFORE: &str = "2023-11-14 22:00..22:10";
const AFTER: &str = "2023-11-14T22:10/22:20";

/// A store's file with a host whose load is about 1 for ten minutes, then about 3, then about 3.
struct History {
    folder: TempDir,
    path: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

/// A process that another test starts holds this one's locks until it runs its own program.
static ALONE: Mutex<()> = Mutex::new(());

impl History {
    fn new(hosts: &[&str]) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("perfwatch.db");
        let load = |tick: i64| if tick < 120 { 1.0 } else { 3.0 } + (tick % 5) as f64 / 100.0;
        let records: Vec<_> = hosts
            .iter()
            .flat_map(|host| {
                (0..360).map(move |tick| record(host, START + tick * 5000, load(tick)))
            })
            .collect();
        let write = async {
            let opened =
                perfwatch_store::open(&format!("sqlite:{}", path.display())).await.unwrap();
            opened.store.append(&records).await.unwrap();
            // A daemon throws away at once what is older than its policy.
            let all = RetentionPolicyUpdate {
                full_resolution_days: Some(36_500),
                downsampled_days: Some(36_500),
                ..RetentionPolicyUpdate::default()
            };
            opened.accounts.update_retention_policy(&all).await.unwrap();
            opened.store.close().await;
        };
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(write);
        Self { folder, path, _alone: alone }
    }

    fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }
}

fn record(host: &str, timestamp_ms: i64, load: f64) -> Record {
    let mut frame = Frame::new(&MetricsAggregator::new(&Roots::default()).tables());
    frame.timestamp_ms = timestamp_ms;
    let block = frame.blocks.iter_mut().find(|block| block.table().name == "cpu").unwrap();
    let field = block.table().fields.iter().position(|field| field.view_name == "load_1m");
    block.host_row().set_f64(FieldId(field.unwrap()), load);
    let mut view = View::default();
    view.update(None, &frame);
    Record::new(host, Arc::new(view))
}

fn changes(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perfwatch"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PERFWATCH_")) {
        command.env_remove(name);
    }
    command.arg("changes").args(args).env("TZ", "UTC").env("PERFWATCH_PASSWORD", PASSWORD);
    command
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn a_shift_in_a_file_is_shown_and_ends_with_1() {
    let history = History::new(&["db1"]);
    let output = changes(&[BEFORE, AFTER, "--store", history.path()]);
    assert_eq!((code(&output), stderr(&output)), (1, ""));
    insta::assert_snapshot!(stdout(&output), @"
    db1
      before  2023-11-14 22:00:00 to 22:10:00 UTC, 120 points
      after   2023-11-14 22:10:00 to 22:20:00 UTC, 120 points

    #  series       before   after  change  effect
    1  cpu.load_1m    1.02 →  3.02   +196%   +24.0

    1 series: 1 changed, 0 moved by less than 3 times their noise, 0 with too few points, 0 appeared, 0 disappeared
    ");
}

#[test]
fn nothing_above_the_floor_ends_with_0() {
    let history = History::new(&["db1"]);
    let store = format!("sqlite://{}", history.path());
    let quiet = ["2023-11-14T22:10Z..+10m", "2023-11-14T22:20Z..+10m", "--store", &store];
    let output = changes(&quiet);
    assert_eq!((code(&output), stderr(&output)), (0, ""), "{}", stdout(&output));
    assert!(
        stdout(&output).contains("1 series: 0 changed, 1 moved by less"),
        "{}",
        stdout(&output)
    );
    let output = changes(&[BEFORE, AFTER, "--min-effect", "100", "--store", &store]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
}

/// The file and a daemon that has it answer alike; while it has it, nobody else may.
#[test]
fn a_daemon_answers_as_its_file_does() {
    let history = History::new(&["db1", "db2"]);
    let question = [BEFORE, AFTER, "--host", "db2", "--format", "json"];
    let with = |more: &[&str]| changes(&[&question[..], more].concat());
    let of_file = with(&["--store", history.path()]);
    assert_eq!(code(&of_file), 1, "{}", stderr(&of_file));

    let store = format!("sqlite:{}", history.path());
    let daemon = RealDaemon::start(&store, Roots::default());
    let of_daemon = with(&["--server", &daemon.address]);
    assert_eq!((code(&of_daemon), stderr(&of_daemon)), (1, ""));
    let read = |output: &Output| serde_json::from_slice::<Value>(&output.stdout).unwrap();
    assert_eq!(read(&of_file), read(&of_daemon));
    assert_eq!(stdout(&of_file).lines().count(), 1);

    let table = changes(&[BEFORE, AFTER, "--host", "db2", "--server", &daemon.address]);
    assert!(stdout(&table).contains("cpu.load_1m    1.02 →  3.02"), "{}", stdout(&table));

    let snapshot = |host: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_perfwatch"));
        command.args(["snapshot", "--server", &daemon.address, "--host", host, "--format", "json"]);
        command.env("PERFWATCH_PASSWORD", PASSWORD).output().unwrap()
    };
    let newest = read(&snapshot("db2"));
    assert_eq!((&newest["host"], &newest["data"]["cpu"]["load_1m"]), (&"db2".into(), &3.04.into()));
    let unknown = snapshot("db3");
    assert_eq!(code(&unknown), 1);
    assert!(stderr(&unknown).contains("db3"), "{}", stderr(&unknown));

    let refused = with(&["--store", history.path()]);
    assert_eq!((code(&refused), stdout(&refused)), (2, ""));
    assert!(stderr(&refused).contains("in use by process"), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("--server"), "{}", stderr(&refused));
}

#[test]
fn what_cannot_be_answered_ends_with_2_and_says_why() {
    let history = History::new(&["db1", "db2"]);
    let missing = history.folder.path().join("none.db");
    let foreign = history.folder.path().join("notes.txt");
    std::fs::write(&foreign, "not a database").unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let file = ["--store", history.path(), "--host", "db1"];
    let with = |more: &[&'static str]| [&file[..], more].concat();
    let cases: Vec<(Vec<&str>, &str)> = vec![
        (with(&["soon"]), "`soon` is no window"),
        (with(&["-1h..-2h", "-1h"]), "ends before it begins"),
        (with(&["-1h", "-1h", "-1h"]), "unexpected argument"),
        (with(&["-1h"]), "nothing is stored for either window"),
        (with(&[BEFORE, "-1h"]), "nothing is stored for the window after"),
        (with(&["2023-11-14T22:00/22:00:10", "2023-11-14T22:01/22:01:10"]), "longer windows"),
        (with(&["--min-effect", "0"]), "above 0"),
        (with(&["--limit", "0"]), "1..=1000"),
        (with(&["--server", "http://127.0.0.1:1"]), "cannot be used with"),
        (vec!["--store", history.path(), "--host", "db3"], "known are db1, db2"),
        (vec!["--store", history.path()], "--host"),
        (vec!["--server", "http://127.0.0.1:1"], "cannot reach http://127.0.0.1:1"),
        (vec!["--store", "memory:"], "has no file"),
    ];
    for (args, reason) in cases {
        let output = changes(&args);
        assert_eq!((code(&output), stdout(&output)), (2, ""), "{args:?}");
        assert!(stderr(&output).contains(reason), "{args:?}: {}", stderr(&output));
    }
    for (path, reason) in [(&missing, "no history at"), (&foreign, "not a PerfWatch store")] {
        let output = changes(&["--store", &text(path)]);
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    }
    assert!(!missing.exists(), "a question made a store");
}

#[test]
fn windows_that_begin_with_a_hyphen_stand_anywhere() {
    let history = History::new(&["db1"]);
    let args = ["--limit", "3", "-2h..-1h", "--store", history.path(), "-1h", "--format", "json"];
    let output = changes(&args);
    assert!(stderr(&output).contains("nothing is stored for either window"), "{}", stderr(&output));
}

#[test]
fn the_environment_says_where_the_history_is_and_which_zone_is_meant() {
    let history = History::new(&["db1"]);
    let in_berlin = ["2023-11-14 23:00..23:10", "2023-11-14 23:10..23:20"];
    let ask = |name: &str, value: &Path, args: &[&str]| {
        command(args).env(name, value).env("TZ", "CET-1CEST,M3.5.0,M10.5.0/3").output().unwrap()
    };
    let output = ask("PERFWATCH_STORE", &history.path, &in_berlin);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    assert!(stdout(&output).contains("23:00:00 to 23:10:00 CET"), "{}", stdout(&output));

    let data = history.folder.path().join("data");
    std::fs::create_dir_all(data.join("perfwatch")).unwrap();
    assert!(stderr(&ask("XDG_DATA_HOME", &data, &in_berlin)).contains("no history at"));
    std::fs::copy(&history.path, data.join("perfwatch/perfwatch.db")).unwrap();
    assert_eq!(code(&ask("XDG_DATA_HOME", &data, &in_berlin)), 1);

    let server = Path::new("postgres://me:s3cret@db.example/watch");
    let said = stderr(&ask("PERFWATCH_STORE", server, &in_berlin)).to_owned();
    assert!(said.contains("PERFWATCH_STORE: ") && !said.contains("s3cret"), "{said}");

    let elsewhere = [&in_berlin[..], &["--server", "http://127.0.0.1:1"]].concat();
    let output = ask("PERFWATCH_STORE", &history.path, &elsewhere);
    assert!(stderr(&output).contains("cannot reach"), "{}", stderr(&output));
}
