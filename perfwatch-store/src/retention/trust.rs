//! Which time ages count from.
//!
//! A clock that jumps ahead would make everything old at once. So ages count from the newest
//! stored time instead, and a time behind a hole of more than a day is believed only when an hour
//! of frames lies there: until then it may be a jump as well as a machine that was off.

use super::{DAY_MS, Kept};
use crate::{
    StoreError,
    shelf::{Keeper, Shelf, TIMES, span_of},
};

const HOUR_MS: i64 = 3600 * 1000;

/// A host that is on for less than an hour every few days would never be believed: behind so many
/// holes, it is.
const HOLES: usize = 64;

/// The newest time of any host that is believed.
pub(super) async fn newest(kept: &dyn Kept) -> Result<Option<i64>, StoreError> {
    let mut newest = None;
    for shelves in kept.shelves() {
        let mut keeper = kept.keeper().await?;
        newest = newest.max(newest_believed(&mut *keeper, &shelves).await?);
    }
    Ok(newest)
}

async fn newest_believed(
    keeper: &mut dyn Keeper,
    shelves: &[Shelf],
) -> Result<Option<i64>, StoreError> {
    let Some((_, newest)) = span_of(keeper, shelves, TIMES).await? else { return Ok(None) };
    let mut believed = newest;
    for _ in 0..HOLES {
        let older = TIMES.start..believed - HOUR_MS;
        let Some((_, before)) = span_of(keeper, shelves, older).await? else {
            return Ok(Some(believed));
        };
        let after = span_of(keeper, shelves, before + 1..TIMES.end).await?;
        if after.is_none_or(|(first, _)| first - before <= DAY_MS) {
            return Ok(Some(believed));
        }
        believed = before;
    }
    Ok(Some(newest))
}

/// What to tell where the clock is not followed.
pub(super) fn note(believed_ms: Option<i64>, now_ms: i64) -> Option<String> {
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
