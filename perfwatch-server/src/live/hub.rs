//! Where the newest readings lie.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::extract::ws::Utf8Bytes;
use perfwatch_collect::{CollectorState, Tick};
use perfwatch_core::{Frame, View, prometheus};
use tokio::sync::watch;

use super::message::{LiveMessage, text};
use crate::identity::KeptName;

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
    /// The message of this tick, encoded for whoever wants it first; the others share the bytes.
    message: OnceLock<Utf8Bytes>,
    /// The raw values as Prometheus text, in the same way.
    exposition: OnceLock<String>,
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
            message: OnceLock::new(),
            exposition: OnceLock::new(),
        }
    }

    /// The raw values as Prometheus text.
    pub(crate) fn exposition(&self) -> &str {
        self.exposition.get_or_init(|| {
            let mut text = String::new();
            prometheus::write_frame(&self.frame, &mut text);
            text
        })
    }
}

/// Takes samples in on one side and gives messages out on the other.
pub(crate) struct Hub {
    host: Arc<KeptName>,
    interval_ms: u64,
    sample: watch::Sender<Option<Arc<Sample>>>,
    clients: AtomicU64,
    skipped: AtomicU64,
}

impl Hub {
    pub(crate) fn new(host: Arc<KeptName>, interval: Duration) -> Self {
        Self {
            host,
            interval_ms: u64::try_from(interval.as_millis()).unwrap_or(u64::MAX),
            sample: watch::Sender::new(None),
            clients: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
        }
    }

    /// Leaves the newest sample. Called on the sampler's thread: it must not wait.
    pub(crate) fn leave(&self, sample: Sample) {
        self.sample.send_replace(Some(Arc::new(sample)));
    }

    /// The newest sample; nothing before the first tick.
    pub(crate) fn sample(&self) -> Option<Arc<Sample>> {
        self.sample.borrow().clone()
    }

    /// Tells of each new sample; a reader that comes late sees only the newest.
    pub(crate) fn samples(&self) -> watch::Receiver<Option<Arc<Sample>>> {
        let mut samples = self.sample.subscribe();
        samples.mark_changed();
        samples
    }

    /// The message of a sample. Where nobody watches, none is made.
    pub(crate) fn message(&self, sample: &Sample) -> Utf8Bytes {
        let encode = || text(&LiveMessage::new(&self.host.get(), self.interval_ms, &sample.view));
        sample.message.get_or_init(encode).clone()
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
