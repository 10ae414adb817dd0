//! A real PostgreSQL server, started once for all tests of this program that need it.
//!
//! It lies in a folder of its own, listens on a unix socket there and nowhere else, and ends with
//! this program however that ends: it is started by a shell that waits for a pipe, of which this
//! process holds the other end. Each test has a database of its own.

use std::{
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

use crate::postgres_process::{new_cluster, programs, unprivileged, wait_for};

/// Starts the server, and stops it and removes its folder when nobody holds the pipe any more.
const WATCH: &str = r#"
programs=$1 folder=$2
shift 2
"$programs/postgres" -D "$folder/data" -k "$folder" -c fsync=off -c max_connections=200 \
    -c log_min_messages=fatal "$@" >"$folder/log" 2>&1 &
server=$!
cat >/dev/null
kill -INT $server
wait $server
rm -rf "$folder"
"#;

static CLUSTER: LazyLock<Cluster> =
    LazyLock::new(|| Cluster::start(new_cluster(), 5432, &["-c", "listen_addresses="]));
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A server, until this is dropped.
pub(crate) struct Cluster {
    /// Its folder, in which its unix socket is.
    pub(crate) folder: PathBuf,
    _server: Child,
    _pipe: ChildStdin,
}

/// A fresh database; its URL.
pub(crate) async fn database() -> String {
    let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let socket = tokio::task::spawn_blocking(|| CLUSTER.folder.clone()).await.unwrap();
    let mut connection = PgConnection::connect_with(&options(&socket)).await.unwrap();
    let create = format!("CREATE DATABASE {name} STRATEGY file_copy");
    sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    format!("postgres:///{name}?host={}&user=watch", socket.display())
}

/// Runs statements by plain SQL.
pub(crate) async fn run(url: &str, sql: &'static str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// One column of one row, by plain SQL.
pub(crate) async fn value(url: &str, sql: &'static str) -> Option<String> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let found = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    found
}

/// Waits until so many rows of hours are there: hours are sealed without anybody's waiting.
pub(crate) async fn wait_for_hours(url: &str, rows: i64) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let start = Instant::now();
    loop {
        let count = sqlx::query_scalar("SELECT count(*) FROM metrics_hourly");
        let found: i64 = count.fetch_one(&mut connection).await.unwrap();
        if found >= rows {
            return connection.close().await.unwrap();
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{found} hours are there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn options(socket: &Path) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass().socket(socket).username("watch").database("postgres")
}

impl Cluster {
    /// Starts a server on a new cluster.
    pub(crate) fn start(folder: PathBuf, port: u16, settings: &[&str]) -> Self {
        let mut shell = unprivileged(&folder, Path::new("/bin/sh"));
        let shell = shell.args(["-c", WATCH, "sh"]).arg(programs()).arg(&folder);
        shell.arg("-p").arg(port.to_string()).args(settings);
        // A group of its own: Ctrl-C ends the tests, and the pipe then ends the server.
        std::os::unix::process::CommandExt::process_group(shell, 0);
        let mut server = shell.stdin(Stdio::piped()).spawn().unwrap();
        let pipe = server.stdin.take().unwrap();
        wait_for(&folder, port);
        Self { folder, _server: server, _pipe: pipe }
    }
}
