//! How far apart the stored frames are.

use std::collections::BTreeMap;

/// A hole is longer than this many halves of the usual distance.
const HOLE_HALVES: i64 = 5;

/// The distances between neighbouring frames, counted. Ticks keep time to a few milliseconds, so
/// there are few different ones however many frames there are.
#[derive(Debug, Default)]
pub(crate) struct Spacing {
    before_ms: Option<i64>,
    counts: BTreeMap<i64, u64>,
}

impl Spacing {
    /// The next frame in order of time.
    pub(crate) fn add(&mut self, timestamp_ms: i64) {
        if let Some(before) = self.before_ms.replace(timestamp_ms)
            && before < timestamp_ms
        {
            *self.counts.entry(timestamp_ms - before).or_default() += 1;
        }
    }

    /// Frames that are not looked at one by one: their first and last time, how many they are and
    /// how far apart they usually are.
    pub(super) fn add_page(&mut self, first_ms: i64, last_ms: i64, frames: usize, spacing_ms: i64) {
        self.add(first_ms);
        if frames > 1 {
            *self.counts.entry(spacing_ms).or_default() += frames as u64 - 1;
        }
        self.before_ms = self.before_ms.max(Some(last_ms));
    }

    /// The median distance; 0 with fewer than two frames.
    pub(super) fn median_ms(&self) -> i64 {
        let half = self.counts.values().sum::<u64>().div_ceil(2);
        let mut seen = 0;
        let mut distances = self.counts.iter();
        distances
            .find(|&(_, count)| {
                seen += count;
                seen >= half
            })
            .map_or(0, |(&distance, _)| distance)
    }
}

/// Where a row of nulls belongs between two rows: one usual distance behind the first, if the
/// distance to the second is more than two and a half of these.
pub(super) fn hole(from_ms: i64, to_ms: i64, usual_ms: i64) -> Option<i64> {
    let distance = to_ms.saturating_sub(from_ms);
    (usual_ms > 0 && distance.saturating_mul(2) > usual_ms.saturating_mul(HOLE_HALVES))
        .then(|| from_ms + usual_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_jitter_and_holes() {
        let mut spacing = Spacing::default();
        assert_eq!(spacing.median_ms(), 0);
        for time in [0, 5000, 10_001, 15_001, 100_000, 105_000] {
            spacing.add(time);
        }
        assert_eq!(spacing.median_ms(), 5000);
    }

    #[test]
    fn a_hole_is_longer_than_two_and_a_half_distances() {
        assert_eq!(hole(0, 12_500, 5000), None);
        assert_eq!(hole(0, 12_501, 5000), Some(5000));
        assert_eq!(hole(0, 12_501, 0), None);
    }
}
