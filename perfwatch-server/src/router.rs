//! Every route, and what happens to each request before and after its handler.

use std::time::Instant;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use tower::ServiceBuilder;
use tower_http::{CompressionLevel, catch_panic::CatchPanicLayer, compression::CompressionLayer};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::Shared,
    auth,
    error::{AppError, AppResult, StoreAway},
    routes::{
        auth as account, catalog, changes, compare, config, dashboard, exposition, health, history,
        hosts, live, openapi, retention,
    },
};

/// Scripts, styles and data come from the daemon alone; charts draw with inline styles and images.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; connect-src 'self' ws: wss:; frame-ancestors 'none'; \
    base-uri 'none'; object-src 'none'";

/// The routes and their description, which is made from the handlers themselves.
fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(openapi::Description::openapi())
        .routes(routes!(account::login))
        .routes(routes!(account::me))
        .routes(routes!(account::change_password))
        .routes(routes!(account::logout))
        .routes(routes!(live::live_socket))
        .routes(routes!(live::latest_metrics))
        .routes(routes!(catalog::catalog))
        .routes(routes!(history::history))
        .routes(routes!(history::history_types))
        .routes(routes!(compare::compare))
        .routes(routes!(changes::changes))
        .routes(routes!(hosts::hosts))
        .routes(routes!(retention::retention, retention::change_retention))
        .routes(routes!(retention::forecast_retention))
        .routes(routes!(retention::cleanup))
        .routes(routes!(config::config))
        .routes(routes!(exposition::exposition))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(openapi::openapi))
}

/// The OpenAPI document of all routes.
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}

/// The same as it is answered.
pub(crate) fn description() -> Bytes {
    serde_json::to_vec(&openapi()).map(Bytes::from).unwrap_or_default()
}

/// The daemon's routes with all that surrounds them.
pub(crate) fn router(app: Shared) -> Router {
    let (router, _) = routes().split_for_parts();
    let around = ServiceBuilder::new()
        .layer(middleware::from_fn_with_state(Shared::clone(&app), note))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::map_response(secure))
        .layer(middleware::from_fn_with_state(Shared::clone(&app), same_origin))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest));
    router
        .fallback(elsewhere)
        .method_not_allowed_fallback(async || AppError::wrong_method())
        .layer(around)
        .with_state(app)
}

/// What no route answers is a file of the dashboard, or one of its views.
async fn elsewhere(request: Request) -> AppResult<Response> {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") {
        return Err(AppError::not_found("there is no such route; see /api/openapi.json"));
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Err(AppError::wrong_method());
    }
    dashboard::file(path, request.headers())
}

/// Counts and logs each answer. The query stays out of the log: it may hold a token.
async fn note(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let start = Instant::now();
    let response = next.run(request).await;
    let (status, took) = (response.status(), start.elapsed());
    app.requests.count(status);
    match response.extensions().get::<StoreAway>() {
        Some(StoreAway(cause)) => app.outage.missed(cause),
        None => app.outage.look(),
    }
    tracing::debug!(target: "perfwatch::http", %method, path, status = status.as_u16(), ?took);
    response
}

fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let said = panic.downcast_ref::<&str>().copied();
    let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    AppError::broken(&said.unwrap_or("a handler panicked")).into_response()
}

/// A page of another origin changes nothing here, whatever token it has.
async fn same_origin(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if reads || auth::is_allowed(request.headers(), &app.config.http.allowed_origins) {
        return next.run(request).await;
    }
    AppError::forbidden("this page's origin may not change anything").into_response()
}

/// What browsers may do with an answer.
async fn secure(mut response: Response) -> Response {
    let switching = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    if !switching {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    response
}
