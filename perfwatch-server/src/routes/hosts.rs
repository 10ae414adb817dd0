//! `/api/hosts`: whose history is kept.

use axum::{Json, extract::State};
use perfwatch_store::HostInfo;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::Shared,
    auth::Session,
    error::{AppError, AppResult, ErrorBody},
    time,
};

/// The hosts in the store.
#[derive(Serialize, ToSchema)]
pub(crate) struct HostsAnswer {
    hosts: Vec<HostEntry>,
}

/// One host.
#[derive(Serialize, ToSchema)]
pub(crate) struct HostEntry {
    name: String,
    /// Whether it is the host that this daemon runs on.
    current: bool,
    first_seen: Option<String>,
    last_seen: Option<String>,
}

/// The hosts whose history is kept.
#[utoipa::path(get, path = "/api/hosts", tag = "history", security(("token" = [])),
    responses((status = 200, body = HostsAnswer), (status = "default", body = ErrorBody)))]
pub(crate) async fn hosts(State(app): State<Shared>, _: Session) -> AppResult<Json<HostsAnswer>> {
    let _pass = app.queries.enter().await?;
    let stored = app.store.hosts().await.map_err(|error| AppError::store_away(&error))?;
    let known = stored.iter().any(|host| *host.name == *app.host);
    let unseen = (!known).then(|| HostEntry {
        name: app.host.to_string(),
        current: true,
        first_seen: None,
        last_seen: None,
    });
    let seen = stored.into_iter().map(|host| entry(host, &app.host));
    Ok(Json(HostsAnswer { hosts: unseen.into_iter().chain(seen).collect() }))
}

fn entry(host: HostInfo, current: &str) -> HostEntry {
    HostEntry {
        current: host.name == current,
        name: host.name,
        first_seen: Some(time::rfc3339(host.first_seen_ms)),
        last_seen: Some(time::rfc3339(host.last_seen_ms)),
    }
}
