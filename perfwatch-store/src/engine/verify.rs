//! Reads everything that is stored and checks it. Nothing is changed.

use super::{Engine, seal::load};
use crate::{
    StoreError,
    archive::{Files, TIMES, shelves_of},
    compose::Loaded,
    layout::{
        Place,
        slice::{Column, Directory, Entry, page_ms, span_ms},
    },
};

/// How many frames are checked at once.
const FRAMES: usize = 4096;

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
    /// Everything that is damaged.
    pub(crate) async fn verify(&self) -> Result<Vec<DamagedRange>, StoreError> {
        self.open()?;
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
        let mut moment = self.files.moment().await?;
        let hosts = self.index().hosts().len() as u32;
        for host in 0..hosts {
            for shelf in shelves_of(host, crate::policy::intervals_ms()) {
                let sheets = moment.sheets(shelf, TIMES, usize::MAX).await?;
                let starts: Vec<i64> = sheets.iter().map(|(place, _)| place.timestamp_ms).collect();
                for (number, (place, bytes)) in sheets.into_iter().enumerate() {
                    // Where SQLite finds nothing at all, anything may have been up to the next.
                    let most =
                        if bytes.is_empty() { TIMES.end } else { span_ms(shelf.interval_ms) };
                    let Some(directory) = Directory::open(place, bytes) else {
                        let next = starts.get(number + 1).copied().unwrap_or(TIMES.end);
                        let length = most.min(next - place.timestamp_ms);
                        let what = "the directory of a slice is damaged";
                        found.push(self.damaged_range(place, length, None, what));
                        continue;
                    };
                    let slice = load(&mut *moment, directory).await?;
                    self.verify_slice(&slice, &mut found);
                    tokio::task::yield_now().await;
                }
            }
        }
        Ok(found)
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

    fn damaged_range(
        &self,
        place: Place,
        length_ms: i64,
        series: Option<u32>,
        what: &str,
    ) -> DamagedRange {
        let index = self.index();
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
}
