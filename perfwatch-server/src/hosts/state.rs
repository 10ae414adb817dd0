//! Whether a host still sends, and how urgently somebody should look at it.

use perfwatch_store::HostInfo;
use serde::Serialize;
use utoipa::ToSchema;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 24 * 60 * MINUTE;

/// What a host that never registered is taken to be sampled at.
const UNKNOWN_INTERVAL: i64 = MINUTE;

/// Frames travel in batches, and clocks differ: nobody is late before this.
const LEAST_PATIENCE: i64 = 15 * SECOND;

/// Whether a host still sends: `live`; `late` after three of its intervals, at least 15 s, without a
/// frame; `gone` after 20, at least 5 minutes; `away`: the store does not answer, so nobody knows, and
/// the rest is what it said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = HostState)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Live,
    Late,
    Gone,
    Away,
}

impl State {
    /// How a host is doing at a time.
    pub(crate) fn of(host: &HostInfo, now_ms: i64) -> Self {
        Self::at(host.last_seen_ms, host.interval_ms, now_ms)
    }

    /// The same of a host that was seen last at this time, and is sampled in this interval.
    pub(crate) fn at(last_seen_ms: i64, interval_ms: Option<u64>, now_ms: i64) -> Self {
        let (age, interval) = (now_ms - last_seen_ms, known_interval(interval_ms));
        if age <= (3 * interval).max(LEAST_PATIENCE) {
            Self::Live
        } else if age <= (20 * interval).max(5 * MINUTE) {
            Self::Late
        } else {
            Self::Gone
        }
    }
}

fn known_interval(interval_ms: Option<u64>) -> i64 {
    interval_ms.map_or(UNKNOWN_INTERVAL, |ms| i64::try_from(ms).unwrap_or(DAY).clamp(1, DAY))
}

/// How far before its newest frame a value may lie and still say how a host is.
pub(crate) fn newest_span_ms(host: &HostInfo) -> i64 {
    3 * known_interval(host.interval_ms)
}

/// By which hosts are sorted, the greatest first. 0 to 100: a host that sends, by the greatest of
/// its vital signs. 200: one that went silent within a day, which somebody may not know of yet.
/// 150: one that is late. -1: one that is gone for longer, and most likely for good.
pub(crate) fn trouble(state: State, age_ms: i64, vitals: &[Option<f64>]) -> f64 {
    match state {
        State::Live | State::Away => {
            vitals.iter().flatten().copied().fold(0.0, f64::max).clamp(0.0, 100.0)
        }
        State::Late => 150.0,
        State::Gone if age_ms <= DAY => 200.0,
        State::Gone => -1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(interval_ms: Option<u64>) -> HostInfo {
        HostInfo {
            name: "a".to_owned(),
            first_seen_ms: 0,
            last_seen_ms: 0,
            id: None,
            interval_ms,
            version: None,
        }
    }

    #[test]
    fn a_host_is_late_by_its_own_interval() {
        use State::{Gone, Late, Live};
        let states =
            |interval, ages: [i64; 4]| ages.map(|age| State::of(&host(interval), age * SECOND));
        assert_eq!(states(Some(5000), [-60, 15, 16, 301]), [Live, Live, Late, Gone]);
        assert_eq!(states(Some(60_000), [180, 181, 1200, 1201]), [Live, Late, Late, Gone]);
        assert_eq!(states(None, [180, 181, 1200, 1201]), [Live, Late, Late, Gone]);
        assert_eq!(states(Some(u64::MAX), [0, 1, 2, 3]), [Live; 4]);
    }

    #[test]
    fn what_somebody_should_look_at_comes_first() {
        let busy = trouble(State::Live, 0, &[Some(12.0), None, Some(93.5)]);
        let calm = trouble(State::Live, 0, &[Some(3.0), None, None]);
        let blind = trouble(State::Live, 0, &[None, None, None]);
        let late = trouble(State::Late, 20 * SECOND, &[]);
        let gone = trouble(State::Gone, DAY, &[]);
        let forgotten = trouble(State::Gone, DAY + 1, &[]);
        let order = [gone, late, busy, calm, blind, forgotten];
        assert!(order.is_sorted_by(|a, b| a > b), "{order:?}");
        assert_eq!(busy, 93.5);
    }
}
