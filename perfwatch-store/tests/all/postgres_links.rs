//! Connections to PostgreSQL: how many there are, and what becomes of them when a server vanishes.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use perfwatch_store::{Opened, StoreError, open};
use sqlx::{Connection, Executor, PgConnection};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, UnixStream},
    sync::watch,
};

use crate::{
    cluster::{Cluster, database, run, value},
    fixture::{HOUR, START, ask, loads, pass},
    postgres_process::new_cluster,
};

/// How many connections daemons have.
const CONNECTIONS: &str = "SELECT count(*)::text FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name = 'perfwatch'";

const END_OTHERS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

/// As many questions at once as have connections of their own.
async fn ask_much(opened: &Opened) {
    let query = ask(START, START + HOUR);
    let asked = join_all((0..4).map(|_| opened.store.range(&query))).await;
    assert!(asked.iter().all(Result::is_ok), "{asked:?}");
    opened.accounts.user_count().await.unwrap();
    // A question's transaction ends after its answer.
    tokio::time::sleep(Duration::from_millis(300)).await;
}

#[tokio::test]
async fn a_quiet_daemon_keeps_one_connection() {
    let url = database().await;
    let opened = open(&url).await.unwrap();
    opened.store.append(&loads([START])).await.unwrap();
    ask_much(&opened).await;
    assert_eq!(value(&url, CONNECTIONS).await.as_deref(), Some("6"));
    pass(Duration::from_secs(50)).await;
    opened.store.append(&loads([START + 1])).await.unwrap();
    assert_eq!(value(&url, CONNECTIONS).await.as_deref(), Some("6"));
    pass(Duration::from_secs(11)).await;
    opened.store.append(&loads([START + 2])).await.unwrap();
    let start = Instant::now();
    while value(&url, CONNECTIONS).await.as_deref() != Some("1") {
        assert!(start.elapsed() < Duration::from_secs(5), "they are still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A way to a database on which nothing comes any more once it is silent: as if its server were
/// gone.
struct Way {
    url: String,
    silent: watch::Sender<bool>,
}

impl Way {
    async fn to(url: &str) -> Self {
        let (name, rest) = url.strip_prefix("postgres:///").unwrap().split_once("?host=").unwrap();
        let socket = PathBuf::from(rest.split('&').next().unwrap()).join(".s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (silent, is_silent) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (mut is_silent, socket) = (is_silent.clone(), socket.clone());
                tokio::spawn(async move {
                    let mut server = UnixStream::connect(socket).await.unwrap();
                    let fell_silent = tokio::select! {
                        biased;
                        fell = is_silent.wait_for(|silent| *silent) => fell.is_ok(),
                        _ = copy_bidirectional(&mut client, &mut server) => false,
                    };
                    if fell_silent {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        Self { url: format!("postgres://watch@127.0.0.1:{port}/{name}?sslmode=disable"), silent }
    }
}

#[tokio::test]
async fn a_vanished_server_is_noticed_by_who_asks() {
    let way = Way::to(&database().await).await;
    let opened = open(&way.url).await.unwrap();
    opened.store.append(&loads([START])).await.unwrap();
    ask_much(&opened).await;
    // A connection that was just used is not asked first whether it is alive.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    way.silent.send(true).unwrap();
    let start = Instant::now();
    let error = opened.store.range(&ask(START, START + HOUR)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_server_that_vanishes_while_it_answers_is_noticed() {
    let url = database().await;
    let way = Way::to(&url).await;
    let opened = open(&way.url).await.unwrap();
    opened.store.append(&loads([START])).await.unwrap();
    ask_much(&opened).await;
    let mut other = PgConnection::connect(&url).await.unwrap();
    other.execute("BEGIN; LOCK TABLE frames").await.unwrap();
    let query = ask(START, START + HOUR);
    let vanish = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        way.silent.send(true).unwrap();
        Instant::now()
    };
    let (answer, start) = tokio::join!(opened.store.range(&query), vanish);
    let error = answer.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_newer_daemon_that_changes_tables_is_seen_by_an_older_one() {
    let url = database().await;
    let store = open(&url).await.unwrap().store;
    store.append(&loads([START])).await.unwrap();
    run(&url, "UPDATE perfwatch_schema SET version = 99").await;
    // Connections from before go on as they are until they end.
    run(&url, END_OTHERS).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let newer = |error: StoreError| assert!(matches!(error, StoreError::Newer { .. }), "{error:?}");
    newer(store.append(&loads([START + 1])).await.unwrap_err());
    newer(store.range(&ask(START, START + HOUR)).await.unwrap_err());
    // Nothing is lost: the frame waits, and is taken once the tables can be used.
    run(&url, "UPDATE perfwatch_schema SET version = 1").await;
    store.append(&loads([START + 1])).await.unwrap();
}

/// Set for the program that runs one test by itself.
const ALONE: &str = "PERFWATCH_TEST_ALONE";

/// Runs a test in a program of its own, which finds passwords in a file.
fn run_with_passwords(test: &str, file: &Path) {
    #[allow(
        clippy::disallowed_methods,
        reason = "only a program of its own has variables of its own"
    )]
    let mut program = std::process::Command::new(std::env::current_exe().unwrap());
    let program = program.args(["--exact", test]).env(ALONE, "1").env("PGPASSFILE", file);
    let done = program.env_remove("PGPASSWORD").output().unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && told.contains("1 passed"), "{told}");
}

#[tokio::test]
async fn a_password_that_changes_is_read_anew() {
    if std::env::var_os(ALONE).is_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let test = "postgres_links::a_password_that_changes_is_read_anew";
        return run_with_passwords(test, file.path());
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = new_cluster();
    let rules = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
    fs::write(folder.join("data/pg_hba.conf"), rules).unwrap();
    let cluster = Cluster::start(folder, port, &["-c", "listen_addresses=127.0.0.1"]);
    let owner = format!("postgres:///postgres?host={}&port={port}", cluster.folder.display());
    let file = PathBuf::from(std::env::var_os("PGPASSFILE").unwrap());
    let owner = format!("{owner}&user=watch&password=unused");

    run(&owner, "ALTER ROLE watch PASSWORD 'first'").await;
    fs::write(&file, "*:*:*:watch:first\n").unwrap();
    let url = format!("postgres://watch@127.0.0.1:{port}/postgres?sslmode=disable");
    let store = open(&url).await.unwrap().store;
    store.append(&loads([START])).await.unwrap();

    run(&owner, "ALTER ROLE watch PASSWORD 'second'").await;
    run(&owner, END_OTHERS).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let error = store.append(&loads([START + 1])).await.unwrap_err();
    assert!(matches!(error, StoreError::Denied { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("first"), "{error}");
    fs::write(&file, "*:*:*:watch:second\n").unwrap();
    store.append(&loads([START + 1])).await.unwrap();
}
