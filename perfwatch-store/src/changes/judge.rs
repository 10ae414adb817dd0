//! Whether a series moved, and by how much.

use perfwatch_core::Unit;

use super::{
    Change, Changes, DEFAULT_MIN_EFFECT, FEWEST, Figure, Figures, by_size, least::least,
    read::Pair, sample::Sample,
};

/// No window is thought to be quieter than this part of its own level.
const LEAST_NOISE: f64 = 0.02;

/// A shift of the median is believed where the windows differ as a whole: from this value of
/// Cliff's delta on, a difference is called large.
const LARGE_DELTA: f64 = 0.474;

/// With fewer points, the 95th percentile is one of the two highest points, and says nothing.
const FEWEST_FOR_P95: usize = 40;

/// What was found among some series.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    most_before: usize,
    most_after: usize,
    series: usize,
    below: usize,
    too_few: usize,
    changes: Vec<Change>,
    /// Those that are in one window only, with how many points.
    appeared: Vec<(String, usize)>,
    disappeared: Vec<(String, usize)>,
}

impl Found {
    /// Judges each series.
    pub(super) fn of(
        pairs: Vec<Pair>,
        min_effect: f64,
        unit_of: &dyn Fn(&[String]) -> Option<Unit>,
    ) -> Self {
        let mut found = Self::default();
        for pair in pairs {
            found.add(pair, min_effect, unit_of);
        }
        found
    }

    fn add(&mut self, pair: Pair, min_effect: f64, unit_of: &dyn Fn(&[String]) -> Option<Unit>) {
        let Pair { path, segments, decimals, before, after } = pair;
        self.series += 1;
        self.most_before = self.most_before.max(before.len());
        self.most_after = self.most_after.max(after.len());
        match (before.len(), after.len()) {
            (0, points) => self.appeared.push((path, points)),
            (points, 0) => self.disappeared.push((path, points)),
            (few, other) if few.min(other) < FEWEST => self.too_few += 1,
            _ => {
                let least = least(unit_of(&segments), decimals);
                let (before, after) = (Sample::new(before), Sample::new(after));
                let verdict = judge(&before, &after, least);
                if verdict.effect.abs() < min_effect {
                    self.below += 1;
                    return;
                }
                let Verdict { moved, effect, cliffs_delta } = verdict;
                let (before, after) = (figures(&before), figures(&after));
                self.changes.push(Change {
                    path,
                    segments,
                    decimals,
                    moved,
                    effect,
                    cliffs_delta,
                    before,
                    after,
                });
            }
        }
    }

    /// Adds what was found among other series.
    pub(super) fn merge(&mut self, other: Self) {
        self.most_before = self.most_before.max(other.most_before);
        self.most_after = self.most_after.max(other.most_after);
        self.series += other.series;
        self.below += other.below;
        self.too_few += other.too_few;
        self.changes.extend(other.changes);
        self.appeared.extend(other.appeared);
        self.disappeared.extend(other.disappeared);
    }

    /// Ranks what was found.
    pub(super) fn finish(mut self, step_ms: i64, limit: usize) -> Changes {
        self.changes.sort_by(by_size);
        let changed = self.changes.len();
        self.changes.truncate(limit);
        let alone = self.appeared.len() + self.disappeared.len();
        let appeared = present(self.appeared, self.most_after, self.most_before);
        let disappeared = present(self.disappeared, self.most_before, self.most_after);
        Changes {
            step_ms,
            points_before: self.most_before,
            points_after: self.most_after,
            series: self.series,
            changed,
            below: self.below,
            too_few: self.too_few + alone - appeared.len() - disappeared.len(),
            changes: self.changes,
            appeared,
            disappeared,
        }
    }
}

/// The series that are there for at least half of their window. What is measured only now and then
/// (the latency of a disk at rest) neither appears nor disappears, and nothing does where the other
/// window is as good as empty.
fn present(found: Vec<(String, usize)>, most: usize, most_elsewhere: usize) -> Vec<String> {
    if most_elsewhere < FEWEST {
        return Vec::new();
    }
    let wanted = most.div_ceil(2).max(FEWEST);
    let there = found.into_iter().filter(|(_, points)| *points >= wanted);
    let mut paths: Vec<String> = there.map(|(path, _)| path).collect();
    paths.sort_unstable();
    paths
}

fn figures(sample: &Sample) -> Figures {
    Figures { points: sample.len(), median: sample.median(), p95: sample.p95() }
}

/// How far a series moved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) moved: Figure,
    pub(super) effect: f64,
    pub(super) cliffs_delta: f64,
}

/// Compares two samples; `least` is the smallest change worth telling.
pub(super) fn judge(before: &Sample, after: &Sample, least: f64) -> Verdict {
    let cliffs_delta = before.cliffs_delta(after);
    let median = median_effect(before, after, least, cliffs_delta);
    let p95 = p95_effect(before, after, least);
    // What moves as a whole moves both. Spikes are worth a word where they did much more.
    let (moved, effect) =
        if p95.abs() > 2.0 * median.abs() { (Figure::P95, p95) } else { (Figure::Median, median) };
    Verdict { moved, effect, cliffs_delta }
}

fn median_effect(before: &Sample, after: &Sample, least: f64, cliffs_delta: f64) -> f64 {
    let shift = after.median() - before.median();
    // A median that jumps because half of the points became a little more than half is no shift.
    if cliffs_delta.abs() < LARGE_DELTA || cliffs_delta * shift <= 0.0 {
        return 0.0;
    }
    shift / quieter(before, after, least, Sample::median)
}

fn p95_effect(before: &Sample, after: &Sample, least: f64) -> f64 {
    if before.len().min(after.len()) < FEWEST_FOR_P95 {
        return 0.0;
    }
    let strays = before.p95_noise().max(after.p95_noise());
    let noise = quieter(before, after, least, Sample::p95).max(strays);
    (after.p95() - before.p95()) / noise
}

/// The noise of the quieter window: what grows often gets noisier as it does, and that must not
/// hide how much it grew.
fn quieter(before: &Sample, after: &Sample, least: f64, level: fn(&Sample) -> f64) -> f64 {
    let noise = |sample: &Sample| sample.noise().max(LEAST_NOISE * level(sample).abs());
    noise(before).min(noise(after)).max(least / DEFAULT_MIN_EFFECT)
}
