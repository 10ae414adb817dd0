//! Where the newest readings lie.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::extract::ws::Utf8Bytes;
use perfwatch_collect::{CollectorState, Tick};
use perfwatch_core::{Frame, View};
use tokio::sync::watch;

use super::message::{LiveMessage, text};

/// What one tick left.
pub(crate) struct Sample {
    /// The values as people read them.
    pub(crate) view: Arc<View>,
    /// The raw values.
    pub(crate) frame: Frame,
    /// How the collectors are doing.
    pub(crate) collectors: Vec<CollectorState>,
    /// Ticks so far.
    pub(crate) ticks: u64,
    /// Ticks that were left out so far.
    pub(crate) missed: u64,
    /// How late this tick began.
    pub(crate) lateness: Duration,
}

impl Sample {
    pub(crate) fn of(tick: &Tick<'_>) -> Self {
        Self {
            view: Arc::new(tick.aggregator.view().clone()),
            frame: tick.aggregator.frame().clone(),
            collectors: tick.aggregator.states(),
            ticks: tick.ticks,
            missed: tick.missed,
            lateness: tick.lateness,
        }
    }
}

/// One tick's message, encoded.
pub(crate) struct Encoded {
    /// Which tick it is of; a jump of more than 1 is what a slow reader lost.
    pub(crate) tick: u64,
    /// The message; clones share the bytes.
    pub(crate) text: Utf8Bytes,
}

/// Takes samples in on one side and gives messages out on the other.
pub(crate) struct Hub {
    host: Arc<str>,
    interval_ms: u64,
    sample: watch::Sender<Option<Arc<Sample>>>,
    message: watch::Sender<Option<Arc<Encoded>>>,
    clients: AtomicU64,
    skipped: AtomicU64,
}

impl Hub {
    pub(crate) fn new(host: Arc<str>, interval: Duration) -> Self {
        Self {
            host,
            interval_ms: u64::try_from(interval.as_millis()).unwrap_or(u64::MAX),
            sample: watch::Sender::new(None),
            message: watch::Sender::new(None),
            clients: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
        }
    }

    /// Leaves the newest sample. Called on the sampler's thread: it must not wait.
    pub(crate) fn leave(&self, sample: Sample) {
        self.sample.send_replace(Some(Arc::new(sample)));
    }

    /// Encodes each sample, for ever.
    pub(crate) async fn encode(&self) {
        let mut samples = self.sample.subscribe();
        loop {
            let sample = samples.borrow_and_update().clone();
            if let Some(sample) = sample {
                let message = LiveMessage::new(&self.host, self.interval_ms, &sample.view);
                let encoded = Encoded { tick: sample.ticks, text: text(&message) };
                self.message.send_replace(Some(Arc::new(encoded)));
            }
            // The sender is a field of this very hub.
            if samples.changed().await.is_err() {
                return;
            }
        }
    }

    /// The newest sample; nothing before the first tick.
    pub(crate) fn sample(&self) -> Option<Arc<Sample>> {
        self.sample.borrow().clone()
    }

    /// The newest message; nothing before the first tick.
    pub(crate) fn message(&self) -> Option<Arc<Encoded>> {
        self.message.borrow().clone()
    }

    /// Tells of each new message; a reader that comes late sees only the newest.
    pub(crate) fn messages(&self) -> watch::Receiver<Option<Arc<Encoded>>> {
        let mut messages = self.message.subscribe();
        messages.mark_changed();
        messages
    }

    /// Counts a client in until the guard is dropped; nothing if there are too many.
    pub(crate) fn join(self: &Arc<Self>, most: u64) -> Option<Joined> {
        let room = |clients| (clients < most).then_some(clients + 1);
        self.clients.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).ok()?;
        Some(Joined(Arc::clone(self)))
    }

    /// Counts frames that a slow client lost.
    pub(crate) fn skip(&self, count: u64) {
        self.skipped.fetch_add(count, Ordering::Relaxed);
    }

    /// How many clients there are.
    pub(crate) fn clients(&self) -> u64 {
        self.clients.load(Ordering::Relaxed)
    }

    /// How many frames slow clients lost.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }
}

/// A client that is counted.
pub(crate) struct Joined(Arc<Hub>);

impl Drop for Joined {
    fn drop(&mut self) {
        self.0.clients.fetch_sub(1, Ordering::Relaxed);
    }
}
