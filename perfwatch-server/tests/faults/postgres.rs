//! A real PostgreSQL server that a test can hurt.

#![allow(clippy::disallowed_methods, reason = "a server is another program")]

use std::{
    fs,
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    link::Link,
    postgres_process::{new_cluster, programs, unprivileged, wait_for},
};

/// Starts the server for each line that it reads; when nobody holds the pipe any more, ends all of
/// it, stopped or not, and removes its folder.
const WATCH: &str = r#"
while read -r _; do
    wait
    "$1/postgres" -D "$2/data" -k "$2" -c "listen_addresses=$3" -p "$4" -c fsync=on \
        -c log_min_messages=fatal >>"$2/log" 2>&1 &
    server=$!
done
children=$(cat /proc/[0-9]*/stat 2>/dev/null |
    awk -v server="$server" '{ sub(/\(.*\)/, "x") } $4 == server { print $1 }')
kill -KILL $server $children 2>/dev/null
wait
rm -rf "$2"
"#;

/// A server with a cluster of its own, on TCP and on a unix socket.
pub(crate) struct Postgres {
    folder: PathBuf,
    address: String,
    port: u16,
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Postgres {
    /// A server on the loopback that runs.
    pub(crate) fn new() -> Self {
        let mut server = Self::stopped();
        server.start();
        server
    }

    /// The same, not started yet.
    pub(crate) fn stopped() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = new_cluster();
        let shell = unprivileged(&folder, Path::new("/bin/sh"));
        Self::watched(folder, shell, "127.0.0.1", port)
    }

    /// A server at the other end of a link, which runs.
    pub(crate) fn behind(link: &Link) -> Self {
        let folder = new_cluster();
        let inner = unprivileged(&folder, Path::new("/bin/sh"));
        let mut shell = Command::new("ip");
        shell.args(["netns", "exec", &link.name]).arg(inner.get_program()).args(inner.get_args());
        let mut server = Self::watched(folder, shell, &link.far, 5432);
        server.start();
        server
    }

    fn watched(folder: PathBuf, mut shell: Command, address: &str, port: u16) -> Self {
        let rules =
            "host all locked all scram-sha-256\nhost all all all trust\nlocal all all trust\n";
        fs::write(folder.join("data/pg_hba.conf"), rules).unwrap();
        shell.args(["-c", WATCH, "sh"]).arg(programs()).arg(&folder);
        shell.args([address, &port.to_string()]).stdin(Stdio::piped());
        // A group of its own: Ctrl-C ends the tests, and the pipe then ends the server.
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        let mut shell = shell.spawn().unwrap();
        let pipe = shell.stdin.take();
        Self { folder, address: address.into(), port, shell, pipe }
    }

    /// Starts it, and waits until it lets somebody in.
    pub(crate) fn start(&mut self) {
        writeln!(self.pipe.as_ref().unwrap(), "start").unwrap();
        wait_for(&self.folder, self.port);
    }

    /// Where it is on TCP.
    pub(crate) fn url(&self) -> String {
        self.url_of("watch")
    }

    /// The same for this user (and password).
    pub(crate) fn url_of(&self, user: &str) -> String {
        format!("postgres://{user}@{}:{}/postgres?sslmode=disable", self.address, self.port)
    }

    /// Where it is without a network.
    pub(crate) fn socket_url(&self) -> String {
        format!("postgres:///postgres?host={}&port={}&user=watch", self.folder.display(), self.port)
    }

    /// What plain SQL answers.
    pub(crate) fn sql(&self, text: &str) -> String {
        let psql = programs().join("psql");
        let mut psql = Command::new(psql);
        psql.args(["-XAt", "-v", "ON_ERROR_STOP=1", "-U", "watch", "-d", "postgres", "-c", text]);
        let answer = psql.arg("-p").arg(self.port.to_string()).arg("-h").arg(&self.folder);
        let answer = answer.output().unwrap();
        assert!(answer.status.success(), "{text}: {}", String::from_utf8_lossy(&answer.stderr));
        String::from_utf8_lossy(&answer.stdout).trim().to_owned()
    }

    /// Sends a signal to all of its processes.
    pub(crate) fn signal(&self, signal: Signal) {
        for process in self.processes() {
            // It may have ended by itself meanwhile.
            let _ = kill(process, signal);
        }
    }

    /// Kills it without a warning, and waits until nothing of it is left.
    pub(crate) fn kill(&self) {
        let all = self.processes();
        kill(all[0], Signal::SIGKILL).unwrap();
        let begun = Instant::now();
        while all.iter().any(|process| is_running(*process)) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{all:?} do not end");
            sleep(Duration::from_millis(10));
        }
    }

    /// The first one, and those that it started.
    fn processes(&self) -> Vec<Pid> {
        let file = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap_or_default();
        let Some(first) = file.lines().next().and_then(|line| line.parse().ok()) else {
            return Vec::new();
        };
        let all = fs::read_dir("/proc").unwrap().flatten();
        let all = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let children = all.filter(|process| status(*process).is_some_and(|(_, of)| of == first));
        std::iter::once(first).chain(children).map(Pid::from_raw).collect()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.shell.wait();
    }
}

/// What a process does, and who started it.
fn status(process: i32) -> Option<(String, i32)> {
    let line = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut rest = line.rsplit_once(") ")?.1.split(' ');
    Some((rest.next()?.to_owned(), rest.next()?.parse().ok()?))
}

fn is_running(process: Pid) -> bool {
    status(process.as_raw()).is_some_and(|(state, _)| state != "Z")
}
