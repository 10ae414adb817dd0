//! Between the sampler and a store that may be slow or away.
//!
//! [`BatchMetricsWriter::push`] is called on the sampler's thread and never waits for the store: it
//! puts a record into a bounded queue, and a task writes what waits there, in batches, again and
//! again until the store takes it. Where the queue is full, the oldest go. At every moment
//! `expected = stored + waiting + dropped`.

mod queue;
mod task;

use std::{sync::Arc, time::Duration};

use tokio::{sync::Mutex, task::JoinHandle};

use queue::Queue;
pub use queue::{WriterCounts, WriterStatus};

use crate::{Record, Store};

/// How much waits, and how long.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// The most records that wait; at least 2.
    pub capacity: usize,
    /// The most records of one append; at least 1.
    pub batch: usize,
    /// How long the writer waits after a first failure; each further one doubles it.
    pub first_retry: Duration,
    /// The longest it waits.
    pub longest_retry: Duration,
}

impl Default for WriterOptions {
    /// Six hours at the default interval of 5 s, and a try at least every 30 s.
    fn default() -> Self {
        Self {
            capacity: 6 * 720,
            batch: 256,
            first_retry: Duration::from_millis(250),
            longest_retry: Duration::from_secs(30),
        }
    }
}

/// Hands records to a store without ever making their source wait.
#[derive(Debug)]
pub struct BatchMetricsWriter {
    queue: Arc<Queue>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl BatchMetricsWriter {
    /// Starts the writing task. Must be called within a tokio runtime.
    pub fn spawn(store: Arc<dyn Store>, options: WriterOptions) -> Self {
        let queue = Arc::new(Queue::new(options.capacity));
        let task = tokio::spawn(task::run(Arc::clone(&queue), store, options));
        Self { queue, task: Mutex::new(Some(task)) }
    }

    /// Takes a record, from any thread, without waiting.
    pub fn push(&self, record: Record) {
        self.queue.push(record);
    }

    /// What became of all records so far.
    pub fn counts(&self) -> WriterCounts {
        self.queue.counts()
    }

    /// Whether the store takes them.
    pub fn status(&self) -> WriterStatus {
        self.queue.status()
    }

    /// Writes what waits, for at most this long; what is left then counts as dropped, as does
    /// what is pushed later.
    pub async fn shutdown(&self, deadline: Duration) -> WriterCounts {
        self.queue.close();
        if let Some(mut task) = self.task.lock().await.take()
            && tokio::time::timeout(deadline, &mut task).await.is_err()
        {
            task.abort();
            // Waits until it is really gone: nothing may be counted twice.
            let _ = task.await;
        }
        self.queue.drop_all();
        self.queue.counts()
    }
}
