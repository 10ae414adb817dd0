//! The real program: how it starts, what it says, and how it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod common;

use std::{
    io::Write,
    net::TcpListener,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use common::{
    PASSWORD,
    program::{Program, command, request, run},
};
use nix::sys::signal::Signal;

/// The exit code and the one line on standard error.
fn one_line(output: &Output) -> (i32, String) {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1, "{text}");
    (output.status.code().unwrap(), lines[0].to_owned())
}

#[test]
fn a_bad_configuration_is_reported_whole_with_exit_code_2() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("perfwatch.toml");
    std::fs::write(&file, "intervall = '1s'\ninterval = 'soon'\n").unwrap();
    let file = file.to_str().unwrap();
    let environment = [("PERFWATCH_CONFIG", file), ("PERFWATCH_LISTEN", "here")];
    let output = run(&["--metrics.token-file=/none"], &environment);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr).replace(file, "FILE");
    insta::assert_snapshot!(text, @"
    perfwatch-server: the configuration cannot be used:
      intervall in FILE: no such setting; did you mean interval?
      interval in FILE: `soon` is not a duration such as 500ms, 5s, 1m or 1h
      PERFWATCH_LISTEN: `here` is not an address and port such as 127.0.0.1:8000
      --metrics.token-file: cannot read /none: No such file or directory (os error 2)
      store: there is no home directory to keep the data in: give --store sqlite:FILE
    ");
    assert_eq!(run(&["--no-such-flag"], &[]).status.code(), Some(2));
}

#[test]
fn help_and_version_go_to_standard_output() {
    let help = run(&["--help"], &[]);
    assert_eq!(help.status.code(), Some(0));
    let text = String::from_utf8_lossy(&help.stdout);
    assert!(text.contains("--listen <ADDR:PORT>") && text.contains("Examples:"), "{text}");
    let version = String::from_utf8_lossy(&run(&["--version"], &[]).stdout).into_owned();
    assert_eq!(version, concat!("perfwatch-server ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn who_listens_to_the_network_is_told_that_logins_cross_it_in_the_clear() {
    let directory = tempfile::tempdir().unwrap();
    let log = |listen: &str| {
        let program = Program::start(directory.path(), &["--listen", listen, "--log=warn"]);
        program.end(Signal::SIGTERM).2
    };
    let told = |log: &str| log.matches("cross the network unencrypted").count();
    let wanted = [("0.0.0.0:0", 1), ("127.0.0.1:0", 0), ("[::1]:0", 0)];
    for (listen, times) in wanted {
        let log = log(listen);
        assert_eq!(told(&log), times, "{listen}: {log}");
    }
    let help = String::from_utf8(run(&["--help"], &[]).stdout).unwrap();
    assert!(!help.contains("0.0.0.0"), "{help}");
}

#[test]
fn a_port_in_use_is_named_with_the_cure() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let output = run(&["--store=memory:", "--listen", &address], &[]);
    let (code, line) = one_line(&output);
    assert_eq!(code, 1);
    insta::assert_snapshot!(line.replace(&address, "ADDRESS"), @"perfwatch-server: cannot listen on ADDRESS: Address already in use (os error 98): another program has the port; choose one with --listen");
}

#[test]
fn a_store_in_use_and_one_that_cannot_be_written_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::start(directory.path(), &[]);
    let file = directory.path().join("perfwatch.db");
    let store = |path: &Path| format!("--store=sqlite:{}", path.display());
    let (code, line) = one_line(&run(&["--listen=127.0.0.1:0", &store(&file)], &[]));
    assert_eq!(code, 1);
    assert!(line.contains(file.to_str().unwrap()) && line.contains("in use"), "{line}");
    program.end(Signal::SIGTERM);

    let nowhere = Path::new("/proc/perfwatch/perfwatch.db");
    let (code, line) = one_line(&run(&["--listen=127.0.0.1:0", &store(nowhere)], &[]));
    assert_eq!(code, 1);
    assert!(line.contains("/proc/perfwatch"), "{line}");
}

#[test]
fn the_first_start_says_where_it_is_and_the_password_once() {
    let directory = tempfile::tempdir().unwrap();
    let start = || {
        let store = format!("--store=sqlite:{}/perfwatch.db", directory.path().display());
        let mut command = command(&["--listen=127.0.0.1:0", &store]);
        command.env_remove("PERFWATCH_ADMIN_PASSWORD");
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_secs(2));
        let pid = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, Signal::SIGINT).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap()
    };
    let first = start();
    assert!(first.contains("http://127.0.0.1:"), "{first}");
    assert!(first.contains(directory.path().to_str().unwrap()), "{first}");
    assert!(first.contains("user admin, password "), "{first}");
    let second = start();
    assert!(second.contains("http://127.0.0.1:") && !second.contains("password"), "{second}");
}

#[test]
fn a_password_that_is_configured_in_vain_is_told_with_the_way_back() {
    let directory = tempfile::tempdir().unwrap();
    let log = || Program::start(directory.path(), &["--log=info"]).end(Signal::SIGTERM).2;
    let hint = "PERFWATCH_ADMIN_PASSWORD is unused";
    let first = log();
    assert!(!first.contains(hint), "{first}");
    let second = log();
    assert!(second.contains(hint) && second.contains("`perfwatch store password`"), "{second}");
    assert!(!second.contains(PASSWORD), "{second}");
}

#[test]
fn a_first_password_that_could_not_be_shown_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let store = format!("--store=sqlite:{}/perfwatch.db", directory.path().display());
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = command(&["--listen=127.0.0.1:0", &store]);
    let output = command.env_remove("PERFWATCH_ADMIN_PASSWORD").stdout(full).output().unwrap();
    let (code, line) = one_line(&output);
    assert_eq!(code, 1);
    assert!(line.contains("cannot write to standard output"), "{line}");

    let program = Program::first_start(directory.path());
    let (_, password) = program.said[2].split_once("user admin, password ").unwrap();
    assert_eq!(program.try_login(password).0, 200);
    program.end(Signal::SIGTERM);
}

/// How many frames the store holds, asked of a program that adds only one of its own.
fn frames(directory: &Path) -> u64 {
    let program = Program::start(directory, &["--interval=1h"]);
    let token = program.login();
    let usage = program.json("/api/retention", &token)["usage"].clone();
    program.end(Signal::SIGTERM);
    usage["frames"].as_u64().unwrap()
}

#[test]
fn sigterm_stops_soon_and_stores_every_frame() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::start(directory.path(), &[]);
    let token = program.login();
    let config = program.wait_for("/api/config", &token, |config| {
        config["writer"]["expected"].as_u64() >= Some(15)
    });
    let (code, took, log) = program.end(Signal::SIGTERM);
    assert_eq!(code, Some(0), "{log}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(!log.contains("could not be stored"), "{log}");
    assert!(frames(directory.path()) >= config["writer"]["expected"].as_u64().unwrap());
}

#[test]
fn a_kill_loses_nothing_that_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::start(directory.path(), &[]);
    let token = program.login();
    let config = program
        .wait_for("/api/config", &token, |config| config["writer"]["stored"].as_u64() >= Some(15));
    program.end(Signal::SIGKILL);
    assert!(frames(directory.path()) >= config["writer"]["stored"].as_u64().unwrap());
}

#[test]
#[allow(clippy::disallowed_methods, reason = "promtool is a program")]
fn promtool_finds_no_fault_in_the_metrics() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::start(directory.path(), &["--metrics.open"]);
    program.wait_for("/healthz", "", |health| health["status"] == "ok");
    let mut text = String::new();
    // The rates of the monitor itself come with the second tick.
    while !text.contains("perfwatch_cpu_cores_user_seconds_total") {
        text = program.get("/metrics", "").1;
    }
    program.end(Signal::SIGTERM);
    let promtool = std::process::Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool =
        promtool.expect("promtool is missing: install the Debian package `prometheus`");
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(String::from_utf8_lossy(&said), "");
    assert!(output.status.success());
}

#[test]
fn no_token_and_no_password_reaches_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let token_file = directory.path().join("scrape");
    let scrape = "the long-lived scrape token";
    std::fs::write(&token_file, scrape).unwrap();
    std::fs::set_permissions(&token_file, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .unwrap();
    let flag = format!("--metrics.token-file={}", token_file.display());
    let program = Program::start(directory.path(), &[&flag]);
    let token = program.login();
    assert_eq!(program.get("/metrics", scrape).0, 200);
    assert_eq!(program.get(&format!("/api/ws/metrics?token={token}"), "").0, 400);
    assert_eq!(program.get("/api/config", &token).0, 200);
    let wrong = r#"{"username":"admin","password":"a wrong password"}"#;
    assert_eq!(request(program.port, "POST /api/auth/login", "", wrong).0, 401);
    let change = format!(r#"{{"current_password":"{PASSWORD}","new_password":"a new password"}}"#);
    assert_eq!(request(program.port, "POST /api/auth/password", &token, &change).0, 200);
    let (_, _, log) = program.end(Signal::SIGTERM);
    assert!(log.contains("/api/ws/metrics"), "the log has each request: {log}");
    for secret in [&token, PASSWORD, "a wrong password", "a new password", scrape] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
