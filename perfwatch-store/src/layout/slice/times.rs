//! The times of a page: how far each is from an even rhythm, in as few bits as the farthest needs.
//!
//! Any of them is found without the others, so that the bounds of a bucket cost a binary search.

use super::super::varint::{Reader, put, put_signed};

/// The times of one page, in order.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times<'a> {
    count: usize,
    first: i64,
    /// From the first to the last.
    length: i64,
    /// What is added to each distance from the rhythm.
    low: i64,
    width: u32,
    bits: &'a [u8],
}

/// Where the even rhythm has its frame of this number.
fn even(number: usize, count: usize, length: i64) -> i64 {
    match count {
        0 | 1 => 0,
        // Neither takes more than 31 bits.
        _ => length * number as i64 / (count as i64 - 1),
    }
}

/// Appends times that are in order.
pub(super) fn write(times: &[i64], start_ms: i64, out: &mut Vec<u8>) {
    let (Some(&first), Some(&last)) = (times.first(), times.last()) else { return put(out, 0) };
    let length = last - first;
    let distance = |(number, time): (usize, &i64)| time - first - even(number, times.len(), length);
    let low = times.iter().enumerate().map(distance).min().unwrap_or(0);
    let high = times.iter().enumerate().map(distance).max().unwrap_or(0);
    let width = 64 - ((high - low) as u64).leading_zeros();
    put(out, times.len() as u64);
    put_signed(out, first - start_ms);
    put(out, length as u64);
    put_signed(out, low);
    out.push(width as u8);
    let (mut held, mut filled) = (0_u128, 0);
    for distance in times.iter().enumerate().map(distance) {
        held |= u128::from((distance - low) as u64) << filled;
        filled += width;
        while filled >= 8 {
            out.push(held as u8);
            (held, filled) = (held >> 8, filled - 8);
        }
    }
    if filled > 0 {
        out.push(held as u8);
    }
}

impl<'a> Times<'a> {
    /// What was written; nothing if the bytes make no sense.
    pub(super) fn read(bytes: &'a [u8], start_ms: i64) -> Option<Self> {
        let mut reader = Reader(bytes);
        let count = usize::try_from(reader.number()?).ok()?;
        if count == 0 {
            return Some(Self::default());
        }
        let first = start_ms.checked_add(reader.signed()?)?;
        let length = i64::try_from(reader.number()?).ok()?;
        let low = reader.signed()?;
        let (&width, bits) = reader.0.split_first()?;
        let width = u32::from(width);
        let fits = count >> 31 == 0 && length >> 31 == 0;
        let enough =
            fits && width < 56 && count.checked_mul(width as usize)?.div_ceil(8) == bits.len();
        enough.then_some(Self { count, first, length, low, width, bits })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The time of this number.
    pub(crate) fn at(&self, number: usize) -> i64 {
        let bit = number * self.width as usize;
        let mut word = [0; 8];
        let rest = self.bits.get(bit / 8..).unwrap_or_default();
        let length = rest.len().min(8);
        if let (Some(to), Some(from)) = (word.get_mut(..length), rest.get(..length)) {
            to.copy_from_slice(from);
        }
        let value = (u64::from_le_bytes(word) >> (bit % 8)) & ((1 << self.width) - 1);
        self.first + even(number, self.count, self.length) + self.low + value as i64
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + use<'a> {
        let times = *self;
        (0..self.count).map(move |number| times.at(number))
    }

    /// How many are before this time.
    pub(crate) fn before(&self, time_ms: i64) -> usize {
        let (mut from, mut until) = (0, self.count);
        while from < until {
            let middle = usize::midpoint(from, until);
            if self.at(middle) < time_ms { from = middle + 1 } else { until = middle }
        }
        from
    }

    /// Whether this time is one of them.
    pub(crate) fn holds(&self, time_ms: i64) -> bool {
        let at = self.before(time_ms);
        at < self.count && self.at(at) == time_ms
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_set, prelude::*};

    use super::*;

    fn check(times: &[i64]) {
        let mut bytes = Vec::new();
        write(times, 1_000, &mut bytes);
        let read = Times::read(&bytes, 1_000).unwrap();
        assert_eq!(read.iter().collect::<Vec<_>>(), times);
        for &time in times {
            assert!(read.holds(time) && read.at(read.before(time)) == time);
            assert_eq!(read.holds(time + 1), times.contains(&(time + 1)));
        }
    }

    proptest! {
        #[test]
        fn times_survive_the_way_there_and_back(times in btree_set(0..3_600_000_i64, 0..300)) {
            check(&times.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            if let Some(times) = Times::read(&bytes, 0) {
                let _ = times.before(7);
            }
        }
    }

    #[test]
    fn a_jittered_hour_takes_less_than_a_byte_each() {
        let times: Vec<i64> = (0..720).map(|n| n * 5000 + (n * 7919) % 40).collect();
        let mut bytes = Vec::new();
        write(&times, 0, &mut bytes);
        assert!(bytes.len() < 720, "{}", bytes.len());
        check(&times);
    }
}
