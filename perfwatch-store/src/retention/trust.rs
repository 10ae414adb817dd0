//! Which time ages count from.
//!
//! A clock that jumps ahead would make everything old at once. So ages count from the newest
//! stored time instead, and a time behind a hole of more than a day is believed only when an hour
//! of frames lies there: until then it may be a jump as well as a machine that was off.

use super::DAY_MS;
use crate::{StoreError, archive::Files, engine::Engine};

const HOUR_MS: i64 = 3600 * 1000;

/// A host that is on for less than an hour every few days would never be believed: behind so many
/// holes, it is.
const HOLES: usize = 64;

/// The newest time of any host that is believed.
pub(crate) async fn newest<F: Files>(engine: &Engine<F>) -> Result<Option<i64>, StoreError> {
    let mut newest = None;
    for shelves in engine.shelves() {
        newest = newest.max(newest_believed(&engine.stretches(&shelves).await?));
    }
    Ok(newest)
}

/// The newest time believed, of the first and last times of stretches in order.
pub(crate) fn newest_believed(stretches: &[(i64, i64)]) -> Option<i64> {
    let newest = stretches.iter().map(|(_, last)| *last).max()?;
    let mut believed = newest;
    for _ in 0..HOLES {
        let until = believed - HOUR_MS;
        let older = stretches.iter().filter(|(first, _)| *first < until);
        let Some(before) = older.map(|(_, last)| (*last).min(until - 1)).max() else {
            return Some(believed);
        };
        let newer = stretches.iter().filter(|(_, last)| *last > before);
        let after = newer.map(|(first, _)| (*first).max(before + 1)).min();
        if after.is_none_or(|first| first - before <= DAY_MS) {
            return Some(believed);
        }
        believed = before;
    }
    Some(newest)
}

/// What to tell where the clock is not followed.
pub(crate) fn note(believed_ms: Option<i64>, now_ms: i64) -> Option<String> {
    let ahead = now_ms.saturating_sub(believed_ms?);
    let days = ahead.unsigned_abs() / DAY_MS.unsigned_abs();
    match ahead {
        _ if days == 0 => None,
        1.. => Some(format!(
            "the clock is {days} days ahead of the newest stored frame that is believed; ages \
             count from that frame"
        )),
        _ => Some(format!(
            "the newest stored frame is {days} days ahead of the clock; ages count from the clock"
        )),
    }
}
