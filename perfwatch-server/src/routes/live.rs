//! `/api/ws/metrics` and `/api/metrics/latest`: what the host is doing now.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::{HeaderMap, header},
    response::Response,
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::Shared,
    auth::{self, Session},
    error::{AppError, AppResult, ErrorBody},
    extract::Query,
    hosts,
    live::{self, Live, LiveMessage, StoredFrame, Watched},
    net::Place,
    query, respond, time,
};

/// A client has nothing to say but a ping.
const MAX_MESSAGE: usize = 4096;

/// So many clients at once.
const MAX_CLIENTS: u64 = 256;

/// The subprotocol that is spoken; beside it a browser may offer `bearer.<token>`, because it can
/// send no header and a URL is written to logs.
const PROTOCOL: &str = "perfwatch";
const TOKEN_PROTOCOL: &str = "bearer.";

/// How to open the WebSocket.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SocketParams {
    /// The login token; or offer the subprotocols `perfwatch` and `bearer.<token>`.
    token: Option<String>,
    /// The host's name; this daemon's own by default. One that the store does not hold is told of
    /// in a message.
    host: Option<String>,
}

/// Of which host.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LatestParams {
    /// The host's name; this daemon's own by default.
    host: Option<String>,
}

/// Every tick's metrics, pushed: of another host as soon as the store has them. The upgrade of a bad token is accepted and closed with 4001.
#[utoipa::path(get, path = "/api/ws/metrics", tag = "live", params(SocketParams),
    responses((status = 101, description = "A WebSocket; its messages are `LiveMessage`s."),
        (status = "default", body = ErrorBody)))]
pub(crate) async fn live_socket(
    State(app): State<Shared>,
    headers: HeaderMap,
    place: Option<Extension<Arc<Place>>>,
    Query(params): Query<SocketParams>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> AppResult<Response> {
    if !auth::is_allowed(&headers, &app.config.http.allowed_origins) {
        return Err(AppError::forbidden("this page's origin may not open the WebSocket"));
    }
    let upgrade = upgrade.map_err(|error| AppError::unreadable(error.body_text()))?;
    let upgrade = upgrade
        .protocols([PROTOCOL])
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        // Whatever is written goes to the kernel at once: an old frame is of no use.
        .write_buffer_size(0);
    let token = params.token.or_else(|| offered_token(&headers)).unwrap_or_default();
    let place = place.map(|Extension(place)| place);
    let session = match app.sessions.find(&token).await {
        Ok(session) => session,
        // A page is not told the status of a refused upgrade, but it is told a close code.
        Err(error) if error.is_final() => {
            return Ok(upgrade.on_upgrade(|socket| live::refuse(socket, place)));
        }
        Err(error) => return Err(error.into()),
    };
    let joined = app.live.join(MAX_CLIENTS);
    let joined = joined.ok_or_else(|| AppError::unavailable("too many live clients"))?;
    let other = params.host.filter(|host| **host != *app.host.get());
    let watched = other.map_or(Watched::Own, Watched::Other);
    let live = Live::new(app, session, watched, joined, place);
    Ok(upgrade.on_upgrade(|socket| live.run(socket)))
}

fn offered_token(headers: &HeaderMap) -> Option<String> {
    let offers = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let mut offers =
        offers.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    offers.find_map(|offer| offer.trim().strip_prefix(TOKEN_PROTOCOL).map(str::to_owned))
}

/// The newest tick's metrics; of another host, what the store has of it.
#[utoipa::path(get, path = "/api/metrics/latest", tag = "live", params(LatestParams),
    security(("token" = [])),
    responses((status = 200, body = LiveMessage), (status = "default", body = ErrorBody)))]
pub(crate) async fn latest_metrics(
    State(app): State<Shared>,
    _: Session,
    Query(params): Query<LatestParams>,
) -> AppResult<Response> {
    if let Some(host) = params.host.filter(|host| **host != *app.host.get()) {
        return stored(&app, host).await;
    }
    let sample = app.live.sample();
    let sample = sample.ok_or_else(|| AppError::unavailable("the first reading is under way"))?;
    Ok(respond::json(bytes::Bytes::from(app.live.message(&sample))))
}

/// The newest frame of another host.
async fn stored(app: &Shared, host: String) -> AppResult<Response> {
    let _pass = app.queries.enter().await?;
    let host = query::check_host(app, Some(host)).await?;
    let info = app.hosts.find(&host).await?;
    let info = info.ok_or_else(|| AppError::unavailable("the host's first frame is under way"))?;
    let until = info.last_seen_ms.max(time::now_ms()) + 1;
    let times = info.last_seen_ms - hosts::newest_span_ms(&info)..until;
    let frame = StoredFrame::newest(&*app.store, &host, times).await?;
    let frame = frame.ok_or_else(|| AppError::unavailable("the host's frames are damaged"))?;
    let interval_ms = info.interval_ms.or(frame.resolution_ms()).unwrap_or_default();
    Ok(respond::json(bytes::Bytes::from(frame.message(&host, interval_ms))))
}
