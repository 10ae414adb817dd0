//! The programs of a real PostgreSQL, and a cluster made by them. The server's tests use this file
//! too.

#![allow(clippy::disallowed_methods, reason = "tests start programs")]

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// The user that the server runs as where the tests run as root, which PostgreSQL refuses.
const NOBODY: u32 = 65_534;

/// A new cluster of the user `watch`, in `data` of a folder that whoever starts it removes.
pub(crate) fn new_cluster() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("perfwatch-pg").tempdir().unwrap().keep();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    if fs::metadata(&folder).unwrap().uid() == 0 {
        chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let mut initdb = unprivileged(&folder, &programs().join("initdb"));
    let initdb = initdb.args(["--no-sync", "-U", "watch", "-A", "trust", "-E", "UTF8"]);
    let initdb = initdb.args(["--locale=C.UTF-8", "-D"]).arg(folder.join("data"));
    let made = initdb.stdin(Stdio::null()).output().unwrap();
    assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
    folder
}

/// A program run as the user that a cluster's folder belongs to.
pub(crate) fn unprivileged(folder: &Path, program: &Path) -> Command {
    if fs::metadata(folder).unwrap().uid() != NOBODY {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(program);
    command.current_dir("/");
    command
}

/// The newest version's folder of programs; Debian keeps them out of the way.
pub(crate) fn programs() -> PathBuf {
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

/// Waits until the server of a cluster lets somebody in by its unix socket.
pub(crate) fn wait_for(folder: &Path, port: u16) {
    let start = Instant::now();
    let is_ready = programs().join("pg_isready");
    let asked = || {
        let mut command = Command::new(&is_ready);
        command.args(["-q", "-p", &port.to_string(), "-h"]).arg(folder).status().unwrap()
    };
    while !asked().success() {
        let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(start.elapsed() < Duration::from_secs(60), "PostgreSQL does not start: {}", log());
        std::thread::sleep(Duration::from_millis(20));
    }
}
