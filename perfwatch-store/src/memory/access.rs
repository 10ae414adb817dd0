//! The shared way of reading and changing bodies, over the map in memory.

use std::ops::{Deref, DerefMut, Range};

use async_trait::async_trait;

use super::{MemoryStore, bodies::Bodies};
use crate::{
    StoreError,
    shelf::{Body, Change, Keeper, Reader, Shelf},
};

/// The map behind a guard: for reading as long as a query runs, or for changing.
pub(super) struct Access<'a, G> {
    pub(super) bodies: G,
    pub(super) store: &'a MemoryStore,
}

impl Bodies {
    fn span(&self, shelf: Shelf, range: &Range<i64>) -> Option<(i64, i64)> {
        let mut times = self.range(shelf, range).map(|(place, _)| place.timestamp_ms);
        let first = times.next()?;
        Some((first, times.next_back().unwrap_or(first)))
    }

    fn oldest(&self, shelf: Shelf, range: &Range<i64>, limit: usize) -> Vec<Body> {
        self.range(shelf, range)
            .take(limit)
            .map(|(place, bytes)| Body { place: *place, bytes: bytes.clone() })
            .collect()
    }
}

#[async_trait]
impl<G: Deref<Target = Bodies> + Send> Reader for Access<'_, G> {
    async fn span(
        &mut self,
        shelf: Shelf,
        range: Range<i64>,
    ) -> Result<Option<(i64, i64)>, StoreError> {
        Ok(self.bodies.span(shelf, &range))
    }

    async fn count(
        &mut self,
        shelf: Shelf,
        range: Range<i64>,
        limit: usize,
    ) -> Result<usize, StoreError> {
        Ok(self.bodies.range(shelf, &range).take(limit).count())
    }

    async fn oldest(
        &mut self,
        shelf: Shelf,
        range: Range<i64>,
        limit: usize,
    ) -> Result<Vec<Body>, StoreError> {
        Ok(self.bodies.oldest(shelf, &range, limit))
    }
}

#[async_trait]
impl<G: DerefMut<Target = Bodies> + Send> Keeper for Access<'_, G> {
    async fn oldest_times(
        &mut self,
        shelf: Shelf,
        range: Range<i64>,
        limit: usize,
    ) -> Result<Vec<i64>, StoreError> {
        let times = self.bodies.range(shelf, &range).take(limit);
        Ok(times.map(|(place, _)| place.timestamp_ms).collect())
    }

    async fn change(&mut self, change: Change) -> Result<(), StoreError> {
        self.store.index().note_rollups(&change.put);
        self.bodies.change(change);
        Ok(())
    }

    async fn bytes(&mut self) -> Result<u64, StoreError> {
        Ok(self.bodies.bytes)
    }

    async fn shrink(&mut self) -> Result<bool, StoreError> {
        Ok(false)
    }
}
