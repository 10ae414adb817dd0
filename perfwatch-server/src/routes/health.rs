//! `/healthz` and `/readyz`: for whoever restarts and routes.

use axum::{Json, extract::State, http::StatusCode};
use perfwatch_store::WriterStatus;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::{App, Shared};

/// How the daemon is doing.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    status: HealthStatus,
    /// Why it is not ok.
    detail: Option<String>,
}

/// `ok`, `degraded` (live works, the store is away) or `starting`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HealthStatus {
    Ok,
    Degraded,
    Starting,
}

/// Whether the daemon answers at all.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, body = Health)))]
pub(crate) async fn healthz(State(app): State<Shared>) -> Json<Health> {
    Json(health(&app))
}

/// Whether the daemon has something to show.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, body = Health), (status = 503, body = Health)))]
pub(crate) async fn readyz(State(app): State<Shared>) -> (StatusCode, Json<Health>) {
    if app.live.sample().is_some() {
        return (StatusCode::OK, Json(health(&app)));
    }
    let detail = Some("the first reading is under way".to_owned());
    (StatusCode::SERVICE_UNAVAILABLE, Json(Health { status: HealthStatus::Starting, detail }))
}

fn health(app: &App) -> Health {
    let detail = store_trouble(app);
    let status = if detail.is_some() { HealthStatus::Degraded } else { HealthStatus::Ok };
    Health { status, detail }
}

/// What is wrong with the store, in a few words: what it said may name a path or an address, which
/// only those who are logged in may see.
fn store_trouble(app: &App) -> Option<String> {
    match app.way.writer.status() {
        WriterStatus::Ok => None,
        WriterStatus::Degraded { summary, .. } => {
            let waiting = app.way.writer.counts().waiting;
            Some(format!("the store takes no frames: {summary}; {waiting} wait for it"))
        }
    }
}
