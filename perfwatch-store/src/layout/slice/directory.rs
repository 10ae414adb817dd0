//! The directory of a slice: its pages, its parts, and where the pieces of each series end.
//!
//! It is read in place: all numbers have a fixed width, and a series is found by binary search.

use std::ops::Range;

use super::{
    Seal, page_ms,
    parts::{Parts, Piece},
    times::Times,
};
use crate::layout::Place;

const HEAD: usize = 18;
const PAGE: usize = 24;
const SERIES: usize = 12;

/// One page of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageInfo {
    /// Where the page begins.
    pub(crate) start_ms: i64,
    /// The frames in it: at least one.
    pub(crate) frames: usize,
    /// The time of the first.
    pub(crate) first_ms: i64,
    /// The time of the last.
    pub(crate) last_ms: i64,
    /// How far apart they usually are; 0 for a single one.
    pub(crate) spacing_ms: i64,
}

/// Where the pieces of a series end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ends {
    pub(super) series: u32,
    pub(super) entry: u32,
    pub(super) values: u32,
}

/// What a directory is made of.
pub(super) struct Contents<'a> {
    pub(super) place: Place,
    pub(super) codec: [u8; 2],
    /// Each with the end of its times in the part of times.
    pub(super) pages: &'a [(PageInfo, u32)],
    pub(super) entries: &'a Parts,
    pub(super) values: &'a Parts,
    pub(super) series: &'a [Ends],
}

pub(super) fn write(contents: &Contents<'_>) -> Vec<u8> {
    let Contents { place, codec, pages, entries, values, series } = contents;
    let mut out = Vec::new();
    let word = |out: &mut Vec<u8>, number: usize| {
        out.extend_from_slice(&(number as u32).to_le_bytes());
    };
    Seal { place: *place, of: [Seal::DIRECTORY, 0] }.close(&mut out, |out| {
        out.extend_from_slice(codec);
        word(out, pages.len());
        word(out, entries.parts.len());
        word(out, values.parts.len());
        word(out, series.len());
        for (page, times_end) in *pages {
            word(out, ((page.start_ms - place.timestamp_ms) / page_ms(place.interval_ms)) as usize);
            word(out, page.frames);
            word(out, (page.first_ms - page.start_ms) as usize);
            word(out, (page.last_ms - page.start_ms) as usize);
            word(out, page.spacing_ms as usize);
            word(out, *times_end as usize);
        }
        entries.ends().chain(values.ends()).for_each(|end| word(out, end as usize));
        for ends in *series {
            let numbers = [ends.series, ends.entry, ends.values];
            numbers.into_iter().for_each(|number| word(out, number as usize));
        }
    });
    out
}

/// An undamaged directory.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    pub(crate) place: Place,
    pub(super) codec: [u8; 2],
    pages: usize,
    entry_parts: usize,
    value_parts: usize,
    series: usize,
    bytes: Vec<u8>,
}

impl Directory {
    /// What was written; nothing if it is damaged.
    pub(crate) fn open(place: Place, bytes: Vec<u8>) -> Option<Self> {
        let rest = Seal { place, of: [Seal::DIRECTORY, 0] }.open(&bytes)?;
        let (codec, _) = rest.split_first_chunk::<2>()?;
        let number = |at: usize| {
            let word = rest.get(2 + 4 * at..)?.first_chunk()?;
            Some(u32::from_le_bytes(*word) as usize)
        };
        let (pages, entry_parts, value_parts) = (number(0)?, number(1)?, number(2)?);
        let (series, codec) = (number(3)?, *codec);
        let length = HEAD + PAGE * pages + 4 * (entry_parts + value_parts) + SERIES * series;
        let fits = rest.len() == length;
        fits.then_some(Self { place, codec, pages, entry_parts, value_parts, series, bytes })
    }

    fn word(&self, at: usize) -> u32 {
        let word = self.bytes.get(4 + at..).and_then(<[u8]>::first_chunk);
        word.map_or(0, |word| u32::from_le_bytes(*word))
    }

    /// How many pages there are.
    pub(crate) fn page_count(&self) -> usize {
        self.pages
    }

    /// A page by its number.
    pub(crate) fn page(&self, page: usize) -> PageInfo {
        let word = |number: usize| self.word(HEAD + PAGE * page + 4 * number);
        let page_ms = page_ms(self.place.interval_ms);
        let start_ms = self.place.timestamp_ms.saturating_add(i64::from(word(0)) * page_ms);
        PageInfo {
            start_ms,
            frames: word(1) as usize,
            first_ms: start_ms.saturating_add(i64::from(word(2))),
            last_ms: start_ms.saturating_add(i64::from(word(3))),
            spacing_ms: i64::from(word(4)),
        }
    }

    /// All pages, in order of time.
    pub(crate) fn pages(&self) -> impl DoubleEndedIterator<Item = PageInfo> {
        (0..self.pages).map(|page| self.page(page))
    }

    /// How many parts there are: times, entries, values.
    pub(crate) fn part_count(&self) -> u32 {
        (1 + self.entry_parts + self.value_parts) as u32
    }

    /// How many bytes the directory itself takes.
    pub(crate) fn length(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// How many bytes the times, the entries and the values take.
    pub(crate) fn part_bytes(&self) -> (u64, u64, u64) {
        let last = |count: usize, word: usize| if count == 0 { 0 } else { self.word(word).into() };
        let times = last(self.pages, (HEAD + PAGE * self.pages).saturating_sub(4));
        let ends = |first: usize, count: usize| {
            last(count, (self.ends() + 4 * (first + count)).saturating_sub(4))
        };
        (times, ends(0, self.entry_parts), ends(self.entry_parts, self.value_parts))
    }

    /// The times of a page, out of the part of times; nothing if they are damaged.
    pub(crate) fn times<'a>(&self, page: usize, part: &'a [u8]) -> Option<Times<'a>> {
        let end = |page: usize| self.word(HEAD + PAGE * page + 20) as usize;
        let from = if page == 0 { 0 } else { end(page - 1) };
        let bytes = part.get(from..end(page))?;
        let bytes = Seal { place: self.place, of: [Seal::TIMES, page as u32] }.open(bytes)?;
        let info = self.page(page);
        Times::read(bytes, info.start_ms).filter(|times| times.len() == info.frames)
    }

    /// The number of a series in this directory.
    pub(crate) fn find(&self, series: u32) -> Option<usize> {
        let at = first_behind(0..self.series, |at| self.series(at) < series);
        (at < self.series && self.series(at) == series).then_some(at)
    }

    /// How many series there are.
    pub(crate) fn series_count(&self) -> usize {
        self.series
    }

    /// All series, in order of their numbers.
    pub(crate) fn all_series(&self) -> impl Iterator<Item = u32> {
        (0..self.series).map(|at| self.series(at))
    }

    /// Where the entry of a series is.
    pub(crate) fn entry(&self, at: usize) -> Piece {
        self.piece(at, 1, 0, self.entry_parts)
    }

    /// Where the values of a series are.
    pub(crate) fn values(&self, at: usize) -> Piece {
        self.piece(at, 2, self.entry_parts, self.value_parts)
    }

    fn series(&self, at: usize) -> u32 {
        self.word(self.table() + SERIES * at)
    }

    fn table(&self) -> usize {
        self.ends() + 4 * (self.entry_parts + self.value_parts)
    }

    fn ends(&self) -> usize {
        HEAD + PAGE * self.pages
    }

    fn piece(&self, at: usize, column: usize, first_part: usize, parts: usize) -> Piece {
        let end = |at: usize| self.word(self.table() + SERIES * at + 4 * column) as usize;
        let from = if at == 0 { 0 } else { end(at - 1) };
        let part_end = |part: usize| self.word(self.ends() + 4 * (first_part + part)) as usize;
        // The part that a piece lies in is the first that ends behind its start.
        let part = first_behind(0..parts, |part| part_end(part) <= from);
        if part == parts {
            return Piece { part: 0, range: 0..0 };
        }
        let base = if part == 0 { 0 } else { part_end(part - 1) };
        let range = from.saturating_sub(base)..end(at).saturating_sub(base);
        Piece { part: (1 + first_part + part) as u32, range }
    }
}

/// The first place that is not before something.
fn first_behind(places: Range<usize>, is_before: impl Fn(usize) -> bool) -> usize {
    let (mut from, mut until) = (places.start, places.end);
    while from < until {
        let middle = usize::midpoint(from, until);
        if is_before(middle) { from = middle + 1 } else { until = middle }
    }
    from
}
