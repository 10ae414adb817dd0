//! Adds up one portion of time: what is read at once.
//!
//! A page that lies in one row needs no values: its stat is added. The values of the others are
//! unpacked, one series at a time.

use std::ops::Range;

use perfwatch_core::MISSING;

use super::{
    Asked,
    fold::Fold,
    plan::{Adds, Plan, Planner, Run, splits},
    sources::{Portion, Sources},
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

/// So many series are read at once, of so many slices less: what they take is what a question takes.
pub(super) const SERIES: usize = 256;

/// What is added in one go.
pub(super) struct Adding<'a> {
    asked: &'a Asked,
    fold: &'a mut Fold,
}

/// The bytes of one series in one slice.
struct Found {
    slice: usize,
    at: usize,
    entry: Entry,
}

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
        let split = |slice: &usize| {
            sources.slices.get(*slice).is_some_and(|directory| {
                let interval_ms = directory.place.interval_ms;
                directory.pages().any(|page| splits(self.fold, self.asked, interval_ms, &page))
            })
        };
        let split: Vec<usize> = portion.slices.iter().copied().filter(split).collect();
        sources.read_times(moment, &split).await?;
        let planner = Planner::new(self.asked, self.fold);
        let plan = planner.plan(sources, &portion.slices, portion.head.clone());
        let wanted = self.asked.selected.wanted.as_slice();
        let mut from = 0;
        while from < wanted.len() {
            // Numbers of one series stay together.
            let mut until = wanted.len().min(from + SERIES);
            while wanted
                .get(until)
                .is_some_and(|next| Some(next.slot) == slot_before(wanted, until))
            {
                until += 1;
            }
            self.add_series(moment, sources, &plan, from..until, &portion.head).await?;
            from = until;
        }
        Ok(())
    }

    /// Adds the series that have these numbers among those wanted.
    async fn add_series(
        &mut self,
        moment: &mut dyn Moment,
        sources: &mut Sources,
        plan: &Plan,
        range: Range<usize>,
        head: &Range<usize>,
    ) -> Result<(), StoreError> {
        let wanted = self.asked.selected.wanted.get(range.clone()).unwrap_or_default();
        let found = self.entries(moment, sources, plan, wanted).await?;
        let (parts, pieces) = values(moment, sources, plan, &found).await?;
        let mut stats = vec![Stat::default(); plan.stretch.times.len()];
        let mut scratch = Vec::new();
        let mut each = range.zip(wanted.iter().zip(found.iter().zip(&pieces))).peekable();
        while let Some((at, (number, (found, pieces)))) = each.next() {
            for (found, piece) in found.iter().zip(pieces) {
                let bytes = piece.as_ref().and_then(|(part, piece)| piece.of(parts.get(*part)?));
                let bytes = bytes.unwrap_or_default();
                add_slice(sources, plan, number, found, bytes, &mut stats, &mut scratch);
            }
            let column = sources.head.columns.get(at).and_then(|column| column.get(head.clone()));
            add_runs(&plan.head, column.unwrap_or_default(), number.factor, &mut stats);
            // A series may have several numbers.
            if each.peek().is_none_or(|(_, (next, _))| next.slot != number.slot) {
                self.fold.add(number.slot, &plan.stretch, &stats);
                stats.fill(Stat::default());
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
        let slices: Vec<usize> = plan.slices().collect();
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
    let unpacked =
        |slice: usize| plan.pages_of(slice).iter().any(|page| matches!(page.adds, Adds::Values(_)));
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
    for page in plan.pages_of(found.slice) {
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
    // The sum in 64 bits is right as long as none is longer than 31.
    let (mut sum, mut long) = (0_i64, 0_u64);
    for &value in values.iter().filter(|&&value| value != MISSING) {
        stat.count += 1;
        sum = sum.wrapping_add(value);
        long |= value.unsigned_abs();
        stat.min = stat.min.min(value);
        stat.max = stat.max.max(value);
        stat.last = value;
    }
    stat.sum = match long >> 31 == 0 && values.len() >> 31 == 0 {
        true => i128::from(sum),
        false => values.iter().filter(|&&value| value != MISSING).map(|&v| i128::from(v)).sum(),
    };
    stat
}
