//! A downsampled frame as version 1 kept it: the times of the frames merged into it, and a
//! [`Stat`] per series. It is only read.

use std::collections::BTreeMap;

use super::{Place, Stat, unseal, varint::Reader};

/// What is known of one interval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rollup {
    /// When its frames were measured, in order.
    pub(crate) times: Vec<i64>,
    /// What its series were.
    pub(crate) stats: BTreeMap<u32, Stat>,
}

/// What a body holds; nothing if it is damaged.
pub(crate) fn unseal_rollup(place: Place, body: &[u8]) -> Option<Rollup> {
    let mut reader = Reader(unseal(place, body)?);
    let times = read_times(&mut reader, place.timestamp_ms)?;
    let mut stats = BTreeMap::new();
    let mut next = 0_u32;
    while !reader.is_empty() {
        let series = next.checked_add(u32::try_from(reader.number()?).ok()?)?;
        stats.insert(series, read_stat(&mut reader, place.timestamp_ms)?);
        next = series.checked_add(1)?;
    }
    Some(Rollup { times, stats })
}

fn read_times(reader: &mut Reader<'_>, start_ms: i64) -> Option<Vec<i64>> {
    let (mut before, mut step) = (start_ms, 0_i64);
    (0..reader.number()?)
        .map(|_| {
            let time = before.checked_add(step)?.checked_add(reader.signed()?)?;
            (before, step) = (time, time.checked_sub(before)?);
            Some(time)
        })
        .collect()
}

fn read_stat(reader: &mut Reader<'_>, start_ms: i64) -> Option<Stat> {
    let (count, sum, min) = (reader.number()?, reader.wide()?, reader.signed()?);
    Some(Stat {
        count,
        sum,
        min,
        max: min.wrapping_add(reader.signed()?),
        last: min.wrapping_add(reader.signed()?),
        last_ms: start_ms.checked_add(reader.signed()?)?,
    })
}
