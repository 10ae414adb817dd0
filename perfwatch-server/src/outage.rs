//! What is logged of requests that a store leaves without an answer: that it does so, and at the end
//! how many there were. One page asks for dozens, and a store may be away for hours.

use std::{
    fmt::Display,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Where no request goes without an answer for so long, the store is back.
const QUIET: Duration = Duration::from_secs(60);

/// Requests that went without an answer.
#[derive(Default)]
pub(crate) struct Outage(Mutex<Option<Missed>>);

/// Those of one outage.
struct Missed {
    requests: u64,
    last: Instant,
}

impl Outage {
    /// Another request went without an answer, for this reason.
    pub(crate) fn missed(&self, cause: &dyn Display) {
        if self.count(Instant::now()) {
            tracing::warn!(%cause, "the store did not answer a request; others are only counted");
        }
    }

    /// Looks whether it is over.
    pub(crate) fn look(&self) {
        if let Some(requests) = self.over(Instant::now()) {
            tracing::info!(requests, "so many requests went without an answer from the store");
        }
    }

    /// Whether it is the first one.
    fn count(&self, now: Instant) -> bool {
        let mut missed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = missed.as_ref().map_or(0, |missed| missed.requests);
        *missed = Some(Missed { requests: before + 1, last: now });
        before == 0
    }

    /// How many there were, once, when it is over.
    fn over(&self, now: Instant) -> Option<u64> {
        let mut missed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = missed.take_if(|missed| now.duration_since(missed.last) >= QUIET)?;
        Some(over.requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_when_it_begins_and_when_it_is_over() {
        let outage = Outage::default();
        let begun = Instant::now();
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        assert_eq!(outage.over(at(0)), None);
        let first: Vec<bool> = (0..115).map(|second| outage.count(at(second))).collect();
        assert_eq!(first.iter().filter(|first| **first).count(), 1);
        assert!(first[0]);
        assert_eq!(outage.over(at(114 + 59)), None);
        assert_eq!(outage.over(at(114 + 60)), Some(115));
        assert_eq!(outage.over(at(999)), None);
        assert!(outage.count(at(1000)), "the next one");
    }
}
