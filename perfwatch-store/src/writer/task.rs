//! The loop that writes what waits.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{WriterOptions, queue::Queue};
use crate::Store;

/// While shutting down there is no time for long waits.
const LAST_RETRY: Duration = Duration::from_millis(100);

/// Writes until the queue is closed and empty.
pub(super) async fn run(queue: Arc<Queue>, store: Arc<dyn Store>, options: WriterOptions) {
    let mut retry = options.first_retry;
    let mut most = options.batch;
    loop {
        let batch = queue.begin(most);
        if batch.is_empty() {
            if queue.is_closed() {
                return;
            }
            queue.changed().await;
            continue;
        }
        match store.append(&batch).await {
            Ok(()) => {
                queue.stored();
                (retry, most) = (options.first_retry, options.batch);
            }
            Err(error) if error.is_transient() => {
                queue.failed(&error);
                pause(&queue, retry).await;
                retry = (retry * 2).min(options.longest_retry);
            }
            // One record may spoil a batch: each is tried alone before it is given up.
            Err(error) if batch.len() > 1 => {
                queue.failed(&error);
                most = 1;
            }
            Err(error) => queue.refused(&error),
        }
    }
}

/// Waits; a closing queue cuts it short, a push does not.
async fn pause(queue: &Queue, length: Duration) {
    let until = Instant::now() + length;
    while !queue.is_closed() && Instant::now() < until {
        let _ = tokio::time::timeout_at(until, queue.changed()).await;
    }
    if queue.is_closed() {
        tokio::time::sleep(LAST_RETRY.min(length)).await;
    }
}
