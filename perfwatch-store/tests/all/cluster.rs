//! A real PostgreSQL server, started once for all tests of this program that need it.
//!
//! It lies in a folder of its own, listens on a unix socket there and nowhere else, and ends with
//! this program however that ends: it is started by a shell that waits for a pipe, of which this
//! process holds the other end. Each test has a database of its own.

// Tests start programs.
#![allow(clippy::disallowed_methods)]

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

/// The user that the server runs as where the tests run as root, which PostgreSQL refuses.
const NOBODY: u32 = 65_534;

/// Starts the server, and stops it and removes its folder when nobody holds the pipe any more.
const WATCH: &str = r#"
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c max_connections=200 \
    -c log_min_messages=fatal >"$2/log" 2>&1 &
server=$!
cat >/dev/null
kill -INT $server
wait $server
rm -rf "$2"
"#;

static CLUSTER: LazyLock<Cluster> = LazyLock::new(Cluster::start);
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// The server, as long as this program runs.
struct Cluster {
    socket: PathBuf,
    _server: Child,
    _pipe: ChildStdin,
}

/// A fresh database; its URL.
pub(crate) async fn database() -> String {
    let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let socket = tokio::task::spawn_blocking(|| CLUSTER.socket.clone()).await.unwrap();
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
    fn start() -> Self {
        let programs = programs();
        let folder = tempfile::Builder::new().prefix("perfwatch-pg").tempdir().unwrap().keep();
        let is_root = fs::metadata(&folder).map(|it| owner(&it)).unwrap() == 0;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        if is_root {
            chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let mut initdb = unprivileged(is_root, &programs.join("initdb"));
        let initdb = initdb.args(["--no-sync", "-U", "watch", "-A", "trust", "-E", "UTF8"]);
        let initdb = initdb.args(["--locale=C.UTF-8", "-D"]).arg(folder.join("data"));
        let made = initdb.stdin(Stdio::null()).output().unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut shell = unprivileged(is_root, Path::new("/bin/sh"));
        let shell = shell.args(["-c", WATCH, "sh"]).arg(&programs).arg(&folder);
        // A group of its own: Ctrl-C ends the tests, and the pipe then ends the server.
        std::os::unix::process::CommandExt::process_group(shell, 0);
        let mut server = shell.stdin(Stdio::piped()).spawn().unwrap();
        let pipe = server.stdin.take().unwrap();
        wait_for(&programs.join("pg_isready"), &folder);
        Self { socket: folder, _server: server, _pipe: pipe }
    }
}

fn owner(metadata: &fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::uid(metadata)
}

fn unprivileged(is_root: bool, program: &Path) -> Command {
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(program);
    command.current_dir("/");
    command
}

/// The newest version's folder of programs; Debian keeps them out of the way.
fn programs() -> PathBuf {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for entry in fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten() {
        let version = entry.file_name().to_string_lossy().parse().unwrap_or(0);
        found.push((version, entry.path().join("bin")));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.extend(std::env::split_paths(&path).map(|path| (0, path)));
    found.retain(|(_, path)| path.join("initdb").exists() && path.join("postgres").exists());
    let newest = found.into_iter().max();
    newest.expect("PostgreSQL is missing: run scripts/test-tools.sh, or install postgresql").1
}

fn wait_for(is_ready: &Path, folder: &Path) {
    let start = Instant::now();
    let asked = || Command::new(is_ready).arg("-q").arg("-h").arg(folder).status().unwrap();
    while !asked().success() {
        let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(start.elapsed() < Duration::from_secs(60), "PostgreSQL does not start: {}", log());
        std::thread::sleep(Duration::from_millis(20));
    }
}
