//! Answers in JSON that are written outside of the async threads.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

use crate::error::{AppError, AppResult};

/// An answer whose JSON takes its time to write; other requests go on meanwhile.
pub(crate) async fn written(
    write: impl FnOnce() -> serde_json::Result<Vec<u8>> + Send + 'static,
) -> AppResult<Response> {
    let body = tokio::task::spawn_blocking(write).await;
    let body = body.map_err(|error| AppError::broken(&error))?;
    Ok(json(body.map_err(|error| AppError::broken(&error))?))
}

/// An answer whose JSON is written already.
pub(crate) fn json(body: impl Into<axum::body::Body>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.into()).into_response()
}
