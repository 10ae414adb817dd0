//! Which rows of an answer the pages and frames of a portion of time belong to.

use std::ops::Range;

use super::{
    Asked,
    fold::{Fold, Stretch},
    sources::{Lies, Sources, lies},
};
use crate::{
    damage::Damaged,
    layout::{Place, slice::PageInfo},
};

/// The pages and the frames of a portion, each with its rows.
pub(super) struct Plan {
    pub(super) stretch: Stretch,
    /// In the order of the slices.
    pages: Vec<Page>,
    pub(super) head: Vec<Run>,
}

impl Plan {
    /// The pages of a slice.
    pub(super) fn pages_of(&self, slice: usize) -> &[Page] {
        let from = self.pages.partition_point(|page| page.slice < slice);
        let until = self.pages.partition_point(|page| page.slice <= slice);
        self.pages.get(from..until).unwrap_or_default()
    }
}

/// How a page is added.
pub(super) struct Page {
    slice: usize,
    pub(super) page: usize,
    pub(super) adds: Adds,
}

pub(super) enum Adds {
    /// Its stat, to this row.
    Stat(usize),
    /// Its values: runs of frames in the same row.
    Values(Vec<Run>),
}

/// Neighbouring frames in the same row.
pub(super) struct Run {
    pub(super) row: usize,
    pub(super) from: usize,
    pub(super) until: usize,
    /// The time of the last.
    pub(super) last_ms: i64,
}

/// A run whose row has no number yet.
struct Cut {
    row_ms: i64,
    from: usize,
    until: usize,
    last_ms: i64,
}

/// A page, and the runs of its frames; a single one without frames where all of it is one row.
struct CutPage {
    slice: usize,
    page: usize,
    cuts: Vec<Cut>,
}

impl CutPage {
    fn is_one_row(&self) -> bool {
        matches!(self.cuts.as_slice(), [Cut { until: 0, .. }])
    }
}

/// Whether a page must be looked into to know the rows of its frames.
pub(super) fn splits(fold: &Fold, asked: &Asked, interval_ms: i64, page: &PageInfo) -> bool {
    interval_ms == 0
        && match lies(interval_ms, page, &asked.range) {
            Lies::Outside => false,
            Lies::Partly => true,
            Lies::Whole => fold.row_time(page.first_ms) != fold.row_time(page.last_ms),
        }
}

/// A plan being made.
pub(super) struct Planner<'a> {
    asked: &'a Asked,
    fold: &'a mut Fold,
    /// Each row with the length of the downsampled frame in it.
    rows: Vec<(i64, i64)>,
    /// First time, last time, frames and their usual distance, of what is not looked at in detail.
    spaced: Vec<(i64, i64, usize, i64)>,
    pages: Vec<CutPage>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(asked: &'a Asked, fold: &'a mut Fold) -> Self {
        Self { asked, fold, rows: Vec::new(), spaced: Vec::new(), pages: Vec::new() }
    }

    /// The plan of these slices, whose times are known where they are split, and of some frames of
    /// the head.
    pub(super) fn plan(
        mut self,
        sources: &mut Sources,
        slices: &[usize],
        head: Range<usize>,
    ) -> Plan {
        let mut damaged = Vec::new();
        for &slice in slices {
            let Some(directory) = sources.slices.get(slice) else { continue };
            for (page, info) in directory.pages().enumerate() {
                if self.add_page(sources, slice, page, &info).is_none() {
                    let place = Place { timestamp_ms: info.start_ms, ..directory.place };
                    damaged.push(Damaged::all(place));
                }
            }
        }
        sources.damaged.extend(damaged);
        let times = sources.head.times.get(head).unwrap_or_default();
        let head = self.add_frames(0..times.len(), |at| times.get(at).copied().unwrap_or(0), 0);
        self.finish(head)
    }

    /// Nothing if the page has to be looked into and its times are damaged.
    fn add_page(
        &mut self,
        sources: &Sources,
        slice: usize,
        page: usize,
        info: &PageInfo,
    ) -> Option<()> {
        let interval_ms = sources.slices.get(slice)?.place.interval_ms;
        if lies(interval_ms, info, &self.asked.range) == Lies::Outside {
            return Some(());
        }
        if splits(self.fold, self.asked, interval_ms, info) {
            let times = sources.page_times(slice, page)?;
            let range = &self.asked.range;
            let frames = times.before(range.start)..times.before(range.end);
            let cuts = self.add_frames(frames, |at| times.at(at), info.spacing_ms);
            self.pages.push(CutPage { slice, page, cuts });
            return Some(());
        }
        let time = if interval_ms > 0 { info.start_ms } else { info.first_ms };
        let row_ms = self.fold.row_time(time);
        self.rows.push((row_ms, interval_ms));
        if interval_ms == 0 {
            self.spaced.push((info.first_ms, info.last_ms, info.frames, info.spacing_ms));
        }
        let cuts = vec![Cut { row_ms, from: 0, until: 0, last_ms: 0 }];
        self.pages.push(CutPage { slice, page, cuts });
        Some(())
    }

    /// Cuts frames into runs. Where points are as stored, each frame is a row.
    fn add_frames(
        &mut self,
        frames: Range<usize>,
        time: impl Fn(usize) -> i64,
        spacing_ms: i64,
    ) -> Vec<Cut> {
        let (mut cuts, mut from) = (Vec::new(), frames.start);
        while from < frames.end {
            let row_ms = self.fold.row_time(time(from));
            let until = match self.fold.row_end(row_ms) {
                Some(end) => first_behind(from..frames.end, |at| time(at) < end),
                None => from + 1,
            };
            let last_ms = time(until - 1);
            cuts.push(Cut { row_ms, from, until, last_ms });
            from = until;
        }
        self.rows.extend(cuts.iter().map(|cut| (cut.row_ms, 0)));
        if spacing_ms > 0 && self.fold.row_end(0).is_some() && !frames.is_empty() {
            let (first, last) = (time(frames.start), time(frames.end - 1));
            self.spaced.push((first, last, frames.len(), spacing_ms));
        } else {
            self.spaced.extend(frames.map(|at| (time(at), time(at), 1, 0)));
        }
        cuts
    }

    /// Gives the rows their numbers.
    fn finish(mut self, head: Vec<Cut>) -> Plan {
        self.rows.sort_unstable();
        self.spaced.sort_unstable();
        for (first, last, frames, spacing) in self.spaced {
            self.fold.spacing.add_page(first, last, frames, spacing);
        }
        let stretch = self.fold.begin(&self.rows);
        let rows = &stretch.times;
        let pages = self.pages.into_iter().filter_map(|cut| {
            let adds = match cut.is_one_row() {
                true => Adds::Stat(rows.binary_search(&cut.cuts.first()?.row_ms).ok()?),
                false => Adds::Values(runs(rows, cut.cuts)),
            };
            Some(Page { slice: cut.slice, page: cut.page, adds })
        });
        let pages = pages.collect();
        let head = runs(rows, head);
        Plan { stretch, pages, head }
    }
}

/// The runs of cuts, which are in order of time as the rows are.
fn runs(rows: &[i64], cuts: Vec<Cut>) -> Vec<Run> {
    let first = cuts.first().map_or(0, |cut| cut.row_ms);
    let mut row = rows.partition_point(|&other| other < first);
    let run = |Cut { row_ms, from, until, last_ms }| {
        while rows.get(row).is_some_and(|&other| other < row_ms) {
            row += 1;
        }
        Run { row, from, until, last_ms }
    };
    cuts.into_iter().map(run).collect()
}

/// The first place that is not before something, found in steps that double: it may be near.
fn first_behind(places: Range<usize>, is_before: impl Fn(usize) -> bool) -> usize {
    let (mut from, mut width) = (places.start, 1);
    while from + width <= places.end && is_before(from + width - 1) {
        from += width;
        width *= 2;
    }
    let mut until = (from + width).min(places.end);
    while from < until {
        let middle = usize::midpoint(from, until);
        if is_before(middle) { from = middle + 1 } else { until = middle }
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_place_behind_is_found_wherever_it_is() {
        for length in 0..40 {
            for first in 0..=length {
                for start in 0..=first {
                    assert_eq!(first_behind(start..length, |at| at < first), first);
                }
            }
        }
    }
}
