//! What a request can end in besides success, and how that looks: `{"detail": "..."}`.
//!
//! Constructors are named by meaning and choose the status. No SQL, path or stack reaches a body:
//! the cause of a failure is logged here, once, and the client is told that there was one. That the
//! store is away, [`crate::outage`] logs, once for all requests.

use std::{borrow::Cow, fmt::Display, sync::Arc, time::Duration};

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use perfwatch_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

/// The body of every answer that is an error.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// What is wrong, for people.
    pub(crate) detail: Cow<'static, str>,
}

/// An answer that is an error.
#[derive(Debug)]
pub(crate) struct AppError {
    status: StatusCode,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
    store_away: Option<StoreAway>,
}

/// Goes with an answer, out of the client's sight: what the store said instead of answering.
#[derive(Clone, Debug)]
pub(crate) struct StoreAway(pub(crate) Arc<str>);

/// What a handler returns.
pub(crate) type AppResult<T> = Result<T, AppError>;

impl AppError {
    fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into(), retry_after: None, store_away: None }
    }

    /// What is sent cannot be read at all.
    pub(crate) fn unreadable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// What is sent can be read and makes no sense; names the parameter.
    pub(crate) fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// Nobody is logged in. The answer is the same whatever is wrong with the login.
    pub(crate) fn not_logged_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "the login is missing, wrong or has ended")
    }

    /// Somebody is logged in, and still may not.
    pub(crate) fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// There is no such thing.
    pub(crate) fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// The path is there, and not for this method.
    pub(crate) fn wrong_method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not answer this method")
    }

    /// It is under way already.
    pub(crate) fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// The body has more than this many bytes.
    pub(crate) fn too_large(limit: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body has more than {limit} bytes"))
    }

    /// It was tried too often.
    pub(crate) fn too_often(wait: Duration) -> Self {
        let detail = "too many attempts to log in; wait a moment";
        Self { retry_after: Some(wait), ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail) }
    }

    /// It cannot be had at the moment.
    pub(crate) fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        let wait = Some(Duration::from_secs(1));
        Self { retry_after: wait, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail) }
    }

    /// The store is away.
    fn store_away(cause: &dyn Display) -> Self {
        let cause = StoreAway(cause.to_string().into());
        Self { store_away: Some(cause), ..Self::unavailable("the store does not answer") }
    }

    /// Something broke that the client can do nothing about.
    pub(crate) fn broken(cause: &dyn Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "something went wrong; the log says more")
    }
}

/// Bad input stays bad input, and all else is the store's trouble.
impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::BadQuery { parameter: name, reason }
            | StoreError::BadPolicy { key: name, reason } => {
                Self::invalid(format!("{name}: {reason}"))
            }
            StoreError::RetentionElsewhere => Self::conflict(error.to_string()),
            error => Self::store_away(&error),
        }
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(ErrorBody { detail: self.detail })).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        if let Some(cause) = self.store_away {
            response.extensions_mut().insert(cause);
        }
        response
    }
}
