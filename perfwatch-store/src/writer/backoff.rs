//! How long to wait before the next try.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use crate::StoreError;

/// A store that asks for more than this is asked again all the same.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// Waits that grow.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// Starts anew: the store answered.
    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }

    /// How long to wait after this failure.
    pub(super) fn after(&mut self, error: &StoreError) -> Duration {
        let own = self.next.mul_f64(0.5 + chance() / 2.0);
        self.next = (self.next * 2).min(self.longest);
        match error {
            StoreError::Throttled { retry_after, .. } => own.max((*retry_after).min(LONGEST_ASKED)),
            _ => own,
        }
    }
}

/// A number from 0 to 1.
fn chance() -> f64 {
    // What makes hash maps hard to attack is chance enough here.
    RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}
