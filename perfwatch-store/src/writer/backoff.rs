//! How long to wait before the next try.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use crate::StoreError;

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
        error.asked_pause().map_or(own, |asked| own.max(asked))
    }
}

/// A number from 0 to 1.
fn chance() -> f64 {
    // What makes hash maps hard to attack is chance enough here.
    RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_granted_up_to_five_minutes() {
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(10));
        for (asked, seconds) in [(7, 7), (299, 299), (600, 300), (u64::MAX, 300)] {
            let retry_after = Duration::from_secs(asked);
            let error = StoreError::Throttled { retry_after, reason: String::new() };
            backoff.reset();
            assert_eq!(backoff.after(&error), Duration::from_secs(seconds));
            assert!(error.to_string().contains(" s: "), "{error}");
        }
    }
}
