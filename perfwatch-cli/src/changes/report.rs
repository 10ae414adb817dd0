//! What changed, in the shape of a daemon's `/api/history/changes`.

use perfwatch_core::{Table, series::column_of};
use perfwatch_store::{Change, Changes, ChangesQuery, Figures, Window};
use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::message::rfc3339;

/// The whole answer; the counts are of series.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) host: String,
    pub(super) before: Side,
    pub(super) after: Side,
    pub(super) step_ms: i64,
    pub(super) min_effect: f64,
    pub(super) series: usize,
    pub(super) changed: usize,
    pub(super) below_floor: usize,
    pub(super) too_few_points: usize,
    pub(super) changes: Vec<Moved>,
    pub(super) appeared: Vec<String>,
    pub(super) disappeared: Vec<String>,
    pub(super) note: Option<String>,
}

/// One of the windows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Side {
    pub(super) start_time: String,
    pub(super) end_time: String,
    /// The most that any series has in it.
    pub(super) points: usize,
}

/// A series that moved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Moved {
    pub(super) path: String,
    pub(super) unit: String,
    pub(super) help: String,
    pub(super) direction: String,
    /// `median` or `p95`.
    pub(super) moved: String,
    pub(super) effect: f64,
    pub(super) cliffs_delta: f64,
    pub(super) change_percent: Option<f64>,
    pub(super) before: Values,
    pub(super) after: Values,
}

/// A series in one window.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Values {
    pub(super) points: usize,
    pub(super) median: Number,
    pub(super) p95: Number,
}

impl Report {
    /// The report of what a store found.
    pub(super) fn new(asked: &ChangesQuery, found: Changes, tables: &[&'static Table]) -> Self {
        Self {
            note: found.note().map(str::to_owned),
            host: asked.host.clone(),
            before: Side::new(asked.before, found.points_before),
            after: Side::new(asked.after, found.points_after),
            step_ms: found.step_ms,
            min_effect: asked.min_effect,
            series: found.series,
            changed: found.changed,
            below_floor: found.below,
            too_few_points: found.too_few,
            changes: found.changes.into_iter().map(|it| Moved::new(it, tables)).collect(),
            appeared: found.appeared,
            disappeared: found.disappeared,
        }
    }

    /// Whether nothing changed, appeared or disappeared.
    pub(super) fn is_quiet(&self) -> bool {
        self.changed == 0 && self.appeared.is_empty() && self.disappeared.is_empty()
    }

    /// How many series had enough points to be judged.
    pub(super) fn judged(&self) -> usize {
        self.changed + self.below_floor
    }
}

impl Side {
    fn new(window: Window, points: usize) -> Self {
        let (start_time, end_time) = (rfc3339(window.start_ms), rfc3339(window.end_ms));
        Self { start_time, end_time, points }
    }

    /// Its times, for messages.
    pub(super) fn range(&self) -> String {
        format!("{} to {}", self.start_time, self.end_time)
    }
}

impl Moved {
    fn new(change: Change, tables: &[&'static Table]) -> Self {
        let column = column_of(tables, &change.segments);
        let rounded = |number: f64| (number * 100.0).round() / 100.0;
        Self {
            unit: column.map_or("", |column| column.unit.name()).to_owned(),
            help: column.map_or("", |column| column.help).to_owned(),
            direction: if change.effect > 0.0 { "up" } else { "down" }.to_owned(),
            moved: change.moved.name().to_owned(),
            effect: rounded(change.effect),
            cliffs_delta: rounded(change.cliffs_delta),
            change_percent: change.percent().map(rounded),
            before: Values::new(change.before, change.decimals),
            after: Values::new(change.after, change.decimals),
            path: change.path,
        }
    }

    /// The figure that moved, before and after.
    pub(super) fn shift(&self) -> (Option<f64>, Option<f64>) {
        let figure = |values: &Values| {
            if self.moved == "p95" { values.p95.as_f64() } else { values.median.as_f64() }
        };
        (figure(&self.before), figure(&self.after))
    }
}

impl Values {
    fn new(figures: Figures, decimals: u8) -> Self {
        // Whole numbers are written as such, as a daemon does.
        let number = |value: f64| match decimals {
            0 => Number::from(value as i64),
            _ => Number::from_f64(value).unwrap_or_else(|| Number::from(0)),
        };
        let (median, p95) = (number(figures.median), number(figures.p95));
        Self { points: figures.points, median, p95 }
    }
}
