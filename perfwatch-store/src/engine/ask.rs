//! Asking: the head first, then slices as they are at one later moment. So a frame that moves from
//! the one into the other meanwhile is seen at least once, and counted once.

use super::{Engine, glance::Glance};
use crate::{
    HostInfo, RangeAnswer, RangeQuery, Selection, SeriesSummary, StoreError, Usage,
    answer::{self, Asked, Found},
    archive::{Files, Moment, TIMES, shelves_of},
    head::HeadRows,
    layout::slice::Directory,
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

    pub(crate) async fn hosts(&self) -> Result<Vec<HostInfo>, StoreError> {
        self.open()?;
        let heads = self.head_spans();
        let mut moment = self.files.moment().await?;
        let mut hosts = Vec::new();
        for (host, (name, intervals, head)) in (0..).zip(heads) {
            let mut span = head;
            for shelf in shelves_of(host, intervals) {
                for edge in edges(&mut *moment, shelf).await? {
                    span = Some(
                        span.map_or(edge, |(first, last)| (first.min(edge.0), last.max(edge.1))),
                    );
                }
            }
            if let Some((first_seen_ms, last_seen_ms)) = span {
                hosts.push(HostInfo {
                    name,
                    first_seen_ms,
                    last_seen_ms,
                    id: None,
                    interval_ms: None,
                    version: None,
                });
            }
        }
        hosts.retain(|host: &HostInfo| !host.name.is_empty());
        hosts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(hosts)
    }

    /// Of each host: its name, its intervals, and the first and last time in the head.
    #[allow(clippy::type_complexity)] // It has this one caller.
    fn head_spans(&self) -> Vec<(String, Vec<i64>, Option<(i64, i64)>)> {
        let index = self.index();
        let head = self.head();
        let spans = (0..).zip(index.hosts()).map(|(number, host)| {
            let times = head.host(number).map(|head| &head.times);
            let span = times.and_then(|times| Some((*times.first()?, *times.last()?)));
            (host.name.to_string(), host.intervals_ms.iter().copied().collect(), span)
        });
        spans.collect()
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

/// The first and the last time of the first and of the last slice.
async fn edges(
    moment: &mut dyn Moment,
    shelf: crate::archive::Shelf,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let first = moment.sheets(shelf, TIMES, 1).await?.pop();
    let edge = |(place, bytes)| {
        let directory = Directory::open(place, bytes)?;
        let (first, last) = (directory.pages().next()?, directory.pages().next_back()?);
        // What is downsampled lies where it begins.
        Some(match shelf.interval_ms {
            0 => (first.first_ms, last.last_ms),
            _ => (first.start_ms, last.start_ms),
        })
    };
    Ok(first.into_iter().chain(moment.newest(shelf).await?).filter_map(edge).collect())
}
