//! Makes slices of slices and of frames: sealing, merging, downsampling and cutting are all this.
//!
//! It knows no backend and waits for nothing, so it runs on a thread for such work. One series is
//! unpacked at a time.

use std::collections::BTreeSet;
use std::ops::Range;

use perfwatch_core::MISSING;

use crate::{
    damage::Damaged,
    head::HostHead,
    layout::{
        Place, Stat,
        slice::{Builder, Column, Directory, Entry, Slice, Times, page_ms},
    },
};

/// A slice with all its parts.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) directory: Directory,
    pub(crate) parts: Vec<Vec<u8>>,
}

impl Loaded {
    pub(crate) fn part(&self, number: u32) -> &[u8] {
        self.parts.get(number as usize).map_or(&[], |part| part)
    }

    pub(crate) fn times(&self, page: usize) -> Option<Times<'_>> {
        self.directory.times(page, self.part(0))
    }

    /// The place of a page.
    pub(crate) fn page_place(&self, page: usize) -> Place {
        Place { timestamp_ms: self.directory.page(page).start_ms, ..self.directory.place }
    }
}

/// What slices are made of: the frames of one host.
#[derive(Debug, Default)]
pub(crate) struct Material {
    /// The checksum of the name of each series.
    pub(crate) names: Vec<Option<u32>>,
    /// Slices at full resolution.
    pub(crate) slices: Vec<Loaded>,
    /// What the stretch holds downsampled.
    pub(crate) rollup: Option<Loaded>,
    /// Frames kept one by one.
    pub(crate) head: HostHead,
    /// What could not be read and is left out for good.
    pub(crate) damaged: Vec<Damaged>,
}

/// Where the frames of one page go.
struct Target {
    slice: usize,
    page: usize,
    /// The row of each frame; nothing for one that is not meant, or there already.
    rows: Vec<Option<u32>>,
}

/// Frames in one order of time.
pub(crate) struct Order {
    pub(crate) times: Vec<i64>,
    pages: Vec<Target>,
    /// The row of each frame of the head.
    head: Vec<Option<u32>>,
}

impl Material {
    /// The frames of a range, each time once.
    #[cfg(feature = "exchange")]
    pub(crate) fn rows(&mut self, range: &Range<i64>) -> Order {
        self.order(range, &BTreeSet::new())
    }

    /// A slice of the frames in a range; nothing if there are none.
    pub(crate) fn slice(&mut self, place: Place, range: &Range<i64>) -> Option<Slice> {
        let order = self.order(range, &BTreeSet::new());
        if order.times.is_empty() {
            return None;
        }
        let mut builder = Builder::new(place, order.times.clone());
        for series in self.series() {
            let Some(name) = self.name(series) else { continue };
            let values = self.values(series, name, &order);
            if builder.add_values(series, name, &values).is_none() {
                self.damaged.push(Damaged { place, series: Some(series) });
            }
        }
        Some(builder.finish())
    }

    /// A downsampled slice: of what is downsampled already, the intervals that begin in `kept`,
    /// and the frames of `range`, each once. Nothing if there are none.
    pub(crate) fn downsampled(
        &mut self,
        place: Place,
        kept: &Range<i64>,
        range: &Range<i64>,
    ) -> Option<Slice> {
        let known = self.known(kept);
        let order = self.order(range, &known);
        let mut times: Vec<i64> = known.iter().chain(&order.times).copied().collect();
        times.sort_unstable();
        if times.is_empty() {
            return None;
        }
        let mut builder = Builder::new(place, times);
        let starts: Vec<i64> = builder.page_starts().collect();
        for series in self.series() {
            let Some(name) = self.name(series) else { continue };
            let mut stats = vec![Stat::default(); starts.len()];
            self.add_known(series, name, kept, &starts, &mut stats);
            let values = self.values(series, name, &order);
            add_values(place.interval_ms, &starts, &order.times, &values, &mut stats);
            if stats.iter().any(|stat| stat.count > 0) {
                builder.add_stats(series, name, &stats);
            }
        }
        Some(builder.finish())
    }

    /// How many frames lie in a range, those that lie in two places twice.
    pub(crate) fn frames(&self, range: &Range<i64>) -> u64 {
        let in_slices = self.slices.iter().flat_map(|slice| {
            (0..slice.directory.page_count()).map(|page| match slice.times(page) {
                Some(times) => times.before(range.end) - times.before(range.start),
                None => slice.directory.page(page).frames,
            })
        });
        (in_slices.sum::<usize>() + self.head.rows(range).len()) as u64
    }

    /// How many intervals are downsampled already.
    pub(crate) fn rollups(&self) -> u64 {
        self.rollup.as_ref().map_or(0, |rollup| rollup.directory.page_count() as u64)
    }

    /// The times of the frames that were merged into the intervals that begin in a range.
    fn known(&mut self, kept: &Range<i64>) -> BTreeSet<i64> {
        let Some(rollup) = &self.rollup else { return BTreeSet::new() };
        let mut known = BTreeSet::new();
        for (page, info) in rollup.directory.pages().enumerate() {
            if !kept.contains(&info.start_ms) {
                continue;
            }
            match rollup.times(page) {
                Some(times) => known.extend(times.iter()),
                None => self.damaged.push(Damaged::all(rollup.page_place(page))),
            }
        }
        known
    }

    fn add_known(
        &mut self,
        series: u32,
        name: u32,
        kept: &Range<i64>,
        starts: &[i64],
        stats: &mut [Stat],
    ) {
        let Some(rollup) = &self.rollup else { return };
        let Some(at) = rollup.directory.find(series) else { return };
        let part = rollup.part(rollup.directory.entry(at).part);
        let Some(entry) = Entry::read(&rollup.directory, at, name, part) else {
            let place = rollup.directory.place;
            return self.damaged.push(Damaged { place, series: Some(series) });
        };
        for (page, info) in entry.pages.iter().zip(rollup.directory.pages()) {
            if kept.contains(&info.start_ms)
                && let Ok(at) = starts.binary_search(&info.start_ms)
                && let Some(stat) = stats.get_mut(at)
            {
                stat.merge(&page.stat);
            }
        }
    }

    fn name(&self, series: u32) -> Option<u32> {
        self.names.get(series as usize).copied().flatten()
    }

    fn series(&self) -> BTreeSet<u32> {
        let slices = self.slices.iter().chain(&self.rollup);
        let in_slices = slices.flat_map(|slice| slice.directory.all_series());
        in_slices.chain(0..self.head.series_count()).collect()
    }

    /// The frames of a range whose times are not `known`, each time once.
    fn order(&mut self, range: &Range<i64>, known: &BTreeSet<i64>) -> Order {
        let mut pages: Vec<(usize, usize, Vec<i64>)> = Vec::new();
        for (number, slice) in self.slices.iter().enumerate() {
            for page in 0..slice.directory.page_count() {
                match slice.times(page) {
                    Some(times) => pages.push((number, page, times.iter().collect())),
                    None => self.damaged.push(Damaged::all(slice.page_place(page))),
                }
            }
        }
        let meant = |time: &&i64| range.contains(time) && !known.contains(time);
        let in_pages = pages.iter().flat_map(|(_, _, times)| times);
        let mut times: Vec<i64> = in_pages.chain(&self.head.times).filter(meant).copied().collect();
        times.sort_unstable();
        times.dedup();
        let mut taken = vec![false; times.len()];
        let mut row = |time: &i64| {
            let at = times.binary_search(time).ok()?;
            let is_first = !std::mem::replace(taken.get_mut(at)?, true);
            is_first.then_some(at as u32)
        };
        let mut rows = |these: &[i64]| these.iter().map(&mut row).collect::<Vec<_>>();
        let targets = pages.iter().map(|(slice, page, times)| Target {
            slice: *slice,
            page: *page,
            rows: rows(times),
        });
        let pages = targets.collect();
        let head = rows(&self.head.times);
        Order { times, pages, head }
    }

    /// One value per time.
    pub(crate) fn values(&mut self, series: u32, name: u32, order: &Order) -> Vec<i64> {
        let mut values = vec![MISSING; order.times.len()];
        let mut put = |row: &Option<u32>, value: i64| {
            if let Some(cell) = row.and_then(|row| values.get_mut(row as usize)) {
                *cell = value;
            }
        };
        let column = self.head.column(series, &(0..self.head.times.len()));
        order.head.iter().zip(column).for_each(|(row, value)| put(row, value));
        let mut page_values = Vec::new();
        for (number, slice) in self.slices.iter().enumerate() {
            let directory = &slice.directory;
            let Some(at) = directory.find(series) else { continue };
            let Some(entry) =
                Entry::read(directory, at, name, slice.part(directory.entry(at).part))
            else {
                let place = directory.place;
                self.damaged.push(Damaged { place, series: Some(series) });
                continue;
            };
            let piece = directory.values(at);
            let bytes = piece.of(slice.part(piece.part)).unwrap_or_default();
            let mut column = Column::new(directory, &entry, name, bytes);
            for target in order.pages.iter().filter(|target| target.slice == number) {
                page_values.clear();
                if column.unpack(target.page, &mut page_values).is_none() {
                    let place = slice.page_place(target.page);
                    self.damaged.push(Damaged { place, series: Some(series) });
                }
                target.rows.iter().zip(&page_values).for_each(|(row, value)| put(row, *value));
            }
        }
        values
    }
}

/// Adds values to the intervals they lie in.
fn add_values(interval_ms: i64, starts: &[i64], times: &[i64], values: &[i64], stats: &mut [Stat]) {
    let page_ms = page_ms(interval_ms);
    let mut at = 0;
    for (&time, &value) in times.iter().zip(values).filter(|(_, value)| **value != MISSING) {
        let start = time - time.rem_euclid(page_ms);
        while starts.get(at).is_some_and(|&other| other < start) {
            at += 1;
        }
        if let Some(stat) = stats.get_mut(at) {
            stat.merge(&Stat::of(value, time));
        }
    }
}
