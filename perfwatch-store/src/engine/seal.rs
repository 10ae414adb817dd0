//! Sealing: the frames of an hour become a slice, the slices of a day one if they are not too long.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Engine, Sealing, append::due_before, work};
use crate::{
    StoreError,
    archive::{Change, Files, Moment, Sheet, Shelf},
    compose::{Loaded, Material},
    damage::Damaged,
    layout::{
        Place,
        slice::{DAY_MS, Directory, HOUR_MS, Slice},
    },
};

/// How many days back slices are merged: what retention took apart stays so.
const MERGED_DAYS: i64 = 3;

/// Slices are merged up to this size: it is what one transaction writes while appends wait.
const MERGED_BYTES: u64 = 6 << 20;

impl<F: Files> Engine<F> {
    /// Seals all hours that are over, then merges the days that are.
    pub(crate) async fn seal(&self, sealing: Sealing) -> Result<(), StoreError> {
        let _keeping = self.keeping.lock().await;
        let hosts = self.index().hosts().len() as u32;
        for host in 0..hosts {
            self.seal_host(host, sealing).await?;
        }
        Ok(())
    }

    /// The same for one host, where nobody else changes slices.
    pub(crate) async fn seal_host(&self, host: u32, sealing: Sealing) -> Result<(), StoreError> {
        let shelf = Shelf { host, interval_ms: 0 };
        for hour in self.due(host, sealing) {
            self.seal_hour(shelf, hour).await?;
        }
        self.merge_days(shelf).await
    }

    fn due(&self, host: u32, sealing: Sealing) -> Vec<i64> {
        let head = self.head();
        let Some(head) = head.host(host) else { return Vec::new() };
        let newest = head.times.last().copied().unwrap_or(0);
        let before = if sealing == Sealing::AtOnce { i64::MAX } else { due_before(newest) };
        head.hours().into_iter().filter(|&hour| hour < before).collect()
    }

    /// Seals the frames of an hour, together with the slice that holds this hour already.
    async fn seal_hour(&self, shelf: Shelf, hour: i64) -> Result<(), StoreError> {
        self.open()?;
        let mut moment = self.files.moment().await?;
        let starts = (hour + HOUR_MS - DAY_MS).max(0)..hour + HOUR_MS;
        let slices = load_all(&mut *moment, shelf, starts, &mut Vec::new()).await?;
        drop(moment);
        // The slice that covers this hour, which may be a whole day.
        let covering = slices.into_iter().filter(|slice| {
            let last = slice.directory.pages().next_back().map_or(i64::MIN, |page| page.start_ms);
            slice.directory.place.timestamp_ms == hour || last >= hour
        });
        let slices: Vec<Loaded> = covering.collect();
        let start = slices.first().map_or(hour, |slice| slice.directory.place.timestamp_ms);
        let end = slices.iter().flat_map(|slice| slice.directory.pages().next_back());
        let end = end.map(|page| page.start_ms).max().unwrap_or(hour).max(hour) + HOUR_MS;
        self.rebuild(shelf, slices, start..end).await
    }

    /// Makes one slice of these slices and of the frames within a range.
    async fn rebuild(
        &self,
        shelf: Shelf,
        slices: Vec<Loaded>,
        range: Range<i64>,
    ) -> Result<(), StoreError> {
        let delete = slices.iter().map(|slice| slice.directory.place).collect();
        let place = shelf.place(range.start);
        let material = self.material(shelf, slices, None, &range);
        let frames = frames_of(shelf, &material);
        let (slice, damaged) = work(move || {
            let mut material = material;
            (material.slice(place, &range), material.damaged)
        })
        .await?;
        self.note(&damaged);
        self.change(Change { delete, put: slice.into_iter().collect(), frames }).await
    }

    /// Slices, and the frames of the head within a range.
    pub(crate) fn material(
        &self,
        shelf: Shelf,
        slices: Vec<Loaded>,
        rollup: Option<Loaded>,
        range: &Range<i64>,
    ) -> Material {
        let index = self.index();
        let names = index.get(shelf.host).map(|host| {
            (0..host.series_count() as u32).map(|series| host.check_of(series)).collect()
        });
        let head = self.head().host(shelf.host).map(|head| head.copy(range));
        Material {
            names: names.unwrap_or_default(),
            slices,
            rollup,
            head: head.unwrap_or_default(),
            damaged: Vec::new(),
        }
    }

    /// Merges the slices of the newest days that are over.
    async fn merge_days(&self, shelf: Shelf) -> Result<(), StoreError> {
        let newest = self.head().host(shelf.host).and_then(|head| head.times.last().copied());
        let until = self.index().get(shelf.host).map(|host| host.sliced_until_ms);
        let newest = newest.max(until).unwrap_or(0);
        let today = due_before(newest).div_euclid(DAY_MS);
        for day in (today - MERGED_DAYS).max(0)..today {
            self.open()?;
            let range = day * DAY_MS..(day + 1) * DAY_MS;
            let sheets = self.files.moment().await?.sheets(shelf, range, usize::MAX).await?;
            for group in groups(sheets, MERGED_BYTES) {
                let (slices, _) = self.slices(shelf, group.clone()).await?;
                // What is damaged is left where it is.
                if slices.len() > 1 {
                    self.rebuild(shelf, slices, group).await?;
                    while self.files.shrink().await? {}
                }
            }
        }
        Ok(())
    }

    /// Puts slices in place. Whoever sees them must know where to look for them, and they must be
    /// seen before the frames are gone from the head.
    pub(crate) async fn change(&self, change: Change) -> Result<(), StoreError> {
        for slice in &change.put {
            self.note_slice(slice);
        }
        let mut unsure = self.turn.lock().await;
        self.open()?;
        *unsure = true;
        self.change_files(&change).await?;
        let hosts: BTreeSet<u32> = change.frames.iter().map(|place| place.host).collect();
        for host in hosts {
            let frames = change.frames.iter().filter(|place| place.host == host);
            self.head().remove(host, &frames.map(|place| place.timestamp_ms).collect());
        }
        *unsure = false;
        Ok(())
    }

    /// Changes slices, and what is known of them.
    async fn change_files(&self, change: &Change) -> Result<(), StoreError> {
        self.changes.fetch_add(1, Ordering::SeqCst);
        let changing = Changing(&self.changes);
        // Should this be cut off or fail, nobody knows what is there.
        let known = std::mem::take(&mut *self.recent());
        self.files.change(change).await?;
        let mut recent = self.recent();
        *recent = known;
        recent.follow(change);
        drop(changing);
        Ok(())
    }

    fn note_slice(&self, slice: &Slice) {
        let Some(directory) = Directory::open(slice.place, slice.directory.clone()) else { return };
        let Some(last) = directory.pages().next_back() else { return };
        if let Some(host) = self.index().get_mut(slice.place.host) {
            host.note_slice(slice.place.interval_ms, last.last_ms + 1);
        }
    }
}

/// Slices are being changed, until this is dropped.
struct Changing<'a>(&'a AtomicU64);

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The stretches of time of slices that follow one another and are merged into one of at most so
/// many bytes.
fn groups(sheets: Vec<Sheet>, most: u64) -> Vec<Range<i64>> {
    let mut groups: Vec<(Range<i64>, usize, u64)> = Vec::new();
    for (place, bytes) in sheets {
        let Some(directory) = Directory::open(place, bytes) else { continue };
        let end = directory.pages().next_back().map_or(place.timestamp_ms, |page| page.start_ms);
        let (_, entries, values) = directory.part_bytes();
        let length = entries + values;
        match groups.last_mut() {
            Some((range, slices, bytes)) if *bytes + length <= most => {
                (range.end, *slices, *bytes) = (end + HOUR_MS, *slices + 1, *bytes + length);
            }
            _ => groups.push((place.timestamp_ms..end + HOUR_MS, 1, length)),
        }
    }
    groups.into_iter().filter(|(_, slices, _)| *slices > 1).map(|(range, ..)| range).collect()
}

/// The places of the frames of the head in some material.
pub(super) fn frames_of(shelf: Shelf, material: &Material) -> Vec<Place> {
    material.head.times.iter().map(|&time| shelf.place(time)).collect()
}

/// Slices with all their parts; damaged ones are told and left out.
pub(super) async fn load_all(
    moment: &mut dyn Moment,
    shelf: Shelf,
    starts: Range<i64>,
    damaged: &mut Vec<Damaged>,
) -> Result<Vec<Loaded>, StoreError> {
    let mut slices = Vec::new();
    for (place, bytes) in moment.sheets(shelf, starts, usize::MAX).await? {
        let Some(directory) = Directory::open(place, bytes) else {
            damaged.push(Damaged::all(place));
            continue;
        };
        slices.push(load(moment, directory).await?);
    }
    Ok(slices)
}

/// A slice with all its parts.
pub(super) async fn load(
    moment: &mut dyn Moment,
    directory: Directory,
) -> Result<Loaded, StoreError> {
    let wanted: Vec<(Place, u32)> =
        (0..directory.part_count()).map(|part| (directory.place, part)).collect();
    let parts = moment.parts(&wanted).await?;
    Ok(Loaded { directory, parts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::slice::Builder;

    /// The slice of an hour with one series of random values.
    fn sheet(hour: i64, frames: i64) -> Sheet {
        let place = Place { host: 0, interval_ms: 0, timestamp_ms: hour * HOUR_MS };
        let times: Vec<i64> = (0..frames).map(|n| place.timestamp_ms + n * 1000).collect();
        let values: Vec<i64> = times.iter().map(|time| time * 48_271 % 65_521).collect();
        let mut builder = Builder::new(place, times);
        builder.add_values(0, 7, &values).unwrap();
        (place, builder.finish().directory)
    }

    #[test]
    fn slices_are_merged_up_to_a_size_and_then_no_more() {
        let hours = |hours: &[i64]| hours.iter().map(|&hour| sheet(hour, 1000)).collect::<Vec<_>>();
        let (place, bytes) = sheet(0, 1000);
        let (_, entries, values) = Directory::open(place, bytes).unwrap().part_bytes();
        let one = entries + values;
        assert!(one > 100, "{one}");
        assert!(groups(hours(&[3]), 9 * one).is_empty());
        assert_eq!(groups(hours(&[0, 1, 5]), 9 * one).pop(), Some(0..6 * HOUR_MS));
        let two = [0..2 * HOUR_MS, 2 * HOUR_MS..4 * HOUR_MS];
        assert_eq!(groups(hours(&[0, 1, 2, 3, 4]), 5 * one / 2), two);
        assert!(groups(hours(&[0, 1, 2]), 3 * one / 2).is_empty());
    }
}
