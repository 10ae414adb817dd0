//! Which hosts' hours are due to be sealed.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

const HOUR: Duration = Duration::from_secs(3600);

/// Which hosts' hours are due.
#[derive(Debug, Default)]
pub(super) struct Due(Mutex<HashMap<String, Sealed>>);

/// Up to which hour sealing of a host was begun, and when.
#[derive(Debug, Default)]
struct Sealed {
    last: Option<(i64, Instant)>,
    /// The one that runs now.
    running: Option<(i64, Instant)>,
    /// What is left to do: an hour that was over while it ran, or one that was not done.
    next_ms: Option<i64>,
}

impl Due {
    fn known(&self) -> MutexGuard<'_, HashMap<String, Sealed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Up to which hour sealing begins now, if it does, where the hours up to one are over. While it
    /// runs, a later hour waits for its end.
    ///
    /// An hour before the last one is a clock that was set right, or a late frame, which may come
    /// with each tick between others: for it, sealing begins no more often than hours end anyway.
    pub(super) fn begin(&self, host: &str, until_ms: i64, now: Instant) -> Option<i64> {
        let mut known = self.known();
        let host = known.entry(host.to_owned()).or_default();
        if let Some((running_ms, _)) = host.running {
            host.next_ms = host.next_ms.max((until_ms > running_ms).then_some(until_ms));
            return None;
        }
        let is_due = host.last.is_none_or(|(last_ms, at)| {
            until_ms > last_ms || until_ms < last_ms && now.duration_since(at) >= HOUR
        });
        let wanted_ms = host.next_ms.take().max(is_due.then_some(until_ms));
        host.running = wanted_ms.map(|wanted_ms| (wanted_ms, now));
        wanted_ms
    }

    /// It ended; up to which hour it goes on. Unless it was done, the next frame begins it again.
    pub(super) fn end(&self, host: &str, is_done: bool, now: Instant) -> Option<i64> {
        let mut known = self.known();
        let host = known.get_mut(host)?;
        let ended = host.running.take();
        if !is_done {
            host.next_ms = host.next_ms.max(ended.map(|(until_ms, _)| until_ms));
            return None;
        }
        host.last = ended;
        host.running = host.next_ms.take().map(|next_ms| (next_ms, now));
        host.running.map(|(until_ms, _)| until_ms)
    }

    /// All hosts, and the last hour of each that was due.
    pub(super) fn begun(&self) -> Vec<(String, i64)> {
        let known = self.known();
        let begun = known.iter().filter_map(|(host, sealed)| {
            let last = sealed.last.max(sealed.running).map(|(until_ms, _)| until_ms);
            Some((host.clone(), last.max(sealed.next_ms)?))
        });
        begun.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::due_before, layout::slice::HOUR_MS};

    #[test]
    fn sealing_begins_once_an_hour_whatever_comes() {
        let (due, start) = (Due::default(), Instant::now());
        let mut begun = Vec::new();
        // Live frames, and late ones between them; then the clock is set back by eight hours.
        for second in (0..4 * 3600).step_by(5) {
            let live = second * 1000 + if second < 7200 { 10 * HOUR_MS } else { 2 * HOUR_MS };
            let late = if second < 7200 { live - 3 * HOUR_MS } else { live };
            for newest in [live, late] {
                let now = start + Duration::from_secs(second.unsigned_abs());
                if let Some(until_ms) = due.begin("a", due_before(newest), now) {
                    begun.push((second / 60, until_ms / HOUR_MS));
                    assert_eq!(due.end("a", true, now), None);
                }
            }
        }
        assert_eq!(begun, [(0, 9), (2, 10), (62, 11), (122, 4), (182, 5)]);
    }

    #[test]
    fn what_was_not_done_begins_again() {
        let (due, now) = (Due::default(), Instant::now());
        assert_eq!(due.begin("a", 0, now), Some(0));
        assert_eq!(due.begin("a", 0, now), None, "it runs");
        assert_eq!(due.begin("b", 0, now), Some(0));
        assert_eq!(due.end("a", false, now), None);
        assert_eq!(due.begin("a", 0, now), Some(0));
        assert_eq!(due.end("a", true, now), None);
        assert_eq!(due.begin("a", 0, now), None);
    }

    #[test]
    fn an_hour_that_ends_meanwhile_is_not_forgotten() {
        let (due, now) = (Due::default(), Instant::now());
        assert_eq!(due.begin("a", 0, now), Some(0));
        for until_ms in [3 * HOUR_MS, HOUR_MS] {
            assert_eq!(due.begin("a", until_ms, now), None);
        }
        assert_eq!(due.begun(), [("a".to_owned(), 3 * HOUR_MS)]);
        assert_eq!(due.end("a", true, now), Some(3 * HOUR_MS));
        assert_eq!(due.begin("a", 3 * HOUR_MS, now), None, "it runs");
        assert_eq!(due.end("a", false, now), None);
        // It is still to be done when another one comes.
        assert_eq!(due.begin("a", HOUR_MS, now), Some(3 * HOUR_MS));
        assert_eq!(due.end("a", true, now), None);
        assert_eq!(due.begin("a", 3 * HOUR_MS, now), None);
    }
}
