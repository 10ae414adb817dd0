//! The records that wait in memory, and what became of all others.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::{sync::Notify, time::Instant};

use super::{WriterCounts, WriterOptions, WriterStatus};
use crate::{Record, StoreError};

/// What is said, in a few words, of a store that takes no frame though it answers.
const SUSPECTED: &str = "it refuses every frame";

/// A bounded queue that counts. Its lock is held for a few instructions only.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    capacity: usize,
    most_bytes: usize,
    /// The name of whoever writes.
    own: Option<Arc<str>>,
    changed: Notify,
    closes: Notify,
}

#[derive(Debug)]
struct State {
    records: VecDeque<Waiting>,
    /// What they weigh together.
    bytes: usize,
    /// So many at the front are with the store or the spool right now and cannot be dropped.
    in_flight: usize,
    /// Those go to the spool, where they are even if nobody waits until they are.
    is_spooling: bool,
    /// Records in the spool, and its bytes.
    spooled: u64,
    spool_bytes: u64,
    /// Why the spool takes nothing.
    spool_trouble: Option<String>,
    expected: u64,
    stored: u64,
    dropped: u64,
    set_aside: u64,
    damaged: u64,
    overflowing: bool,
    /// Once the queue is closed: when the store must have taken what it is given.
    ends: Option<Instant>,
    status: WriterStatus,
    /// What the store left out of frames that it took, as a status.
    left_out: Option<WriterStatus>,
    /// The name that the store gave to whoever writes.
    given: Option<Arc<str>>,
}

#[derive(Debug)]
struct Waiting {
    record: Record,
    bytes: usize,
    since: Instant,
}

impl Queue {
    /// A queue before a spool in which so many records wait.
    pub(super) fn new(options: &WriterOptions, spooled: u64, spool_bytes: u64) -> Self {
        let state = State {
            records: VecDeque::new(),
            bytes: 0,
            in_flight: 0,
            is_spooling: false,
            spooled,
            spool_bytes,
            spool_trouble: None,
            expected: spooled,
            stored: 0,
            dropped: 0,
            set_aside: 0,
            damaged: 0,
            overflowing: false,
            ends: None,
            status: WriterStatus::Ok,
            left_out: None,
            given: None,
        };
        Self {
            state: Mutex::new(state),
            capacity: options.capacity.max(2),
            most_bytes: options.memory_bytes,
            own: options.identity.as_ref().map(|identity| Arc::clone(&identity.name)),
            changed: Notify::new(),
            closes: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, record: Record) {
        let bytes = record.weight();
        let mut state = self.state();
        state.expected += 1;
        if state.ends.is_some() {
            state.dropped += 1;
            return;
        }
        state.bytes += bytes;
        state.records.push_back(Waiting { record, bytes, since: Instant::now() });
        let mut overflows = false;
        while self.is_over(&state) {
            state.drop_oldest();
            overflows = true;
        }
        let begins = overflows && !std::mem::replace(&mut state.overflowing, overflows);
        let waiting = state.records.len();
        drop(state);
        self.changed.notify_one();
        if begins {
            tracing::warn!(waiting, "too many frames wait in memory: the oldest are dropped");
        }
    }

    /// Whether one must go, and may.
    fn is_over(&self, state: &State) -> bool {
        let is_full = state.records.len() > self.capacity || state.bytes > self.most_bytes;
        is_full && state.records.len() > state.in_flight + 1
    }

    /// The oldest records in memory, which stay counted as waiting.
    pub(super) fn begin(&self, most: usize, most_bytes: usize) -> Vec<Record> {
        let mut state = self.state();
        // One place is left, so that a full queue always has a record that may be dropped.
        let most = most.clamp(1, self.capacity - 1);
        let mut bytes = 0;
        let fits = |waiting: &&Waiting| {
            let is_first = bytes == 0;
            bytes += waiting.bytes.max(1);
            is_first || bytes <= most_bytes
        };
        let oldest = state.records.iter().take(most).take_while(fits);
        let batch: Vec<Record> = oldest.map(|waiting| waiting.record.clone()).collect();
        state.in_flight = batch.len();
        batch
    }

    /// The same of all records, on their way to the spool.
    pub(super) fn begin_spooling(&self) -> Vec<Record> {
        let records = self.begin(usize::MAX, usize::MAX);
        self.state().is_spooling = true;
        records
    }

    /// The store took so many records given by [`Queue::begin`], or of the spool.
    pub(super) fn stored(&self, from: Place, count: usize, spool_bytes: u64) {
        let mut state = self.state();
        state.take(from, count as u64, spool_bytes);
        state.stored += count as u64;
        state.overflowing = false;
        let before = std::mem::replace(&mut state.status, WriterStatus::Ok);
        let waiting = state.waiting();
        drop(state);
        if before != WriterStatus::Ok {
            tracing::info!(waiting, "the store takes frames again");
        }
    }

    /// The store took frames, but not all that is in them. This is said from then on: who has too
    /// many series has them for good.
    pub(super) fn left_out(&self, error: &StoreError) {
        let mut state = self.state();
        if state.left_out.is_some() {
            return;
        }
        let (reason, summary) = (error.to_string(), error.summary());
        state.left_out = Some(WriterStatus::Degraded { reason, summary, since_ms: now_ms() });
        drop(state);
        tracing::warn!(%error, "the store leaves values out");
    }

    /// The store did not take them; they go on waiting.
    pub(super) fn failed(&self, error: &StoreError) {
        self.release();
        self.degrade(error.to_string(), error.summary());
    }

    /// The store does not take all of them. What is in hand stays so.
    pub(super) fn refused(&self, error: &StoreError) {
        // That it takes none is still true.
        if self.summary() != Some(SUSPECTED) {
            self.degrade(error.to_string(), error.summary());
        }
    }

    /// The store takes none, and this is why it is suspected; they go on waiting.
    pub(super) fn suspects(&self, verdict: String) {
        self.release();
        if self.summary() != Some(SUSPECTED) {
            tracing::warn!(reason = verdict, "the store refuses every frame");
        }
        self.degrade(verdict, SUSPECTED);
    }

    fn summary(&self) -> Option<&'static str> {
        match &self.state().status {
            WriterStatus::Ok => None,
            WriterStatus::Degraded { summary, .. } => Some(summary),
        }
    }

    /// Remembers what is wrong with the store.
    fn degrade(&self, reason: String, summary: &'static str) {
        let mut state = self.state();
        let since_ms = match &state.status {
            WriterStatus::Ok => now_ms(),
            WriterStatus::Degraded { since_ms, .. } => *since_ms,
        };
        let now = WriterStatus::Degraded { reason: reason.clone(), summary, since_ms };
        let before = std::mem::replace(&mut state.status, now);
        let waiting = state.waiting();
        drop(state);
        if before == WriterStatus::Ok {
            tracing::warn!(waiting, reason, "the store does not take frames");
        }
    }

    /// The first record is one that the store will never take: it is given up.
    pub(super) fn set_aside(&self, from: Place, spool_bytes: u64) {
        let mut state = self.state();
        state.take(from, 1, spool_bytes);
        state.dropped += 1;
        state.set_aside += 1;
    }

    /// So many records of the spool cannot be read.
    pub(super) fn damaged(&self, count: u64, spool_bytes: u64) {
        let mut state = self.state();
        state.take(Place::Spool, count, spool_bytes);
        state.dropped += count;
        state.damaged += count;
    }

    /// So many of the records given by [`Queue::begin_spooling`] are in the spool now, and so many of all
    /// had to go for that.
    pub(super) fn spooled(&self, count: usize, dropped: u64, spool_bytes: u64) {
        let mut state = self.state();
        state.take(Place::Memory, count as u64, spool_bytes);
        state.spooled = (state.spooled + count as u64).saturating_sub(dropped);
        state.dropped += dropped;
    }

    /// Nobody has the records in hand any more that [`Queue::begin`] gave.
    pub(super) fn release(&self) {
        self.state().release();
    }

    /// Says why the spool takes nothing, or that it does.
    pub(super) fn spool_trouble(&self, trouble: Option<String>) {
        let before = std::mem::replace(&mut self.state().spool_trouble, trouble.clone());
        match (before, trouble) {
            (None, Some(reason)) => tracing::warn!(reason, "the spool takes no frames"),
            (Some(_), None) => tracing::info!("the spool takes frames again"),
            _ => {}
        }
    }

    /// When what waits in memory has waited for so long, or already if it fills half of it; nothing
    /// if nothing waits.
    pub(super) fn due(&self, after: Duration) -> Option<Instant> {
        let state = self.state();
        let oldest = state.records.front()?.since;
        let is_half = state.records.len() > self.capacity / 2 || state.bytes > self.most_bytes / 2;
        Some(if is_half { oldest } else { oldest + after })
    }

    /// Waits until three quarters of memory are full.
    pub(super) async fn filled(&self) {
        let is_filled = || {
            let state = self.state();
            state.records.len() > self.capacity / 4 * 3 || state.bytes > self.most_bytes / 4 * 3
        };
        // What was pushed meanwhile is seen by whoever looks next, also without this word of it.
        while !is_filled() {
            self.changed().await;
        }
    }

    /// The store keeps frames of `own` under the name `given`.
    pub(super) fn registered(&self, own: &Arc<str>, given: &Arc<str>) {
        if own != given {
            tracing::warn!(
                own = &**own,
                kept_as = &**given,
                "another machine has this name; give each its own with --host"
            );
        }
        if self.own.as_ref() == Some(own) {
            self.state().given = Some(Arc::clone(given));
        }
    }

    /// The name that the store gave, once it did.
    pub(super) fn given(&self) -> Option<Arc<str>> {
        self.state().given.clone()
    }

    pub(super) fn counts(&self) -> WriterCounts {
        let state = self.state();
        WriterCounts {
            expected: state.expected,
            stored: state.stored,
            waiting: state.waiting(),
            dropped: state.dropped,
            spooled: state.spooled,
            spool_bytes: state.spool_bytes,
            set_aside: state.set_aside,
            damaged: state.damaged,
        }
    }

    pub(super) fn status(&self) -> WriterStatus {
        let state = self.state();
        match (&state.status, &state.left_out) {
            (WriterStatus::Ok, Some(left_out)) => left_out.clone(),
            (status, _) => status.clone(),
        }
    }

    pub(super) fn trouble(&self) -> Option<String> {
        self.state().spool_trouble.clone()
    }

    /// Takes nothing any more; the store has until then for what waits.
    pub(super) fn close(&self, ends: Instant) {
        self.state().ends.get_or_insert(ends);
        self.changed.notify_one();
        self.closes.notify_one();
    }

    /// Once the queue is closed: when the store must have taken what it is given.
    pub(super) fn ends(&self) -> Option<Instant> {
        self.state().ends
    }

    /// Waits until the queue was closed and its time is over.
    pub(super) async fn ended(&self) {
        loop {
            match self.ends() {
                Some(ends) => return tokio::time::sleep_until(ends).await,
                None => self.closes.notified().await,
            }
        }
    }

    /// Gives up what waits in memory and is not just being written to the spool.
    pub(super) fn drop_all(&self) {
        let mut state = self.state();
        let kept = if state.is_spooling { state.in_flight } else { 0 };
        let gone: Vec<usize> = state.records.drain(kept..).map(|waiting| waiting.bytes).collect();
        state.bytes -= gone.iter().sum::<usize>();
        state.dropped += gone.len() as u64;
    }

    /// Waits until something was pushed or the queue was closed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

/// Where records wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Memory,
    Spool,
}

impl State {
    fn waiting(&self) -> u64 {
        self.records.len() as u64 + self.spooled
    }

    fn release(&mut self) {
        (self.in_flight, self.is_spooling) = (0, false);
    }

    /// Takes the oldest of a place away.
    fn take(&mut self, from: Place, count: u64, spool_bytes: u64) {
        self.release();
        self.spool_bytes = spool_bytes;
        match from {
            Place::Spool => self.spooled = self.spooled.saturating_sub(count),
            Place::Memory => {
                let count = usize::try_from(count).unwrap_or(usize::MAX).min(self.records.len());
                let gone: usize = self.records.drain(..count).map(|waiting| waiting.bytes).sum();
                self.bytes -= gone;
            }
        }
    }

    /// Drops the oldest that nobody has in hand.
    fn drop_oldest(&mut self) {
        if let Some(gone) = self.records.remove(self.in_flight) {
            self.bytes -= gone.bytes;
            self.dropped += 1;
        }
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
