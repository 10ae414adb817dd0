//! Between the sampler and a store that may be slow or away.
//!
//! [`BatchMetricsWriter::push`] is called on the sampler's thread and waits for nothing: it puts a
//! record into a bounded queue in memory. A task writes what waits there, in batches, again and
//! again until the store takes it. What has waited for some seconds goes to the [`Spool`], if there
//! is one, and is written from there first; while the store takes frames at once, no disk is
//! touched. Where there is no room the oldest go. At every moment
//! `expected = stored + waiting + dropped`, with what an earlier process left in the spool counted
//! as expected and waiting.

mod backoff;
mod blame;
mod disk;
mod doubt;
mod names;
mod queue;
mod suspect;
mod task;

use std::{sync::Arc, time::Duration};

use tokio::{sync::Mutex, task::JoinHandle, time::Instant};

use disk::Disk;
use queue::Queue;

use crate::{HostIdentity, Record, Spool, Store};

/// How much waits, and how long.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// Who writes: registered with the store before the first append, and again where the store was
    /// away. Its frames have the name that the store gave. Nobody is registered if there is none.
    pub identity: Option<HostIdentity>,
    /// The most records that wait in memory; at least 2.
    pub capacity: usize,
    /// The most bytes that wait in memory; one record may be larger.
    pub memory_bytes: usize,
    /// The most records of one append; at least 1.
    pub batch: usize,
    /// About the most bytes of one append, as they are in memory; one record may be larger.
    pub batch_bytes: usize,
    /// How long the store may take to answer; then it counts as away.
    pub deadline: Duration,
    /// How long the writer waits after a first failure; each further one doubles it. Of each wait
    /// up to a half is left out by chance, so that many writers do not come back at once.
    pub first_retry: Duration,
    /// The longest it waits, unless the store asks for more.
    pub longest_retry: Duration,
    /// What has waited in memory for so long goes to the spool.
    pub spool_after: Duration,
}

impl Default for WriterOptions {
    /// Six hours at the default interval of 5 s, and a try at least every 10 s.
    fn default() -> Self {
        Self {
            identity: None,
            capacity: 6 * 720,
            memory_bytes: 6 << 20,
            batch: 256,
            batch_bytes: 1 << 20,
            deadline: Duration::from_secs(8),
            first_retry: Duration::from_millis(250),
            longest_retry: Duration::from_secs(10),
            spool_after: Duration::from_secs(10),
        }
    }
}

/// What became of all records: `expected = stored + waiting + dropped`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriterCounts {
    /// Records pushed, and those that lay in the spool at the start.
    pub expected: u64,
    /// Records that the store took.
    pub stored: u64,
    /// Records that will be tried, or tried again.
    pub waiting: u64,
    /// Records given up: the oldest where too many waited, those that the store will never take,
    /// and those that were damaged in the spool.
    pub dropped: u64,
    /// Of those that wait: in the spool.
    pub spooled: u64,
    /// The bytes of the spool.
    pub spool_bytes: u64,
    /// Of those dropped: refused by the store, and set aside beside the spool.
    pub set_aside: u64,
    /// Of those dropped: damaged in the spool.
    pub damaged: u64,
}

/// Whether the store takes what it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriterStatus {
    /// The last append went well.
    Ok,
    /// It did not, and records wait; or it left values out of one since the start.
    Degraded {
        /// What the store said.
        reason: String,
        /// The same in a few words that name no path and no address.
        summary: &'static str,
        /// Since when, in milliseconds since 1970 (UTC).
        since_ms: i64,
    },
}

/// Hands records to a store without ever making their source wait.
#[derive(Debug)]
pub struct BatchMetricsWriter {
    queue: Arc<Queue>,
    task: Mutex<Option<JoinHandle<()>>>,
    has_spool: bool,
}

impl BatchMetricsWriter {
    /// Starts the writing task. Must be called within a tokio runtime.
    pub fn spawn(store: Arc<dyn Store>, options: WriterOptions) -> Self {
        Self::start(store, options, None)
    }

    /// The same with a spool for what does not fit into memory, and for the time between two
    /// processes. It is let go at [`Self::shutdown`].
    pub fn spawn_with_spool(store: Arc<dyn Store>, options: WriterOptions, spool: Spool) -> Self {
        Self::start(store, options, Some(spool))
    }

    fn start(store: Arc<dyn Store>, options: WriterOptions, spool: Option<Spool>) -> Self {
        let (waiting, bytes) =
            spool.as_ref().map_or((0, 0), |spool| (spool.waiting(), spool.bytes()));
        let queue = Arc::new(Queue::new(&options, waiting, bytes));
        let has_spool = spool.is_some();
        let task = task::Task::new(Arc::clone(&queue), store, options, spool.map(Disk::new));
        Self { queue, task: Mutex::new(Some(tokio::spawn(task.run()))), has_spool }
    }

    /// Takes a record, from any thread, without waiting.
    pub fn push(&self, record: Record) {
        self.queue.push(record);
    }

    /// The name that the store keeps the frames of [`WriterOptions::identity`] under, once it was
    /// there to say.
    pub fn registered_name(&self) -> Option<Arc<str>> {
        self.queue.given()
    }

    /// What became of all records so far.
    pub fn counts(&self) -> WriterCounts {
        self.queue.counts()
    }

    /// Whether the store takes them.
    pub fn status(&self) -> WriterStatus {
        self.queue.status()
    }

    /// Why the spool takes nothing, if it should and does not.
    pub fn spool_trouble(&self) -> Option<String> {
        self.queue.trouble()
    }

    /// Writes what waits, for at most this long: to the store, or to the spool if the store has
    /// not taken it within half of the time; its disk gets twice as long where it needs that. What
    /// is left without a spool then counts as dropped, as does what is pushed later. What the disk
    /// has not written by then counts as waiting: nobody knows yet.
    pub async fn shutdown(&self, deadline: Duration) -> WriterCounts {
        let now = Instant::now();
        let (store, all) =
            if self.has_spool { (deadline / 2, deadline * 2) } else { (deadline, deadline) };
        self.queue.close(now + store);
        if let Some(mut task) = self.task.lock().await.take()
            && tokio::time::timeout_at(now + all, &mut task).await.is_err()
        {
            task.abort();
            // Waits until it is really gone: nothing may be counted twice.
            let _ = task.await;
        }
        self.queue.drop_all();
        self.queue.counts()
    }
}
