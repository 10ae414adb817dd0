//! The real program on a real engine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod common;
#[path = "../../perfwatch-store/tests/all/process.rs"]
mod process;

use common::program::{Program, request};
use nix::sys::signal::Signal;
use process::{Engine, LOCKED};

/// What must never be seen: the password, plain and as it stands in a URL and a header.
const SECRETS: [&str; 3] = ["g%h/im", "g%25h%2Fim", "bWU6ZyVoL2lt"];

fn on_engine(directory: &std::path::Path, port: u16, password: &str) -> Program {
    let store = format!("--store=prometheus+http://me:{password}@127.0.0.1:{port}");
    let accounts = format!("--accounts=sqlite:{}", directory.join("users.db").display());
    Program::start(directory, &[&store, &accounts])
}

fn no_secret(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[test]
fn history_lies_in_the_engine_and_users_beside_the_daemon() {
    let engine = Engine::running(&LOCKED);
    let directory = tempfile::tempdir().unwrap();
    let program = on_engine(directory.path(), engine.port, "g%25h%2Fim");
    let expected = format!("History is in     prometheus+http://127.0.0.1:{}", engine.port);
    assert_eq!(program.said[1], expected);
    let token = program.login();
    let history = "/api/history/metrics?metric_type=cpu&fields=usage_percent&limit=1000";
    let answer = program.wait_for(history, &token, |answer| {
        answer["data_points"].as_array().is_some_and(|points| points.len() > 5)
    });
    assert!(answer.to_string().contains("usage_percent"), "{answer}");
    let config = program.json("/api/config", &token);
    assert_eq!(config["store"]["kind"], "prometheus");
    assert_eq!(config["writer"]["dropped"], 0, "{config}");
    no_secret(&format!("{answer} {config}"));

    for (line, body) in [
        ("PUT /api/retention", r#"{"full_resolution_days": 3}"#),
        ("POST /api/retention/forecast", r#"{"full_resolution_days": 3}"#),
        ("POST /api/retention/cleanup", ""),
    ] {
        let (status, said) = request(program.port, line, &token, body);
        assert_eq!(status, 409, "{line}: {said}");
        assert!(said.contains("is set in the engine itself"), "{said}");
    }
    let retention = program.json("/api/retention", &token);
    assert!(retention["elsewhere"].as_str().unwrap().contains("-retentionPeriod"), "{retention}");
    assert!(retention["usage"]["bytes"].is_null(), "{retention}");
    assert!(retention["usage"]["oldest"].is_string(), "{retention}");

    the_queries_of_the_documentation_find_something(
        &engine,
        config["host"]["name"].as_str().unwrap(),
    );

    let (code, _, log) = program.end(Signal::SIGTERM);
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("retention could not be applied"), "{log}");
    no_secret(&log);
    // The same users, and what was before.
    let program = on_engine(directory.path(), engine.port, "g%25h%2Fim");
    let token = program.login();
    let hosts = program.json("/api/hosts", &token);
    assert!(hosts.to_string().contains("last_seen"), "{hosts}");
    program.end(Signal::SIGTERM);
}

/// Each line of the blocks marked `promql`, asked of the engine as Grafana would.
fn the_queries_of_the_documentation_find_something(engine: &Engine, host: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scale.md");
    let text = std::fs::read_to_string(path).unwrap();
    let blocks = text.split("```promql\n").skip(1).map(|block| block.split("```").next().unwrap());
    let queries: Vec<String> =
        blocks.flat_map(str::lines).map(|line| line.replace("$host", host)).collect();
    assert!(queries.len() >= 5, "{queries:?}");
    for query in queries {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let answer = engine.ask(&format!("/api/v1/query?nocache=1&query={encoded}"), "me:g%h/im");
        assert!(answer.contains(r#""value":["#), "{query}: {answer}");
    }
}

#[test]
fn a_wrong_password_is_told_and_keeps_frames_waiting() {
    let engine = Engine::running(&LOCKED);
    let directory = tempfile::tempdir().unwrap();
    let program = on_engine(directory.path(), engine.port, "wrong");
    let token = program.login();
    let trouble = |config: &serde_json::Value| config["store"]["status"] == "degraded";
    let config = program.wait_for("/api/config", &token, trouble);
    assert!(config["store"]["detail"].as_str().unwrap().contains("takes no frames"), "{config}");
    assert_eq!(config["writer"]["dropped"], 0, "{config}");
    assert_eq!(config["writer"]["stored"], 0, "{config}");
    let (code, _, log) = program.end(Signal::SIGTERM);
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("check user and password") && !log.contains("wrong@"), "{log}");
}
