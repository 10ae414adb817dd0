//! Runs `perfwatch hosts` on the real daemon.
#![allow(clippy::disallowed_methods, reason = "starting the binary is what these tests are for")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

#[path = "../../perfwatch-store/tests/all/process.rs"]
mod process;
mod real_daemon;

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Output, Stdio},
};

use perfwatch_collect::Roots;
use real_daemon::{PASSWORD, RealDaemon};
use serde_json::Value;
use tempfile::TempDir;

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

/// A server behind TLS with a certificate for 127.0.0.1 that no public authority signed; it gives
/// the answer of a daemon to `/api/hosts`.
struct Private {
    server: Child,
    address: String,
    directory: TempDir,
}

impl Private {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        process::certificate(directory.path(), Command::new("openssl"));
        std::fs::create_dir(directory.path().join("api")).unwrap();
        let body = r#"{"vitals": [], "hosts": []}"#;
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        std::fs::write(directory.path().join("api/hosts"), answer).unwrap();
        let mut server = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-HTTP"])
            .args(["-cert", "cert.pem", "-key", "key.pem"])
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl runs; scripts/test-tools.sh installs it");
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            line.unwrap().strip_prefix("ACCEPT ")?.rsplit_once(':')?.1.parse::<u16>().ok()
        });
        std::thread::spawn(move || lines.count());
        Self { server, address: format!("https://127.0.0.1:{}", port.unwrap()), directory }
    }

    /// The exit status and all that is said.
    fn ask(&self, command: &str, more: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_perfwatch"))
            .args([command, "--server", &self.address, "--format", "json"])
            .args(more)
            .env("PERFWATCH_TOKEN", "sesame")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn a_private_authority_is_believed_where_its_file_is_given() {
    let server = Private::start();
    for command in ["hosts", "snapshot", "changes"] {
        let (status, said) = server.ask(command, &[], &[]);
        assert_ne!(status, 0);
        assert!(said.contains("--ca-file or PERFWATCH_CA_FILE"), "{said}");
    }
    let file = |name: &str| server.directory.path().join(name).to_str().unwrap().to_owned();
    let (own, key) = (file("cert.pem"), file("key.pem"));
    assert_eq!(server.ask("hosts", &["--ca-file", &own], &[]).0, 0);
    assert_eq!(server.ask("hosts", &[], &[("PERFWATCH_CA_FILE", &own)]).0, 0);
    // What else is asked, this server does not know, but it is believed.
    for command in ["snapshot", "changes"] {
        let (_, said) = server.ask(command, &["--ca-file", &own], &[]);
        assert!(said.contains("is not a PerfWatch daemon"), "{said}");
    }
    let other = Private::start();
    let other = other.directory.path().join("cert.pem");
    let (status, said) = server.ask("hosts", &["--ca-file", other.to_str().unwrap()], &[]);
    assert!(status == 1 && said.contains(&format!("not in {}", other.display())), "{said}");
    let (status, said) = server.ask("hosts", &["--ca-file", &key], &[]);
    assert!(status == 2 && said.contains("key.pem holds no certificates"), "{said}");
    let (status, said) = server.ask("hosts", &["--ca-file", &file("none")], &[]);
    assert!(status == 1 && said.contains("none: No such file"), "{said}");
}
