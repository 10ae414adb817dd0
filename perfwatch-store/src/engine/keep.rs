//! What retention needs to know of what is there.

use tokio::sync::MutexGuard;

use super::{Engine, seal::load_all};
use crate::{
    StoreError,
    archive::{Files, Sheet, Shelf, TIMES},
    compose::Loaded,
    damage::Damaged,
    layout::{Place, slice::Directory},
};

impl<F: Files> Engine<F> {
    /// Waits until nobody else changes slices.
    pub(crate) async fn keeping(&self) -> Result<MutexGuard<'_, ()>, StoreError> {
        let guard = self.keeping.lock().await;
        self.open()?;
        Ok(guard)
    }

    /// The bytes in use.
    pub(crate) async fn bytes(&self) -> Result<u64, StoreError> {
        let (_, used) = self.files.bytes().await?;
        let head = if self.files.keeps_frames() { 0 } else { self.head().bytes() };
        Ok(used + head)
    }

    /// Runs work that takes the processor for long.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        super::work(work).await
    }

    /// The oldest time on a shelf, as far as slices can be read.
    pub(crate) async fn oldest(&self, shelf: Shelf) -> Result<Option<i64>, StoreError> {
        let sheet = self.oldest_sheet(shelf).await?;
        let in_slices = sheet.map(|(place, bytes)| {
            let first = Directory::open(place, bytes).and_then(|slice| {
                let page = slice.pages().next()?;
                Some(if shelf.interval_ms == 0 { page.first_ms } else { page.start_ms })
            });
            first.unwrap_or(place.timestamp_ms)
        });
        let head = self.head().host(shelf.host).and_then(|head| head.times.first().copied());
        let head = head.filter(|_| shelf.interval_ms == 0);
        Ok(in_slices.into_iter().chain(head).min())
    }

    /// The slice that begins first.
    pub(crate) async fn oldest_sheet(&self, shelf: Shelf) -> Result<Option<Sheet>, StoreError> {
        Ok(self.files.moment().await?.sheets(shelf, TIMES, 1).await?.pop())
    }

    /// The slice at a place, if it is there and can be read.
    pub(crate) async fn slice_at(&self, place: Place) -> Result<Option<Loaded>, StoreError> {
        let shelf = Shelf { host: place.host, interval_ms: place.interval_ms };
        let starts = place.timestamp_ms..place.timestamp_ms + 1;
        Ok(self.slices(shelf, starts).await?.0.pop())
    }

    /// Slices with all their parts, and those that cannot be read.
    pub(crate) async fn slices(
        &self,
        shelf: Shelf,
        starts: std::ops::Range<i64>,
    ) -> Result<(Vec<Loaded>, Vec<Damaged>), StoreError> {
        let mut moment = self.files.moment().await?;
        let mut damaged = Vec::new();
        let slices = load_all(&mut *moment, shelf, starts, &mut damaged).await?;
        self.note(&damaged);
        Ok((slices, damaged))
    }

    /// The first and the last time of each stretch that a host has frames of, in order.
    pub(crate) async fn stretches(&self, shelves: &[Shelf]) -> Result<Vec<(i64, i64)>, StoreError> {
        let mut found: Vec<(i64, i64)> = Vec::new();
        let mut moment = self.files.moment().await?;
        for &shelf in shelves {
            for (place, bytes) in moment.sheets(shelf, TIMES, usize::MAX).await? {
                let Some(directory) = Directory::open(place, bytes) else { continue };
                found.extend(directory.pages().map(|page| (page.first_ms, page.last_ms)));
            }
        }
        if let Some(head) = shelves
            .first()
            .and_then(|shelf| self.head().host(shelf.host).map(|head| head.times.clone()))
        {
            found.extend(head.into_iter().map(|time| (time, time)));
        }
        found.sort_unstable();
        Ok(found)
    }
}
