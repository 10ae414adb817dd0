//! Makes a slice, one series after the other, so that never more than one is unpacked.

use perfwatch_core::MISSING;

use super::{
    Entry, PageInfo, Seal, column,
    directory::{self, Contents, Ends},
    entry::{self, PageEntry},
    page_ms,
    parts::Parts,
    times,
};
use crate::layout::{Place, Stat};

/// A slice as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    /// Where it belongs: its time is the start of the stretch it covers.
    pub(crate) place: Place,
    /// At full resolution the frames in it, else the intervals.
    pub(crate) frames: u64,
    /// What lies where.
    pub(crate) directory: Vec<u8>,
    /// The rest, by number.
    pub(crate) parts: Vec<Vec<u8>>,
}

impl Slice {
    /// How many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.directory.len() + self.parts.iter().map(Vec::len).sum::<usize>()
    }
}

/// A slice being made.
pub(crate) struct Builder {
    place: Place,
    times: Vec<i64>,
    pages: Vec<(PageInfo, u32)>,
    times_part: Vec<u8>,
    entries: Parts,
    values: Parts,
    series: Vec<Ends>,
}

impl Builder {
    /// Starts with the times of all frames, in order; each page that has one is a page.
    pub(crate) fn new(place: Place, times: Vec<i64>) -> Self {
        let page_ms = page_ms(place.interval_ms);
        let start = |time: i64| time - time.rem_euclid(page_ms);
        let (mut pages, mut times_part) = (Vec::new(), Vec::new());
        for frames in times.chunk_by(|a, b| start(*a) == start(*b)) {
            let (Some(&first_ms), Some(&last_ms)) = (frames.first(), frames.last()) else { break };
            let start_ms = start(first_ms);
            let seal = Seal { place, of: [Seal::TIMES, pages.len() as u32] };
            seal.close(&mut times_part, |out| times::write(frames, start_ms, out));
            let spacing_ms = spacing(frames);
            let info = PageInfo { start_ms, frames: frames.len(), first_ms, last_ms, spacing_ms };
            pages.push((info, times_part.len() as u32));
        }
        let (entries, values, series) = (Parts::default(), Parts::default(), Vec::new());
        Self { place, times, pages, times_part, entries, values, series }
    }

    /// The start of each page.
    pub(crate) fn page_starts(&self) -> impl Iterator<Item = i64> {
        self.pages.iter().map(|(info, _)| info.start_ms)
    }

    /// Adds the next series of a slice at full resolution: one value per frame, [`MISSING`] where
    /// there is none. Nothing where the values cannot be packed.
    pub(crate) fn add_values(&mut self, series: u32, name: u32, values: &[i64]) -> Option<()> {
        if values.iter().all(|&value| value == MISSING) {
            return Some(());
        }
        let (mut times, mut values) = (self.times.as_slice(), values);
        let mut pages = Vec::with_capacity(self.pages.len());
        for (info, _) in &self.pages {
            let (these_times, other_times) = times.split_at_checked(info.frames)?;
            let (these, others) = values.split_at_checked(info.frames)?;
            pages.push((these_times, these));
            (times, values) = (other_times, others);
        }
        let seal = Seal { place: self.place, of: [Seal::VALUES, name] };
        let entry = column::pack(&pages, seal, self.values.open())?;
        self.add_entry(series, name, &entry);
        Some(())
    }

    /// Adds the next series of a downsampled slice: one stat per page.
    pub(crate) fn add_stats(&mut self, series: u32, name: u32, stats: &[Stat]) {
        let page = |&stat: &Stat| PageEntry { stat, ..PageEntry::default() };
        let entry = Entry { pages: stats.iter().map(page).collect(), ..Entry::default() };
        self.add_entry(series, name, &entry);
    }

    fn add_entry(&mut self, series: u32, name: u32, entry: &Entry) {
        let seal = Seal { place: self.place, of: [Seal::ENTRY, name] };
        let infos = self.pages.iter().map(|(info, _)| *info);
        entry::write(entry, infos, self.place.interval_ms == 0, seal, self.entries.open());
        let ends = Ends { series, entry: self.entries.close(), values: self.values.close() };
        self.series.push(ends);
    }

    /// The slice.
    pub(crate) fn finish(self) -> Slice {
        let directory = directory::write(&Contents {
            place: self.place,
            codec: column::codec(),
            pages: &self.pages,
            entries: &self.entries,
            values: &self.values,
            series: &self.series,
        });
        let is_raw = self.place.interval_ms == 0;
        let frames = if is_raw { self.times.len() } else { self.pages.len() } as u64;
        let rest = self.entries.parts.into_iter().chain(self.values.parts);
        let parts = std::iter::once(self.times_part).chain(rest).collect();
        Slice { place: self.place, frames, directory, parts }
    }
}

/// How far apart times usually are: the median.
fn spacing(times: &[i64]) -> i64 {
    let mut distances: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    if distances.is_empty() {
        return 0;
    }
    let middle = (distances.len() - 1) / 2;
    *distances.select_nth_unstable(middle).1
}
