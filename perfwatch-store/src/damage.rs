//! What is damaged: each is told once and counted once.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use crate::layout::{Index, Place};

/// Behind so many, the log has said enough and the count stands for "at least".
const REMEMBERED: usize = 10_000;

/// Something whose checksum is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Damaged {
    /// The frame, or the page of a slice, or the slice.
    pub(crate) place: Place,
    /// The series; nothing where all are meant.
    pub(crate) series: Option<u32>,
}

impl Damaged {
    /// All series of a place.
    pub(crate) fn all(place: Place) -> Self {
        Self { place, series: None }
    }
}

/// What was found damaged since the store was opened.
#[derive(Debug, Default)]
pub(crate) struct Damage(Mutex<HashSet<Damaged>>);

impl Damage {
    /// The first so many, in order of time.
    pub(crate) fn first(&self, most: usize) -> Vec<Damaged> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut first: Vec<Damaged> = known.iter().copied().collect();
        first.sort_unstable_by_key(|it| (it.place.timestamp_ms, it.place, it.series));
        first.truncate(most);
        first
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    /// Counts and logs those that are new.
    pub(crate) fn note(&self, found: &[Damaged], index: &Index) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for damaged in found {
            if known.len() < REMEMBERED && known.insert(*damaged) {
                let host = index.get(damaged.place.host);
                let series = damaged.series.and_then(|series| host?.path_of(series));
                tracing::error!(
                    host = host.map_or("unknown", |host| &*host.name),
                    timestamp_ms = damaged.place.timestamp_ms,
                    interval_ms = damaged.place.interval_ms,
                    series = series.unwrap_or("all"),
                    "what is stored here is damaged and left out"
                );
            }
        }
    }
}
