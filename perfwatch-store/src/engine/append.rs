//! Appending: each frame once, durable before it is seen.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
};

use super::{Engine, Sealing};
use crate::{
    Record, StoreError,
    archive::{Files, Moment, NewNames, shelves_of},
    layout::{
        Frame, HostIndex, Index, Place,
        slice::{Directory, HOUR_MS, span_ms},
    },
};

/// Frames that come late find their hour open for so long.
const GRACE_MS: i64 = 2 * 60 * 1000;

/// With more frames than this in memory, an append waits until some are sealed.
const MOST: usize = 40_000;

/// So many frames are sealed however new they are: somebody imports old ones.
const MANY: usize = 20_000;

/// What was kept.
pub(super) struct Kept {
    /// How many frames were new.
    pub(super) frames: u64,
    /// What was left out of them.
    pub(super) left_out: Option<StoreError>,
}

impl<F: Files> Engine<F> {
    /// Keeps these frames, then seals what is due: without the caller, who waits only where much
    /// more comes than can be sealed.
    pub(crate) async fn append(self: &Arc<Self>, records: &[Record]) -> Result<(), StoreError> {
        let kept = self.keep_frames(|index| index.prepare(records)).await?;
        self.seal_if_due(records).await?;
        kept.left_out.map_or(Ok(()), Err)
    }

    async fn seal_if_due(self: &Arc<Self>, records: &[Record]) -> Result<(), StoreError> {
        if self.sealing == Sealing::AtOnce {
            return self.seal(Sealing::AtOnce).await;
        }
        if !self.is_due(records) {
            return Ok(());
        }
        if self.head().len() > MOST {
            return self.seal(self.sealing).await;
        }
        let engine = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = engine.seal(engine.sealing).await {
                tracing::warn!(%error, "frames were not sealed; this is tried again");
            }
        });
        Ok(())
    }

    /// Whether an hour is over that was not when this was last asked.
    fn is_due(&self, records: &[Record]) -> bool {
        if self.sealing == Sealing::Never {
            return false;
        }
        let newest = records.iter().map(Record::timestamp_ms).max();
        let until = newest.map_or(i64::MIN, due_before);
        let before = self.sealed_until_ms.fetch_max(until, Ordering::AcqRel);
        before < until || self.head().len() > MANY
    }

    /// Keeps the frames that are not there yet.
    pub(super) async fn keep_frames(
        &self,
        prepare: impl FnOnce(&mut Index) -> Result<Vec<Frame>, StoreError>,
    ) -> Result<Kept, StoreError> {
        let mut unsure = self.turn.lock().await;
        self.open()?;
        if *unsure {
            self.reload().await?;
        }
        // Until it is known what was written.
        *unsure = true;
        let (frames, left_out) = {
            let mut index = self.index();
            (prepare(&mut index), index.take_left_out())
        };
        let frames = frames.inspect_err(|_| *unsure = false)?;
        let frames = self.new_frames(frames).await?;
        self.files.append(self.new_names(), &frames).await?;
        self.index().mark_saved();
        let mut head = self.head();
        frames.iter().for_each(|frame| head.insert(frame));
        *unsure = false;
        Ok(Kept { frames: frames.len() as u64, left_out })
    }

    fn new_names(&self) -> Vec<NewNames> {
        let index = self.index();
        (0..).zip(index.hosts()).filter_map(|(host, names)| new_names(host, names)).collect()
    }

    /// The frames that are not there yet, each time once.
    async fn new_frames(&self, frames: Vec<Frame>) -> Result<Vec<Frame>, StoreError> {
        let mut new = Vec::with_capacity(frames.len());
        let mut seen = HashSet::new();
        let mut late = None;
        for frame in frames {
            let place = frame.place;
            if !seen.insert(place) || self.head().holds(place.host, place.timestamp_ms) {
                continue;
            }
            let until = self.index().get(place.host).map(|host| host.sliced_until_ms);
            if until.is_some_and(|until| place.timestamp_ms < until) {
                let late = match &mut late {
                    Some(late) => late,
                    none => none.insert(Late::new(self.files.moment().await?)),
                };
                let intervals = self.index().get(place.host).map(|host| host.intervals_ms.clone());
                if late.is_sliced(place, intervals.unwrap_or_default()).await? {
                    continue;
                }
            }
            new.push(frame);
        }
        Ok(new)
    }
}

/// The start of the first hour that is not over, by frames.
pub(crate) fn due_before(newest_ms: i64) -> i64 {
    let time = newest_ms.saturating_sub(GRACE_MS);
    time.saturating_sub(time.rem_euclid(HOUR_MS))
}

fn new_names(host: u32, names: &HostIndex) -> Option<NewNames> {
    let series = names.unsaved().map(|(id, info)| (id, info.path.to_string(), info.decimals));
    let series: Vec<_> = series.collect();
    let name = names.name.to_string();
    (!names.saved || !series.is_empty()).then_some(NewNames { host, name, series })
}

/// Looks late frames up in slices.
pub(crate) struct Late<'a> {
    moment: Box<dyn Moment + 'a>,
    /// The slices that may hold a frame of an hour, with their times.
    known: HashMap<Place, Vec<(Directory, Vec<u8>)>>,
}

impl<'a> Late<'a> {
    pub(crate) fn new(moment: Box<dyn Moment + 'a>) -> Self {
        Self { moment, known: HashMap::new() }
    }

    /// Whether a frame of this time is in a slice.
    pub(crate) async fn is_sliced(
        &mut self,
        place: Place,
        intervals_ms: impl IntoIterator<Item = i64>,
    ) -> Result<bool, StoreError> {
        let time = place.timestamp_ms;
        let hour = Place { timestamp_ms: time - time.rem_euclid(HOUR_MS), ..place };
        if !self.known.contains_key(&hour) {
            let mut slices = Vec::new();
            for shelf in shelves_of(place.host, intervals_ms) {
                let first = hour.timestamp_ms + HOUR_MS - span_ms(shelf.interval_ms).max(HOUR_MS);
                let starts = first.max(0)..hour.timestamp_ms + HOUR_MS;
                for (place, bytes) in self.moment.sheets(shelf, starts, usize::MAX).await? {
                    let Some(directory) = Directory::open(place, bytes) else { continue };
                    let times = self.moment.parts(&[(place, 0)]).await?.pop();
                    slices.push((directory, times.unwrap_or_default()));
                }
            }
            self.known.insert(hour, slices);
        }
        let slices = self.known.get(&hour).map_or(&[][..], |slices| slices);
        Ok(slices.iter().any(|(directory, times)| {
            directory.pages().enumerate().any(|(page, info)| {
                (info.first_ms..=info.last_ms).contains(&time)
                    && directory.times(page, times).is_some_and(|times| times.holds(time))
            })
        }))
    }
}
