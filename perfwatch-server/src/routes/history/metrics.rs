//! `/api/history/metrics`: the values of a metric type over a range of time.

use axum::{extract::State, response::Response};
use perfwatch_core::{Table, Unit};
use perfwatch_store::{Aggregate, RangeAnswer, RangeQuery, Series, Tier};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::Shared,
    auth::Session,
    duration,
    error::{AppResult, ErrorBody},
    extract::{Query, Values},
    query::{self, Number, Point, Range, Tree},
    respond, time,
};

/// What is asked of history.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryParams {
    /// Such as `cpu`.
    metric_type: String,
    /// RFC 3339 (UTC without a zone) or seconds since 1970; an hour before the end by default.
    start_time: Option<String>,
    /// The same; now by default.
    end_time: Option<String>,
    /// `auto`, `raw`, or a duration such as `5s`, `1m`, `1h`, `1d`.
    interval: Option<String>,
    /// At most so many points, 1 to 11000, 1000 by default; the step grows until they fit.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// Paths or patterns, in full or below the metric type; all by default.
    #[param(value_type = Option<Vec<String>>)]
    fields: Option<Values>,
    /// Any of `avg`, `min`, `max`, `last`, `count`; `avg` by default.
    #[param(value_type = Option<Vec<String>>)]
    aggregate: Option<Values>,
    /// The host's name; this daemon's own by default.
    host: Option<String>,
    /// `points` (the default) or `columns`.
    format: Option<String>,
}

/// What an answer is about.
#[derive(Serialize, ToSchema)]
pub(crate) struct HistoryHead {
    host: String,
    metric_type: String,
    start_time: String,
    end_time: String,
    /// What was asked.
    interval: String,
    /// The time between two points; 0 where they are as stored.
    step_ms: i64,
    /// The time between two stored frames.
    resolution_ms: i64,
    /// `raw`, or the interval that stored frames were downsampled to, such as `5m`.
    tier: String,
    aggregates: Vec<&'static str>,
    /// Frames, and stretches of series, that are damaged and left out.
    damaged: u64,
}

/// History as one object per point in time.
#[derive(Serialize, ToSchema)]
pub(crate) struct HistoryPoints<'a> {
    #[serde(flatten)]
    head: HistoryHead,
    data_points: Vec<HistoryPoint<'a>>,
}

/// One point in time.
#[derive(Serialize, ToSchema)]
pub(crate) struct HistoryPoint<'a> {
    timestamp: String,
    /// Nested like a live message's `data` of this metric type; null for a gap. With several
    /// aggregates each value is an object of them.
    #[schema(value_type = Option<HashMap<String, serde_json::Value>>)]
    data: Option<Point<'a>>,
}

/// History as one list per series.
#[derive(Serialize, ToSchema)]
pub(crate) struct HistoryColumns<'a> {
    #[serde(flatten)]
    head: HistoryHead,
    timestamps_ms: &'a [i64],
    series: Vec<ColumnSeries<'a>>,
}

/// One aggregate of one field of one row.
#[derive(Serialize, ToSchema)]
pub(crate) struct ColumnSeries<'a> {
    path: &'a str,
    aggregate: &'static str,
    /// The unit's name; empty for a series that this daemon's catalog does not know.
    unit: &'static str,
    /// One per timestamp; null for a gap, and for what was not measured.
    #[schema(value_type = Vec<Option<f64>>)]
    values: Vec<Number>,
}

/// One of the two forms.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it only describes the answer")]
pub(crate) enum HistoryAnswer<'a> {
    Points(HistoryPoints<'a>),
    Columns(HistoryColumns<'a>),
}

#[derive(Clone, Copy)]
enum Format {
    Points,
    Columns,
}

/// The values of a metric type over a range of time.
#[utoipa::path(get, path = "/api/history/metrics", tag = "history", params(HistoryParams),
    security(("token" = [])),
    responses((status = 200, body = HistoryAnswer), (status = "default", body = ErrorBody)))]
pub(crate) async fn history(
    State(app): State<Shared>,
    _: Session,
    Query(params): Query<HistoryParams>,
) -> AppResult<Response> {
    let formats = [("points", Format::Points), ("columns", Format::Columns)];
    let format = query::choice("format", params.format.as_deref(), formats)?;
    let (start, end) = (params.start_time.as_deref(), params.end_time.as_deref());
    let range = query::range(start, end, time::now_ms())?;
    let step = query::interval(params.interval.as_deref())?;
    let limit = query::limit(params.limit.as_deref())?;
    let aggregates = query::aggregates(&params.aggregate.unwrap_or_default().0)?;

    let _pass = app.queries.enter().await?;
    let host = query::check_host(&app, params.host).await?;
    let fields = params.fields.unwrap_or_default().0;
    let patterns = query::patterns(&app, &host, &params.metric_type, &fields).await?;
    let selection = range.select(&host, &patterns);
    let asked = RangeQuery { selection, step, limit, aggregates };
    let answer = app.store.range(&asked).await?;
    let head = Head {
        host,
        metric_type: params.metric_type,
        range,
        interval: params.interval.unwrap_or_else(|| "auto".to_owned()),
        aggregates: asked.aggregates,
    };
    let tables = app.tables.clone();
    respond::written(move || write(&head, &answer, &tables, format)).await
}

/// What the request said, for the answer's head.
struct Head {
    host: String,
    metric_type: String,
    range: Range,
    interval: String,
    aggregates: Vec<Aggregate>,
}

fn write(
    head: &Head,
    answer: &RangeAnswer,
    tables: &[&'static Table],
    format: Format,
) -> serde_json::Result<Vec<u8>> {
    match format {
        Format::Points => {
            let tree = Tree::new(answer, head.aggregates.len());
            let times = answer.timestamps_ms.iter().enumerate();
            let data_points = times
                .map(|(row, &at)| HistoryPoint {
                    timestamp: time::rfc3339(at),
                    data: tree.point(row),
                })
                .collect();
            serde_json::to_vec(&HistoryPoints { head: describe(head, answer), data_points })
        }
        Format::Columns => serde_json::to_vec(&HistoryColumns {
            head: describe(head, answer),
            timestamps_ms: &answer.timestamps_ms,
            series: answer.series.iter().map(|series| column(series, tables)).collect(),
        }),
    }
}

fn describe(head: &Head, answer: &RangeAnswer) -> HistoryHead {
    HistoryHead {
        host: head.host.clone(),
        metric_type: head.metric_type.clone(),
        start_time: time::rfc3339(head.range.start_ms),
        end_time: time::rfc3339(head.range.end_ms),
        interval: head.interval.clone(),
        step_ms: answer.step_ms,
        resolution_ms: answer.resolution_ms,
        tier: match answer.tier {
            Tier::Raw => "raw".to_owned(),
            Tier::Downsampled(interval) => duration::format(interval),
        },
        aggregates: head.aggregates.iter().map(|aggregate| aggregate.name()).collect(),
        damaged: answer.damaged,
    }
}

fn column<'a>(series: &'a Series, tables: &[&'static Table]) -> ColumnSeries<'a> {
    let decimals = series.decimals;
    ColumnSeries {
        path: &series.path,
        aggregate: series.aggregate.name(),
        unit: match series.aggregate {
            Aggregate::Count => Unit::Count.name(),
            _ => query::unit_of(tables, &series.segments),
        },
        values: series.values.iter().map(|&value| Number { value, decimals }).collect(),
    }
}
