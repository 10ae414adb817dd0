//! What is known of slices without a look at the disk: where the newest are and their times, and
//! the parts that were read lately.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use super::warm::{Lately, Warm};
use crate::{
    archive::{Change, Sheet, Shelf},
    layout::Place,
};

/// So many slices of each shelf are remembered.
const REMEMBERED: usize = 64;

/// A slice that is remembered.
#[derive(Clone, Debug)]
struct Known {
    directory: Vec<u8>,
    times: Option<Vec<u8>>,
}

/// All slices of a shelf that begin at a time or later.
#[derive(Debug)]
struct Newest {
    since_ms: i64,
    slices: BTreeMap<i64, Known>,
}

/// The newest slices by shelf, and parts of any.
#[derive(Debug, Default)]
pub(super) struct Recent {
    shelves: HashMap<Shelf, Newest>,
    warm: Warm,
}

impl Recent {
    /// The slices that begin in a range; nothing if they are not all known.
    pub(super) fn sheets(
        &self,
        shelf: Shelf,
        starts: &Range<i64>,
        limit: usize,
    ) -> Option<Vec<Sheet>> {
        let newest = self.shelves.get(&shelf)?;
        if starts.start < newest.since_ms {
            return None;
        }
        let slices = newest.slices.range(starts.clone()).take(limit);
        Some(slices.map(|(&start, known)| (shelf.place(start), known.directory.clone())).collect())
    }

    /// A part of a slice, if it is known; the first part holds the times.
    pub(super) fn part(&self, key: &(Place, u32)) -> Option<Vec<u8>> {
        match key {
            (place, 0) => self.times(*place),
            _ => self.warm.get(key),
        }
    }

    fn times(&self, place: Place) -> Option<Vec<u8>> {
        let shelf = Shelf { host: place.host, interval_ms: place.interval_ms };
        self.shelves.get(&shelf)?.slices.get(&place.timestamp_ms)?.times.clone()
    }

    /// Takes in what was read: all slices of a shelf from a time on.
    pub(super) fn learn(&mut self, shelf: Shelf, since_ms: i64, sheets: Vec<Sheet>) {
        let known = self.shelves.remove(&shelf);
        if known.as_ref().is_some_and(|known| known.since_ms <= since_ms) {
            self.shelves.extend(known.map(|known| (shelf, known)));
            return;
        }
        let mut before = known.map(|known| known.slices).unwrap_or_default();
        let slices = sheets.into_iter().map(|(place, directory)| {
            let times = before.remove(&place.timestamp_ms).and_then(|known| known.times);
            (place.timestamp_ms, Known { directory, times })
        });
        let mut newest = Newest { since_ms, slices: slices.collect() };
        newest.forget();
        self.shelves.insert(shelf, newest);
    }

    /// Takes in parts that one question read.
    pub(super) fn learn_parts(&mut self, lately: Lately) {
        self.warm.learn(lately);
    }

    pub(super) fn learn_times(&mut self, place: Place, times: Vec<u8>) {
        let shelf = Shelf { host: place.host, interval_ms: place.interval_ms };
        let newest = self.shelves.get_mut(&shelf);
        if let Some(known) = newest.and_then(|it| it.slices.get_mut(&place.timestamp_ms)) {
            known.times = Some(times);
        }
    }

    /// Follows what was done to slices.
    pub(super) fn follow(&mut self, change: &Change) {
        self.warm.follow(change);
        for place in &change.delete {
            let shelf = Shelf { host: place.host, interval_ms: place.interval_ms };
            if let Some(newest) = self.shelves.get_mut(&shelf) {
                newest.slices.remove(&place.timestamp_ms);
            }
        }
        for slice in &change.put {
            let Place { host, interval_ms, timestamp_ms } = slice.place;
            let newest = self.shelves.get_mut(&Shelf { host, interval_ms });
            if let Some(newest) = newest.filter(|newest| newest.since_ms <= timestamp_ms) {
                let times = slice.parts.first().cloned();
                let known = Known { directory: slice.directory.clone(), times };
                newest.slices.insert(timestamp_ms, known);
                newest.forget();
            }
        }
    }
}

impl Newest {
    fn forget(&mut self) {
        while self.slices.len() > REMEMBERED
            && let Some((start, _)) = self.slices.pop_first()
        {
            self.since_ms = start + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::slice::Slice;

    const SHELF: Shelf = Shelf { host: 1, interval_ms: 0 };

    fn slice(start: i64) -> Slice {
        let parts = vec![vec![7]];
        Slice { place: SHELF.place(start), frames: 1, directory: vec![start as u8], parts }
    }

    fn starts(recent: &Recent, range: Range<i64>) -> Option<Vec<i64>> {
        let sheets = recent.sheets(SHELF, &range, usize::MAX)?;
        Some(sheets.into_iter().map(|(place, _)| place.timestamp_ms).collect())
    }

    #[test]
    fn what_is_known_follows_what_is_done() {
        let mut recent = Recent::default();
        assert_eq!(starts(&recent, 0..100), None);
        let sheets = [20, 30].map(|start| (SHELF.place(start), vec![start as u8]));
        recent.learn(SHELF, 10, sheets.to_vec());
        assert_eq!(starts(&recent, 9..100), None, "what is before is not known");
        assert_eq!(starts(&recent, 10..30), Some(vec![20]));
        assert_eq!(recent.times(SHELF.place(20)), None);
        recent.learn_times(SHELF.place(20), vec![1]);
        // Of a shorter time nothing is learned; what is longer replaces it, but for the times.
        recent.learn(SHELF, 15, Vec::new());
        recent.learn(SHELF, 5, [5, 20, 30].map(|start| (SHELF.place(start), Vec::new())).to_vec());
        assert_eq!(starts(&recent, 5..100), Some(vec![5, 20, 30]));
        assert_eq!(recent.times(SHELF.place(20)), Some(vec![1]));
        let delete = vec![SHELF.place(20), SHELF.place(30)];
        recent.follow(&Change { delete, put: vec![slice(3), slice(20)], frames: Vec::new() });
        assert_eq!(starts(&recent, 5..100), Some(vec![5, 20]));
        assert_eq!(recent.times(SHELF.place(20)), Some(vec![7]));
    }

    #[test]
    fn only_the_newest_are_remembered() {
        let mut recent = Recent::default();
        recent.learn(SHELF, 0, Vec::new());
        let put = (0..100).map(slice).collect();
        recent.follow(&Change { put, ..Change::default() });
        assert_eq!(starts(&recent, 35..100), None);
        assert_eq!(starts(&recent, 36..100).map(|starts| starts.len()), Some(REMEMBERED));
    }
}
