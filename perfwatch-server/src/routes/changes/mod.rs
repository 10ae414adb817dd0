//! `/api/history/changes`: which series moved between two windows, the farthest first.

mod windows;

use axum::{extract::State, response::Response};
use perfwatch_core::{Table, series::column_of};
use perfwatch_store::{Change, Changes, ChangesQuery, DEFAULT_MIN_EFFECT, Figure, Figures, Window};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::Shared,
    auth::Session,
    error::{AppResult, ErrorBody},
    extract::Query,
    query::{self, Number, Range},
    respond, time,
};

/// So many changes fill a page.
const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: usize = 1000;

/// Which windows are compared: two of any length, or a length and a distance.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangesParams {
    /// Start of what is compared with: RFC 3339 (UTC without a zone) or seconds since 1970.
    before_start: Option<String>,
    /// End of what is compared with.
    before_end: Option<String>,
    /// Start of what is asked about.
    after_start: Option<String>,
    /// End of what is asked about.
    after_end: Option<String>,
    /// Instead of two windows: the last `hour`, `day` or `week`.
    period: Option<String>,
    /// The same period `yesterday` or `last_week`.
    compare_to: Option<String>,
    /// The host's name; this daemon's own by default.
    host: Option<String>,
    /// At most so many changes, 1 to 1000, 20 by default.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// The floor: a shift of fewer times its own noise is no change; 3 by default.
    #[param(value_type = Option<f64>)]
    min_effect: Option<String>,
}

/// What moved, and how many series did not. Each series is counted once: it changed, lies below
/// the floor, has too few points, appeared or disappeared.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChangesAnswer {
    host: String,
    before: ChangesWindow,
    after: ChangesWindow,
    /// The length of the buckets whose means are the points.
    step_ms: i64,
    min_effect: f64,
    /// How many series have a value in either window.
    series: usize,
    /// How many of them changed, also those beyond the limit.
    changed: usize,
    /// How many moved by less than the floor.
    below_floor: usize,
    /// How many have too few points to be judged.
    too_few_points: usize,
    /// The greatest effect first.
    changes: Vec<SeriesChange>,
    /// Series that only the window after has, by path.
    appeared: Vec<String>,
    /// Series that only the window before has, by path.
    disappeared: Vec<String>,
    /// Says so where a window has nothing stored.
    note: Option<String>,
}

/// One of the windows.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChangesWindow {
    start_time: String,
    end_time: String,
    /// The most points that any series has in it.
    points: usize,
}

/// A series that moved.
#[derive(Serialize, ToSchema)]
pub(crate) struct SeriesChange {
    path: String,
    /// The unit's name; empty for a series that this daemon's catalog does not know.
    unit: &'static str,
    /// What the series says.
    help: &'static str,
    direction: Direction,
    moved: MovedFigure,
    /// By how many times its own noise; below 0 where it fell.
    effect: f64,
    /// The share of pairs of points in which the later one is higher, less the share in which it
    /// is lower.
    cliffs_delta: f64,
    /// By how much the figure that moved changed, in percent of what it was; null from 0.
    change_percent: Option<f64>,
    before: ChangesFigures,
    after: ChangesFigures,
}

/// Where a series went.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    Up,
    Down,
}

/// The figure that moved the farthest.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MovedFigure {
    Median,
    P95,
}

impl From<Figure> for MovedFigure {
    fn from(figure: Figure) -> Self {
        match figure {
            Figure::Median => Self::Median,
            Figure::P95 => Self::P95,
        }
    }
}

/// A series in one of the windows.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChangesFigures {
    points: usize,
    #[schema(value_type = f64)]
    median: Number,
    #[schema(value_type = f64)]
    p95: Number,
}

/// Which series moved between two windows, the farthest first.
#[utoipa::path(get, path = "/api/history/changes", tag = "history", params(ChangesParams),
    security(("token" = [])),
    responses((status = 200, body = ChangesAnswer), (status = "default", body = ErrorBody)))]
pub(crate) async fn changes(
    State(app): State<Shared>,
    _: Session,
    Query(params): Query<ChangesParams>,
) -> AppResult<Response> {
    let (before, after) = windows::windows(&params, time::now_ms())?;
    let limit = query::limit_to(params.limit.as_deref(), DEFAULT_LIMIT, MAX_LIMIT)?;
    let min_effect =
        query::positive("min_effect", params.min_effect.as_deref(), DEFAULT_MIN_EFFECT)?;

    let _pass = app.queries.enter().await?;
    let host = query::check_host(&app, params.host).await?;
    let asked =
        ChangesQuery { host, before: window(before), after: window(after), min_effect, limit };
    let found = perfwatch_store::changes(&*app.store, &asked, &app.tables).await?;
    let tables = app.tables.clone();
    respond::written(move || serde_json::to_vec(&answer(asked, found, &tables))).await
}

fn window(Range { start_ms, end_ms }: Range) -> Window {
    Window { start_ms, end_ms }
}

fn answer(asked: ChangesQuery, found: Changes, tables: &[&'static Table]) -> ChangesAnswer {
    ChangesAnswer {
        note: found.note().map(str::to_owned),
        before: shown(asked.before, found.points_before),
        after: shown(asked.after, found.points_after),
        host: asked.host,
        step_ms: found.step_ms,
        min_effect: asked.min_effect,
        series: found.series,
        changed: found.changed,
        below_floor: found.below,
        too_few_points: found.too_few,
        changes: found.changes.into_iter().map(|change| series(change, tables)).collect(),
        appeared: found.appeared,
        disappeared: found.disappeared,
    }
}

fn series(change: Change, tables: &[&'static Table]) -> SeriesChange {
    let column = column_of(tables, &change.segments);
    let rounded = |number: f64| (number * 100.0).round() / 100.0;
    SeriesChange {
        unit: column.map_or("", |column| column.unit.name()),
        help: column.map_or("", |column| column.help),
        direction: if change.effect > 0.0 { Direction::Up } else { Direction::Down },
        moved: change.moved.into(),
        effect: rounded(change.effect),
        cliffs_delta: rounded(change.cliffs_delta),
        change_percent: change.percent().map(rounded),
        before: figures(change.before, change.decimals),
        after: figures(change.after, change.decimals),
        path: change.path,
    }
}

fn figures(figures: Figures, decimals: u8) -> ChangesFigures {
    let number = |value| Number { value: Some(value), decimals };
    let (median, p95) = (number(figures.median), number(figures.p95));
    ChangesFigures { points: figures.points, median, p95 }
}

fn shown(window: Window, points: usize) -> ChangesWindow {
    let (start_time, end_time) = (time::rfc3339(window.start_ms), time::rfc3339(window.end_ms));
    ChangesWindow { start_time, end_time, points }
}
