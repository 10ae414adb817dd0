//! `/api/retention`: how long what is kept, what is stored, and throwing away now.

use axum::{Json, extract::State};
use perfwatch_store::{RetentionPolicyUpdate, StoreError};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::{
    app::{App, Shared},
    auth::Session,
    cleanup::Done,
    duration,
    error::{AppError, AppResult, ErrorBody},
    extract::Body,
    time,
};

/// The archive policy, and what is stored.
#[derive(Serialize, ToSchema)]
pub(crate) struct RetentionAnswer {
    policy: RetentionPolicy,
    usage: StoreUsage,
}

/// How long what is kept.
#[derive(Serialize, ToSchema)]
pub(crate) struct RetentionPolicy {
    /// Every tick is kept for so many days.
    full_resolution_days: u32,
    /// Then one frame per interval is kept, such as `5m`.
    downsample_interval: String,
    /// Nothing older than this is kept.
    downsampled_days: u32,
    /// What would go next by age goes earlier above this size; null for no bound.
    max_bytes: Option<u64>,
}

/// Parts of a policy; what is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionUpdate {
    full_resolution_days: Option<u32>,
    downsample_interval: Option<String>,
    downsampled_days: Option<u32>,
    /// Null takes the bound away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u64>)]
    max_bytes: Option<Option<u64>>,
}

/// Tells `null` from a key that is not there.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// What is stored.
#[derive(Serialize, ToSchema)]
pub(crate) struct StoreUsage {
    bytes: u64,
    frames: u64,
    downsampled_frames: u64,
    oldest: Option<String>,
    newest: Option<String>,
}

/// What a cleanup did.
#[derive(Serialize, ToSchema)]
pub(crate) struct CleanupReport {
    deleted_frames: u64,
    downsampled_frames: u64,
    deleted_downsampled_frames: u64,
    freed_bytes: u64,
    duration_ms: u64,
    /// Why less was done than the policy says, if so.
    note: Option<String>,
}

/// The archive policy, and what is stored.
#[utoipa::path(get, path = "/api/retention", tag = "retention", security(("token" = [])),
    responses((status = 200, body = RetentionAnswer), (status = "default", body = ErrorBody)))]
pub(crate) async fn retention(
    State(app): State<Shared>,
    _: Session,
) -> AppResult<Json<RetentionAnswer>> {
    let policy = app.accounts.retention_policy().await.map_err(refused)?;
    answer(&app, policy).await
}

/// Change the archive policy.
#[utoipa::path(put, path = "/api/retention", tag = "retention", security(("token" = [])),
    request_body = RetentionUpdate,
    responses((status = 200, body = RetentionAnswer), (status = "default", body = ErrorBody)))]
pub(crate) async fn change_retention(
    State(app): State<Shared>,
    session: Session,
    Body(update): Body<RetentionUpdate>,
) -> AppResult<Json<RetentionAnswer>> {
    let update = RetentionPolicyUpdate {
        full_resolution_days: update.full_resolution_days,
        downsample_interval: update.downsample_interval.map(interval).transpose()?,
        downsampled_days: update.downsampled_days,
        max_bytes: update.max_bytes,
    };
    let policy = app.accounts.update_retention_policy(&update).await.map_err(refused)?;
    tracing::info!(user = session.user, ?policy, "the archive policy was changed");
    answer(&app, policy).await
}

/// Apply the archive policy now.
#[utoipa::path(post, path = "/api/retention/cleanup", tag = "retention", security(("token" = [])),
    responses((status = 200, body = CleanupReport), (status = "default", body = ErrorBody)))]
pub(crate) async fn cleanup(
    State(app): State<Shared>,
    _: Session,
) -> AppResult<Json<CleanupReport>> {
    // A task of its own goes on when the client leaves in the middle.
    let run = tokio::spawn(async move { app.cleanup.run().await });
    let done = run.await.map_err(|error| AppError::broken(&error))?;
    let done = done.ok_or_else(|| AppError::conflict("a cleanup is under way already"))?;
    done.map(report).map(Json).map_err(refused)
}

fn report(Done { report, took }: Done) -> CleanupReport {
    CleanupReport {
        deleted_frames: report.deleted_frames,
        downsampled_frames: report.downsampled_frames,
        deleted_downsampled_frames: report.deleted_downsampled_frames,
        freed_bytes: report.freed_bytes,
        duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        note: report.note,
    }
}

async fn answer(
    app: &App,
    policy: perfwatch_store::RetentionPolicy,
) -> AppResult<Json<RetentionAnswer>> {
    let _pass = app.queries.enter().await?;
    let usage = app.store.usage().await.map_err(refused)?;
    Ok(Json(RetentionAnswer {
        policy: RetentionPolicy {
            full_resolution_days: policy.full_resolution_days,
            downsample_interval: duration::format(policy.downsample_interval),
            downsampled_days: policy.downsampled_days,
            max_bytes: policy.max_bytes,
        },
        usage: StoreUsage {
            bytes: usage.bytes,
            frames: usage.frames,
            downsampled_frames: usage.downsampled_frames,
            oldest: usage.oldest_ms.map(time::rfc3339),
            newest: usage.newest_ms.map(time::rfc3339),
        },
    }))
}

fn interval(text: String) -> AppResult<std::time::Duration> {
    duration::parse(&text).ok_or_else(|| {
        AppError::invalid(format!("downsample_interval: `{text}` is not a duration such as 5m"))
    })
}

fn refused(error: StoreError) -> AppError {
    match error {
        StoreError::BadPolicy { key, reason } => AppError::invalid(format!("{key}: {reason}")),
        error => AppError::store_away(&error),
    }
}
