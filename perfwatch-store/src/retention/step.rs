//! One step: a stretch of frames is downsampled, or goes.

use std::ops::Range;

use super::whole_before;
use crate::{
    RetentionReport, StoreError,
    archive::{Change, Files, Shelf, TIMES},
    compose::{Loaded, Material},
    engine::Engine,
    layout::{
        Place,
        slice::{DAY_MS, Directory, HOUR_MS, Slice, span_ms},
    },
};

/// Merges the oldest frames before a time, as many as one downsampled slice covers, and says
/// whether there were any. Late frames join what is there already.
pub(super) async fn downsample_step<F: Files>(
    engine: &Engine<F>,
    frames: Shelf,
    interval_ms: i64,
    before_ms: i64,
    report: &mut RetentionReport,
) -> Result<bool, StoreError> {
    let Some(oldest) = engine.oldest(frames).await?.filter(|&oldest| oldest < before_ms) else {
        return Ok(false);
    };
    let rollups = Shelf { interval_ms, ..frames };
    let place = rollups.place(whole_before(oldest, span_ms(interval_ms)));
    let end = before_ms.min(place.timestamp_ms + span_ms(interval_ms));
    let range = place.timestamp_ms..end;
    let mut cut = Cut::read(engine, frames, range.clone()).await?;
    cut.material.rollup = engine.slice_at(place).await?;
    let gone = cut.material.frames(&range);
    let known = cut.material.rollups();
    let delete_rollup = cut.material.rollup.is_some().then_some(place);
    let (put, cut) = engine
        .work(move || {
            let merged = cut.material.downsampled(place, &TIMES, &range);
            let put: Vec<Slice> = merged.into_iter().chain(cut.rest(range.end)).collect();
            (put, cut)
        })
        .await?;
    let now = put.iter().find(|slice| slice.place == place).map_or(0, |slice| slice.frames);
    let mut change = cut.change(put);
    change.delete.extend(delete_rollup);
    engine.note(&cut.material.damaged);
    engine.change(change).await?;
    report.deleted_frames += gone;
    report.downsampled_frames += now.saturating_sub(known);
    Ok(true)
}

/// Takes the oldest slice, or what of it is before a time, or the oldest frames away, and says
/// whether there were any.
pub(super) async fn delete_step<F: Files>(
    engine: &Engine<F>,
    shelf: Shelf,
    before_ms: i64,
    report: &mut RetentionReport,
) -> Result<bool, StoreError> {
    let Some(oldest) = engine.oldest(shelf).await?.filter(|&oldest| oldest < before_ms) else {
        return Ok(false);
    };
    if shelf.interval_ms > 0 {
        return delete_rollups(engine, shelf, before_ms, report).await;
    }
    let day = whole_before(oldest, DAY_MS);
    let range = day..before_ms.min(day + DAY_MS);
    let mut cut = Cut::read(engine, shelf, range.clone()).await?;
    let gone = cut.material.frames(&range);
    let (put, cut) = engine
        .work(move || {
            let put = cut.rest(range.end);
            (put, cut)
        })
        .await?;
    engine.note(&cut.material.damaged);
    engine.change(cut.change(put)).await?;
    report.deleted_frames += gone;
    Ok(true)
}

async fn delete_rollups<F: Files>(
    engine: &Engine<F>,
    shelf: Shelf,
    before_ms: i64,
    report: &mut RetentionReport,
) -> Result<bool, StoreError> {
    let Some((place, bytes)) = engine.oldest_sheet(shelf).await? else { return Ok(false) };
    let starts = |directory: &Directory| -> Vec<i64> {
        directory.pages().map(|page| page.start_ms).collect()
    };
    let starts = Directory::open(place, bytes).map(|directory| starts(&directory));
    let starts = starts.unwrap_or_default();
    let gone = starts.iter().filter(|&&start| start < before_ms).count();
    let mut change = Change { delete: vec![place], ..Change::default() };
    if gone < starts.len() {
        let rollup = engine.slice_at(place).await?;
        let frames = Shelf { interval_ms: 0, ..shelf };
        let mut material = engine.material(frames, Vec::new(), rollup, &(0..0));
        let kept = before_ms..TIMES.end;
        let put = engine.work(move || material.downsampled(place, &kept, &(0..0))).await?;
        change.put.extend(put);
    }
    engine.change(change).await?;
    report.deleted_downsampled_frames += gone as u64;
    Ok(true)
}

/// The slices at full resolution that a range touches, to be replaced by what is behind its end.
struct Cut {
    shelf: Shelf,
    material: Material,
    /// Their places, and those of slices that cannot be read.
    places: Vec<Place>,
    frames: Vec<Place>,
}

impl Cut {
    async fn read<F: Files>(
        engine: &Engine<F>,
        shelf: Shelf,
        range: Range<i64>,
    ) -> Result<Self, StoreError> {
        let starts = (range.start - DAY_MS + 1).max(0)..range.end;
        let (slices, damaged) = engine.slices(shelf, starts).await?;
        let touches = |slice: &Loaded| {
            let (first, last) =
                (slice.directory.pages().next(), slice.directory.pages().next_back());
            first.is_none_or(|page| page.first_ms < range.end)
                && last.is_none_or(|page| page.last_ms >= range.start)
        };
        let slices: Vec<Loaded> = slices.into_iter().filter(touches).collect();
        let lost = damaged.into_iter().map(|damaged| damaged.place);
        let lost = lost.filter(|place| range.contains(&place.timestamp_ms));
        let places = slices.iter().map(|slice| slice.directory.place).chain(lost).collect();
        let material = engine.material(shelf, slices, None, &range);
        let frames = material.head.times.iter().map(|&time| shelf.place(time)).collect();
        Ok(Self { shelf, material, places, frames })
    }

    /// What lies behind a time, by hours: they are cut no more, whatever goes next.
    fn rest(&mut self, from_ms: i64) -> Vec<Slice> {
        let pages = self.material.slices.iter().flat_map(|slice| slice.directory.pages());
        let rest = pages.filter(|page| page.last_ms >= from_ms);
        let mut hours: Vec<i64> = rest.map(|page| page.start_ms).collect();
        hours.sort_unstable();
        hours.dedup();
        let slice = |hour: i64| {
            let range = from_ms.max(hour)..hour + HOUR_MS;
            self.material.slice(self.shelf.place(hour), &range)
        };
        hours.into_iter().filter_map(slice).collect()
    }

    fn change(&self, put: Vec<Slice>) -> Change {
        Change { delete: self.places.clone(), put, frames: self.frames.clone() }
    }
}
