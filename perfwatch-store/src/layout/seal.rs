//! The checksum in front of every stored body.

/// Where a body belongs. It enters the checksum, so that bytes found under another time or host
/// are as wrong as a flipped bit in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    /// The host's number.
    pub(crate) host: u32,
    /// How long a downsampled frame is; 0 for one at full resolution.
    pub(crate) interval_ms: i64,
    /// The frame's time, or the start of a downsampled frame.
    pub(crate) timestamp_ms: i64,
}

impl Place {
    fn checksum(self, payload: &[u8]) -> [u8; 4] {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.host.to_le_bytes());
        hasher.update(&self.timestamp_ms.to_le_bytes());
        hasher.update(&self.interval_ms.to_le_bytes());
        hasher.update(payload);
        hasher.finalize().to_le_bytes()
    }
}

/// A body: the checksum, and what `write` appends.
pub(crate) fn seal(place: Place, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut body = vec![0; 4];
    write(&mut body);
    if let Some((checksum, payload)) = body.split_first_chunk_mut::<4>() {
        *checksum = place.checksum(payload);
    }
    body
}

/// What was written into a body; nothing if a single bit of it or of its place is not as it was.
pub(crate) fn unseal(place: Place, body: &[u8]) -> Option<&[u8]> {
    let (checksum, payload) = body.split_first_chunk::<4>()?;
    (*checksum == place.checksum(payload)).then_some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_found() {
        let place = Place { host: 1, timestamp_ms: 1_700_000_000_000, interval_ms: 0 };
        let body = seal(place, |out| out.extend_from_slice(b"values"));
        assert_eq!(unseal(place, &body), Some(&b"values"[..]));
        for bit in 0..body.len() * 8 {
            let mut damaged = body.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unseal(place, &damaged), None, "bit {bit}");
        }
        let elsewhere = Place { timestamp_ms: place.timestamp_ms ^ 1, ..place };
        assert_eq!(unseal(elsewhere, &body), None);
        assert_eq!(unseal(place, &body[..3]), None);
    }
}
