//! Two answers laid over one another.

use std::collections::{BTreeMap, HashMap, HashSet};

use perfwatch_core::Table;
use perfwatch_store::{RangeAnswer, Series, SeriesSummary};

use super::CompareSeries;
use crate::query::{self, Number, Range};

/// The axis that both periods share: buckets counted from the one that a period starts in.
pub(super) struct Axis {
    pub(super) step_ms: i64,
    /// Where the first point of each period stands.
    pub(super) current_ms: i64,
    pub(super) previous_ms: i64,
    points: usize,
}

impl Axis {
    pub(super) fn new(step_ms: i64, current: Range, previous: Range) -> Self {
        let step_ms = step_ms.max(1);
        let bucket = |ms: i64| ms.div_euclid(step_ms) * step_ms;
        let points = |range: Range| (range.end_ms - 1 - bucket(range.start_ms)) / step_ms + 1;
        Self {
            step_ms,
            current_ms: bucket(current.start_ms),
            previous_ms: bucket(previous.start_ms),
            points: usize::try_from(points(current).max(points(previous))).unwrap_or(usize::MAX),
        }
    }

    /// How many points there are.
    pub(super) fn points(&self) -> usize {
        self.points
    }

    /// Where each point stands, from the first.
    pub(super) fn offsets(&self) -> Vec<i64> {
        (0..).map(|point| point * self.step_ms).take(self.points).collect()
    }

    /// Puts the values of a series at their places.
    fn place(&self, start_ms: i64, answer: &RangeAnswer, series: Option<&Series>) -> Vec<Number> {
        let decimals = series.map_or(0, |series| series.decimals);
        let mut placed = vec![Number { value: None, decimals }; self.points];
        let values = series.map(|series| series.values.as_slice()).unwrap_or_default();
        for (&at, &value) in answer.timestamps_ms.iter().zip(values) {
            let place = usize::try_from((at - start_ms).div_euclid(self.step_ms)).ok();
            if let Some(number) = place.and_then(|place| placed.get_mut(place)) {
                number.value = value;
            }
        }
        placed
    }
}

/// How many series both periods have together.
pub(super) fn series_of(current: &[SeriesSummary], previous: &[SeriesSummary]) -> usize {
    current.iter().chain(previous).map(|series| &series.path).collect::<HashSet<_>>().len()
}

/// Brings together what both periods have of each series.
pub(super) fn merge(
    tables: &[&'static Table],
    axis: &Axis,
    (now, before): (&RangeAnswer, &RangeAnswer),
    (current, previous): (&[SeriesSummary], &[SeriesSummary]),
) -> Vec<CompareSeries> {
    let (now_by_path, before_by_path) = (by_path(now), by_path(before));
    let mut paths: BTreeMap<&str, (Option<&SeriesSummary>, Option<&SeriesSummary>)> =
        current.iter().map(|summary| (summary.path.as_str(), (Some(summary), None))).collect();
    for summary in previous {
        paths.entry(&summary.path).or_default().1 = Some(summary);
    }
    let series = paths.into_iter().filter_map(|(path, (current, previous))| {
        let any = current.or(previous)?;
        let (now_series, before_series) = (now_by_path.get(path), before_by_path.get(path));
        Some(CompareSeries {
            path: path.to_owned(),
            unit: query::unit_of(tables, &any.segments),
            current: axis.place(axis.current_ms, now, now_series.copied()),
            previous: axis.place(axis.previous_ms, before, before_series.copied()),
            current_average: average(current),
            previous_average: average(previous),
            current_p95: p95(now_series.copied()),
            previous_p95: p95(before_series.copied()),
            change_percent: current.zip(previous).and_then(|(now, then)| change(now.avg, then.avg)),
        })
    });
    series.collect()
}

fn by_path(answer: &RangeAnswer) -> HashMap<&str, &Series> {
    answer.series.iter().map(|series| (series.path.as_str(), series)).collect()
}

fn average(summary: Option<&SeriesSummary>) -> Number {
    let decimals = summary.map_or(0, |summary| summary.decimals);
    Number { value: summary.map(|summary| summary.avg), decimals }
}

fn p95(series: Option<&Series>) -> Number {
    let mut points: Vec<f64> = series.iter().flat_map(|it| &it.values).copied().flatten().collect();
    let decimals = series.map_or(0, |series| series.decimals);
    Number { value: perfwatch_store::p95(&mut points), decimals }
}

/// How much an average changed, in percent with two decimals; nothing from 0.
fn change(now: f64, before: f64) -> Option<f64> {
    let change = (now - before) / before.abs() * 100.0;
    change.is_finite().then(|| (change * 100.0).round() / 100.0)
}
