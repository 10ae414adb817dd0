//! Many daemons, one file: one has it, the others leave at once and name it.

use std::{
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::{
    common::program::{Program, command},
    level::{count, is_full, report},
};

const DAEMONS: u32 = 20;

/// The others are gone by then, on a machine with nothing else to do.
const GONE: Duration = Duration::from_secs(1);

fn start(file: &Path) -> Child {
    let store = format!("--store=sqlite:{}", file.display());
    let mut command = command(&["--listen=127.0.0.1:0", "--interval=100ms", &store]);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn one_daemon_wins_and_the_others_leave() {
    let rounds = count(5, 1);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("perfwatch.db");
    let mut slowest = Duration::ZERO;
    for _ in 0..rounds {
        let begun = Instant::now();
        let mut running: Vec<Child> = (0..DAEMONS).map(|_| start(&file)).collect();
        let deadline = begun + Duration::from_secs(20);
        let mut gone = Vec::new();
        while running.len() > 1 && Instant::now() < deadline {
            let ended = |child: &mut Child| child.try_wait().unwrap().is_some();
            let left = running.extract_if(.., ended).collect::<Vec<_>>();
            if !left.is_empty() {
                slowest = slowest.max(begun.elapsed());
            }
            gone.extend(left);
            std::thread::sleep(Duration::from_millis(5));
        }
        // Whoever is left has had time to fail too.
        std::thread::sleep(Duration::from_millis(300));
        let mut winner = running.pop().unwrap();
        assert!(winner.try_wait().unwrap().is_none(), "nobody has the store");
        let still = running.len();
        running.iter_mut().for_each(|child| child.kill().unwrap());
        assert_eq!(still, 0, "more than one daemon has the store");
        for child in gone {
            assert_named(child, &file, winner.id());
        }
        // A kill leaves no lock behind: the next round, and this one, start at once.
        winner.kill().unwrap();
        winner.wait().unwrap();
        Program::start(directory.path(), &[]).end(Signal::SIGTERM);
    }
    assert!(!is_full() || slowest <= GONE, "the last one left after {slowest:?}");
    report(
        "two daemons, one file",
        &format!("{DAEMONS} at once, {rounds} times"),
        &format!(
            "one won, the others left within {} ms naming it; no stale lock after kill -9",
            slowest.as_millis()
        ),
    );
}

/// It ended with one line that names the file and who has it.
fn assert_named(child: Child, file: &Path, winner: u32) {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let expected = format!("{} is in use by process {winner}; ", file.display());
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&expected) && said.lines().count() == 1, "{said}");
}
