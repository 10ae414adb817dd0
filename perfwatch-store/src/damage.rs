//! Frames whose checksum is wrong: each is told once and counted once.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use crate::layout::{Index, Place};

/// Behind so many, the log has said enough and the count stands for "at least".
const REMEMBERED: usize = 10_000;

/// The damaged frames that were met since the store was opened.
#[derive(Debug, Default)]
pub(crate) struct Damage(Mutex<HashSet<Place>>);

impl Damage {
    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    /// Counts and logs those that are new.
    pub(crate) fn note(&self, places: &[Place], index: &Index) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for place in places {
            if known.len() < REMEMBERED && known.insert(*place) {
                let host = index.get(place.host).map_or("unknown", |host| &*host.name);
                tracing::error!(
                    host,
                    timestamp_ms = place.timestamp_ms,
                    interval_ms = place.interval_ms,
                    "a stored frame is damaged and left out"
                );
            }
        }
    }
}
