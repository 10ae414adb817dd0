//! Asking: the head first, then slices as they are at one later moment. So a frame that moves from
//! the one into the other meanwhile is seen at least once, and counted once.

use super::{Engine, glance::Glance};
use crate::{
    RangeAnswer, RangeQuery, Selection, SeriesSummary, StoreError, Usage,
    answer::{self, Asked, Found},
    archive::Files,
    head::HeadRows,
};

impl<F: Files> Engine<F> {
    pub(crate) async fn range(&self, query: &RangeQuery) -> Result<RangeAnswer, StoreError> {
        query.validate()?;
        self.open()?;
        let (asked, head) = self.asked(&query.selection);
        if let Some(mut glance) = Glance::begin(self) {
            let asked = asked.with_new_shelves(&query.selection, &self.index());
            let found = answer::range(&mut glance, asked, head, query).await?;
            if glance.end() {
                return Ok(self.noted(found));
            }
        }
        let (asked, head) = self.asked(&query.selection);
        let mut moment = self.files.moment().await?;
        let asked = asked.with_new_shelves(&query.selection, &self.index());
        answer::range(&mut *moment, asked, head, query).await.map(|found| self.noted(found))
    }

    pub(crate) async fn summary(
        &self,
        selection: &Selection,
    ) -> Result<Vec<SeriesSummary>, StoreError> {
        selection.validate()?;
        self.open()?;
        let (asked, head) = self.asked(selection);
        if let Some(mut glance) = Glance::begin(self) {
            let asked = asked.with_new_shelves(selection, &self.index());
            let found = answer::summary(&mut glance, asked, head).await?;
            if glance.end() {
                return Ok(self.noted(found));
            }
        }
        let (asked, head) = self.asked(selection);
        let mut moment = self.files.moment().await?;
        let asked = asked.with_new_shelves(selection, &self.index());
        answer::summary(&mut *moment, asked, head).await.map(|found| self.noted(found))
    }

    /// What is asked for, and what the head has of it.
    fn asked(&self, selection: &Selection) -> (Asked, HeadRows) {
        let asked = Asked::new(selection, &self.index());
        let head = asked.rows(&self.head());
        (asked, head)
    }

    /// An answer, once it is noted what is damaged.
    fn noted<T>(&self, (answer, damaged): Found<T>) -> T {
        self.note(&damaged);
        answer
    }

    pub(crate) fn series(&self, host: &str) -> Result<Vec<String>, StoreError> {
        self.open()?;
        let index = self.index();
        let host = index.host(host).and_then(|host| index.get(host));
        Ok(host.map(|host| host.paths()).unwrap_or_default())
    }

    pub(crate) async fn usage(&self) -> Result<Usage, StoreError> {
        let hosts = self.hosts().await?;
        // No frame moves while they are counted.
        let _keeping = self.keeping.lock().await;
        let totals = self.files.totals().await?;
        Ok(Usage {
            bytes: self.files.bytes().await?.0,
            frames: totals.frames.frames + self.head().len() as u64,
            downsampled_frames: totals.rollups.frames,
            packed: totals.frames,
            packed_downsampled: totals.rollups,
            oldest_ms: hosts.iter().map(|host| host.first_seen_ms).min(),
            newest_ms: hosts.iter().map(|host| host.last_seen_ms).max(),
            damaged: self.damage.count(),
        })
    }
}
