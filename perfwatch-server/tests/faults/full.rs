//! A disk without space: live goes on, frames wait, nothing is lost when there is space again.

use std::{fs, path::Path, process::Command, time::Duration};

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    common::program::Program,
    level::{count, report},
};

/// A file system in memory of this many MiB.
pub(crate) struct Disk(pub(crate) TempDir);

impl Disk {
    pub(crate) fn new(mebibytes: u32) -> Self {
        let disk = Self(tempfile::tempdir().unwrap());
        mount(&["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "perfwatch"], disk.0.path());
        disk
    }

    fn enlarge(&self, mebibytes: u32) {
        mount(&["-o", &format!("remount,size={mebibytes}m")], self.0.path());
    }
}

impl Drop for Disk {
    #[allow(clippy::disallowed_methods, reason = "there is no library for it")]
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).output();
    }
}

#[allow(clippy::disallowed_methods, reason = "there is no library for it")]
fn mount(arguments: &[&str], at: &Path) {
    let output = Command::new("mount").args(arguments).arg(at).output();
    let needs = "a full disk needs root and the right to mount: run the tests as root on a machine \
                 or in a container that may mount (docker run --privileged)";
    let output = output.unwrap_or_else(|error| panic!("cannot run mount: {error}; {needs}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "mount failed: {}; {needs}", said.trim());
}

/// Writes until nothing more fits.
pub(crate) fn fill(file: &Path) {
    let mut length = 1 << 20;
    let mut ballast = fs::File::create(file).unwrap();
    while length > 0 {
        if std::io::Write::write_all(&mut ballast, &vec![7; length]).is_err() {
            length /= 2;
        }
    }
}

fn writer(program: &Program, token: &str) -> [u64; 4] {
    let config = program.json("/api/config", token);
    ["expected", "stored", "waiting", "dropped"]
        .map(|name| config["writer"][name].as_u64().unwrap())
}

fn exact([expected, stored, waiting, dropped]: [u64; 4]) {
    assert_eq!(expected, stored + waiting + dropped);
}

fn stored_frames(program: &Program, token: &str) -> u64 {
    program.json("/api/retention", token)["usage"]["frames"].as_u64().unwrap()
}

fn is(health: &Value, status: &str) -> bool {
    health["status"] == status
}

#[test]
fn a_full_disk_stops_nothing_but_the_store() {
    let disk = Disk::new(count(32, 8));
    let data = disk.0.path();
    let program = Program::start(data, &["--interval=100ms", "--metrics.open"]);
    let token = program.login();
    program
        .wait_for("/api/config", &token, |config| config["writer"]["stored"].as_u64() >= Some(10));

    let rounds = count(3, 1);
    for round in 0..rounds {
        fill(&data.join("ballast"));
        program.wait_for("/healthz", "", |health| is(health, "degraded"));
        let (status, ready) = program.get("/readyz", "");
        assert_eq!(status, 200, "live goes on: {ready}");
        let before = writer(&program, &token);
        exact(before);
        // Live goes on: the sampler hands over more frames, and they wait.
        std::thread::sleep(Duration::from_secs(2));
        let during = writer(&program, &token);
        exact(during);
        assert!(during[0] >= before[0] + 10, "{before:?} {during:?}");
        assert!(during[2] >= before[2] + 10, "{before:?} {during:?}");
        assert_eq!(program.get("/metrics", "").0, 200);

        if round % 2 == 0 {
            fs::remove_file(data.join("ballast")).unwrap();
        } else {
            disk.enlarge(count(32, 8) + 16 * round);
        }
        program.wait_for("/healthz", "", |health| is(health, "ok"));
        let after = program.wait_for("/api/config", &token, |config| {
            config["writer"]["waiting"].as_u64() <= Some(1)
        });
        assert_eq!(after["writer"]["dropped"], 0);
        let after = writer(&program, &token);
        exact(after);
        assert!(after[1] >= during[0], "what waited is stored: {during:?} {after:?}");
        let _ = fs::remove_file(data.join("ballast"));
    }
    let told = writer(&program, &token)[1];
    let held = stored_frames(&program, &token);
    assert!(held >= told && held <= told + 20, "{told} are said to be stored, {held} are");
    let (code, _, log) = program.end(Signal::SIGTERM);
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("no space is left"), "the log says why: {log}");
    report(
        "disk full",
        &format!("tmpfs of {} MiB filled {rounds} times", count(32, 8)),
        &format!("live went on, degraded was said, writes resumed; {told} expected, 0 dropped"),
    );
}
