//! Where a frame, a slice or a part lies in its table: one integer, which is the row's own number
//! in SQLite.
//!
//! Host, interval and time in one key need no second index, so that an append dirties one page,
//! and what follows in time lies side by side. (A table `WITHOUT ROWID` would move every body above
//! 1,002 bytes to pages of its own.) The columns `host_id` and `timestamp_ms` of the tables take
//! the key apart again for people who look.

use std::ops::Range;

use crate::{
    archive::TIMES,
    layout::{Place, slice::HOUR_MS},
    policy::intervals_ms,
};

const TIME_BITS: u32 = 44;
const HOST_SHIFT: u32 = 48;

/// A part's key has the hour instead of the time, which leaves these bits for its number.
const PART_BITS: u32 = 20;

/// The key of a slice: host, interval and start. Also of [`TIMES`]' end, where the next interval
/// begins.
pub(super) fn slice_key(place: Place) -> i64 {
    let code = intervals_ms().position(|interval| interval == place.interval_ms);
    let code = code.map_or(0, |at| at as i64 + 1);
    let time = place.timestamp_ms.clamp(TIMES.start, TIMES.end);
    (i64::from(place.host) << HOST_SHIFT) + (code << TIME_BITS) + time
}

/// The place in a slice's key.
pub(super) fn slice_place(key: i64) -> Place {
    let code = usize::try_from((key >> TIME_BITS) & 15).unwrap_or(0);
    let interval_ms = code.checked_sub(1).and_then(|at| intervals_ms().nth(at)).unwrap_or(0);
    let host = u32::try_from(key >> HOST_SHIFT).unwrap_or(u32::MAX);
    Place { host, interval_ms, timestamp_ms: key & (TIMES.end - 1) }
}

/// The key of a frame.
pub(super) fn frame_key(place: Place) -> i64 {
    slice_key(Place { interval_ms: 0, ..place })
}

/// The place in a frame's key.
pub(super) fn frame_place(key: i64) -> Place {
    slice_place(key)
}

/// The key of a part of a slice.
pub(super) fn part_key(place: Place, part: u32) -> i64 {
    part_keys(place).start + i64::from(part)
}

/// The keys of all parts of a slice.
pub(super) fn part_keys(place: Place) -> Range<i64> {
    let key = slice_key(place);
    let hour = (key & (TIMES.end - 1)) / HOUR_MS;
    let first = ((key >> TIME_BITS) << TIME_BITS) + (hour << PART_BITS);
    first..first + (1 << PART_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ordered_by_host_then_interval_then_time() {
        let place = |host, interval_ms, timestamp_ms| Place { host, interval_ms, timestamp_ms };
        let places = [
            place(0, 0, 5),
            place(0, 0, TIMES.end - 1),
            place(0, 60_000, 0),
            place(0, 86_400_000, 7),
            place(1, 0, 0),
            place(32_767, 86_400_000, TIMES.end - 1),
        ];
        let keys = places.map(slice_key);
        assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
        assert_eq!(keys.map(slice_place), places);
        assert_eq!(slice_key(place(0, 0, TIMES.end)), keys[2]);
        let parts = places.map(part_keys);
        assert!(parts.is_sorted_by(|a, b| a.end <= b.start), "{parts:?}");
    }
}
