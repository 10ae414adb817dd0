//! Connections to PostgreSQL: how many there are, and what becomes of them when a server vanishes.

use std::{
    path::PathBuf,
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
    cluster::{database, pass, run, value},
    fixture::{HOUR, START, ask, loads},
};

/// How many connections daemons have.
const CONNECTIONS: &str = "SELECT count(*)::text FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name = 'perfwatch'";

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
    // Connections from before have their old look at things until they end.
    run(
        &url,
        "UPDATE perfwatch_schema SET version = 99; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let newer = |error: StoreError| assert!(matches!(error, StoreError::Newer { .. }), "{error:?}");
    newer(store.append(&loads([START + 1])).await.unwrap_err());
    newer(store.range(&ask(START, START + HOUR)).await.unwrap_err());
    // Nothing is lost: the frame waits, and is taken once the tables can be used.
    run(&url, "UPDATE perfwatch_schema SET version = 1").await;
    store.append(&loads([START + 1])).await.unwrap();
}
