//! What an answer is made of: the slices of a range, and the newest frames.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use super::{Asked, step::Extent};
use crate::{
    StoreError,
    archive::Moment,
    damage::Damaged,
    head::HeadRows,
    layout::{
        Place,
        slice::{DAY_MS, Directory, PageInfo, Times, span_ms},
    },
};

/// So many bytes are read at once: it is what a question takes, a few times over.
pub(super) const AT_ONCE: usize = 1 << 20;

/// So many slices are read at once at most: of each at least a part is read.
const SLICES_AT_ONCE: usize = 64;

/// A question reads so many slices at most; behind them lie decades.
const SLICES: usize = 100_000;

/// All that lies in the asked range.
pub(super) struct Sources {
    pub(super) slices: Vec<Directory>,
    /// The times of some slices.
    pub(super) times: HashMap<usize, Vec<u8>>,
    pub(super) head: HeadRows,
    pub(super) damaged: Vec<Damaged>,
}

/// What is added up in one go.
pub(super) struct Portion {
    pub(super) slices: Vec<usize>,
    /// Frames of the head.
    pub(super) head: Range<usize>,
    /// About how many bytes are read of the slices.
    pub(super) bytes: usize,
}

/// How a page lies in a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lies {
    Outside,
    /// Only some of its frames are in it, or may be.
    Partly,
    Whole,
}

impl Sources {
    /// Reads the directories of the asked range, and the times where a frame may lie in two places
    /// or, to be exact about how many there are, where the range cuts through a page.
    pub(super) async fn read(
        moment: &mut dyn Moment,
        asked: &Asked,
        head: HeadRows,
        exact: bool,
    ) -> Result<Self, StoreError> {
        let mut sources =
            Self { slices: Vec::new(), times: HashMap::new(), head, damaged: Vec::new() };
        if let Some(shelf) = asked.shelves.first() {
            let lost = sources.head.lost.iter().map(|&time| Damaged::all(shelf.place(time)));
            sources.damaged.extend(lost);
        }
        for &shelf in &asked.shelves {
            let first = asked.range.start - span_ms(shelf.interval_ms) + 1;
            let starts = first.max(0)..asked.range.end;
            for (place, bytes) in moment.sheets(shelf, starts, SLICES).await? {
                match Directory::open(place, bytes) {
                    Some(directory) => sources.slices.push(directory),
                    None => sources.damaged.push(Damaged::all(place)),
                }
            }
        }
        sources.slices.sort_by_key(|slice| slice.place.timestamp_ms);
        let slices = 0..sources.slices.len();
        let cut =
            slices.filter(|&slice| sources.needs_times(slice, asked, exact)).collect::<Vec<_>>();
        sources.read_times(moment, &cut).await?;
        sources.drop_doubles();
        Ok(sources)
    }

    /// Reads the times of these slices where they are not known.
    async fn read_times(
        &mut self,
        moment: &mut dyn Moment,
        slices: &[usize],
    ) -> Result<(), StoreError> {
        let unknown: Vec<usize> = self.without_times(slices).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let places = unknown.iter().filter_map(|&slice| Some((self.slices.get(slice)?.place, 0)));
        let places: Vec<(Place, u32)> = places.collect();
        self.times.extend(unknown.into_iter().zip(moment.parts(&places).await?));
        Ok(())
    }

    /// Those of these slices whose times are not known.
    pub(super) fn without_times(&self, slices: &[usize]) -> impl Iterator<Item = usize> {
        slices.iter().filter(|slice| !self.times.contains_key(slice)).copied()
    }

    /// Takes the times of these slices out of parts that were read.
    pub(super) fn take_times(&mut self, slices: &[usize], parts: &HashMap<(Place, u32), Vec<u8>>) {
        for &slice in slices {
            let Some(directory) = self.slices.get(slice) else { continue };
            if let Some(times) = parts.get(&(directory.place, 0)) {
                self.times.insert(slice, times.clone());
            }
        }
    }

    /// The times of a page, if they are known and undamaged.
    pub(super) fn page_times(&self, slice: usize, page: usize) -> Option<Times<'_>> {
        self.slices.get(slice)?.times(page, self.times.get(&slice)?)
    }

    /// Whether the range cuts through a page, or a frame of the head may be in the slice as well.
    fn needs_times(&self, slice: usize, asked: &Asked, exact: bool) -> bool {
        let Some(directory) = self.slices.get(slice) else { return false };
        directory.pages().any(|page| {
            let lies = lies(directory.place.interval_ms, &page, &asked.range);
            let head = &self.head.times;
            let doubles = head.partition_point(|&time| time < page.first_ms)
                < head.partition_point(|&time| time <= page.last_ms);
            doubles && lies != Lies::Outside || exact && lies == Lies::Partly
        })
    }

    /// A frame is moved from the head into a slice at once, but the two are not looked at at once:
    /// what is in a slice counts there.
    fn drop_doubles(&mut self) {
        let in_slice = |time: i64| {
            self.times.keys().any(|&slice| {
                let Some(directory) = self.slices.get(slice) else { return false };
                directory.pages().enumerate().any(|(page, info)| {
                    (info.first_ms..=info.last_ms).contains(&time)
                        && self.page_times(slice, page).is_some_and(|times| times.holds(time))
                })
            })
        };
        let keep: Vec<bool> = self.head.times.iter().map(|&time| !in_slice(time)).collect();
        if keep.iter().all(|&keep| keep) {
            return;
        }
        for values in std::iter::once(&mut self.head.times).chain(&mut self.head.columns) {
            let mut flags = keep.iter();
            values.retain(|_| flags.next().copied().unwrap_or(true));
        }
    }

    /// What lies in the range; where times are not known, at most.
    pub(super) fn extent(&self, asked: &Asked) -> Extent {
        let mut extent = Extent::default();
        for (number, slice) in self.slices.iter().enumerate() {
            for (page, info) in slice.pages().enumerate() {
                if let Some((first, last, frames)) = self.page_extent(asked, number, page, &info) {
                    extent.add(first, last, frames);
                    let interval = slice.place.interval_ms;
                    if interval > 0 && !extent.intervals_ms.contains(&interval) {
                        extent.intervals_ms.push(interval);
                    }
                }
            }
        }
        let times = &self.head.times;
        if let (Some(&first), Some(&last)) = (times.first(), times.last()) {
            extent.add(first, last, times.len());
        }
        extent
    }

    /// The first and the last time of a page that is in the range, and how many points it has.
    fn page_extent(
        &self,
        asked: &Asked,
        slice: usize,
        page: usize,
        info: &PageInfo,
    ) -> Option<(i64, i64, usize)> {
        let directory = self.slices.get(slice)?;
        let lies = lies(directory.place.interval_ms, info, &asked.range);
        if lies == Lies::Outside {
            return None;
        }
        if directory.place.interval_ms > 0 {
            return Some((info.start_ms, info.start_ms, 1));
        }
        if lies == Lies::Whole {
            return Some((info.first_ms, info.last_ms, info.frames));
        }
        if !self.times.contains_key(&slice) {
            let Range { start, end } = asked.range;
            return Some((info.first_ms.max(start), info.last_ms.min(end - 1), info.frames));
        }
        let times = self.page_times(slice, page)?;
        let rows = times.before(asked.range.start)..times.before(asked.range.end);
        (!rows.is_empty()).then(|| (times.at(rows.start), times.at(rows.end - 1), rows.len()))
    }

    /// Days, and as many together as may be read at once; `weigh` says how much is read of a slice.
    pub(super) fn portions(&self, weigh: impl Fn(&Directory) -> usize) -> Vec<Portion> {
        let mut days: BTreeMap<i64, (Vec<usize>, usize)> = BTreeMap::new();
        for &time in &self.head.times {
            days.entry(time.div_euclid(DAY_MS)).or_default();
        }
        for (number, slice) in self.slices.iter().enumerate() {
            let day = slice.place.timestamp_ms.div_euclid(DAY_MS);
            let (slices, bytes) = days.entry(day).or_default();
            slices.push(number);
            *bytes += weigh(slice);
        }
        let before = |day: i64| self.head.times.partition_point(|&time| time < day * DAY_MS);
        let mut portions: Vec<Portion> = Vec::new();
        for (day, (slices, bytes)) in days {
            let head = before(day)..before(day + 1);
            match portions.last_mut() {
                Some(last)
                    if last.slices.len() + slices.len() <= SLICES_AT_ONCE
                        && last.bytes + bytes <= AT_ONCE =>
                {
                    last.slices.extend(slices);
                    last.bytes += bytes;
                    last.head.end = head.end;
                }
                _ => portions.push(Portion { slices, head, bytes }),
            }
        }
        portions
    }
}

/// How a page lies in a range. What is downsampled lies where it begins.
pub(super) fn lies(interval_ms: i64, page: &PageInfo, range: &Range<i64>) -> Lies {
    let (first, last) = match interval_ms {
        0 => (page.first_ms, page.last_ms),
        _ => (page.start_ms, page.start_ms),
    };
    if last < range.start || first >= range.end {
        Lies::Outside
    } else if range.start <= first && last < range.end {
        Lies::Whole
    } else {
        Lies::Partly
    }
}
