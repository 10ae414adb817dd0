//! Parts of slices that were read lately, in memory up to a bound.
//!
//! People look at the same series again and again, and at their neighbours, which lie in the same
//! parts. A part never changes; it goes with its slice.

use quick_cache::{Weighter, unsync::Cache};

use crate::{archive::Change, layout::Place};

/// So many bytes are kept: fifty series of a week, or five hundred of a day.
const BYTES: usize = 6 << 20;

/// What a part takes beside its bytes.
const AROUND: usize = 96;

/// A question that reads more than this at once would push out what the others asked for.
const ONE_QUESTION: usize = BYTES / 3 * 2;

/// A part of a slice: where, and which.
type Key = (Place, u32);

#[derive(Clone, Debug)]
struct Bytes;

impl Weighter<Key, Box<[u8]>> for Bytes {
    fn weight(&self, _: &Key, part: &Box<[u8]>) -> u64 {
        (part.len() + AROUND) as u64
    }
}

/// What one question reads, as long as it is little enough to be kept: of a large one nothing is
/// held, for it may read all that there is.
#[derive(Debug, Default)]
pub(super) struct Lately {
    parts: Vec<(Key, Box<[u8]>)>,
    bytes: usize,
}

impl Lately {
    /// Takes in a part.
    pub(super) fn add(&mut self, key: Key, part: &[u8]) {
        self.bytes = self.bytes.saturating_add(part.len());
        if self.bytes > ONE_QUESTION {
            self.parts = Vec::new();
        } else {
            self.parts.push((key, part.into()));
        }
    }
}

/// The parts that were read lately.
#[derive(Debug)]
pub(super) struct Warm {
    parts: Cache<Key, Box<[u8]>, Bytes>,
}

impl Default for Warm {
    fn default() -> Self {
        // Parts have 4 KiB, but for those of a series that has more.
        Self { parts: Cache::with_weighter(BYTES / 4096, BYTES as u64, Bytes) }
    }
}

impl Warm {
    /// A part, if it is there.
    pub(super) fn get(&self, key: &Key) -> Option<Vec<u8>> {
        self.parts.get(key).map(|part| part.to_vec())
    }

    /// Takes in what one question read.
    pub(super) fn learn(&mut self, lately: Lately) {
        lately.parts.into_iter().for_each(|(key, part)| self.parts.insert(key, part));
    }

    /// Follows what was done to slices.
    pub(super) fn follow(&mut self, change: &Change) {
        let gone = |place: &Place| {
            change.delete.contains(place) || change.put.iter().any(|slice| slice.place == *place)
        };
        self.parts.retain(|(place, _), _| !gone(place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::slice::Slice;

    fn read(parts: impl IntoIterator<Item = (Key, Vec<u8>)>) -> Lately {
        let mut lately = Lately::default();
        parts.into_iter().for_each(|(key, part)| lately.add(key, &part));
        lately
    }

    fn place(hour: i64) -> Place {
        Place { host: 1, interval_ms: 0, timestamp_ms: hour * 3_600_000 }
    }

    #[test]
    fn a_part_goes_with_its_slice() {
        let mut warm = Warm::default();
        let key = |hour: i64, part: u32| (place(hour), part);
        warm.learn(read([(1, 1), (1, 2), (2, 1), (3, 1)].map(|(h, p)| (key(h, p), vec![7]))));
        assert_eq!(warm.get(&key(1, 2)), Some(vec![7]));
        let slice = Slice { place: place(3), frames: 1, directory: vec![], parts: vec![] };
        let change = Change { delete: vec![place(1)], put: vec![slice], frames: vec![] };
        warm.follow(&change);
        let left = [(1, 1), (1, 2), (2, 1), (3, 1)].map(|(h, p)| warm.get(&key(h, p)).is_some());
        assert_eq!(left, [false, false, true, false]);
    }

    #[test]
    fn no_more_than_the_bound_is_kept() {
        let mut warm = Warm::default();
        for hour in 0..5000 {
            warm.learn(read([((place(hour), 1), vec![0; 4096])]));
        }
        let kept = (0..5000).filter(|&hour| warm.get(&(place(hour), 1)).is_some()).count();
        assert!((800..=BYTES / 4096).contains(&kept), "{kept}");
        // One great question leaves it as it is.
        let great = read((0..1500).map(|part| ((place(9000), part), vec![0; 4096])));
        assert!(great.parts.is_empty(), "nothing of it is held while it is read");
        warm.learn(great);
        assert!((0..1500).all(|part| warm.get(&(place(9000), part)).is_none()));
    }
}
