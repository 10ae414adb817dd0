//! Runs the real binary, as a user would.
#![allow(clippy::disallowed_methods, reason = "starting the binary is what these tests are for")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod real_daemon;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Output, Stdio},
};

use perfwatch_collect::Roots;
use real_daemon::{PASSWORD, RealDaemon};
use serde_json::Value;

const TYPES: [&str; 8] =
    ["cpu", "memory", "network", "disk", "perf_events", "memory_bandwidth", "pressure", "power"];

fn perfwatch(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perfwatch"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PERFWATCH_")) {
        command.env_remove(name);
    }
    command.args(args);
    command
}

fn run(args: &[&str]) -> Output {
    perfwatch(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// The output of a command that must do.
fn good(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(code(&output), 0, "{args:?}: {}", stderr(&output));
    stdout(&output)
}

#[test]
fn json_is_one_message_per_line_with_all_types() {
    let text = good(&["snapshot", "--format", "json", "--interval", "200ms", "--count", "2"]);
    let messages: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(messages.len(), 2);
    for message in &messages {
        assert_eq!(message["type"], "metrics");
        assert!(message["timestamp"].as_str().unwrap().ends_with('Z'));
        assert!(message["interval_ms"].as_u64().unwrap() >= 150);
        for metric_type in TYPES {
            assert!(message["data"][metric_type].is_object(), "{metric_type} is missing");
        }
        // The first message has rates already.
        assert!(message["data"]["cpu"]["usage_percent"].is_number());
        assert!(message["data"]["memory"]["total_bytes"].as_u64().unwrap() > 0);
    }
    assert!(messages[0]["timestamp_ms"].as_i64() < messages[1]["timestamp_ms"].as_i64());
}

#[test]
fn prometheus_text_passes_promtool() {
    let text = good(&["snapshot", "--format", "prometheus", "--interval", "100ms"]);
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = promtool.expect("promtool is missing: apt-get install prometheus");
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = promtool.wait_with_output().unwrap();
    assert!(said.status.success(), "{}{}", stdout(&said), stderr(&said));
    assert_eq!(stderr(&said), "", "promtool complains");
}

#[test]
fn a_table_in_a_pipe_is_plain_and_fits_80_columns() {
    let text = good(&["snapshot", "--interval", "100ms"]);
    assert!(!text.contains('\x1b'), "decoration in a pipe");
    for name in TYPES {
        assert!(text.lines().any(|line| line == name), "no section {name}");
    }
    let longest = text.lines().max_by_key(|line| line.chars().count()).unwrap();
    assert!(longest.chars().count() <= 80, "{longest}");
}

#[test]
fn wrong_usage_exits_with_2() {
    for args in [
        &["snapshot", "--format", "xml"][..],
        &["snapshot", "--interval", "5"],
        &["snapshot", "--path.procfs", "/there/is/no/such/folder"],
        &["snapshot", "--server", "ftp://host"],
        &["snapshot", "--server", "http://127.0.0.1:1"],
        &["snapshot", "--token-file", "/dev/null"],
        &["nonsense"],
    ] {
        let output = run(args);
        assert_eq!(code(&output), 2, "{args:?}");
        assert!(!stderr(&output).is_empty() && output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn a_secret_in_the_address_is_refused_and_not_repeated() {
    let output = run(&["snapshot", "--server", "http://admin:hunter2@127.0.0.1:1"]);
    assert_eq!(code(&output), 2);
    assert!(!stderr(&output).contains("hunter2"), "{}", stderr(&output));
}

#[test]
fn an_empty_host_is_said_to_be_empty() {
    let empty = tempfile::tempdir().unwrap();
    let paths = paths(empty.path());
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    for format in ["table", "json", "prometheus"] {
        let snapshot = ["snapshot", "--interval", "100ms", "--format", format];
        let output = run(&[&snapshot[..], &paths].concat());
        assert_eq!(code(&output), 1, "{format}");
        for name in TYPES {
            assert!(stderr(&output).contains(&format!("{name}: ")), "{}", stderr(&output));
        }
    }
    let report = good(&[&["doctor", "--format", "json"][..], &paths].concat());
    let report: Value = serde_json::from_str(&report).unwrap();
    for collector in report["collectors"].as_array().unwrap() {
        assert_eq!(collector["status"], "unavailable", "{collector}");
        assert!(collector["reason"].is_string(), "{collector}");
    }
}

/// The arguments that make an empty folder the host.
fn paths(root: &Path) -> Vec<String> {
    let root = root.display();
    ["procfs", "sysfs", "rootfs"].map(|tree| format!("--path.{tree}={root}")).to_vec()
}

/// Numbers of a view that are below zero, or above what their unit can be.
fn impossible(path: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                impossible(&format!("{path}.{name}"), member, found);
            }
        }
        Value::Number(number) => {
            let number = number.as_f64().unwrap();
            let share = path.ends_with("_percent") && path != ".monitor.cpu_percent";
            if number < 0.0 || (share && number > 100.0) {
                found.push(format!("{path} = {number}"));
            }
        }
        _ => {}
    }
}

#[test]
fn every_fixture_host_can_be_shown() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../perfwatch-collect/fixtures");
    let hosts = fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path());
    let mut seen = 0;
    for host in hosts.filter(|host| host.join("proc").is_dir()) {
        let root = host.display();
        let paths = [("procfs", "/proc"), ("sysfs", "/sys"), ("rootfs", "")]
            .map(|(tree, below)| format!("--path.{tree}={root}{below}"));
        let [procfs, sysfs, rootfs] = paths.each_ref().map(String::as_str);
        let text =
            good(&["snapshot", "--format", "json", "--interval", "100ms", procfs, sysfs, rootfs]);
        let message: Value = serde_json::from_str(&text).unwrap();
        let mut found = Vec::new();
        impossible("", &message["data"], &mut found);
        assert!(found.is_empty(), "{root}: {found:?}");
        assert!(message["data"]["memory"]["total_bytes"].is_u64(), "{root}: {text}");
        seen += 1;
    }
    assert!(seen >= 10, "{seen} fixture hosts");
}

#[test]
fn the_environment_names_the_paths() {
    let empty = tempfile::tempdir().unwrap();
    let mut command = perfwatch(&["snapshot", "--interval", "100ms"]);
    for tree in ["PROCFS", "SYSFS", "ROOTFS"] {
        command.env(format!("PERFWATCH_PATH_{tree}"), empty.path());
    }
    assert_eq!(code(&command.output().unwrap()), 1);
}

#[test]
fn a_cut_file_fails_its_collector_and_no_other() {
    let host = tempfile::tempdir().unwrap();
    fs::write(host.path().join("meminfo"), "MemTotal:  1000 kB\nMemFree:").unwrap();
    fs::write(host.path().join("vmstat"), "pgpgin 1\npgpgout 2\n").unwrap();
    let paths = paths(host.path());
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let doctor = run(&[&["doctor"][..], &paths].concat());
    assert_eq!(code(&doctor), 1, "a collector failed");
    assert!(stdout(&doctor).contains("meminfo"), "{}", stdout(&doctor));
    let snapshot = good(&[&["snapshot", "--interval", "100ms"][..], &paths].concat());
    assert!(snapshot.contains("failed: cannot understand"), "{snapshot}");
    assert!(snapshot.contains("page io"), "{snapshot}");
}

#[test]
fn doctor_names_what_is_missing_with_a_cure() {
    let report: Value = serde_json::from_str(&good(&["doctor", "--format", "json"])).unwrap();
    let collectors = report["collectors"].as_array().unwrap();
    let names: Vec<_> = collectors.iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, TYPES);
    let perf_events = collectors.iter().find(|it| it["name"] == "perf_events").unwrap();
    // Hardware counters are there, or their absence is explained; software events always are.
    let of_hardware = |it: &&Value| it["what"].as_str().unwrap().starts_with("hardware events");
    let gap = perf_events["gaps"].as_array().unwrap().iter().find(of_hardware);
    let unexplained = |it: &Value| it["reason"].as_str().is_none() || it["cure"].as_str().is_none();
    match (perf_events["status"].as_str().unwrap(), gap) {
        ("ok", gap) => assert_eq!(gap, None),
        (_, Some(gap)) => assert!(!unexplained(gap), "{gap}"),
        (_, None) => assert!(!unexplained(perf_events), "{perf_events}"),
    }
    let cores = &collectors[0]["sees"]["rows"][0];
    assert_eq!((&cores["row"], &cores["count"]), (&"core".into(), &report["host"]["cpu_count"]));
    let text = good(&["doctor"]);
    for word in ["collectors", "limits", "RLIMIT_NOFILE", "CAP_PERFMON"] {
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let mut child =
        perfwatch(&["snapshot", "--format", "json", "--count", "100", "--interval", "100ms"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with('{'));
    // The pipe is closed now.
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""));
}

/// Asks a daemon that may not have its first frame yet.
fn ask(daemon: &RealDaemon, format: &str) -> String {
    let args = ["snapshot", "--server", &daemon.address, "--format", format];
    for _ in 0..100 {
        let output = perfwatch(&args).env("PERFWATCH_PASSWORD", PASSWORD).output().unwrap();
        if code(&output) == 0 {
            return stdout(&output);
        }
        assert!(stderr(&output).contains("503"), "{}", stderr(&output));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the daemon had no frame within 5 s");
}

#[test]
fn a_daemon_is_shown_like_this_host() {
    let daemon = RealDaemon::start("memory:", Roots::default());
    let message: Value = serde_json::from_str(&ask(&daemon, "json")).unwrap();
    assert_eq!(message["type"], "metrics");
    let own: Value = serde_json::from_str(&good(&["snapshot", "--format", "json"])).unwrap();
    assert_eq!(message["data"]["memory"]["total_bytes"], own["data"]["memory"]["total_bytes"]);
    for name in TYPES {
        assert!(message["data"][name].is_object(), "{name}");
    }
    assert!(ask(&daemon, "table").contains("\nmemory\n"));
    assert!(ask(&daemon, "prometheus").starts_with("# HELP"));
}

#[test]
fn a_daemon_says_why_its_host_lacks_something() {
    let empty = tempfile::TempDir::new().unwrap();
    let path = empty.path().to_owned();
    let daemon = RealDaemon::start(
        "memory:",
        Roots { procfs: path.clone(), sysfs: path.clone(), rootfs: path },
    );
    let table = ask(&daemon, "table");
    assert!(table.contains("this kernel or host has no"), "{table}");
}

#[test]
fn a_wrong_password_fails_without_repeating_it() {
    let daemon = RealDaemon::start("memory:", Roots::default());
    let output = perfwatch(&["snapshot", "--server", &daemon.address])
        .env("PERFWATCH_PASSWORD", "hunter2-hunter2")
        .output()
        .unwrap();
    assert_eq!(code(&output), 1);
    let said = stderr(&output);
    assert!(said.contains("refused the user name or the password"), "{said}");
    assert!(said.contains(&daemon.address) && !said.contains("hunter2"), "{said}");
}

#[test]
fn completions_know_the_subcommands() {
    assert!(good(&["completions", "bash"]).contains("snapshot"));
}
