//! Points from bodies that come in order of time.

use std::time::Duration;

use perfwatch_core::Decimal;

use super::{
    Accumulator,
    spacing::{Spacing, hole},
};
use crate::{
    Aggregate, RangeAnswer, Series, Tier,
    layout::{Place, Selected, Stat, unseal},
};

/// Builds the points of an answer.
///
/// A row is a bucket, or a time where points are as stored. Only the row being filled is added up;
/// the rows before it are finished values.
pub(crate) struct Fold {
    step_ms: i64,
    aggregates: Vec<Aggregate>,
    row: Accumulator,
    rows: Vec<Row>,
    columns: Vec<Vec<Option<f64>>>,
    spacing: Spacing,
    longest_interval_ms: i64,
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
            row: Accumulator::new(selected),
            rows: Vec::new(),
            spacing: Spacing::default(),
            longest_interval_ms: 0,
        }
    }

    /// The next body in order of time.
    pub(crate) fn push(&mut self, place: Place, body: &[u8]) {
        let Some(payload) = unseal(place, body) else { return self.row.leave_out(place) };
        self.move_to(place);
        self.row.add_payload(place, payload);
    }

    /// Makes the row of this body the one being filled.
    fn move_to(&mut self, place: Place) {
        if place.interval_ms == 0 {
            self.spacing.add(place.timestamp_ms);
        }
        self.longest_interval_ms = self.longest_interval_ms.max(place.interval_ms);
        let timestamp_ms = self.row_time(place.timestamp_ms);
        let interval_ms = place.interval_ms;
        match self.rows.last_mut() {
            Some(row) if row.timestamp_ms == timestamp_ms => {
                row.interval_ms = row.interval_ms.max(interval_ms);
            }
            _ => {
                self.finish_row();
                self.fill_to(timestamp_ms);
                self.rows.push(Row { timestamp_ms, interval_ms });
            }
        }
    }

    fn row_time(&self, timestamp_ms: i64) -> i64 {
        match self.step_ms {
            0 => timestamp_ms,
            step => timestamp_ms - timestamp_ms.rem_euclid(step),
        }
    }

    /// Turns the row being filled into values.
    fn finish_row(&mut self) {
        if self.rows.is_empty() {
            return;
        }
        let series = self.row.selected().series.iter().zip(self.row.stats());
        let values = series.flat_map(|(info, stat)| {
            self.aggregates.iter().map(|&aggregate| value(aggregate, stat, info.decimals))
        });
        self.columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
        self.row.clear();
    }

    /// Adds the empty buckets between the last row and this time.
    fn fill_to(&mut self, timestamp_ms: i64) {
        let Some(last) = self.rows.last().filter(|_| self.step_ms > 0) else { return };
        let mut next = last.timestamp_ms + self.step_ms;
        while next < timestamp_ms {
            self.rows.push(Row { timestamp_ms: next, interval_ms: 0 });
            self.columns.iter_mut().for_each(|column| column.push(None));
            next += self.step_ms;
        }
    }

    /// The bodies that were left out because they are damaged.
    pub(crate) fn damaged(&self) -> &[Place] {
        self.row.damaged()
    }

    /// The answer.
    pub(crate) fn finish(mut self) -> RangeAnswer {
        self.finish_row();
        if self.step_ms == 0 {
            self.mark_holes();
        }
        let tier = match self.longest_interval_ms {
            0 => Tier::Raw,
            interval => Tier::Downsampled(Duration::from_millis(interval.unsigned_abs())),
        };
        let resolution_ms = self.spacing.median_ms().max(self.longest_interval_ms);
        let damaged_frames = self.row.damaged().len() as u64;
        let (rows, step_ms) = (std::mem::take(&mut self.rows), self.step_ms);
        let series = self.into_series();
        // Rows without a series would be points that say nothing.
        let rows = if series.is_empty() { Vec::new() } else { rows };
        let timestamps_ms = rows.iter().map(|row| row.timestamp_ms).collect();
        RangeAnswer { step_ms, resolution_ms, tier, timestamps_ms, series, damaged_frames }
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
        let series = self.row.selected().series.iter();
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
