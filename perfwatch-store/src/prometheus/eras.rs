//! Hosts whose series an engine has under more than one set of labels.
//!
//! A label of the URL that is new, gone or another makes each series another one: the one goes on
//! where the other ended, and both are the host's. Copies that an engine does not take for one, as
//! Thanos without `--query.replica-label`, lie at the same time: one of them is all there is.

use super::{ask::Line, names::Labels};
use crate::answer::Extent;

/// When a host had which labels.
#[derive(Clone, Debug, Default)]
pub(super) struct Eras(Vec<Copied>);

/// The frames of a host under one set of labels.
#[derive(Clone, Debug)]
struct Copied {
    labels: Labels,
    first: i64,
    last: i64,
    frames: usize,
    /// The same for all that lie at one time.
    era: usize,
}

impl Eras {
    /// From the first and the last frame, and how many there are, under each set of labels.
    pub(super) fn of(first: &[Line], last: &[Line], count: &[Line]) -> Self {
        let copied = |line: &Line| {
            let labels = frame_labels(&line.metric);
            let same = |other: &&Line| frame_labels(&other.metric) == labels;
            let last = last.iter().find(same)?.value_ms()?;
            let frames = count.iter().find(same)?.value()? as usize;
            Some(Copied { first: line.value_ms()?, last, frames, labels, era: 0 })
        };
        let mut all: Vec<Copied> = first.iter().filter_map(copied).collect();
        all.sort_by_key(|copied| copied.first);
        let (mut era, mut until) = (0, i64::MIN);
        for copied in &mut all {
            era += usize::from(copied.first > until);
            until = until.max(copied.last);
            copied.era = era;
        }
        Self(all)
    }

    /// All frames. Of copies, those of the fullest count.
    pub(super) fn extent(&self) -> Extent {
        let mut extent = Extent::default();
        for era in self.0.chunk_by(|one, next| one.era == next.era) {
            let first = era.iter().map(|copied| copied.first).min();
            let last = era.iter().map(|copied| copied.last).max();
            let frames = era.iter().map(|copied| copied.frames).max();
            if let Some(((first, last), frames)) = first.zip(last).zip(frames) {
                extent.add(first, last, frames);
            }
        }
        extent
    }

    /// Which one a series with these labels is of.
    pub(super) fn era(&self, labels: &Labels) -> usize {
        let of = self.0.iter().filter(|copied| has(labels, &copied.labels));
        of.max_by_key(|copied| copied.labels.len()).map_or(0, |copied| copied.era)
    }
}

/// What a host's frames have in labels beside the host's name.
pub(super) fn frame_labels(labels: &Labels) -> Labels {
    let mut labels = labels.clone();
    labels.retain(|name, _| name != "__name__" && name != "host");
    labels
}

/// Whether a series has the labels of a host's frames.
pub(super) fn has(labels: &Labels, frames: &Labels) -> bool {
    frames.iter().all(|(name, value)| labels.get(name) == Some(value))
}
