//! Runs `perfwatch hosts` on the real daemon.
#![allow(clippy::disallowed_methods, reason = "starting the binary is what these tests are for")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod real_daemon;

use std::process::{Command, Output};

use perfwatch_collect::Roots;
use real_daemon::{PASSWORD, RealDaemon};
use serde_json::Value;

fn hosts(daemon: &RealDaemon, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_perfwatch"))
        .args(["hosts", "--server", &daemon.address])
        .args(more)
        .env("PERFWATCH_PASSWORD", PASSWORD)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_hosts_of_a_daemon_are_listed() {
    let daemon = RealDaemon::start("memory:", Roots::default());
    let json = text(&hosts(&daemon, &["--format", "json"]));
    assert_eq!(json.lines().count(), 1, "{json}");
    let answer: Value = serde_json::from_str(&json).unwrap();
    let name = answer["hosts"][0]["name"].as_str().unwrap();
    let page = text(&hosts(&daemon, &[]));
    let lines: Vec<&str> = page.lines().collect();
    assert!(lines[0].starts_with("host"), "{page}");
    assert!(lines[1].starts_with(&format!("{name} *  live")), "{page}");
    assert!(lines[1].ends_with(env!("CARGO_PKG_VERSION")), "{page}");
}

#[test]
fn without_a_daemon_it_says_what_is_missing() {
    let output = Command::new(env!("CARGO_BIN_EXE_perfwatch")).arg("hosts").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--server"));
}
