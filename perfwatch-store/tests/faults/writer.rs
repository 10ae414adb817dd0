//! The process that is killed: it writes frames and says which ones are stored.
//!
//! What it said lies in a pipe, outside the store and its file system. In its time minutes pass in
//! milliseconds, so that hours are sealed, days merged and old ones thrown away all the while.

use std::{
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use perfwatch_store::{RetentionPolicy, SqliteStore, Store};

use crate::truth::{DAY, Truth};

const FILE: &str = "PERFWATCH_FAULTS_FILE";
const FIRST: &str = "PERFWATCH_FAULTS_FIRST";
const UNSYNCED: &str = "PERFWATCH_FAULTS_UNSYNCED";

/// Every so many frames the archive policy is applied.
const RETENTION: i64 = 100;

/// Every so many frames an older one comes a second time.
const AGAIN: i64 = 30;

/// What the writer writes.
pub(crate) const TRUTH: Truth = Truth { step_ms: 5 * 60_000 };

/// What the writer keeps.
pub(crate) fn policy() -> RetentionPolicy {
    RetentionPolicy {
        full_resolution_days: 2,
        downsample_interval: Duration::from_secs(1800),
        downsampled_days: 8,
        max_bytes: None,
    }
}

/// Not a test by itself: with the variables set, this is the process that is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_writes() {
    let Ok(file) = env::var(FILE) else { return };
    let first: i64 = env::var(FIRST).unwrap().parse().unwrap();
    let path = Path::new(&file);
    let store = match env::var(UNSYNCED) {
        Ok(_) => SqliteStore::open_unsynced(path).await.unwrap(),
        Err(_) => SqliteStore::open(path).await.unwrap(),
    };
    println!("\nopened");
    write(Arc::new(store), first).await;
}

async fn write(store: Arc<SqliteStore>, first: i64) {
    for seq in first.. {
        store.append(&[TRUTH.record(seq)]).await.unwrap();
        println!("stored {seq}");
        if seq % AGAIN == 0 {
            store.append(&[TRUTH.record((seq - 11 * AGAIN).max(0))]).await.unwrap();
        }
        if seq % RETENTION == 0 {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                println!("begins");
                let newest = TRUTH.time(seq);
                store.apply_retention(&policy(), newest + DAY / 2).await.unwrap();
                println!("ends");
            });
        }
    }
}

/// A writer, from outside.
pub(crate) struct Writer {
    child: Child,
    heard: JoinHandle<Heard>,
    stored: Arc<AtomicI64>,
    started: Instant,
}

/// What a writer said until its end.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The newest frame that it knew to be stored.
    pub(crate) stored: Option<i64>,
    /// How many frames it knew to be stored.
    pub(crate) frames: u32,
    /// Whether the archive policy was being applied when it ended.
    pub(crate) in_retention: bool,
}

impl Writer {
    /// Starts one that goes on with this frame, and waits until it has opened the store.
    pub(crate) fn start(file: &Path, first: i64, synced: Synced) -> Self {
        let (child, mut lines) = spawn(file, first, synced);
        assert!(lines.any(|line| line == "opened"), "the writer did not start");
        Self::hearing(child, lines)
    }

    /// Starts one, and waits for nothing.
    pub(crate) fn begin(file: &Path, first: i64, synced: Synced) -> Self {
        let (child, lines) = spawn(file, first, synced);
        Self::hearing(child, lines)
    }

    fn hearing(child: Child, lines: impl Iterator<Item = String> + Send + 'static) -> Self {
        let stored = Arc::new(AtomicI64::new(-1));
        let said = Arc::clone(&stored);
        let heard = std::thread::spawn(move || hear(lines, &said));
        Self { child, heard, stored, started: Instant::now() }
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The newest frame that it knows to be stored by now.
    pub(crate) fn stored(&self) -> Option<i64> {
        Some(self.stored.load(Ordering::Acquire)).filter(|&seq| seq >= 0)
    }

    /// How long it has been writing.
    pub(crate) fn running(&self) -> Duration {
        self.started.elapsed()
    }

    /// Kills it, and hears what it said last.
    pub(crate) fn kill(mut self) -> Heard {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.heard.join().unwrap()
    }
}

#[allow(clippy::disallowed_methods)] // The test itself is run again, to be killed.
fn spawn(file: &Path, first: i64, synced: Synced) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "writer::child_that_writes", "--nocapture"]);
    command.env(FILE, file).env(FIRST, first.to_string());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    if synced == Synced::No {
        command.env(UNSYNCED, "1");
    }
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    (child, lines)
}

/// Whether the writer waits for the disk, as the daemon does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Synced {
    Yes,
    No,
}

fn hear(lines: impl Iterator<Item = String>, stored: &AtomicI64) -> Heard {
    let mut heard = Heard::default();
    for line in lines {
        match line.strip_prefix("stored ").and_then(|seq| seq.parse().ok()) {
            Some(seq) => {
                stored.store(seq, Ordering::Release);
                heard.stored = Some(seq);
                heard.frames += 1;
            }
            None => heard.in_retention = line == "begins",
        }
    }
    heard
}
