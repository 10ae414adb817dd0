//! Files that are torn, foreign or unreadable: the daemon starts with all that is whole, or leaves
//! with one line. Nothing that it did not understand is changed.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::{
    common::program::{Program, command},
    level::{count, report},
};

/// How the daemon ended by itself; nothing if it runs.
fn end(mut command: Command) -> Option<Output> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(3);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Some(child.wait_with_output().unwrap())
}

fn daemon(file: &Path) -> Command {
    let store = format!("--store=sqlite:{}", file.display());
    command(&["--listen=127.0.0.1:0", &store])
}

/// It ended with exit code 1 and one line that names the file.
fn assert_refused(command: Command, file: &Path, reason: &str) {
    let output = end(command).unwrap_or_else(|| panic!("it runs on {}", file.display()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(file.to_str().unwrap()) && said.contains(reason), "{said}");
}

/// A store of a few seconds of a real daemon.
fn make(directory: &Path) {
    let program = Program::start(directory, &[]);
    let token = program.login();
    program
        .wait_for("/api/config", &token, |config| config["writer"]["stored"].as_u64() >= Some(20));
    program.end(Signal::SIGTERM);
}

#[test]
fn what_is_no_store_is_named_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let foreign = directory.path().join("foreign.db");
    let made = python(
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); \
                       c.execute('create table theirs (x)'); c.commit()",
        &foreign,
    );
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let text = directory.path().join("letter.txt");
    fs::write(&text, "Dear reader, this is no database at all.\n".repeat(40)).unwrap();
    let short = directory.path().join("short");
    fs::write(&short, "x").unwrap();
    for (file, reason) in [
        (&foreign, "it is the database of another program"),
        (&text, "it is no SQLite database"),
        (&short, "it is no SQLite database"),
    ] {
        let before = fs::read(file).unwrap();
        assert_refused(daemon(file), file, reason);
        assert_eq!(fs::read(file).unwrap(), before, "{} was changed", file.display());
    }
    let folder = directory.path().join("folder");
    fs::create_dir(&folder).unwrap();
    assert_refused(daemon(&folder), &folder, "cannot");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    report(
        "a foreign file",
        "another program's database, a text, one byte, a directory",
        "one line naming it, exit 1; not a byte changed",
    );
}

/// Only somebody who is not root can be kept from a file by its mode.
#[test]
fn a_file_that_may_not_be_read_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    fs::create_dir(&data).unwrap();
    make(&data);
    let file = data.join("perfwatch.db");
    let before = fs::read(&file).unwrap();
    let is_root = nix::unistd::geteuid().is_root();
    for path in [directory.path(), &data] {
        fs::set_permissions(path, PermissionsExt::from_mode(0o777)).unwrap();
    }
    fs::set_permissions(&file, PermissionsExt::from_mode(0o000)).unwrap();
    let mut command = daemon(&file);
    if is_root {
        command = unprivileged(directory.path(), &command);
    }
    assert_refused(command, &file, "Permission denied");
    fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(fs::read(&file).unwrap(), before);
    report("chmod 000", "1 file", "one line naming it, exit 1; not a byte changed");
}

/// The same program as `nobody`, copied to where `nobody` may read it.
#[allow(clippy::disallowed_methods, reason = "there is no library for it")]
fn unprivileged(directory: &Path, command: &Command) -> Command {
    let program = directory.join("perfwatch-server");
    fs::copy(command.get_program(), &program).unwrap();
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let mut other = Command::new("setpriv");
    other.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(program);
    other.args(command.get_args()).env("PERFWATCH_ADMIN_PASSWORD", "a password for nobody");
    other
}

#[allow(clippy::disallowed_methods, reason = "another program is what is tested")]
fn python(script: &str, file: &Path) -> Output {
    let output = Command::new("python3").args(["-c", script]).arg(file).output();
    output.expect("python3 is missing: install the Debian package `python3`")
}

#[test]
fn a_torn_file_starts_or_is_named() {
    let directory = tempfile::tempdir().unwrap();
    make(directory.path());
    let whole = fs::read(directory.path().join("perfwatch.db")).unwrap();
    let cuts = count(60, 6);
    let (mut started, mut refused) = (0, 0);
    for cut in 0..cuts {
        // The first has nothing at all; the others end anywhere.
        let length = whole.len() * cut as usize / cuts as usize + (cut as usize * 37) % 100;
        let length = if cut == 0 { 0 } else { length };
        let other = tempfile::tempdir().unwrap();
        let file = other.path().join("perfwatch.db");
        fs::write(&file, &whole[..length]).unwrap();
        match end(daemon(&file)) {
            None => started += 1,
            Some(_) => {
                assert_refused(daemon(&file), &file, "damaged");
                assert_eq!(fs::read(&file).unwrap().len(), length, "cut at {length}");
                refused += 1;
            }
        }
        assert!(length > 0 || started == 1, "an empty file is a new store");
    }
    report(
        "a torn file",
        &format!("cut at {cuts} lengths"),
        &format!("{started} started, {refused} left with one line naming it"),
    );
}

#[test]
fn what_is_damaged_is_named_where_people_look() {
    let directory = tempfile::tempdir().unwrap();
    make(directory.path());
    let file = directory.path().join("perfwatch.db");
    let flip = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); \
                key, body = c.execute('select key, body from frames order by key limit 1').fetchone(); \
                body = bytes([*body[:20], body[20] ^ 4, *body[21:]]); \
                c.execute('update frames set body = ? where key = ?', (body, key)); c.commit(); \
                print(key & 0xfffffffffff)";
    let flipped = python(flip, &file);
    let time_ms: i64 = String::from_utf8_lossy(&flipped.stdout).trim().parse().unwrap();
    let program = Program::start(directory.path(), &[]);
    let token = program.login();
    let retention = program.json("/api/retention", &token);
    assert_eq!(retention["usage"]["damaged"], 1, "{retention}");
    let [stretch] = retention["damaged"].as_array().unwrap().as_slice() else { panic!("one") };
    assert_eq!(stretch["series"], serde_json::Value::Null);
    let start = stretch["start_time"].as_str().unwrap();
    assert_eq!(start.parse::<jiff::Timestamp>().unwrap().as_millisecond(), time_ms);
    let range = format!("start_time={}&end_time={}", time_ms / 1000, time_ms / 1000 + 2);
    let path = format!("/api/history/metrics?metric_type=cpu&fields=load_1m&{range}");
    assert_eq!(program.json(&path, &token)["damaged"], 1);
    let (_, _, log) = program.end(Signal::SIGTERM);
    assert!(log.contains("damaged and left out"), "{log}");
}
