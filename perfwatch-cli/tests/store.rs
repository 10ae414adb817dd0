//! `perfwatch store` on real files.
#![allow(clippy::disallowed_methods, reason = "starting the binary is what these tests are for")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod history;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use history::{HOSTILE, HOUR, START, fill, flip_last_byte, held};
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
    assert_eq!(info["schema_version"], 3);
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
        let said = ends(1, &[command, "memory:"]);
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
