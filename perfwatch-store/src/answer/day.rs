//! Adds up one day: the finest stretch that is read at once.
//!
//! A page that lies in one row needs no values: its stat is added. The values of the others are
//! unpacked, one series at a time.

use perfwatch_core::MISSING;

use super::{
    Asked,
    fold::{Fold, Stretch},
    sources::{Lies, Sources, lies},
};
use crate::{
    StoreError,
    archive::Moment,
    damage::Damaged,
    layout::{
        Place, Stat, Wanted,
        slice::{Column, Entry, Piece},
    },
};

/// So many series are read at once: what they take is what a question takes.
const SERIES: usize = 256;

/// How a page is added.
struct Page {
    slice: usize,
    page: usize,
    adds: Adds,
}

enum Adds {
    /// Its stat, to this row.
    Stat(usize),
    /// Its values: runs of frames in the same row.
    Values(Vec<Run>),
}

/// Neighbouring frames in the same row.
struct Run {
    row: usize,
    from: usize,
    until: usize,
    /// The time of the last.
    last_ms: i64,
}

/// What is added in one go.
pub(super) struct Day<'a> {
    asked: &'a Asked,
    fold: &'a mut Fold,
    step_ms: i64,
}

/// The pages and the frames of a day, each with its rows.
struct Plan {
    stretch: Stretch,
    pages: Vec<Page>,
    head: Vec<Run>,
}

/// The bytes of one series in one slice.
struct Found {
    slice: usize,
    at: usize,
    entry: Entry,
}

impl<'a> Day<'a> {
    pub(super) fn new(asked: &'a Asked, fold: &'a mut Fold, step_ms: i64) -> Self {
        Self { asked, fold, step_ms }
    }

    /// Adds the slices of a day, and the frames of the head from its start to its end.
    pub(super) async fn add(
        &mut self,
        moment: &mut dyn Moment,
        sources: &mut Sources,
        slices: &[usize],
        head: std::ops::Range<usize>,
    ) -> Result<(), StoreError> {
        let split: Vec<usize> =
            slices.iter().copied().filter(|&slice| self.splits(sources, slice)).collect();
        sources.read_times(moment, &split).await?;
        let plan = self.plan(sources, slices, head.clone());
        let asked = self.asked;
        let mut rest = asked.selected.wanted.as_slice();
        while !rest.is_empty() {
            // Numbers of one series stay together.
            let mut most = rest.len().min(SERIES);
            while rest.get(most).is_some_and(|next| Some(next.slot) == slot_before(rest, most)) {
                most += 1;
            }
            let (these, others) = rest.split_at(most);
            self.add_series(moment, sources, &plan, these, &head).await?;
            rest = others;
        }
        Ok(())
    }

    /// Whether any page of a slice must be looked into.
    fn splits(&self, sources: &Sources, slice: usize) -> bool {
        let Some(directory) = sources.slices.get(slice) else { return false };
        directory.place.interval_ms == 0
            && directory.pages().any(|page| match lies(directory, &page, &self.asked.range) {
                Lies::Outside => false,
                Lies::Partly => true,
                Lies::Whole => !self.is_one_row(page.first_ms, page.last_ms),
            })
    }

    fn is_one_row(&self, first_ms: i64, last_ms: i64) -> bool {
        self.fold.row_time(first_ms) == self.fold.row_time(last_ms)
    }

    /// Finds the rows of everything.
    fn plan(
        &mut self,
        sources: &mut Sources,
        slices: &[usize],
        head: std::ops::Range<usize>,
    ) -> Plan {
        let mut pages: Vec<(usize, usize, Option<Vec<i64>>)> = Vec::new();
        let mut rows: Vec<(i64, i64)> = Vec::new();
        let mut spaced: Vec<(i64, i64, usize, i64)> = Vec::new();
        let mut damaged = Vec::new();
        for &slice in slices {
            let Some(directory) = sources.slices.get(slice) else { continue };
            let place = directory.place;
            for (page, info) in directory.pages().enumerate() {
                let lies = lies(directory, &info, &self.asked.range);
                if lies == Lies::Outside {
                    continue;
                }
                if place.interval_ms > 0 {
                    rows.push((self.fold.row_time(info.start_ms), place.interval_ms));
                    pages.push((slice, page, None));
                    continue;
                }
                if lies == Lies::Whole && self.is_one_row(info.first_ms, info.last_ms) {
                    rows.push((self.fold.row_time(info.first_ms), 0));
                    spaced.push((info.first_ms, info.last_ms, info.frames, info.spacing_ms));
                    pages.push((slice, page, None));
                    continue;
                }
                let Some(times) = sources.page_times(slice, page) else {
                    damaged.push(Damaged::all(Place { timestamp_ms: info.start_ms, ..place }));
                    continue;
                };
                let times: Vec<i64> = times.iter().collect();
                let range = &self.asked.range;
                let mut before = None;
                for &time in times.iter().filter(|time| range.contains(time)) {
                    let row = self.fold.row_time(time);
                    if before.replace(row) != Some(row) {
                        rows.push((row, 0));
                    }
                }
                match lies == Lies::Whole && self.step_ms > 0 {
                    true => {
                        spaced.push((info.first_ms, info.last_ms, info.frames, info.spacing_ms));
                    }
                    false => {
                        let meant = times.iter().filter(|time| range.contains(time));
                        spaced.extend(meant.map(|&time| (time, time, 1, 0)));
                    }
                }
                pages.push((slice, page, Some(times)));
            }
        }
        sources.damaged.extend(damaged);
        let head_times = sources.head.times.get(head).unwrap_or_default();
        rows.extend(head_times.iter().map(|&time| (self.fold.row_time(time), 0)));
        spaced.extend(head_times.iter().map(|&time| (time, time, 1, 0)));
        rows.sort_unstable();
        spaced.sort_unstable();
        for (first, last, frames, spacing) in spaced {
            self.fold.spacing.add_page(first, last, frames, spacing);
        }
        let stretch = self.fold.begin(&rows);
        let times = &stretch.times;
        let pages = pages.into_iter().filter_map(|(slice, page, page_times)| {
            let adds = match page_times {
                Some(page_times) => Adds::Values(self.runs(times, &page_times)),
                None => Adds::Stat(self.row_of(sources, times, slice, page)?),
            };
            Some(Page { slice, page, adds })
        });
        let pages = pages.collect();
        let head = self.runs(times, head_times);
        Plan { stretch, pages, head }
    }

    fn row_of(&self, sources: &Sources, times: &[i64], slice: usize, page: usize) -> Option<usize> {
        let directory = sources.slices.get(slice)?;
        let info = directory.page(page);
        let time = if directory.place.interval_ms > 0 { info.start_ms } else { info.first_ms };
        times.binary_search(&self.fold.row_time(time)).ok()
    }

    fn runs(&self, rows: &[i64], times: &[i64]) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let mut row = 0;
        for (at, &time) in times.iter().enumerate() {
            if !self.asked.range.contains(&time) {
                continue;
            }
            let row_time = self.fold.row_time(time);
            while rows.get(row).is_some_and(|&other| other < row_time) {
                row += 1;
            }
            match runs.last_mut() {
                Some(run) if run.row == row && run.until == at => {
                    (run.until, run.last_ms) = (at + 1, time);
                }
                _ => runs.push(Run { row, from: at, until: at + 1, last_ms: time }),
            }
        }
        runs
    }

    async fn add_series(
        &mut self,
        moment: &mut dyn Moment,
        sources: &mut Sources,
        plan: &Plan,
        wanted: &[Wanted],
        head: &std::ops::Range<usize>,
    ) -> Result<(), StoreError> {
        let found = self.entries(moment, sources, plan, wanted).await?;
        let (parts, pieces) = values(moment, sources, plan, &found).await?;
        let mut stats = vec![Stat::default(); plan.stretch.times.len()];
        let mut scratch = Vec::new();
        let series = wanted.chunk_by(|a, b| a.slot == b.slot);
        let mut at = 0;
        for numbers in series {
            stats.fill(Stat::default());
            for number in numbers {
                let found = found.get(at).map_or(&[][..], |found| found);
                let pieces = pieces.get(at).map_or(&[][..], |pieces| pieces);
                at += 1;
                for (found, piece) in found.iter().zip(pieces) {
                    let bytes =
                        piece.as_ref().and_then(|(part, piece)| piece.of(parts.get(*part)?));
                    let bytes = bytes.unwrap_or_default();
                    add_slice(sources, plan, number, found, bytes, &mut stats, &mut scratch);
                }
                let position = self
                    .asked
                    .selected
                    .wanted
                    .iter()
                    .position(|other| other.series == number.series);
                let column = position.and_then(|at| sources.head.columns.get(at));
                if let Some(column) = column.and_then(|column| column.get(head.clone())) {
                    add_runs(&plan.head, column, number.factor, &mut stats);
                }
            }
            if let Some(first) = numbers.first() {
                self.fold.add(first.slot, &plan.stretch, &stats);
            }
        }
        Ok(())
    }

    /// The entries of series: of each, one per slice that has it.
    async fn entries(
        &self,
        moment: &mut dyn Moment,
        sources: &mut Sources,
        plan: &Plan,
        wanted: &[Wanted],
    ) -> Result<Vec<Vec<Found>>, StoreError> {
        let mut slices: Vec<usize> = plan.pages.iter().map(|page| page.slice).collect();
        slices.dedup();
        let mut places: Vec<(usize, usize, usize, Place, Piece)> = Vec::new();
        for (number, wanted) in wanted.iter().enumerate() {
            for &slice in &slices {
                let Some(directory) = sources.slices.get(slice) else { continue };
                let Some(at) = directory.find(wanted.series) else { continue };
                places.push((number, slice, at, directory.place, directory.entry(at)));
            }
        }
        let (parts, numbers) =
            read(moment, places.iter().map(|(.., place, piece)| (*place, piece.part))).await?;
        let mut found: Vec<Vec<Found>> = wanted.iter().map(|_| Vec::new()).collect();
        for ((number, slice, at, place, _), part) in places.into_iter().zip(numbers) {
            let (Some(wanted), Some(directory)) = (wanted.get(number), sources.slices.get(slice))
            else {
                continue;
            };
            let part = parts.get(part).map_or(&[][..], |part| part);
            match (Entry::read(directory, at, wanted.check, part), found.get_mut(number)) {
                (Some(entry), Some(found)) => found.push(Found { slice, at, entry }),
                _ => sources.damaged.push(Damaged { place, series: Some(wanted.series) }),
            }
        }
        Ok(found)
    }
}

fn slot_before(wanted: &[Wanted], at: usize) -> Option<usize> {
    wanted.get(at.checked_sub(1)?).map(|wanted| wanted.slot)
}

/// Reads parts, each once: the parts, and which of them is which of those wanted.
async fn read(
    moment: &mut dyn Moment,
    wanted: impl Iterator<Item = (Place, u32)>,
) -> Result<(Vec<Vec<u8>>, Vec<usize>), StoreError> {
    let wanted: Vec<(Place, u32)> = wanted.collect();
    let mut distinct = wanted.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let numbers = wanted.iter().map(|part| distinct.binary_search(part).unwrap_or(0)).collect();
    let parts = if distinct.is_empty() { Vec::new() } else { moment.parts(&distinct).await? };
    Ok((parts, numbers))
}

/// Where the values of a series in a slice are: the number of the part, and the piece of it.
type Pieces = Vec<Vec<Option<(usize, Piece)>>>;

/// Reads the parts of values that are unpacked.
async fn values(
    moment: &mut dyn Moment,
    sources: &Sources,
    plan: &Plan,
    found: &[Vec<Found>],
) -> Result<(Vec<Vec<u8>>, Pieces), StoreError> {
    let unpacked = |slice: usize| {
        let mut pages = plan.pages.iter().filter(|page| page.slice == slice);
        pages.any(|page| matches!(page.adds, Adds::Values(_)))
    };
    let piece = |found: &Found| {
        let directory = sources.slices.get(found.slice)?;
        let piece = directory.values(found.at);
        let is_read = !piece.range.is_empty() && unpacked(found.slice);
        is_read.then_some((directory.place, piece))
    };
    let pieces: Vec<Vec<Option<(Place, Piece)>>> =
        found.iter().map(|found| found.iter().map(piece).collect()).collect();
    let wanted = pieces.iter().flatten().flatten().map(|(place, piece)| (*place, piece.part));
    let (parts, numbers) = read(moment, wanted).await?;
    let mut numbers = numbers.into_iter();
    let numbered = pieces.into_iter().map(|pieces| {
        let numbered = pieces.into_iter().map(|piece| {
            let (_, piece) = piece?;
            Some((numbers.next()?, piece))
        });
        numbered.collect()
    });
    Ok((parts, numbered.collect()))
}

/// Adds what a slice has of a series.
fn add_slice(
    sources: &mut Sources,
    plan: &Plan,
    wanted: &Wanted,
    found: &Found,
    bytes: &[u8],
    stats: &mut [Stat],
    scratch: &mut Vec<i64>,
) {
    let Some(directory) = sources.slices.get(found.slice) else { return };
    let mut column = Column::new(directory, &found.entry, wanted.check, bytes);
    let mut damaged = Vec::new();
    for page in plan.pages.iter().filter(|page| page.slice == found.slice) {
        let Some(entry) = found.entry.pages.get(page.page) else { continue };
        match &page.adds {
            Adds::Stat(row) => {
                if let Some(stat) = stats.get_mut(*row) {
                    stat.merge(&entry.stat.scaled(wanted.factor));
                }
            }
            Adds::Values(runs) => {
                scratch.clear();
                match column.unpack(page.page, scratch) {
                    Some(()) => add_runs(runs, scratch, wanted.factor, stats),
                    None => damaged.push(Damaged {
                        place: Place {
                            timestamp_ms: directory.page(page.page).start_ms,
                            ..directory.place
                        },
                        series: Some(wanted.series),
                    }),
                }
            }
        }
    }
    sources.damaged.extend(damaged);
}

fn add_runs(runs: &[Run], values: &[i64], factor: i64, stats: &mut [Stat]) {
    for run in runs {
        let (Some(values), Some(stat)) = (values.get(run.from..run.until), stats.get_mut(run.row))
        else {
            continue;
        };
        stat.merge(&stat_of(values, run.last_ms).scaled(factor));
    }
}

/// Neighbouring values. Where the newest is missing, the one before it takes its time: no other
/// frame of the series lies between.
fn stat_of(values: &[i64], last_ms: i64) -> Stat {
    let mut stat = Stat { min: i64::MAX, max: i64::MIN, last_ms, ..Stat::default() };
    for &value in values.iter().filter(|&&value| value != MISSING) {
        stat.count += 1;
        stat.sum += i128::from(value);
        stat.min = stat.min.min(value);
        stat.max = stat.max.max(value);
        stat.last = value;
    }
    stat
}
