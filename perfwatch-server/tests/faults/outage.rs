//! PostgreSQL is away, each way it can be: paused, killed, cut off, throwing everybody out, or not
//! there yet. The truth is counted by plain SQL.

use std::{
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::{
    away::{
        Counts, Fickle, drained, held, last_counts, longer_than_the_spool, start, stopped_meanwhile,
    },
    common::program::Program,
    level::{count, is_full, report},
    link::Link,
    postgres::Postgres,
};

/// A store that is away is noticed within this.
const NOTICED: Duration = Duration::from_secs(10);

/// Once it is back, all that waited is stored within this.
const DRAINED: Duration = Duration::from_secs(30);

/// Of a hundred answers of live, 99 come within this on a machine that does something else too;
/// the table says how fast they were.
const LIVE: Duration = Duration::from_millis(200);

/// Sampling itself is never late by more, on however busy a machine.
const LONGEST_GAP: f64 = 3.0;

/// Frames, rows too many, metric types, rows in all, and the longest time between two frames.
const TRUTH: &str = "WITH frames AS (SELECT DISTINCT host, timestamp FROM metrics_snapshots), \
    gaps AS (SELECT timestamp - lag(timestamp) OVER (PARTITION BY host ORDER BY timestamp) AS gap \
             FROM frames), \
    rows AS (SELECT count(*) AS all, count(DISTINCT (host, timestamp, metric_type)) AS distinct, \
             count(DISTINCT metric_type) AS types FROM metrics_snapshots) \
    SELECT (SELECT count(*) FROM frames), rows.all - rows.distinct, rows.types, rows.all, \
           (SELECT extract(epoch FROM max(gap)) FROM gaps) FROM rows";

/// How it is taken away.
pub(crate) enum How {
    Paused,
    Killed,
    Cut(Link),
    Swallowed(Link),
}

/// A server that can be taken away.
pub(crate) struct Server {
    postgres: Postgres,
    how: How,
}

impl Server {
    fn paused() -> Self {
        Self { postgres: Postgres::new(), how: How::Paused }
    }

    fn killed() -> Self {
        Self { postgres: Postgres::new(), how: How::Killed }
    }

    fn behind_a_link(how: fn(Link) -> How) -> Self {
        let link = Link::new();
        Self { postgres: Postgres::behind(&link), how: how(link) }
    }
}

impl Fickle for Server {
    fn name(&self) -> &'static str {
        match self.how {
            How::Paused => "PostgreSQL, paused by SIGSTOP",
            How::Killed => "PostgreSQL, killed by SIGKILL",
            How::Cut(_) => "PostgreSQL, its link down",
            How::Swallowed(_) => "PostgreSQL, its packets lost",
        }
    }

    fn url(&self) -> String {
        self.postgres.url()
    }

    fn take(&mut self) {
        match &self.how {
            How::Paused => self.postgres.signal(Signal::SIGSTOP),
            How::Killed => self.postgres.kill(),
            How::Cut(link) => link.cut(),
            How::Swallowed(link) => link.swallow(),
        }
    }

    fn give(&mut self) {
        match &self.how {
            How::Paused => self.postgres.signal(Signal::SIGCONT),
            How::Killed => self.postgres.start(),
            How::Cut(link) => link.plug(),
            How::Swallowed(link) => link.deliver(),
        }
    }

    fn frames(&self) -> Option<u64> {
        let select = "SELECT count(DISTINCT (host, timestamp)) FROM metrics_snapshots";
        self.postgres.sql(select).parse().ok()
    }
}

/// What was seen while the store was away.
#[derive(Default)]
struct Watched {
    begun: Option<Instant>,
    noticed: Option<Duration>,
    answers: Vec<Duration>,
}

impl Watched {
    /// Asks for what is live, again and again for so long; the sum is right all the while.
    fn pass(&mut self, program: &Program, token: &str, length: Duration) -> Counts {
        let now = Instant::now();
        let begun = *self.begun.get_or_insert(now);
        loop {
            for path in ["/api/metrics/latest", "/metrics"] {
                let asked = Instant::now();
                assert_eq!(program.get(path, token).0, 200, "{path}");
                self.answers.push(asked.elapsed());
            }
            if self.noticed.is_none() && program.json("/healthz", "")["status"] == "degraded" {
                self.noticed = Some(begun.elapsed());
            }
            let counts = Counts::now(program, token);
            if now.elapsed() >= length {
                return counts;
            }
            sleep(Duration::from_millis(50));
        }
    }

    /// How long the slowest but one in a hundred took.
    fn slow(&mut self) -> Duration {
        self.answers.sort();
        let slow = self.answers[(self.answers.len() * 99).div_ceil(100) - 1];
        assert!(!is_full() || slow <= LIVE, "live took {slow:?}");
        slow
    }
}

/// Ends the program and compares what it says it stored with what is there: how many frames, and
/// the longest time in seconds between two.
pub(crate) fn settle(program: Program, postgres: &Postgres) -> (u64, f64) {
    let (code, _, log) = program.end(Signal::SIGTERM);
    assert_eq!(code, Some(0), "{log}");
    let [expected, stored, waiting, dropped] = last_counts(&log);
    assert_eq!((expected, waiting, dropped), (stored, 0, 0), "{log}");
    let truth = postgres.sql(TRUTH);
    let truth: Vec<&str> = truth.split('|').collect();
    let [frames, doubles, types, rows] = [0, 1, 2, 3].map(|at| truth[at].parse::<u64>().unwrap());
    assert_eq!((frames, doubles), (stored, 0), "{truth:?}\n{log}");
    // The first has no rates yet.
    assert!(rows <= frames * types && rows + types > frames * types, "{truth:?}");
    let gap: f64 = truth[4].parse().unwrap();
    assert!(gap <= LONGEST_GAP, "{gap} s without a frame");
    (frames, gap)
}

/// One after another where times are judged; else all at once, for most of each is waiting.
pub(crate) fn together(faults: &[fn()]) {
    if is_full() {
        return faults.iter().for_each(|fault| fault());
    }
    std::thread::scope(|scope| faults.iter().for_each(|fault| drop(scope.spawn(fault))));
}

/// One outage, with the accounts in the same database or elsewhere.
fn outage(store: &mut Server, fault: &str, seconds: u32, accounts: Option<&Path>) {
    let spool = tempfile::tempdir().unwrap();
    let accounts = accounts.map(|path| format!("--accounts=sqlite:{}", path.display()));
    let more: Vec<&str> = accounts.iter().map(String::as_str).collect();
    let program = start(store, spool.path(), &more);
    let token = program.login();
    drained(&program, &token);
    store.take();
    let mut watched = Watched::default();
    let length = Duration::from_secs(seconds.into());
    watched.pass(&program, &token, length / 2);
    if accounts.is_some() {
        program.login();
    }
    let away = watched.pass(&program, &token, length / 2);
    if seconds >= 12 {
        let noticed = watched.noticed.expect("the outage was noticed");
        assert!(noticed <= NOTICED, "{noticed:?}");
        assert!(away.spooled > 0 || seconds < 30, "{away:?}");
    }
    store.give();
    let (after, took) = drained(&program, &token);
    assert!(took <= DRAINED && after.dropped == 0, "{took:?} {after:?}");
    let held = held(&program, &token);
    assert!(held >= after.stored && held <= Counts::now(&program, &token).expected, "{after:?}");
    let (frames, gap) = settle(program, &store.postgres);
    let noticed = watched.noticed.map_or("not noticed".into(), |noticed| {
        format!("noticed after {:.1} s", noticed.as_secs_f64())
    });
    report(
        fault,
        &format!("{seconds} s at 10 frames/s"),
        &format!(
            "{noticed}, {} waited, drained in {} ms; {frames} expected, 0 lost, 0 twice, at most \
             {gap:.1} s apart; live p99 {} ms",
            away.waiting,
            took.as_millis(),
            watched.slow().as_millis()
        ),
    );
}

#[test]
fn postgres_that_is_paused_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let lengths: &[u32] = if is_full() { &[60, 300] } else { &[3] };
    for seconds in lengths {
        let users = directory.path().join(format!("users{seconds}.db"));
        outage(&mut Server::paused(), "PostgreSQL paused by SIGSTOP", *seconds, Some(&users));
    }
}

fn postgres_behind_a_link_that_is_down_loses_nothing() {
    let mut store = Server::behind_a_link(How::Cut);
    outage(&mut store, "PostgreSQL in a namespace, link down", count(300, 14), None);
}

fn postgres_that_vanishes_without_a_word_loses_nothing() {
    let mut store = Server::behind_a_link(How::Swallowed);
    outage(&mut store, "PostgreSQL in a namespace, packets lost", count(120, 14), None);
}

#[test]
fn postgres_killed_again_and_again_loses_nothing() {
    let mut store = Server::killed();
    let spool = tempfile::tempdir().unwrap();
    let program = start(&store, spool.path(), &[]);
    let token = program.login();
    drained(&program, &token);
    let (times, mut slowest) = (count(20, 2), Duration::ZERO);
    let mut watched = Watched::default();
    for round in 0..times {
        // Each time at another point of an append.
        sleep(Duration::from_millis(500 + u64::from(round) * 37));
        store.take();
        watched.pass(&program, &token, Duration::from_millis(700));
        store.give();
        let (after, took) = drained(&program, &token);
        assert!(took <= DRAINED && after.dropped == 0, "{took:?} {after:?}");
        slowest = slowest.max(took);
    }
    let (frames, gap) = settle(program, &store.postgres);
    report(
        "PostgreSQL killed -9 and restarted",
        &format!("{times} times"),
        &format!(
            "{frames} expected, 0 lost, 0 twice, at most {gap:.1} s apart; drained in {} ms at \
             most; live p99 {} ms",
            slowest.as_millis(),
            watched.slow().as_millis()
        ),
    );
}

#[test]
fn postgres_that_ends_all_connections_loses_nothing() {
    let postgres = Postgres::new();
    let spool = tempfile::tempdir().unwrap();
    let spool = format!("--spool.directory={}", spool.path().display());
    let program = Program::on(&postgres.socket_url(), &[&spool]);
    let token = program.login();
    drained(&program, &token);
    let (begun, mut ended) = (Instant::now(), 0);
    let mut watched = Watched::default();
    while begun.elapsed() < Duration::from_secs(count(60, 3).into()) {
        let end = "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) \
                   FROM pg_stat_activity WHERE application_name = 'perfwatch'";
        ended += postgres.sql(end).parse::<u32>().unwrap();
        // Long enough for another try and some frames: each end is one of a connection at work.
        watched.pass(&program, &token, Duration::from_millis(600));
    }
    assert!(ended >= count(60, 3), "{ended}");
    let (after, took) = drained(&program, &token);
    assert!(took <= DRAINED && after.dropped == 0, "{took:?} {after:?}");
    let (frames, gap) = settle(program, &postgres);
    report(
        "all backends terminated",
        &format!("{} s, {ended} backends, unix socket", count(60, 3)),
        &format!(
            "{frames} expected, 0 lost, 0 twice, at most {gap:.1} s apart; drained in {} ms; live \
             p99 {} ms",
            took.as_millis(),
            watched.slow().as_millis()
        ),
    );
}

fn a_stop_while_postgres_is_away_loses_nothing() {
    stopped_meanwhile(&mut Server::paused());
}

fn an_outage_longer_than_the_spool_drops_the_oldest() {
    longer_than_the_spool(&mut Server::killed());
}

#[test]
fn postgres_that_is_away_for_long_loses_nothing() {
    together(&[
        postgres_behind_a_link_that_is_down_loses_nothing,
        postgres_that_vanishes_without_a_word_loses_nothing,
        a_stop_while_postgres_is_away_loses_nothing,
        an_outage_longer_than_the_spool_drops_the_oldest,
    ]);
}
