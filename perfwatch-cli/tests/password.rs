//! `perfwatch store password` beside the real daemon.
#![allow(clippy::disallowed_methods, reason = "starting the binary is what these tests are for")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

mod real_daemon;

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
    process::{Command, Output, Stdio},
};

use perfwatch_collect::Roots;
use perfwatch_store::{Accounts, SqliteStore, Store};
use real_daemon::{PASSWORD, RealDaemon};

const NEW: &str = "quite another one";

fn command(args: &[&str], store: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perfwatch"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PERFWATCH_")) {
        command.env_remove(name);
    }
    command.args(["store", "password"]).args(args).env("PERFWATCH_STORE", store);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The exit status, standard output and standard error of the command with this input.
fn run(args: &[&str], store: &Path, input: &str) -> (i32, String, String) {
    let mut child = command(args, store).spawn().unwrap();
    // Who refuses need not have read it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    said(&child.wait_with_output().unwrap())
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn daemon(store: &Path) -> RealDaemon {
    RealDaemon::start(&format!("sqlite:{}", store.display()), Roots::default())
}

fn may_log_in(daemon: &RealDaemon, password: &str) -> bool {
    let mut hosts = Command::new(env!("CARGO_BIN_EXE_perfwatch"));
    hosts.args(["hosts", "--server", &daemon.address]).env("PERFWATCH_PASSWORD", password);
    hosts.output().unwrap().status.success()
}

/// Which of the account's passwords counts.
fn generation(store: &Path) -> i64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(store).await.unwrap();
        let user = store.user("admin").await.unwrap().unwrap();
        store.close().await;
        user.generation
    })
}

#[test]
fn who_lost_the_password_gets_in_again_and_whoever_was_in_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    let running = daemon(&path);
    let (status, _, error) = run(&["--random"], &path, "");
    assert!(status == 1 && error.contains("stop it"), "{error}");
    assert!(may_log_in(&running, PASSWORD));
    drop(running);

    let before = generation(&path);
    let (status, out, error) = run(&[], &path, &format!("{NEW}\r\n"));
    assert_eq!((status, &*out), (0, ""), "{error}");
    let told = "admin has a new password; who was logged in as admin no longer is\n";
    assert_eq!(error, told);
    assert!(generation(&path) > before, "its sessions are over");
    let running = daemon(&path);
    assert_eq!([PASSWORD, NEW].map(|it| may_log_in(&running, it)), [false, true]);
    drop(running);

    let (status, made, _) = run(&["--random"], &path, "");
    assert_eq!((status, made.trim_end().len()), (0, 20));
    let running = daemon(&path);
    assert_eq!([NEW, made.trim_end()].map(|it| may_log_in(&running, it)), [false, true]);
}

#[test]
fn what_cannot_be_done_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    let (status, _, error) = run(&["--random"], &path, "");
    assert!(status == 1 && error.contains("there is no"), "{error}");
    assert!(!path.exists());
    drop(daemon(&path));
    let before = generation(&path);
    let (status, _, error) = run(&["--user", "nobody", "--random"], &path, "");
    assert!(status == 1 && error.contains("nobody"), "{error}");
    for short in ["", "short\n"] {
        let (status, _, error) = run(&[], &path, short);
        assert_eq!((status, &*error), (2, "perfwatch: a password has 12 to 1024 characters\n"));
    }
    let engine = Path::new("prometheus+http://me:s3cret@vm");
    let (status, _, error) = run(&[engine.to_str().unwrap(), "--random"], &path, "");
    assert!(status == 2 && error.contains("an engine keeps no users"), "{error}");
    assert!(!error.contains("s3cret"), "{error}");
    assert_eq!(generation(&path), before);
    // Beside an engine, users are in a file.
    let mut command = command(&["--random"], engine);
    command.env("STATE_DIRECTORY", directory.path());
    assert_eq!(said(&command.output().unwrap()).0, 0);
    assert!(generation(&path) > before);
}

/// Answers the questions on a terminal; all that is said, and all that the terminal shows.
fn typed(store: &Path, answers: [&str; 2]) -> (i32, String, String) {
    let nix::pty::OpenptyResult { master, slave } = nix::pty::openpty(None, None).unwrap();
    let mut child = command(&[], store).stdin(slave).spawn().unwrap();
    let (mut terminal, mut stderr) = (File::from(master), child.stderr.take().unwrap());
    let mut error = String::new();
    for answer in answers {
        let asked = error.matches(": ").count();
        while error.matches(": ").count() == asked {
            let mut byte = [0];
            stderr.read_exact(&mut byte).unwrap();
            error.push(char::from(byte[0]));
        }
        writeln!(terminal, "{answer}").unwrap();
    }
    stderr.read_to_string(&mut error).unwrap();
    let status = child.wait().unwrap().code().unwrap();
    let mut shown = Vec::new();
    // It ends with an error where nobody has the other side any more.
    let _ = terminal.read_to_end(&mut shown);
    (status, error, String::from_utf8(shown).unwrap())
}

#[test]
fn a_terminal_is_asked_twice_and_shows_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    drop(daemon(&path));
    let before = generation(&path);
    let (status, error, shown) = typed(&path, [NEW, "quite another two"]);
    assert!(status == 2 && error.contains("nothing was changed"), "{error}");
    assert_eq!((&*shown, generation(&path)), ("", before));
    let (status, error, shown) = typed(&path, [NEW, NEW]);
    assert!(status == 0 && error.starts_with("New password of admin: \nOnce more: \n"), "{error}");
    assert_eq!(shown, "");
    assert!(may_log_in(&daemon(&path), NEW));
}
