//! Reads everything that is stored and checks it. Nothing is changed.

use super::{Engine, seal::load};
use crate::{
    StoreError,
    archive::{Files, Shelf, TIMES, shelves_of},
    compose::Loaded,
    damage::{Damage, Damaged},
    layout::{
        Index, Place,
        slice::{Column, Directory, Entry, page_ms, span_ms},
    },
};

/// So much damage is listed where nobody asked for all of it.
const LISTED: usize = 100;

/// How many frames are checked at once.
const FRAMES: usize = 4096;

/// How far a long piece of work is, in its own unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is done.
    pub done: u64,
    /// What there is to do, as far as that is known.
    pub total: u64,
}

/// A stretch of time of which something cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedRange {
    /// The host's name; empty where that is damaged.
    pub host: String,
    /// The series' path; nothing where all series are meant.
    pub series: Option<String>,
    /// The first millisecond of the range.
    pub start_ms: i64,
    /// The millisecond behind its last.
    pub end_ms: i64,
    /// What is wrong, and with what.
    pub what: String,
}

impl<F: Files> Engine<F> {
    /// Everything that is damaged. `tell` hears of the bytes read.
    pub(crate) async fn verify(
        &self,
        tell: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Vec<DamagedRange>, StoreError> {
        self.open()?;
        let mut progress = Progress { done: 0, total: self.files.bytes().await?.1 };
        tell(progress);
        let whole_file = |what| DamagedRange {
            host: String::new(),
            series: None,
            start_ms: TIMES.start,
            end_ms: TIMES.end,
            what,
        };
        let mut found: Vec<DamagedRange> =
            self.files.check().await?.into_iter().map(whole_file).collect();
        self.verify_frames(&mut found).await?;
        let hosts = self.index().hosts().len() as u32;
        for host in 0..hosts {
            for shelf in shelves_of(host, crate::policy::intervals_ms()) {
                let mut from = TIMES.start;
                while let Some((place, bytes)) = self.verify_next(shelf, from, &mut found).await? {
                    from = place.timestamp_ms + 1;
                    progress.done += bytes;
                    tell(progress);
                    tokio::task::yield_now().await;
                }
            }
        }
        Ok(found)
    }

    /// Checks the first slice that begins at a time or later; its place and its bytes. Each is
    /// read in a transaction of its own: behind a long one the log of a writer could only grow.
    async fn verify_next(
        &self,
        shelf: Shelf,
        from: i64,
        found: &mut Vec<DamagedRange>,
    ) -> Result<Option<(Place, u64)>, StoreError> {
        let mut moment = self.files.moment().await?;
        let mut sheets = moment.sheets(shelf, from..TIMES.end, 2).await?.into_iter();
        let Some((place, bytes)) = sheets.next() else { return Ok(None) };
        let length = bytes.len() as u64;
        // Where SQLite finds nothing at all, anything may have been up to the next.
        let most = if bytes.is_empty() { TIMES.end } else { span_ms(shelf.interval_ms) };
        let Some(directory) = Directory::open(place, bytes) else {
            let next = sheets.next().map_or(TIMES.end, |(next, _)| next.timestamp_ms);
            let what = "the directory of a slice is damaged";
            let lost_ms = most.min(next - place.timestamp_ms);
            found.push(self.damaged_range(place, lost_ms, None, what));
            return Ok(Some((place, length)));
        };
        let slice = load(&mut *moment, directory).await?;
        drop(moment);
        self.verify_slice(&slice, found);
        let parts: usize = slice.parts.iter().map(Vec::len).sum();
        Ok(Some((place, length + parts as u64)))
    }

    async fn verify_frames(&self, found: &mut Vec<DamagedRange>) -> Result<(), StoreError> {
        let mut behind = None;
        loop {
            let frames = self.files.frames(behind, FRAMES).await?;
            behind = frames.last().map(|(place, _)| *place);
            for (place, _) in frames.iter().filter(|(_, frame)| frame.is_none()) {
                found.push(self.damaged_range(*place, 1, None, "a frame is damaged"));
            }
            if frames.len() < FRAMES {
                return Ok(());
            }
        }
    }

    fn verify_slice(&self, slice: &Loaded, found: &mut Vec<DamagedRange>) {
        let directory = &slice.directory;
        let place = directory.place;
        let length = page_ms(place.interval_ms);
        for page in 0..directory.page_count() {
            if slice.times(page).is_none() {
                let what = "the times of a page are damaged";
                found.push(self.damaged_range(slice.page_place(page), length, None, what));
            }
        }
        let pages = directory.page_count() as i64;
        for series in directory.all_series() {
            let Some(at) = directory.find(series) else { continue };
            let name = self.index().get(place.host).and_then(|host| host.check_of(series));
            let part = slice.part(directory.entry(at).part);
            let entry = name.and_then(|name| Some((name, Entry::read(directory, at, name, part)?)));
            let Some((name, entry)) = entry else {
                let what = "the entry of a series is damaged, or its name";
                found.push(self.damaged_range(place, length * pages, Some(series), what));
                continue;
            };
            if place.interval_ms > 0 {
                continue;
            }
            let piece = directory.values(at);
            let bytes = piece.of(slice.part(piece.part)).unwrap_or_default();
            let mut column = Column::new(directory, &entry, name, bytes);
            for page in 0..directory.page_count() {
                if column.unpack(page, &mut Vec::new()).is_none() {
                    let what = "the values of a series are damaged";
                    found.push(self.damaged_range(
                        slice.page_place(page),
                        length,
                        Some(series),
                        what,
                    ));
                }
            }
        }
    }

    /// What was found damaged since the opening, as far as it is worth listing. Where a frame or
    /// an hour begins is known; how far it goes, at most.
    pub(crate) fn damaged_ranges(&self) -> Vec<DamagedRange> {
        damaged_ranges(&self.damage, &self.index())
    }

    fn damaged_range(
        &self,
        place: Place,
        length_ms: i64,
        series: Option<u32>,
        what: &str,
    ) -> DamagedRange {
        damaged_range(&self.index(), Damaged { place, series }, length_ms, what)
    }
}

/// What was found damaged since the opening, by name: the first so many.
pub(crate) fn damaged_ranges(damage: &Damage, index: &Index) -> Vec<DamagedRange> {
    let range = |damaged: Damaged| {
        let length_ms = page_ms(damaged.place.interval_ms);
        damaged_range(index, damaged, length_ms, "what is stored here is damaged and left out")
    };
    damage.first(LISTED).into_iter().map(range).collect()
}

fn damaged_range(index: &Index, damaged: Damaged, length_ms: i64, what: &str) -> DamagedRange {
    let Damaged { place, series } = damaged;
    let host = index.get(place.host);
    DamagedRange {
        host: host.map_or_else(String::new, |host| host.name.to_string()),
        series: series.map(|series| {
            host.and_then(|host| host.path_of(series)).unwrap_or_default().to_owned()
        }),
        start_ms: place.timestamp_ms,
        end_ms: place.timestamp_ms.saturating_add(length_ms),
        what: what.to_owned(),
    }
}
