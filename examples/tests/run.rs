//! Runs every example as a user would. Cargo builds the examples before this test.
#![allow(clippy::disallowed_methods, reason = "starting the examples is what these tests are for")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "only tests use it")]

use std::{env, path::PathBuf, process::Command};

/// Where cargo puts the examples' binaries: beside the folder of this test's own.
fn binary(name: &str) -> PathBuf {
    let own = env::current_exe().unwrap();
    own.parent().and_then(|deps| deps.parent()).unwrap().join("examples").join(name)
}

fn output(name: &str, args: &[&str]) -> String {
    let path = binary(name);
    let output = Command::new(&path).args(args).output();
    let output = output.unwrap_or_else(|error| {
        panic!("cannot run {} ({error}): build it with `cargo build --examples`", path.display())
    });
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn sample_in_a_loop_prints_a_view_per_line() {
    let text = output("sample_in_a_loop", &["1"]);
    let view: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
    assert!(view["cpu"]["usage_percent"].is_number(), "{text}");
}

#[test]
fn sample_at_10_hz_says_what_it_cost() {
    let text = output("sample_at_10_hz", &["5"]);
    assert!(text.contains("CPU use of this program") && text.contains("mean of 5"), "{text}");
    assert!(text.contains("lateness: median"), "{text}");
}

#[test]
fn own_collector_is_in_the_view_and_in_the_exposition() {
    let text = output("own_collector", &[]);
    for wanted in ["\"idle_cpus\": ", "\"up_seconds\": ", "\nperfwatch_uptime_up_seconds "] {
        assert!(text.contains(wanted), "{wanted} is missing in {text}");
    }
}

#[test]
fn query_own_store_answers_from_memory() {
    let text = output("query_own_store", &[]);
    let cores: Vec<&str> = text.lines().filter(|line| line.starts_with("cpu.cores.")).collect();
    assert!(
        cores.len() >= 5 && cores.iter().all(|line| line.contains(".usage_percent ")),
        "{text}"
    );
}
