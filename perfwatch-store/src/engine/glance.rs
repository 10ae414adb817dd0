//! A look at slices in which nothing is read that is known.
//!
//! Every look at the disk costs more than what it brings. What is known is only believed if nobody
//! changed slices meanwhile ([`Glance::end`]); else the question is asked again at one moment.

use std::{ops::Range, sync::atomic::Ordering};

use async_trait::async_trait;

use super::{Engine, warm::Lately};
use crate::{
    StoreError,
    archive::{Files, Moment, Sheet, Shelf},
    layout::{Place, slice::DAY_MS},
};

/// Days, and the hours of the newest, that are as many.
const LEARNED_MS: i64 = 40 * DAY_MS;

/// A look at slices, of which what is known is not read again.
pub(super) struct Glance<'a, F> {
    engine: &'a Engine<F>,
    /// How often slices had been changed.
    changes: u64,
    /// Only there once something is read.
    by: Option<Box<dyn Moment + 'a>>,
    sheets: Vec<(Shelf, i64, Vec<Sheet>)>,
    times: Vec<(Place, Vec<u8>)>,
    lately: Lately,
}

impl<'a, F: Files> Glance<'a, F> {
    /// Begins; nothing if somebody else may change slices, or does so right now.
    pub(super) fn begin(engine: &'a Engine<F>) -> Option<Self> {
        let changes = engine.changes.load(Ordering::SeqCst);
        let may = changes.is_multiple_of(2) && engine.files.may_glance();
        may.then(|| Self {
            engine,
            changes,
            by: None,
            sheets: Vec::new(),
            times: Vec::new(),
            lately: Lately::default(),
        })
    }

    /// Whether slices are as they were at the beginning. What was read is remembered then.
    pub(super) fn end(self) -> bool {
        let mut recent = self.engine.recent();
        if self.engine.changes.load(Ordering::SeqCst) != self.changes {
            return false;
        }
        self.sheets
            .into_iter()
            .for_each(|(shelf, since, sheets)| recent.learn(shelf, since, sheets));
        self.times.into_iter().for_each(|(place, times)| recent.learn_times(place, times));
        recent.learn_parts(self.lately);
        true
    }

    async fn by(&mut self) -> Result<&mut (dyn Moment + 'a), StoreError> {
        let by = match self.by.take() {
            Some(by) => by,
            None => self.engine.files.glance().await?,
        };
        Ok(&mut **self.by.insert(by))
    }
}

#[async_trait]
impl<F: Files> Moment for Glance<'_, F> {
    async fn sheets(
        &mut self,
        shelf: Shelf,
        starts: Range<i64>,
        limit: usize,
    ) -> Result<Vec<Sheet>, StoreError> {
        let known = self.engine.recent().sheets(shelf, &starts, limit);
        if let Some(known) = known {
            return Ok(known);
        }
        let until = self.engine.sliced_until(shelf.host).max(starts.end);
        if until - starts.start > LEARNED_MS {
            return self.by().await?.sheets(shelf, starts, limit).await;
        }
        // To the end, so that all is known from there on.
        let mut sheets = self.by().await?.sheets(shelf, starts.start..until, usize::MAX).await?;
        self.sheets.push((shelf, starts.start, sheets.clone()));
        sheets.retain(|(place, _)| place.timestamp_ms < starts.end);
        sheets.truncate(limit);
        Ok(sheets)
    }

    async fn newest(&mut self, shelf: Shelf) -> Result<Option<Sheet>, StoreError> {
        self.by().await?.newest(shelf).await
    }

    async fn parts(&mut self, wanted: &[(Place, u32)]) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut parts: Vec<Option<Vec<u8>>> = {
            let recent = self.engine.recent();
            wanted.iter().map(|key| recent.part(key)).collect()
        };
        let unknown = wanted.iter().zip(&parts).filter(|(_, known)| known.is_none());
        let unknown: Vec<(Place, u32)> = unknown.map(|(key, _)| *key).collect();
        if !unknown.is_empty() {
            let read = self.by().await?.parts(&unknown).await?;
            for ((place, part), bytes) in unknown.into_iter().zip(&read) {
                match part {
                    0 => self.times.push((place, bytes.clone())),
                    _ => self.lately.add((place, part), bytes),
                }
            }
            let gaps = parts.iter_mut().filter(|part| part.is_none());
            gaps.zip(read).for_each(|(part, read)| *part = Some(read));
        }
        Ok(parts.into_iter().map(Option::unwrap_or_default).collect())
    }
}
