//! Values at full resolution as they were appended, a day at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::Engine;
use crate::{
    StoreError,
    archive::{Files, Moment, Shelf, TIMES},
    compose::Loaded,
    damage::Damaged,
    layout::{
        Place, Wanted,
        slice::{DAY_MS, Directory},
    },
};

/// What a shelf holds within a range.
#[derive(Debug, Default)]
pub(crate) struct Extent {
    /// The days that have frames, and about how many.
    pub(crate) days: BTreeMap<i64, u64>,
    /// The numbers of the series that may have a value.
    pub(crate) series: BTreeSet<u32>,
}

impl Extent {
    fn add(&mut self, time_ms: i64, frames: usize) {
        *self.days.entry(time_ms - time_ms.rem_euclid(DAY_MS)).or_default() += frames as u64;
    }
}

impl<F: Files> Engine<F> {
    /// What there is in a range.
    pub(crate) async fn extent(
        &self,
        shelf: Shelf,
        range: &Range<i64>,
    ) -> Result<Extent, StoreError> {
        let mut extent = Extent::default();
        let mut from = (range.start - DAY_MS).max(TIMES.start);
        loop {
            let mut moment = self.files.moment().await?;
            let sheets = moment.sheets(shelf, from..range.end, super::AT_ONCE).await?;
            let Some((last, _)) = sheets.last() else { break };
            from = last.timestamp_ms + 1;
            for (place, bytes) in sheets {
                match Directory::open(place, bytes) {
                    Some(directory) => extent.add_slice(&directory, range),
                    None => self.note(&[Damaged::all(place)]),
                }
            }
        }
        if shelf.interval_ms == 0
            && let Some(head) = self.head().host(shelf.host)
        {
            let rows = head.rows(range);
            head.times.get(rows.clone()).unwrap_or_default().iter().for_each(|&t| extent.add(t, 1));
            extent.series.extend(if rows.is_empty() { 0..0 } else { 0..head.series_count() });
        }
        Ok(extent)
    }

    /// The slices of a range of whole days, with those parts that some series need.
    pub(crate) async fn load_some(
        &self,
        shelf: Shelf,
        days: Range<i64>,
        wanted: &[Wanted],
    ) -> Result<Vec<Loaded>, StoreError> {
        let mut moment = self.files.moment().await?;
        let (mut slices, mut damaged) = (Vec::new(), Vec::new());
        for (place, bytes) in moment.sheets(shelf, days, usize::MAX).await? {
            match Directory::open(place, bytes) {
                Some(directory) => slices.push(load(&mut *moment, directory, wanted).await?),
                None => damaged.push(Damaged::all(place)),
            }
        }
        self.note(&damaged);
        Ok(slices)
    }
}

impl Extent {
    fn add_slice(&mut self, directory: &Directory, range: &Range<i64>) {
        let mut any = false;
        for page in directory.pages() {
            if page.first_ms < range.end && page.last_ms >= range.start {
                self.add(page.first_ms, page.frames);
                any = true;
            }
        }
        if any {
            self.series.extend(directory.all_series());
        }
    }
}

/// A slice with the parts that some series need; the others are empty.
async fn load(
    moment: &mut dyn Moment,
    directory: Directory,
    wanted: &[Wanted],
) -> Result<Loaded, StoreError> {
    let mut numbers = BTreeSet::from([0]);
    for at in wanted.iter().filter_map(|wanted| directory.find(wanted.series)) {
        numbers.extend([directory.entry(at).part, directory.values(at).part]);
    }
    let wanted: Vec<(Place, u32)> =
        numbers.iter().map(|&number| (directory.place, number)).collect();
    let found = moment.parts(&wanted).await?;
    let mut parts = vec![Vec::new(); directory.part_count() as usize];
    for (number, bytes) in numbers.into_iter().zip(found) {
        if let Some(part) = parts.get_mut(number as usize) {
            *part = bytes;
        }
    }
    Ok(Loaded { directory, parts })
}
