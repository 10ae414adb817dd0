//! `perfwatch store` on real files.
#![allow(clippy::disallowed_methods, reason = "starting the binary is what these tests are for")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod history;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use history::{HOSTILE, HOUR, START, answers, fill, flip_last_byte, held};
use serde_json::Value;

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perfwatch"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PERFWATCH_")) {
        command.env_remove(name);
    }
    command.arg("store").args(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What is said by a command that must end with this status.
fn ends(status: i32, args: &[&str]) -> String {
    let output = run(args);
    let (out, err) = (stdout(&output), stderr(&output));
    assert_eq!(output.status.code(), Some(status), "{args:?}: {out}{err}");
    out + &err
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn info_says_what_is_there_also_beside_a_daemon() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    fill(&path);
    let _daemon = held(&path);
    let info: Value =
        serde_json::from_str(&ends(0, &["info", text(&path), "--format", "json"])).unwrap();
    assert_eq!(info["schema_version"], 4);
    assert_eq!(info["hosts"][0]["host"], HOSTILE);
    assert_eq!(info["hosts"][1]["host"], "a");
    assert_eq!(info["hosts"][1]["first_ms"], START);
    assert_eq!(info["bytes"], fs::metadata(&path).unwrap().len());
    let parts = info["bytes_by_part"].as_object().unwrap().values();
    assert_eq!(parts.map(|part| part.as_u64().unwrap()).sum::<u64>(), info["bytes"]);
    let table = ends(0, &["info", &format!("sqlite:{}", text(&path))]);
    assert!(table.contains("bytes per value") && table.contains("2023-11-14 00:00:00 UTC"));
    assert!(!table.contains('\x1b'), "{table}");
}

#[test]
fn verify_tells_sound_from_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    fill(&path);
    assert_eq!(ends(0, &["verify", text(&path)]), format!("{} is sound\n", path.display()));
    flip_last_byte(&path);
    let said = ends(1, &["verify", text(&path)]);
    assert!(said.contains("1 stretch is damaged"), "{said}");
    assert!(said.contains("the values of a series are damaged"), "{said}");
    assert!(!said.contains('\x1b'), "{said}");
    let report: Value =
        serde_json::from_str(&ends(1, &["verify", text(&path), "--format", "json"])).unwrap();
    assert_eq!(report["sound"], false);
    let damaged = &report["damaged"][0];
    let length = damaged["end_ms"].as_i64().unwrap() - damaged["start_ms"].as_i64().unwrap();
    assert_eq!(length, HOUR);
}

#[test]
fn a_file_that_is_not_there_is_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    for command in ["info", "verify"] {
        let said = ends(1, &[command, text(&path)]);
        assert!(said.contains(&format!("there is no file {}", path.display())), "{said}");
        let said = ends(2, &[command, "memory:"]);
        assert!(said.contains("has no file"), "{said}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn without_a_name_the_daemons_own_file_is_meant() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("perfwatch/perfwatch.db");
    fill(&path);
    let output = Command::new(env!("CARGO_BIN_EXE_perfwatch"))
        .args(["store", "info"])
        .env("XDG_DATA_HOME", home.path())
        .env_remove("STATE_DIRECTORY")
        .env_remove("PERFWATCH_STORE")
        .output()
        .unwrap();
    assert!(stdout(&output).starts_with(text(&path)), "{}", stderr(&output));
}

const FORMATS: [&str; 3] = ["csv", "jsonl", "parquet"];

#[test]
fn what_was_exported_is_imported_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    fill(&path);
    let original = answers(&path);
    let _daemon = held(&path);
    for format in FORMATS {
        let file = directory.path().join(format!("history.{format}"));
        let said = ends(0, &["export", text(&path), "--output", text(&file)]);
        assert_eq!(said, "270 frames of 3 columns were exported\n", "{format}");
        let copy = directory.path().join(format!("{format}.db"));
        let said = ends(0, &["import", text(&file), text(&copy)]);
        assert_eq!(said, "270 frames were read: 270 new, 0 known already\n", "{format}");
        assert_eq!(answers(&copy), original, "{format}");
        assert_eq!(ends(0, &["verify", text(&copy)]), format!("{} is sound\n", copy.display()));
        let said = ends(0, &["import", text(&file), text(&copy)]);
        assert_eq!(said, "270 frames were read: 0 new, 270 known already\n", "{format}");
        assert_eq!(answers(&copy), original, "{format}");
        // Its export is the same file again.
        let again = directory.path().join(format!("again.{format}"));
        ends(0, &["export", text(&copy), "--output", text(&again)]);
        assert!(fs::read(&file).unwrap() == fs::read(&again).unwrap(), "{format}");
    }
    let names: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    let unfinished = names.iter().filter(|name| name.to_string_lossy().contains("unfinished"));
    assert_eq!(unfinished.count(), 0, "{names:?}");
}

#[test]
fn a_spreadsheet_obeys_no_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    fill(&path);
    let csv = stdout(&run(&["export", text(&path)]));
    assert!(csv.starts_with("timestamp,host,app.load,\"app.parts["), "{csv}");
    let mut hosts = csv.match_indices("cmd|").map(|(at, _)| &csv[..at]);
    assert!(hosts.any(|before| before.ends_with("\"'=")), "{csv}");
    assert!(!csv.contains(",=") && !csv.contains(",\"="), "{csv}");
}

#[test]
fn a_part_of_it_can_be_exported() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    fill(&path);
    let range = ["--start", "2023-11-14T00:58:30Z", "--end", "2023-11-14T01:01:30Z"];
    let some = ["export", text(&path), "--host", "a", "--fields", "app.load"];
    let csv = stdout(&run(&[&some[..], &range].concat()));
    let expected = "timestamp,host,app.load\n\
                    2023-11-14T00:59:00.010Z,a,0.19\n\
                    2023-11-14T01:00:00.004Z,a,\n\
                    2023-11-14T01:01:00.011Z,a,0.21\n";
    assert_eq!(csv, expected);
    let lines = stdout(&run(&[&some[..], &range, &["--format", "jsonl"]].concat()));
    let first = lines.lines().next().unwrap();
    assert_eq!(
        first,
        "{\"timestamp\":\"2023-11-14T00:59:00.010Z\",\"timestamp_ms\":1699923540010,\
         \"host\":\"a\",\"data\":{\"app\":{\"load\":0.19}}}"
    );
    let hours = stdout(&run(&[&some[..], &["--interval", "1h"]].concat()));
    assert!(
        hours.starts_with(
            "timestamp,host,app.load:avg,app.load:min,app.load:max,app.load:count\n\
                               2023-11-14T00:00:00.000Z,a,-0.10,-0.39,0.19,48\n"
        ),
        "{hours}"
    );
    assert_eq!(hours.lines().count(), 4);
}

#[test]
fn a_wrong_export_is_wrong_usage_and_leaves_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    fill(&path);
    let out = directory.path().join("out.csv");
    for (args, expected) in [
        (&["--host", "nobody"][..], "there is no history of `nobody`"),
        (&["--fields", "a..b"], "bad --fields"),
        (&["--start", "2024-01-01", "--end", "2023-01-01"], "--end must be later"),
        (&["--interval", "7m"], "it must divide a day"),
        (&["--start", "noon"], "a time is written like"),
    ] {
        let said = ends(2, &[&["export", text(&path), "-o", text(&out)], args].concat());
        assert!(said.contains(expected), "{said}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4, "the store's own files");
    fs::write(&out, "mine").unwrap();
    let said = ends(2, &["export", text(&path), "-o", text(&out)]);
    assert!(said.contains("give --force to replace it"), "{said}");
    assert_eq!(fs::read(&out).unwrap(), b"mine");
    ends(0, &["export", text(&path), "-o", text(&out), "--force"]);
    assert!(fs::read(&out).unwrap().starts_with(b"timestamp"));
}

#[test]
fn an_export_says_what_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    fill(&path);
    flip_last_byte(&path);
    let said = ends(1, &["export", text(&path), "--output", text(&directory.path().join("x.csv"))]);
    assert!(said.contains("270 frames") && said.contains("left out: 1 damaged places"), "{said}");
}

/// Imports a text, which must fail; what is said.
fn refused(name: &str, content: &[u8]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(name);
    fs::write(&file, content).unwrap();
    let said = ends(1, &["import", text(&file), text(&directory.path().join("new.db"))]);
    said.replace(text(directory.path()), "DIR")
}

#[test]
fn a_broken_csv_is_refused_by_line_and_column() {
    for (content, expected) in [
        ("", "line 1: there is no column `timestamp`"),
        ("time,host,a.b\n", "line 1: there is no column `timestamp`"),
        ("timestamp,a.b\n", "line 1: there is no column `host`"),
        ("timestamp,host,a.b,a.b\n", "line 1, column 4: `a.b` is there twice"),
        ("timestamp,host,a b\n", "line 1, column 3: `a b` is not a series name"),
        ("timestamp,host,a.b:avg\n", "export without `--interval`"),
        ("timestamp,host,a[\"\"b\"\"]\n", "line 1, column 3: "),
        ("timestamp,host,a.b\nnoon,x,1\n", "line 2, column `timestamp`: `noon` is no time"),
        ("timestamp,host,a.b\n1,x,1\n2,x,many\n", "line 3, column `a.b`: `many` is no number"),
        ("timestamp,host,a.b\n1,x,1\n2,x\n", "line 3: there are 2 cells, and 3 columns"),
        ("timestamp,host,a.b\n1,,1\n", "line 2, column `host`: it is empty"),
        ("timestamp,host,a.b\n-1,x,1\n", "bad timestamp: -1 ms is not between"),
        ("timestamp,host,a.b\n1,x,0.1234567890\n", "has more than 9 decimals"),
    ] {
        let said = refused("x.csv", content.as_bytes());
        assert!(said.contains(expected) && said.contains("DIR/x.csv"), "{content:?}: {said}");
    }
}

#[test]
fn broken_json_lines_are_refused_by_line() {
    let good = r#"{"timestamp_ms":1,"host":"x","data":{"a":{"b":1}}}"#;
    for (content, expected) in [
        ("nonsense", "line 2, character "),
        (r#"{"timestamp_ms":2,"host":"x","data":{"a":{"b""#, "is the file cut off here?"),
        (r#"{"host":"x","data":{}}"#, "line 2, `timestamp`: neither it nor"),
        (r#"{"timestamp":"noon","host":"x","data":{}}"#, "`noon` is no time"),
        (r#"{"timestamp_ms":1.5,"host":"x","data":{}}"#, "no whole number of milliseconds"),
        (r#"{"timestamp_ms":2,"host":"x","data":{"a":{"b":"many"}}}"#, "line 2, `a.b`: "),
        (r#"{"timestamp_ms":2,"host":"x","data":{"a":1}}"#, "`a` has one part only"),
        (r#"{"timestamp_ms":2,"data":{}}"#, "missing field `host`"),
    ] {
        let said = refused("x.jsonl", format!("{good}\n{content}\n").as_bytes());
        assert!(said.contains(expected) && said.contains("DIR/x.jsonl"), "{content}: {said}");
    }
}

#[test]
fn a_cut_parquet_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    fill(&path);
    let file = directory.path().join("x.parquet");
    ends(0, &["export", text(&path), "--output", text(&file)]);
    let content = fs::read(&file).unwrap();
    for length in [0, 4, content.len() / 2, content.len() - 1] {
        let said = refused("cut.parquet", &content[..length]);
        assert!(said.contains("it is no Parquet file, or cut off"), "{length}: {said}");
    }
    assert!(refused("x.parquet", b"timestamp,host\n").contains("no Parquet file"));
}

#[test]
fn what_stands_before_an_error_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (file, store) = (directory.path().join("x.csv"), directory.path().join("new.db"));
    fs::write(&file, "timestamp,host,a.b\n1000,x,1.50\n2000,x,\n3000,x,bad\n").unwrap();
    ends(1, &["import", text(&file), text(&store)]);
    fs::write(&file, "timestamp,host,a.b\n1000,x,9\n2000,x,\n3000,x,-2\n3000,x,7\n").unwrap();
    let said = ends(0, &["import", text(&file), text(&store)]);
    assert_eq!(said, "4 frames were read: 1 new, 3 known already\n");
    let csv = stdout(&run(&["export", text(&store)]));
    let rows: Vec<&str> = csv.lines().skip(1).collect();
    assert_eq!(
        rows,
        [
            "1970-01-01T00:00:01.000Z,x,1.50",
            "1970-01-01T00:00:02.000Z,x,",
            "1970-01-01T00:00:03.000Z,x,-2.00"
        ]
    );
}

#[test]
fn an_import_needs_the_daemon_stopped_and_a_format() {
    let directory = tempfile::tempdir().unwrap();
    let (file, store) = (directory.path().join("x.csv"), directory.path().join("new.db"));
    fs::write(&file, "timestamp,host,a.b\n").unwrap();
    let daemon = held(&store);
    let said = ends(1, &["import", text(&file), text(&store)]);
    assert!(said.contains(&format!("is in use by process {}", std::process::id())), "{said}");
    drop(daemon);
    let said = ends(2, &["import", "-", text(&store)]);
    assert!(said.contains("give --format"), "{said}");
    let said = ends(1, &["import", "-", text(&store), "--format", "parquet"]);
    assert!(said.contains("from a file only"), "{said}");
    let said = ends(1, &["import", "/there/is/no.csv", text(&store)]);
    assert!(said.contains("cannot read /there/is/no.csv"), "{said}");
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    fill(&path);
    for format in FORMATS {
        let mut child = Command::new(env!("CARGO_BIN_EXE_perfwatch"))
            .args(["store", "export", text(&path), "--format", format])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{format}");
    }
}

#[test]
fn a_snapshot_is_history_too() {
    let directory = tempfile::tempdir().unwrap();
    let (file, store) = (directory.path().join("x.jsonl"), directory.path().join("new.db"));
    let snapshot = Command::new(env!("CARGO_BIN_EXE_perfwatch"))
        .args(["snapshot", "--format", "json", "--interval", "100ms", "--count", "2"])
        .output()
        .unwrap();
    fs::write(&file, &snapshot.stdout).unwrap();
    let said = ends(0, &["import", text(&file), text(&store)]);
    assert_eq!(said, "2 frames were read: 2 new, 0 known already\n");
    let csv = stdout(&run(&["export", text(&store), "--fields", "memory.total_bytes"]));
    let total: Value =
        serde_json::from_slice(snapshot.stdout.split(|it| *it == b'\n').next().unwrap()).unwrap();
    let total = &total["data"]["memory"]["total_bytes"];
    assert!(csv.lines().nth(1).unwrap().ends_with(&format!(",{total}")), "{csv}");
}
