//! Points from what comes in order of time.

use std::time::Duration;

use perfwatch_core::Decimal;

use super::spacing::{Spacing, hole};
use crate::{
    Aggregate, RangeAnswer, Series, SeriesSummary, Tier,
    layout::{Selected, Stat},
};

/// Builds the points of an answer, one stretch of time after the other.
///
/// A row is a bucket, or a time where points are as stored. Only the newest row is added up, since
/// the next stretch may go on with it; the rows before it are finished values.
pub(crate) struct Fold {
    step_ms: i64,
    aggregates: Vec<Aggregate>,
    selected: Selected,
    rows: Vec<Row>,
    /// The newest row, per series.
    open: Vec<Stat>,
    columns: Vec<Vec<Option<f64>>>,
    pub(crate) spacing: Spacing,
    longest_interval_ms: i64,
}

/// The rows of a stretch of time, in order, and how they follow those before.
pub(crate) struct Stretch {
    pub(crate) times: Vec<i64>,
    /// Whether the first goes on with the newest row.
    continues: bool,
    /// The empty rows between.
    empty: usize,
}

/// Where a row stands, and how long the downsampled frame in it is.
struct Row {
    timestamp_ms: i64,
    interval_ms: i64,
}

impl Fold {
    /// A step of 0 leaves the points as they are stored.
    pub(crate) fn new(selected: Selected, step_ms: i64, aggregates: &[Aggregate]) -> Self {
        Self {
            step_ms,
            aggregates: aggregates.to_vec(),
            columns: vec![Vec::new(); selected.series.len() * aggregates.len()],
            open: vec![Stat::default(); selected.series.len()],
            selected,
            rows: Vec::new(),
            spacing: Spacing::default(),
            longest_interval_ms: 0,
        }
    }

    /// The row that a time belongs to.
    pub(crate) fn row_time(&self, timestamp_ms: i64) -> i64 {
        match self.step_ms {
            0 => timestamp_ms,
            step => timestamp_ms - timestamp_ms.rem_euclid(step),
        }
    }

    /// Where a row ends; nothing where points are as stored and each time is a row.
    pub(crate) fn row_end(&self, row_ms: i64) -> Option<i64> {
        (self.step_ms > 0).then(|| row_ms.saturating_add(self.step_ms))
    }

    /// Begins a stretch that has values at these rows, in order; each with the length of the
    /// downsampled frame in it.
    pub(crate) fn begin(&mut self, rows: &[(i64, i64)]) -> Stretch {
        let (mut times, mut empty) = (Vec::new(), 0);
        let newest = self.rows.last().map(|row| row.timestamp_ms);
        for &(time, interval_ms) in rows {
            self.longest_interval_ms = self.longest_interval_ms.max(interval_ms);
            match self.rows.last_mut() {
                Some(row) if row.timestamp_ms == time => {
                    row.interval_ms = row.interval_ms.max(interval_ms);
                }
                last => {
                    let last = last.map(|row| row.timestamp_ms);
                    let missing = self.missing(last, time);
                    match times.is_empty() {
                        true => empty += missing.len(),
                        false => times.extend(&missing),
                    }
                    let null = |timestamp_ms| Row { timestamp_ms, interval_ms: 0 };
                    self.rows.extend(missing.into_iter().map(null));
                    self.rows.push(Row { timestamp_ms: time, interval_ms });
                }
            }
            if times.last() != Some(&time) {
                times.push(time);
            }
        }
        let continues = newest.is_some() && times.first().copied() == newest;
        Stretch { times, continues, empty }
    }

    /// The empty buckets between two rows.
    fn missing(&self, before: Option<i64>, time: i64) -> Vec<i64> {
        let Some(before) = before.filter(|_| self.step_ms > 0) else { return Vec::new() };
        let next = std::iter::successors(before.checked_add(self.step_ms), |next| {
            next.checked_add(self.step_ms)
        });
        next.take_while(|&next| next < time).collect()
    }

    /// Adds what one series has in a stretch: a stat per row.
    pub(crate) fn add(&mut self, slot: usize, stretch: &Stretch, stats: &[Stat]) {
        let Self { aggregates, selected, open, columns, rows, .. } = self;
        let (Some(open), Some(info)) = (open.get_mut(slot), selected.series.get(slot)) else {
            return;
        };
        let width = aggregates.len();
        let Some(columns) = columns.get_mut(slot * width..(slot + 1) * width) else { return };
        let first = rows.len() == stretch.times.len();
        for (at, stat) in stats.iter().enumerate() {
            if at == 0 && stretch.continues {
                open.merge(stat);
                continue;
            }
            if at > 0 || !first {
                finish(columns, aggregates, open, info.decimals);
            }
            if at == 0 {
                columns.iter_mut().for_each(|c| c.resize(c.len() + stretch.empty, None));
            }
            *open = *stat;
        }
    }

    /// The answer, from which so much was left out because it is damaged.
    pub(crate) fn finish(mut self, damaged: u64) -> RangeAnswer {
        if !self.rows.is_empty() {
            let width = self.aggregates.len().max(1);
            let series = self.selected.series.iter().zip(&self.open);
            for ((info, open), columns) in series.zip(self.columns.chunks_mut(width)) {
                finish(columns, &self.aggregates, open, info.decimals);
            }
        }
        if self.step_ms == 0 {
            self.mark_holes();
        }
        let tier = match self.longest_interval_ms {
            0 => Tier::Raw,
            interval => Tier::Downsampled(Duration::from_millis(interval.unsigned_abs())),
        };
        let resolution_ms = self.spacing.median_ms().max(self.longest_interval_ms);
        let (rows, step_ms) = (std::mem::take(&mut self.rows), self.step_ms);
        let series = self.into_series();
        // Rows without a series would be points that say nothing.
        let rows = if series.is_empty() { Vec::new() } else { rows };
        let timestamps_ms = rows.iter().map(|row| row.timestamp_ms).collect();
        RangeAnswer { step_ms, resolution_ms, tier, timestamps_ms, series, damaged }
    }

    /// One figure per aggregate of each series that has a value, where all is one row.
    pub(crate) fn summaries(&self) -> Vec<SeriesSummary> {
        let series = self.selected.series.iter().zip(&self.open);
        series
            .filter_map(|(info, stat)| {
                let decimals = info.decimals;
                let number = |value| Decimal { value, decimals }.get();
                Some(SeriesSummary {
                    path: info.path.to_string(),
                    segments: info.segments.clone(),
                    decimals,
                    count: stat.count,
                    avg: number(stat.mean()?)?,
                    min: number(stat.min)?,
                    max: number(stat.max)?,
                    last: number(stat.last)?,
                })
            })
            .collect()
    }

    /// Puts a row of nulls into each hole.
    fn mark_holes(&mut self) {
        let median = self.spacing.median_ms();
        let pairs = self.rows.iter().zip(self.rows.iter().skip(1)).enumerate();
        let holes: Vec<(usize, i64)> = pairs
            .filter_map(|(at, (row, next))| {
                let usual = if row.interval_ms > 0 { row.interval_ms } else { median };
                Some((at + 1, hole(row.timestamp_ms, next.timestamp_ms, usual)?))
            })
            .collect();
        if holes.is_empty() {
            return;
        }
        let null_row = |timestamp_ms| Row { timestamp_ms, interval_ms: 0 };
        let rows = std::mem::take(&mut self.rows);
        self.rows = with_holes(rows, &holes, null_row);
        for column in &mut self.columns {
            *column = with_holes(std::mem::take(column), &holes, |_| None);
        }
    }

    /// The columns of the series that have a value.
    fn into_series(self) -> Vec<Series> {
        let width = self.aggregates.len();
        let series = self.selected.series.iter();
        let names = series.flat_map(|info| self.aggregates.iter().map(move |&a| (info, a)));
        names
            .zip(self.columns)
            .filter(|(_, values)| width > 0 && values.iter().any(Option::is_some))
            .map(|((info, aggregate), values)| Series {
                path: info.path.to_string(),
                segments: info.segments.clone(),
                aggregate,
                decimals: if aggregate == Aggregate::Count { 0 } else { info.decimals },
                values,
            })
            .collect()
    }
}

/// Turns the newest row of a series into values.
fn finish(columns: &mut [Vec<Option<f64>>], aggregates: &[Aggregate], stat: &Stat, decimals: u8) {
    for (column, &aggregate) in columns.iter_mut().zip(aggregates) {
        column.push(value(aggregate, stat, decimals));
    }
}

/// A copy of `items` with one more before each of the given places.
fn with_holes<T>(items: Vec<T>, holes: &[(usize, i64)], null: impl Fn(i64) -> T) -> Vec<T> {
    let mut filled = Vec::with_capacity(items.len() + holes.len());
    let mut holes = holes.iter().peekable();
    for (at, item) in items.into_iter().enumerate() {
        if let Some((_, time)) = holes.next_if(|(place, _)| *place == at) {
            filled.push(null(*time));
        }
        filled.push(item);
    }
    filled
}

/// What a point says.
fn value(aggregate: Aggregate, stat: &Stat, decimals: u8) -> Option<f64> {
    if stat.count == 0 {
        return None;
    }
    let value = match aggregate {
        Aggregate::Count => return Some(stat.count as f64),
        Aggregate::Avg => stat.mean()?,
        Aggregate::Min => stat.min,
        Aggregate::Max => stat.max,
        Aggregate::Last => stat.last,
    };
    Decimal { value, decimals }.get()
}
