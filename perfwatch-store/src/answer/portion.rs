//! Adds up one portion of time: what is read at once.
//!
//! A page that lies in one row needs no values: its stat is added. The values of the others are
//! unpacked, one series at a time. All parts that some series need are read in one go, since each
//! question to a database costs more than what it brings.

use std::{collections::HashMap, ops::Range};

use super::{
    Asked,
    fold::Fold,
    plan::{Adds, Plan, Planner, splits},
    sources::{AT_ONCE, Lies, Portion, Sources, lies},
    sums::add_runs,
};
use crate::{
    StoreError,
    archive::Moment,
    damage::Damaged,
    layout::{
        Place, Stat, Wanted,
        slice::{Column, Directory, Entry, Piece},
    },
};

/// What is added in one go.
pub(super) struct Adding<'a> {
    asked: &'a Asked,
    fold: &'a mut Fold,
}

/// Where one series lies in one slice.
struct Found {
    slice: usize,
    /// Its number in the directory.
    at: usize,
    entry: Piece,
    /// Nothing where no page is unpacked.
    values: Option<Piece>,
}

/// Parts of slices.
type Parts = HashMap<(Place, u32), Vec<u8>>;

impl<'a> Adding<'a> {
    pub(super) fn new(asked: &'a Asked, fold: &'a mut Fold) -> Self {
        Self { asked, fold }
    }

    /// Adds the slices and the frames of the head of a portion.
    pub(super) async fn add(
        &mut self,
        moment: &mut dyn Moment,
        sources: &mut Sources,
        portion: &Portion,
    ) -> Result<(), StoreError> {
        let split = |slice: &&usize| {
            let directory = sources.slices.get(**slice);
            directory.is_some_and(|directory| is_split(self.fold, self.asked, directory))
        };
        let split: Vec<usize> = portion.slices.iter().filter(split).copied().collect();
        let mut plan = None;
        for series in self.chunks(portion) {
            let found = self.find(sources, portion, &split, series.clone());
            let parts = read(moment, sources, &split, &found).await?;
            sources.take_times(&split, &parts);
            let plan = plan.get_or_insert_with(|| {
                let planner = Planner::new(self.asked, self.fold);
                planner.plan(sources, &portion.slices, portion.head.clone())
            });
            self.add_series(sources, plan, (&found, &parts), series, &portion.head);
        }
        Ok(())
    }

    /// The numbers that are read at once. Those of one series stay together.
    fn chunks(&self, portion: &Portion) -> Vec<Range<usize>> {
        let wanted = &self.asked.selected.wanted;
        let most = wanted.len() * AT_ONCE / portion.bytes.max(AT_ONCE);
        let mut chunks: Vec<Range<usize>> = Vec::new();
        for numbers in wanted.chunk_by(|a, b| a.slot == b.slot) {
            match chunks.last_mut() {
                Some(last) if last.len() + numbers.len() <= most => last.end += numbers.len(),
                last => {
                    let from = last.map_or(0, |last| last.end);
                    chunks.push(from..from + numbers.len());
                }
            }
        }
        chunks
    }

    /// Where series lie: of each, the slices that have it.
    fn find(
        &self,
        sources: &Sources,
        portion: &Portion,
        split: &[usize],
        series: Range<usize>,
    ) -> Vec<Vec<Found>> {
        let inside = |directory: &Directory| {
            let (interval_ms, range) = (directory.place.interval_ms, &self.asked.range);
            directory.pages().any(|page| lies(interval_ms, &page, range) != Lies::Outside)
        };
        let slices = portion.slices.iter().filter_map(|&slice| {
            let directory = sources.slices.get(slice).filter(|directory| inside(directory))?;
            Some((slice, directory, split.binary_search(&slice).is_ok()))
        });
        let slices: Vec<(usize, &Directory, bool)> = slices.collect();
        let wanted = self.asked.selected.wanted.get(series).unwrap_or_default();
        let in_slice =
            |wanted: &Wanted, &(slice, directory, is_split): &(usize, &Directory, bool)| {
                let at = directory.find(wanted.series)?;
                let values =
                    Some(directory.values(at)).filter(|it| is_split && !it.range.is_empty());
                Some(Found { slice, at, entry: directory.entry(at), values })
            };
        let found = |wanted| slices.iter().filter_map(|slice| in_slice(wanted, slice)).collect();
        wanted.iter().map(found).collect()
    }

    /// Adds the series that have these numbers among those wanted.
    fn add_series(
        &mut self,
        sources: &mut Sources,
        plan: &Plan,
        (found, parts): (&[Vec<Found>], &Parts),
        series: Range<usize>,
        head: &Range<usize>,
    ) {
        let wanted = self.asked.selected.wanted.get(series.clone()).unwrap_or_default();
        let mut stats = vec![Stat::default(); plan.stretch.times.len()];
        let mut scratch = Vec::new();
        let mut each = series.zip(wanted.iter().zip(found)).peekable();
        while let Some((at, (number, found))) = each.next() {
            for found in found {
                add_slice(sources, plan, number, found, parts, &mut stats, &mut scratch);
            }
            let column = sources.head.columns.get(at).and_then(|column| column.get(head.clone()));
            let time = |at| sources.head.times.get(head.start + at).copied().unwrap_or(i64::MIN);
            add_runs(&plan.head, column.unwrap_or_default(), number.factor, &mut stats, time);
            // A series may have several numbers.
            if each.peek().is_none_or(|(_, (next, _))| next.slot != number.slot) {
                self.fold.add(number.slot, &plan.stretch, &stats);
                stats.fill(Stat::default());
            }
        }
    }
}

/// Whether any page of a slice must be looked into.
fn is_split(fold: &Fold, asked: &Asked, directory: &Directory) -> bool {
    let interval_ms = directory.place.interval_ms;
    directory.pages().any(|page| splits(fold, asked, interval_ms, &page))
}

/// About how many bytes are read of a slice.
pub(super) fn weight(fold: &Fold, asked: &Asked, directory: &Directory) -> usize {
    let (_, entries, values) = directory.part_bytes();
    let bytes = if is_split(fold, asked, directory) { entries + values } else { entries };
    let all = directory.series_count().max(1);
    bytes as usize * asked.selected.wanted.len().min(all) / all
}

/// Reads the times of the slices that are split, where they are not known, and the parts in which
/// series lie.
async fn read(
    moment: &mut dyn Moment,
    sources: &Sources,
    split: &[usize],
    found: &[Vec<Found>],
) -> Result<Parts, StoreError> {
    let place = |slice: usize| sources.slices.get(slice).map(|directory| directory.place);
    let times = sources.without_times(split).filter_map(|slice| Some((place(slice)?, 0)));
    let pieces = found.iter().flatten().flat_map(|found| {
        let pieces = std::iter::once(&found.entry).chain(&found.values);
        pieces.filter_map(|piece| Some((place(found.slice)?, piece.part)))
    });
    let mut wanted: Vec<(Place, u32)> = times.chain(pieces).collect();
    wanted.sort_unstable();
    wanted.dedup();
    if wanted.is_empty() {
        return Ok(Parts::new());
    }
    let parts = moment.parts(&wanted).await?;
    Ok(wanted.into_iter().zip(parts).collect())
}

/// Adds what a slice has of a series.
fn add_slice(
    sources: &mut Sources,
    plan: &Plan,
    wanted: &Wanted,
    found: &Found,
    parts: &Parts,
    stats: &mut [Stat],
    scratch: &mut Vec<i64>,
) {
    let Sources { slices, damaged, times, .. } = sources;
    let Some(directory) = slices.get(found.slice) else { return };
    let place = directory.place;
    let part = |piece: &Piece| parts.get(&(place, piece.part)).map_or(&[][..], |part| part);
    let Some(entry) = Entry::read(directory, found.at, wanted.check, part(&found.entry)) else {
        return damaged.push(Damaged { place, series: Some(wanted.series) });
    };
    let bytes = found.values.as_ref().and_then(|piece| piece.of(part(piece)));
    let mut column = Column::new(directory, &entry, wanted.check, bytes.unwrap_or_default());
    for page in plan.pages_of(found.slice) {
        let Some(of_page) = entry.pages.get(page.page) else { continue };
        match &page.adds {
            Adds::Stat(row) => {
                if let Some(stat) = stats.get_mut(*row) {
                    stat.merge(&of_page.stat.scaled(wanted.factor));
                }
            }
            Adds::Values(runs) => {
                scratch.clear();
                if column.unpack(page.page, scratch).is_some() {
                    let times = times.get(&found.slice).map_or(&[][..], |times| times);
                    let time =
                        |at| directory.times(page.page, times).map_or(i64::MIN, |it| it.at(at));
                    add_runs(runs, scratch, wanted.factor, stats, time);
                } else {
                    let timestamp_ms = directory.page(page.page).start_ms;
                    let place = Place { timestamp_ms, ..place };
                    damaged.push(Damaged { place, series: Some(wanted.series) });
                }
            }
        }
    }
}
