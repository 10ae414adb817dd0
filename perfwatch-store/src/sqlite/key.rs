//! Where a body lies in its table: one integer, which is the row's own number in SQLite.
//!
//! Host, interval and time in one key need no second index, so that an append dirties one page,
//! and a shelf is one stretch of neighbouring rows. (A table `WITHOUT ROWID` would move every body
//! above 1,002 bytes to pages of its own.) The columns `host_id` and `timestamp_ms` of the tables
//! take the key apart again for people who look.

use crate::{
    DOWNSAMPLE_INTERVALS,
    layout::Place,
    shelf::{Shelf, TIMES},
};

const TIME_BITS: u32 = 44;
const HOST_SHIFT: u32 = 48;

/// The table that a shelf lies in, and the statements on it.
pub(super) struct Statements {
    pub(super) span: &'static str,
    pub(super) count: &'static str,
    pub(super) oldest: &'static str,
    pub(super) times: &'static str,
    pub(super) delete: &'static str,
}

macro_rules! statements {
    ($table:literal) => {
        Statements {
            // Two subqueries are two look-ups; min() and max() in one would be a scan.
            span: concat!(
                "SELECT (SELECT key FROM ",
                $table,
                " WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT 1), (SELECT key FROM ",
                $table,
                " WHERE key >= ?1 AND key < ?2 ORDER BY key DESC LIMIT 1)"
            ),
            count: concat!(
                "SELECT count(*) FROM (SELECT 1 FROM ",
                $table,
                " WHERE key >= ?1 AND key < ?2 LIMIT ?3)"
            ),
            oldest: concat!(
                "SELECT key, body FROM ",
                $table,
                " WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3"
            ),
            times: concat!(
                "SELECT key FROM ",
                $table,
                " WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3"
            ),
            delete: concat!("DELETE FROM ", $table, " WHERE key >= ?1 AND key < ?2"),
        }
    };
}

const FRAMES: Statements = statements!("frames");
const ROLLUPS: Statements = statements!("rollups");

/// The statements on a shelf's table.
pub(super) fn statements(shelf: Shelf) -> &'static Statements {
    if shelf.interval_ms == 0 { &FRAMES } else { &ROLLUPS }
}

/// The key of a time on a shelf; also of [`TIMES`]' end, which is where the next shelf begins.
pub(super) fn key(shelf: Shelf, timestamp_ms: i64) -> i64 {
    let code = DOWNSAMPLE_INTERVALS
        .iter()
        .position(|interval| interval.as_millis() == u128::from(shelf.interval_ms.unsigned_abs()))
        .map_or(0, |at| at as i64 + 1);
    let time = timestamp_ms.clamp(TIMES.start, TIMES.end);
    (i64::from(shelf.host) << HOST_SHIFT) + (code << TIME_BITS) + time
}

/// The key of a place.
pub(super) fn key_of(place: Place) -> i64 {
    key(Shelf { host: place.host, interval_ms: place.interval_ms }, place.timestamp_ms)
}

/// The time in a key.
pub(super) fn time(key: i64) -> i64 {
    key & (TIMES.end - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ordered_by_host_then_interval_then_time() {
        let shelf = |host, interval_ms| Shelf { host, interval_ms };
        let keys = [
            key(shelf(0, 0), 5),
            key(shelf(0, 0), TIMES.end - 1),
            key(shelf(0, 60_000), 0),
            key(shelf(0, 86_400_000), 7),
            key(shelf(1, 0), 0),
            key(shelf(32_767, 86_400_000), TIMES.end - 1),
        ];
        assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
        assert_eq!(time(keys[3]), 7);
        assert_eq!(key(shelf(0, 0), TIMES.end), keys[2]);
    }
}
