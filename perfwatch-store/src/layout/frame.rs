//! A frame at full resolution: for each value that is there, the series' number (as the distance
//! from the one before) and the value.

use super::{
    Place, seal, unseal,
    varint::{Reader, put, put_signed},
};

/// A series' number in its host, and a value.
pub(crate) type Value = (u32, i64);

/// A frame at full resolution.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) place: Place,
    /// Its values by series, each series once.
    pub(crate) values: Vec<Value>,
}

impl Frame {
    /// As it is kept.
    pub(crate) fn seal(&self) -> Vec<u8> {
        seal(self.place, |out| write(&self.values, out))
    }

    /// What was kept; nothing if it is damaged.
    pub(crate) fn unseal(place: Place, body: &[u8]) -> Option<Self> {
        let payload = unseal(place, body)?;
        Some(Self { place, values: read(payload)? })
    }
}

/// Appends values that are ordered by series, each series once.
fn write(values: &[Value], out: &mut Vec<u8>) {
    let mut next = 0;
    for &(series, value) in values {
        put(out, u64::from(series - next));
        put_signed(out, value);
        next = series + 1;
    }
}

/// All values in order; nothing if the bytes make no sense.
fn read(payload: &[u8]) -> Option<Vec<Value>> {
    let mut reader = Reader(payload);
    let (mut next, mut values) = (0_u32, Vec::new());
    while !reader.is_empty() {
        let series = next.checked_add(u32::try_from(reader.number()?).ok()?)?;
        values.push((series, reader.signed()?));
        next = series.checked_add(1)?;
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_the_way_there_and_back() {
        let values = [(0, 5), (1, -7), (300, i64::MAX), (301, i64::MIN + 1)];
        let mut bytes = Vec::new();
        write(&values, &mut bytes);
        assert_eq!(read(&bytes).as_deref(), Some(&values[..]));
        assert_eq!(read(&bytes[..bytes.len() - 1]), None);
    }
}
