//! `/api/history/compare`: two periods on one axis.

mod ask;
mod axis;
mod periods;

use axum::{extract::State, response::Response};
use perfwatch_store::SeriesSummary;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

pub(crate) use self::periods::relative;
use self::{
    ask::{Asked, points_for},
    axis::{merge, series_of},
    periods::periods,
};
use crate::{
    app::Shared,
    auth::Session,
    error::{AppResult, ErrorBody},
    extract::{Query, Values},
    query::{self, Number, Range},
    respond, time,
};

/// Which periods are compared: a length and a distance, or two ranges.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompareParams {
    /// Such as `cpu`.
    metric_type: String,
    /// The last `hour`, `day` or `week`.
    period: Option<String>,
    /// The same period `yesterday` or `last_week`.
    compare_to: Option<String>,
    /// Instead of `period`: start of the newer range.
    start_time: Option<String>,
    /// End of the newer range.
    end_time: Option<String>,
    /// Start of the older range.
    compare_start_time: Option<String>,
    /// End of the older range; as long as the newer one by default.
    compare_end_time: Option<String>,
    /// `auto`, or a duration such as `5s`, `1m`, `1h`, `1d`.
    interval: Option<String>,
    /// At most so many points, 1 to 11000, 1000 by default.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// Paths or patterns, in full or below the metric type; all by default.
    #[param(value_type = Option<Vec<String>>)]
    fields: Option<Values>,
    /// The host's name; this daemon's own by default.
    host: Option<String>,
}

/// Two periods on one axis.
#[derive(Serialize, ToSchema)]
pub(crate) struct CompareAnswer {
    host: String,
    metric_type: String,
    current: TimeRange,
    previous: TimeRange,
    step_ms: i64,
    /// When the first point of the newer period stands, in milliseconds since 1970: at the start of
    /// the bucket of `step_ms` that the period begins in, as in `/api/history/metrics`.
    current_first_ms: i64,
    /// The same of the older period.
    previous_first_ms: i64,
    /// Where each point of either period stands, from its first.
    offsets_ms: Vec<i64>,
    series: Vec<CompareSeries>,
    /// Says so where a period has nothing stored.
    note: Option<String>,
}

/// A range of time.
#[derive(Serialize, ToSchema)]
pub(crate) struct TimeRange {
    start_time: String,
    end_time: String,
}

/// One field of one row in both periods.
#[derive(Serialize, ToSchema)]
pub(crate) struct CompareSeries {
    path: String,
    /// The unit's name; empty for a series that this daemon's catalog does not know.
    unit: &'static str,
    #[schema(value_type = Vec<Option<f64>>)]
    current: Vec<Number>,
    #[schema(value_type = Vec<Option<f64>>)]
    previous: Vec<Number>,
    /// Over the whole period, from every stored value.
    #[schema(value_type = Option<f64>)]
    current_average: Number,
    #[schema(value_type = Option<f64>)]
    previous_average: Number,
    /// What 95 of 100 points lie at or below, of the points of this answer: means over `step_ms`.
    /// Nearest rank, so it is one of them; null where there is none.
    #[schema(value_type = Option<f64>)]
    current_p95: Number,
    #[schema(value_type = Option<f64>)]
    previous_p95: Number,
    /// How much the average changed, in percent of the previous one.
    change_percent: Option<f64>,
}

/// Two periods of a metric type on one axis, with averages, their change and 95th percentiles.
#[utoipa::path(get, path = "/api/history/compare", tag = "history", params(CompareParams),
    security(("token" = [])),
    responses((status = 200, body = CompareAnswer), (status = "default", body = ErrorBody)))]
pub(crate) async fn compare(
    State(app): State<Shared>,
    _: Session,
    Query(params): Query<CompareParams>,
) -> AppResult<Response> {
    let (current, previous) = periods(&params, time::now_ms())?;
    let step = query::interval(params.interval.as_deref())?;
    let limit = query::limit(params.limit.as_deref())?;

    let _pass = app.queries.enter().await?;
    let host = query::check_host(&app, params.host).await?;
    let fields = params.fields.unwrap_or_default().0;
    let patterns = query::patterns(&app, &host, &params.metric_type, &fields).await?;
    let asked = Asked { app: &app, host: &host, patterns: &patterns };
    let averages = tokio::try_join!(asked.averages(current), asked.averages(previous))?;
    let limit = points_for(limit, series_of(&averages.0, &averages.1));
    let (axis, now, before) = asked.on_one_axis([current, previous], step, limit).await?;

    let (metric_type, tables) = (params.metric_type, app.tables.clone());
    respond::written(move || {
        serde_json::to_vec(&CompareAnswer {
            host,
            metric_type,
            current: shown(current),
            previous: shown(previous),
            step_ms: axis.step_ms,
            current_first_ms: axis.current_ms,
            previous_first_ms: axis.previous_ms,
            offsets_ms: axis.offsets(),
            series: merge(&tables, &axis, (&now, &before), (&averages.0, &averages.1)),
            note: note(&averages.0, &averages.1),
        })
    })
    .await
}

fn note(current: &[SeriesSummary], previous: &[SeriesSummary]) -> Option<String> {
    let text = match (current.is_empty(), previous.is_empty()) {
        (false, false) => return None,
        (false, true) => "nothing is stored for the comparison period",
        (true, false) => "nothing is stored for the current period",
        (true, true) => "nothing is stored for either period",
    };
    Some(text.to_owned())
}

fn shown(range: Range) -> TimeRange {
    TimeRange { start_time: time::rfc3339(range.start_ms), end_time: time::rfc3339(range.end_ms) }
}
