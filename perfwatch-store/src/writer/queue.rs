//! The records that wait, and what became of the others.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::{Record, StoreError};

/// What became of all records: `expected = stored + waiting + dropped`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriterCounts {
    /// Records pushed.
    pub expected: u64,
    /// Records that the store took.
    pub stored: u64,
    /// Records that will be tried, or tried again.
    pub waiting: u64,
    /// Records given up: the oldest where too many waited, and those that no store can take.
    pub dropped: u64,
}

/// Whether the store takes what it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriterStatus {
    /// The last append went well.
    Ok,
    /// It did not; records wait.
    Degraded {
        /// What the store said.
        reason: String,
    },
}

/// A bounded queue that counts. Its lock is held for a few instructions only.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    capacity: usize,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    records: VecDeque<Record>,
    /// So many at the front are with the store right now and cannot be dropped.
    in_flight: usize,
    expected: u64,
    stored: u64,
    dropped: u64,
    overflowing: bool,
    closed: bool,
    status: WriterStatus,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        let state = State {
            records: VecDeque::new(),
            in_flight: 0,
            expected: 0,
            stored: 0,
            dropped: 0,
            overflowing: false,
            closed: false,
            status: WriterStatus::Ok,
        };
        Self { state: Mutex::new(state), capacity: capacity.max(2), changed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, record: Record) {
        let mut state = self.state();
        state.expected += 1;
        if state.closed {
            state.dropped += 1;
            return;
        }
        state.records.push_back(record);
        let overflows = state.records.len() > self.capacity;
        if overflows {
            let oldest = state.in_flight;
            state.records.remove(oldest);
            state.dropped += 1;
        }
        let begins = overflows && !std::mem::replace(&mut state.overflowing, overflows);
        drop(state);
        self.changed.notify_one();
        if begins {
            tracing::warn!(waiting = self.capacity, "too many frames wait: the oldest are dropped");
        }
    }

    /// The oldest records, which stay counted as waiting; nothing when none wait.
    pub(super) fn begin(&self, most: usize) -> Vec<Record> {
        let mut state = self.state();
        // One place is left, so that a full queue always has a record that may be dropped.
        let most = most.clamp(1, self.capacity - 1);
        let batch: Vec<Record> = state.records.iter().take(most).cloned().collect();
        state.in_flight = batch.len();
        batch
    }

    /// The records given by [`Queue::begin`] are stored.
    pub(super) fn stored(&self) {
        let mut state = self.state();
        let count = std::mem::take(&mut state.in_flight);
        state.records.drain(..count);
        state.stored += count as u64;
        state.overflowing = false;
        let before = std::mem::replace(&mut state.status, WriterStatus::Ok);
        let waiting = state.records.len();
        drop(state);
        if before != WriterStatus::Ok {
            tracing::info!(waiting, "the store takes frames again");
        }
    }

    /// The store did not take them; they go on waiting.
    pub(super) fn failed(&self, error: &StoreError) {
        let mut state = self.state();
        state.in_flight = 0;
        self.degrade(state, error);
    }

    /// No store can take them; they are given up.
    pub(super) fn refused(&self, error: &StoreError) {
        let mut state = self.state();
        let count = std::mem::take(&mut state.in_flight);
        state.records.drain(..count);
        state.dropped += count as u64;
        self.degrade(state, error);
    }

    fn degrade(&self, mut state: MutexGuard<'_, State>, error: &StoreError) {
        let reason = error.to_string();
        let now = WriterStatus::Degraded { reason };
        let before = std::mem::replace(&mut state.status, now);
        let waiting = state.records.len();
        drop(state);
        if before == WriterStatus::Ok {
            tracing::warn!(waiting, %error, "the store does not take frames");
        }
    }

    pub(super) fn counts(&self) -> WriterCounts {
        let state = self.state();
        WriterCounts {
            expected: state.expected,
            stored: state.stored,
            waiting: state.records.len() as u64,
            dropped: state.dropped,
        }
    }

    pub(super) fn status(&self) -> WriterStatus {
        self.state().status.clone()
    }

    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    pub(super) fn drop_all(&self) {
        let mut state = self.state();
        state.in_flight = 0;
        state.dropped += state.records.len() as u64;
        state.records.clear();
    }

    /// Waits until something was pushed or the queue was closed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}
