//! `/api/history/metrics/types`: which history there is.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::Shared,
    auth::Session,
    error::{AppResult, ErrorBody},
    extract::Query,
    query,
};

/// Of which host.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct TypesParams {
    /// The host's name; this daemon's own where none is given.
    host: Option<String>,
}

/// What can be asked of history.
#[derive(Serialize, ToSchema)]
pub(crate) struct TypesAnswer {
    metric_types: Vec<HistoryType>,
}

/// One metric type.
#[derive(Serialize, ToSchema)]
pub(crate) struct HistoryType {
    name: String,
    /// The paths of its fields; `*` stands for a row.
    fields: Vec<String>,
}

/// The metric types and fields that can be asked of history.
#[utoipa::path(get, path = "/api/history/metrics/types", tag = "history", params(TypesParams),
    security(("token" = [])),
    responses((status = 200, body = TypesAnswer), (status = "default", body = ErrorBody)))]
pub(crate) async fn history_types(
    State(app): State<Shared>,
    _: Session,
    Query(params): Query<TypesParams>,
) -> AppResult<Json<TypesAnswer>> {
    let _pass = app.queries.enter().await?;
    let host = query::check_host(&app, params.host).await?;
    let types = query::metric_types(&app, &host).await?.into_iter();
    let metric_types = types.map(|(name, fields)| HistoryType { name, fields }).collect();
    Ok(Json(TypesAnswer { metric_types }))
}
