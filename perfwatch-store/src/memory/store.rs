//! The trait [`Store`], over the map in memory.

use std::sync::atomic::Ordering;

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    HostInfo, RangeAnswer, RangeQuery, Record, RetentionPolicy, RetentionReport, Selection,
    SeriesSummary, Store, StoreError, Usage,
    answer::{self, Asked},
    layout::{Place, rollup},
    retention::{self, Kept},
    shelf::{Body, Keeper, Shelf},
};

#[async_trait]
impl Store for MemoryStore {
    fn kind(&self) -> &'static str {
        "memory"
    }

    async fn append(&self, records: &[Record]) -> Result<(), StoreError> {
        let mut access = self.write().await?;
        let mut index = self.index();
        let new = index.prepare(records)?;
        let hosts = index.hosts().len() as u32;
        for Body { place, bytes } in new {
            let merged = index.get(place.host).map(|host| host.merged_places(place));
            if merged.unwrap_or_default().iter().any(|at| access.bodies.holds(at, place)) {
                continue;
            }
            access.bodies.add_frame(place, bytes);
            if access.bodies.frames > self.most_frames {
                access.bodies.remove_oldest_frame(hosts);
            }
        }
        Ok(())
    }

    async fn range(&self, query: &RangeQuery) -> Result<RangeAnswer, StoreError> {
        query.validate()?;
        let mut access = self.read().await?;
        let asked = Asked::new(&query.selection, &self.index());
        let (answer, damaged) = answer::range(&mut access, asked, query).await?;
        self.damage.note(&damaged, &self.index());
        Ok(answer)
    }

    async fn summary(&self, selection: &Selection) -> Result<Vec<SeriesSummary>, StoreError> {
        selection.validate()?;
        let mut access = self.read().await?;
        let asked = Asked::new(selection, &self.index());
        let (answer, damaged) = answer::summary(&mut access, asked).await?;
        self.damage.note(&damaged, &self.index());
        Ok(answer)
    }

    async fn series(&self, host: &str) -> Result<Vec<String>, StoreError> {
        self.open()?;
        let index = self.index();
        let host = index.host(host).and_then(|host| index.get(host));
        Ok(host.map(|host| host.paths()).unwrap_or_default())
    }

    async fn hosts(&self) -> Result<Vec<HostInfo>, StoreError> {
        let mut access = self.read().await?;
        let known = self.index().known_hosts();
        answer::hosts(&mut access, known).await
    }

    async fn usage(&self) -> Result<Usage, StoreError> {
        let hosts = Store::hosts(self).await?;
        let bodies = self.read().await?.bodies;
        Ok(Usage {
            bytes: bodies.bytes,
            frames: bodies.frames,
            downsampled_frames: bodies.rollups,
            oldest_ms: hosts.iter().map(|host| host.first_seen_ms).min(),
            newest_ms: hosts.iter().map(|host| host.last_seen_ms).max(),
            damaged_frames: self.damage.count(),
        })
    }

    async fn apply_retention(
        &self,
        policy: &RetentionPolicy,
        now_ms: i64,
    ) -> Result<RetentionReport, StoreError> {
        retention::apply(self, policy, now_ms).await
    }

    async fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}

#[async_trait]
impl Kept for MemoryStore {
    fn shelves(&self) -> Vec<Vec<Shelf>> {
        self.index().shelves()
    }

    async fn keeper(&self) -> Result<Box<dyn Keeper + '_>, StoreError> {
        Ok(Box::new(self.write().await?))
    }

    fn damaged(&self, places: &[Place]) {
        self.damage.note(places, &self.index());
    }
}

impl super::bodies::Bodies {
    /// Whether a frame was merged into the downsampled frame at this place.
    fn holds(&self, at: &Place, frame: Place) -> bool {
        self.get(at).is_some_and(|body| rollup::holds(&body, frame.timestamp_ms))
    }
}
