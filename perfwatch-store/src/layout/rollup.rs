//! A downsampled frame: the times of the frames merged into it, and a [`Stat`] per series.
//!
//! The times cost about a byte each and make "a frame counts once" true for good: a frame that is
//! sent again after it was downsampled is known.

use std::collections::BTreeMap;

use super::{
    Place, Stat,
    frame::{self, Next},
    seal, unseal,
    varint::{Reader, put, put_signed, put_wide},
};
use crate::shelf::Body;

/// What is known of one interval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rollup {
    /// When its frames were measured, in order.
    pub(crate) times: Vec<i64>,
    /// What its series were.
    pub(crate) stats: BTreeMap<u32, Stat>,
}

impl Rollup {
    /// Takes in a frame's payload; nothing if its bytes make no sense or it is in here already.
    pub(crate) fn add_frame(&mut self, timestamp_ms: i64, payload: &[u8]) -> Option<()> {
        let at = self.times.binary_search(&timestamp_ms).err()?;
        frame::read(payload, |series, value| {
            self.stats.entry(series).or_default().merge(&Stat::of(value, timestamp_ms));
            Next::More
        })?;
        self.times.insert(at, timestamp_ms);
        Some(())
    }

    /// Its body.
    pub(crate) fn seal(&self, place: Place) -> Vec<u8> {
        seal(place, |out| {
            self.write_times(place.timestamp_ms, out);
            let mut next = 0;
            for (&series, stat) in &self.stats {
                put(out, u64::from(series - next));
                write_stat(stat, place.timestamp_ms, out);
                next = series + 1;
            }
        })
    }

    /// What a body holds; nothing if it is damaged.
    pub(crate) fn unseal(place: Place, body: &[u8]) -> Option<Self> {
        let payload = unseal(place, body)?;
        let mut stats = BTreeMap::new();
        let times = read(place, payload, |series, stat| {
            stats.insert(series, *stat);
            Next::More
        })?;
        Some(Self { times, stats })
    }

    /// A steady rhythm has no second difference, so most times are one byte.
    fn write_times(&self, start_ms: i64, out: &mut Vec<u8>) {
        put(out, self.times.len() as u64);
        let (mut before, mut step) = (start_ms, 0);
        for &time in &self.times {
            put_signed(out, time - before - step);
            (before, step) = (time, time - before);
        }
    }
}

/// Whether a frame of this time was merged into a downsampled frame.
pub(crate) fn holds(Body { place, bytes }: &Body, timestamp_ms: i64) -> bool {
    unseal(*place, bytes)
        .and_then(|payload| read_times(&mut Reader(payload), place.timestamp_ms))
        .is_some_and(|times| times.binary_search(&timestamp_ms).is_ok())
}

/// Calls `each` with all series of a downsampled frame's payload until it says to stop, and
/// returns the times of the frames merged into it; nothing if the bytes make no sense.
pub(crate) fn read(
    place: Place,
    payload: &[u8],
    mut each: impl FnMut(u32, &Stat) -> Next,
) -> Option<Vec<i64>> {
    let mut reader = Reader(payload);
    let times = read_times(&mut reader, place.timestamp_ms)?;
    let mut next = 0_u32;
    while !reader.is_empty() {
        let series = next.checked_add(u32::try_from(reader.number()?).ok()?)?;
        if each(series, &read_stat(&mut reader, place.timestamp_ms)?) == Next::Stop {
            break;
        }
        next = series.checked_add(1)?;
    }
    Some(times)
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

fn write_stat(stat: &Stat, start_ms: i64, out: &mut Vec<u8>) {
    put(out, stat.count);
    put_wide(out, stat.sum);
    put_signed(out, stat.min);
    // Highest and newest lie near the lowest; the wrapped difference is exact either way.
    put_signed(out, stat.max.wrapping_sub(stat.min));
    put_signed(out, stat.last.wrapping_sub(stat.min));
    put_signed(out, stat.last_ms - start_ms);
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

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { host: 0, timestamp_ms: 600_000, interval_ms: 300_000 };

    fn payload(values: &[frame::Value]) -> Vec<u8> {
        let mut out = Vec::new();
        frame::write(values, &mut out);
        out
    }

    #[test]
    fn late_and_repeated_frames_are_merged_once() {
        let mut rollup = Rollup::default();
        rollup.add_frame(610_000, &payload(&[(0, 7), (4, i64::MAX)])).unwrap();
        rollup.add_frame(605_001, &payload(&[(0, -3), (4, -i64::MAX)])).unwrap();
        assert_eq!(rollup.add_frame(605_001, &payload(&[(0, 1000)])), None);

        let found = Rollup::unseal(PLACE, &rollup.seal(PLACE)).unwrap();
        assert_eq!(found, rollup);
        assert_eq!(found.times, [605_001, 610_000]);
        let first = found.stats[&0];
        assert_eq!((first.count, first.sum, first.min, first.max, first.last), (2, 4, -3, 7, 7));
    }
}
