//! A frame at full resolution: for each value that is there, the series' number (as the distance
//! from the one before) and the value.

use super::varint::{Reader, put, put_signed};

/// A series' number in its host, and a value.
pub(crate) type Value = (u32, i64);

/// Appends values that are ordered by series, each series once.
pub(crate) fn write(values: &[Value], out: &mut Vec<u8>) {
    let mut next = 0;
    for &(series, value) in values {
        put(out, u64::from(series - next));
        put_signed(out, value);
        next = series + 1;
    }
}

/// Calls `each` with all values in order until it says to stop; nothing if the bytes make no sense.
pub(crate) fn read(payload: &[u8], mut each: impl FnMut(u32, i64) -> Next) -> Option<()> {
    let mut reader = Reader(payload);
    let mut next = 0_u32;
    while !reader.is_empty() {
        let series = next.checked_add(u32::try_from(reader.number()?).ok()?)?;
        let value = reader.signed()?;
        if each(series, value) == Next::Stop {
            break;
        }
        next = series.checked_add(1)?;
    }
    Some(())
}

/// Whether a reader wants more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The values that follow, too.
    More,
    /// Nothing further.
    Stop,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_the_way_there_and_back() {
        let values = [(0, 5), (1, -7), (300, i64::MAX), (301, i64::MIN + 1)];
        let mut bytes = Vec::new();
        write(&values, &mut bytes);
        let mut found = Vec::new();
        let whole = read(&bytes, |series, value| {
            found.push((series, value));
            Next::More
        });
        assert_eq!((whole, found.as_slice()), (Some(()), values.as_slice()));
        assert_eq!(read(&bytes[..bytes.len() - 1], |_, _| Next::More), None);
    }
}
