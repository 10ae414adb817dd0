//! A daemon that starts while PostgreSQL is away: live is there at once, all else when it appears.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::{
    common::program::{Program, run},
    level::{is_full, report},
    outage::settle,
    postgres::Postgres,
};

/// Live answers within this, on a machine with nothing else to do.
const READY: Duration = Duration::from_secs(2);

/// Once the store is there, all is as ever within this.
const APPEARED: Duration = Duration::from_secs(30);

/// Starts without a password from outside and without a store: how long until live answers.
fn start(url: &str, spool: &str) -> (Program, Duration) {
    let begun = Instant::now();
    let program = Program::first_start_on(url, &[spool, "--metrics.open"]);
    while program.get("/readyz", "").0 != 200 {
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not become ready");
        sleep(Duration::from_millis(10));
    }
    let ready = begun.elapsed();
    let (status, metrics) = program.get("/metrics", "");
    assert!(status == 200 && metrics.contains("\nperfwatch_cpu_"), "{metrics}");
    let most = if is_full() { READY } else { READY * 5 / 4 };
    assert!(ready <= most, "live was ready after {ready:?}");
    (program, ready)
}

/// Waits for what the daemon says when the store appears; nothing was said before.
fn first_password(program: &Program) -> String {
    let line = program.next_line(APPEARED).expect("a password is shown");
    let (_, password) = line.split_once("user admin, password ").unwrap();
    password.to_owned()
}

/// PostgreSQL appears some seconds after the daemon, which found it so.
fn appears(found: &str, mut postgres: Postgres, appear: fn(&mut Postgres)) {
    let spool = tempfile::tempdir().unwrap();
    let spool = format!("--spool.directory={}", spool.path().display());
    let (program, ready) = start(&postgres.url(), &spool);
    sleep(Duration::from_secs(2));
    let (status, body) = program.try_login("any password at all");
    assert_eq!(status, 503, "{body}");
    appear(&mut postgres);
    let begun = Instant::now();
    let password = first_password(&program);
    // The user is made once the password is shown.
    while program.try_login(&password).0 != 200 {
        assert!(begun.elapsed() < APPEARED, "the shown password is not that of the first user");
        sleep(Duration::from_secs(1));
    }
    let token = program.login_with(&password);
    let appeared = begun.elapsed();
    let caught_up = program.wait_for("/api/config", &token, |config| {
        config["writer"]["stored"].as_u64() >= Some(20)
            && config["writer"]["waiting"].as_u64() <= Some(1)
    });
    assert_eq!(caught_up["writer"]["dropped"], 0, "{caught_up}");
    let drained = begun.elapsed();
    assert!(drained <= APPEARED, "{drained:?}");
    assert!(program.next_line(Duration::ZERO).is_some_and(|line| line.contains("shown this once")));
    assert!(program.next_line(Duration::from_secs(3)).is_none(), "a password is shown once");
    let (frames, _) = settle(program, &postgres);
    report(
        "PostgreSQL away at start",
        &format!("once, {found}"),
        &format!(
            "live after {} ms; the first user {} ms after PostgreSQL appeared, its password shown \
             once; {frames} expected, 0 lost, 0 twice, drained in {} ms",
            ready.as_millis(),
            appeared.as_millis(),
            drained.as_millis()
        ),
    );
}

#[test]
fn postgres_that_refuses_at_first_is_made_ready_when_it_appears() {
    appears("nobody there", Postgres::stopped(), Postgres::start);
}

#[test]
fn postgres_that_is_silent_at_first_is_made_ready_when_it_speaks() {
    let postgres = Postgres::new();
    postgres.signal(Signal::SIGSTOP);
    appears("silent", postgres, |postgres| postgres.signal(Signal::SIGCONT));
}

#[test]
fn a_password_that_postgres_does_not_take_is_told_at_once() {
    let postgres = Postgres::new();
    postgres.sql("CREATE ROLE locked LOGIN PASSWORD 'right-one'");
    let store = format!("--store={}", postgres.url_of("locked:wrong-one"));
    let begun = Instant::now();
    let ended = run(&["--listen=127.0.0.1:0", &store], &[]);
    let (took, said) = (begun.elapsed(), String::from_utf8_lossy(&ended.stderr));
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("check the user and the password in --store"), "{said}");
    assert!(!said.contains("wrong-one"), "{said}");
    let nowhere = postgres.url().replace("/postgres?", "/nowhere?");
    let missing = run(&["--listen=127.0.0.1:0", &format!("--store={nowhere}")], &[]);
    let said = String::from_utf8_lossy(&missing.stderr);
    assert_eq!(missing.status.code(), Some(1), "{said}");
    assert!(said.contains("there is no such database"), "{said}");
    report(
        "PostgreSQL lets nobody in at start",
        "a wrong password, a missing database",
        &format!("ended within {} ms, and said which and the cure", took.as_millis()),
    );
}
