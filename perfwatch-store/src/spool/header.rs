//! The first bytes of a segment: how much is in it, and how much of that was taken.

/// What every segment begins with; the last character is the version.
const MAGIC: &[u8; 8] = b"pwspool1";

/// The bytes of a header.
pub(super) const HEADER: u64 = 48;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Records ever written.
    pub(super) records: u64,
    /// The byte behind the last of them.
    pub(super) end: u64,
    /// Records taken out again.
    pub(super) taken: u64,
    /// The byte behind the last of these.
    pub(super) at: u64,
}

impl Header {
    /// An empty segment's.
    pub(super) const EMPTY: Self = Self { records: 0, end: HEADER, taken: 0, at: HEADER };

    /// As it is kept.
    pub(super) fn to_bytes(self) -> [u8; HEADER as usize] {
        let mut bytes = [0; HEADER as usize];
        let numbers = [self.records, self.end, self.taken, self.at].map(u64::to_le_bytes);
        let parts = std::iter::once(*MAGIC).chain(numbers);
        for (place, part) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(parts) {
            *place = part;
        }
        let check = check(&bytes);
        if let Some(place) = bytes.get_mut(40..44) {
            place.copy_from_slice(&check);
        }
        bytes
    }

    /// What was kept; nothing if a single bit of it is not as it was.
    pub(super) fn from_bytes(bytes: &[u8; HEADER as usize]) -> Option<Self> {
        let [magic, records, end, taken, at, _] = bytes.as_chunks::<8>().0 else { return None };
        if magic != MAGIC || bytes.get(40..44) != Some(&check(bytes)) {
            return None;
        }
        let [records, end, taken, at] =
            [records, end, taken, at].map(|number| u64::from_le_bytes(*number));
        Some(Self { records, end, taken, at })
    }
}

fn check(bytes: &[u8; HEADER as usize]) -> [u8; 4] {
    crc32fast::hash(bytes.get(..40).unwrap_or_default()).to_le_bytes()
}
