//! Slices in one ordered map. The newest frames are in the head alone.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use crate::{
    StoreError,
    archive::{Change, Files, Moment, NewNames, Sheet, Shelf, TIMES, Totals},
    layout::{Frame, Place, slice::Slice},
    registry::Machine,
};

type Slices = BTreeMap<Place, Arc<Slice>>;

/// Keeps slices until the process ends.
#[derive(Debug, Default)]
pub(crate) struct MemoryFiles(Mutex<Arc<Slices>>);

impl MemoryFiles {
    fn slices(&self) -> MutexGuard<'_, Arc<Slices>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The slice at full resolution that begins first.
    pub(super) fn oldest(&self) -> Option<(Place, u64)> {
        let slices = Arc::clone(&self.slices());
        let raw = slices.values().filter(|slice| slice.place.interval_ms == 0);
        let oldest = raw.min_by_key(|slice| slice.place.timestamp_ms)?;
        Some((oldest.place, oldest.frames))
    }
}

#[async_trait]
impl Files for MemoryFiles {
    fn keeps_frames(&self) -> bool {
        false
    }

    async fn moment(&self) -> Result<Box<dyn Moment + '_>, StoreError> {
        Ok(Box::new(Snapshot(Arc::clone(&self.slices()))))
    }

    async fn append(&self, _: Vec<NewNames>, _: &[Frame]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn register(&self, _: &str, _: &Machine) -> Result<(), StoreError> {
        Ok(())
    }

    async fn frames(
        &self,
        _: Option<Place>,
        _: usize,
    ) -> Result<Vec<(Place, Option<Frame>)>, StoreError> {
        Ok(Vec::new())
    }

    async fn change(&self, change: &Change) -> Result<(), StoreError> {
        let mut slices = self.slices();
        let slices = Arc::make_mut(&mut slices);
        change.delete.iter().for_each(|place| drop(slices.remove(place)));
        for slice in &change.put {
            slices.insert(slice.place, Arc::new(slice.clone()));
        }
        Ok(())
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        let mut totals = Totals::default();
        for slice in self.slices().values() {
            let total =
                if slice.place.interval_ms == 0 { &mut totals.frames } else { &mut totals.rollups };
            total.frames += slice.frames;
            total.bytes += slice.bytes() as u64;
        }
        Ok(totals)
    }

    async fn bytes(&self) -> Result<(u64, u64), StoreError> {
        let bytes = self.slices().values().map(|slice| slice.bytes()).sum::<usize>() as u64;
        Ok((bytes, bytes))
    }

    async fn shrink(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn check(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }
}

/// The slices as they were.
struct Snapshot(Arc<Slices>);

#[async_trait]
impl Moment for Snapshot {
    async fn sheets(
        &mut self,
        shelf: Shelf,
        starts: Range<i64>,
        limit: usize,
    ) -> Result<Vec<Sheet>, StoreError> {
        let end = starts.end.max(starts.start);
        let slices = self.0.range(shelf.place(starts.start)..shelf.place(end)).take(limit);
        Ok(slices.map(|(place, slice)| (*place, slice.directory.clone())).collect())
    }

    async fn newest(&mut self, shelf: Shelf) -> Result<Option<Sheet>, StoreError> {
        let mut slices = self.0.range(shelf.place(TIMES.start)..shelf.place(TIMES.end));
        Ok(slices.next_back().map(|(place, slice)| (*place, slice.directory.clone())))
    }

    async fn parts(&mut self, wanted: &[(Place, u32)]) -> Result<Vec<Vec<u8>>, StoreError> {
        let part = |(place, part): &(Place, u32)| {
            let slice = self.0.get(place)?;
            slice.parts.get(*part as usize).cloned()
        };
        Ok(wanted.iter().map(|wanted| part(wanted).unwrap_or_default()).collect())
    }
}
