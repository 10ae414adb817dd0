//! What is read of the files at the opening, and again after a write of which nothing is known.

use super::{Engine, Sealing};
use crate::{
    StoreError,
    archive::Files,
    damage::Damaged,
    head::Head,
    layout::{Place, slice::Directory},
};

/// So many frames are in memory before their hours are sealed: a file of an older version has all
/// of its frames one by one.
const FRAMES: usize = 20_000;

/// More series than a host has; a number behind it is no number.
const MOST_SERIES: usize = 1 << 20;

impl<F: Files> Engine<F> {
    /// Learns of all slices, and takes the frames that are kept one by one into memory.
    pub(crate) async fn load(&self) -> Result<(), StoreError> {
        self.note_unknown();
        self.load_slices().await?;
        let mut behind = None;
        loop {
            let frames = self.files.frames(behind, FRAMES).await?;
            let count = frames.len();
            behind = frames.last().map(|(place, _)| *place);
            let mut damaged = Vec::new();
            for (place, frame) in frames {
                match frame {
                    Some(frame) if self.knows(&frame) => self.head().insert(&frame),
                    _ => {
                        self.head().lose(place);
                        damaged.push(Damaged::all(place));
                    }
                }
            }
            self.note(&damaged);
            if count < FRAMES {
                return Ok(());
            }
            if self.sealing == Sealing::Hourly {
                self.seal(Sealing::Hourly).await?;
            }
        }
    }

    /// Counts the numbers whose names are lost: nobody can ask for what is stored under them.
    fn note_unknown(&self) {
        let mut unknown = Vec::new();
        for (host, names) in (0..).zip(self.index().hosts()) {
            let place = Place { host, interval_ms: 0, timestamp_ms: 0 };
            if names.name.is_empty() {
                unknown.push(Damaged::all(place));
            }
            let series = (0..names.series_count() as u32).filter(|&s| names.check_of(s).is_none());
            unknown.extend(series.map(|series| Damaged { place, series: Some(series) }));
        }
        self.note(&unknown);
    }

    /// Whether the host of a frame has a name. Numbers whose names were lost are never given again.
    fn knows(&self, frame: &crate::layout::Frame) -> bool {
        let mut index = self.index();
        let Some(host) = index.get_mut(frame.place.host) else { return false };
        if let Some((last, _)) = frame.values.last() {
            while host.series_count() <= *last as usize && host.series_count() < MOST_SERIES {
                host.add_unknown();
            }
        }
        !host.name.is_empty()
    }

    /// Learns of the newest slice of each shelf.
    pub(crate) async fn load_slices(&self) -> Result<(), StoreError> {
        let hosts = self.index().hosts().len() as u32;
        let mut moment = self.files.moment().await?;
        for host in 0..hosts {
            for shelf in crate::archive::shelves_of(host, crate::policy::intervals_ms()) {
                let Some((place, bytes)) = moment.newest(shelf).await? else { continue };
                let end = place.timestamp_ms + crate::layout::slice::span_ms(shelf.interval_ms);
                let last = Directory::open(place, bytes)
                    .and_then(|directory| Some(directory.pages().next_back()?.last_ms + 1));
                if let Some(host) = self.index().get_mut(host) {
                    host.note_slice(shelf.interval_ms, last.unwrap_or(end));
                }
            }
        }
        Ok(())
    }

    /// Reads all frames of the head again.
    pub(super) async fn reload(&self) -> Result<(), StoreError> {
        if !self.files.keeps_frames() {
            return Ok(());
        }
        let mut head = Head::default();
        let mut behind = None;
        loop {
            let frames = self.files.frames(behind, FRAMES).await?;
            behind = frames.last().map(|(place, _)| *place);
            for (place, frame) in &frames {
                match frame {
                    Some(frame) if self.knows(frame) => head.insert(frame),
                    _ => head.lose(*place),
                }
            }
            if frames.len() < FRAMES {
                break;
            }
        }
        *self.head() = head;
        Ok(())
    }
}
