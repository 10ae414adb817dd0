//! Bodies in one ordered map.

use std::{collections::BTreeMap, ops::Range};

use crate::{
    layout::Place,
    shelf::{Body, Change, Shelf, TIMES},
};

/// What a map entry costs beside its bytes.
const ENTRY_BYTES: u64 = 64;

/// All bodies: of each host, full resolution first, in order of time.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    map: BTreeMap<Place, Vec<u8>>,
    pub(super) bytes: u64,
    pub(super) frames: u64,
    pub(super) rollups: u64,
}

impl Bodies {
    /// The bodies of a shelf within a range.
    pub(super) fn range(
        &self,
        shelf: Shelf,
        range: &Range<i64>,
    ) -> impl DoubleEndedIterator<Item = (&Place, &Vec<u8>)> {
        // An empty or reversed range would be a panic of the map's.
        let end = range.end.max(range.start);
        self.map.range(shelf.place(range.start)..shelf.place(end))
    }

    /// The body at a place.
    pub(super) fn get(&self, place: &Place) -> Option<Body> {
        self.map.get(place).map(|bytes| Body { place: *place, bytes: bytes.clone() })
    }

    /// Adds a frame unless one of its time is there.
    pub(super) fn add_frame(&mut self, place: Place, bytes: Vec<u8>) {
        if self.put(place, bytes) {
            self.frames += 1;
        }
    }

    /// Takes the oldest frame of all hosts away.
    pub(super) fn remove_oldest_frame(&mut self, hosts: u32) {
        let first = |host| {
            let shelf = Shelf { host, interval_ms: 0 };
            self.range(shelf, &TIMES).next().map(|(place, _)| *place)
        };
        if let Some(place) = (0..hosts).filter_map(first).min_by_key(|place| place.timestamp_ms) {
            self.remove(&place);
            self.frames = self.frames.saturating_sub(1);
        }
    }

    pub(super) fn change(&mut self, change: Change) {
        let until = change.delete_until_ms + 1;
        let gone: Vec<Place> =
            self.range(change.shelf, &(TIMES.start..until)).map(|(place, _)| *place).collect();
        gone.iter().for_each(|place| self.remove(place));
        for Body { place, bytes } in change.put {
            self.remove(&place);
            self.put(place, bytes);
        }
        self.frames = self.frames.saturating_add_signed(change.frames);
        self.rollups = self.rollups.saturating_add_signed(change.rollups);
    }

    fn put(&mut self, place: Place, bytes: Vec<u8>) -> bool {
        let size = bytes.len() as u64 + ENTRY_BYTES;
        let is_new = !self.map.contains_key(&place);
        if is_new {
            self.map.insert(place, bytes);
            self.bytes += size;
        }
        is_new
    }

    fn remove(&mut self, place: &Place) {
        if let Some(bytes) = self.map.remove(place) {
            self.bytes -= bytes.len() as u64 + ENTRY_BYTES;
        }
    }
}
