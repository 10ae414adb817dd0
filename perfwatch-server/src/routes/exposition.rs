//! `/metrics`: the newest readings and the daemon's own numbers as Prometheus text.

use axum::{
    extract::{FromRequestParts, State},
    http::{header, request::Parts},
    response::{IntoResponse, Response},
};
use perfwatch_core::prometheus::{self, CONTENT_TYPE};
use sha2::{Digest, Sha256};

use crate::{
    app::Shared,
    auth::{Session, bearer},
    counts,
    error::{AppError, AppResult, ErrorBody},
};

/// Somebody who may read `/metrics`: everybody where the configuration says so, a scraper with its
/// own token, or a user who is logged in.
pub(crate) struct Reader;

impl FromRequestParts<Shared> for Reader {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, AppError> {
        let allowed = &app.config.exposition;
        let scraper = allowed.token_sha256.zip(bearer(&parts.headers));
        if allowed.open || scraper.is_some_and(|(wanted, token)| is_token(&wanted, token)) {
            return Ok(Self);
        }
        Session::from_request_parts(parts, app).await.map(|_| Self)
    }
}

/// Compares in the same time wherever the difference is.
fn is_token(wanted: &[u8; 32], token: &str) -> bool {
    let given: [u8; 32] = Sha256::digest(token).into();
    wanted.iter().zip(given).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// The newest readings for Prometheus: raw counters and gauges.
#[utoipa::path(get, path = "/metrics", tag = "live", security((), ("token" = []), ("scrape" = [])),
    responses((status = 200, body = String, content_type = "text/plain"),
        (status = "default", body = ErrorBody)))]
pub(crate) async fn exposition(State(app): State<Shared>, _: Reader) -> AppResult<Response> {
    let mut text = String::new();
    prometheus::write_frame(&counts::frame(&app.way.writer, &app.live, &app.requests), &mut text);
    if let Some(sample) = app.live.sample() {
        text.push_str(sample.exposition());
    }
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}
