//! `/api/retention`: how long what is kept, what is stored, and throwing away now.

use axum::{Json, extract::State};
use perfwatch_store::{
    DOWNSAMPLE_INTERVALS, DamagedRange, RetentionPolicyUpdate, StoreError, Usage,
};
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

const DAY_MS: i64 = 24 * 3_600_000;

/// The archive policy, and what is stored.
#[derive(Serialize, ToSchema)]
pub(crate) struct RetentionAnswer {
    policy: RetentionPolicy,
    /// What `downsample_interval` may be, the shortest first.
    downsample_intervals: Vec<String>,
    /// Where else it is set how long things are kept, if the policy says nothing about that.
    elsewhere: Option<String>,
    usage: StoreUsage,
    /// Null in the first hour or two.
    forecast: Option<StoreForecast>,
    /// The first hundred stretches that were found damaged since the start.
    damaged: Vec<DamagedStretch>,
}

/// What a policy would take.
#[derive(Serialize, ToSchema)]
pub(crate) struct ForecastAnswer {
    policy: RetentionPolicy,
    /// Null in the first hour or two.
    forecast: Option<StoreForecast>,
}

/// The size of the store once it is as old as its policy lets it become, if hosts go on as they do:
/// from the bytes that a stored frame takes, and the interval of each host of the last day (this
/// daemon's own for one that never registered).
#[derive(Serialize, ToSchema)]
pub(crate) struct StoreForecast {
    /// All of it.
    bytes: u64,
    /// Of frames at full resolution, before `max_bytes` takes any.
    full_bytes: u64,
    /// Of downsampled frames, likewise.
    downsampled_bytes: u64,
    /// False while there are no downsampled frames to measure: their size is guessed then.
    downsampled_measured: bool,
    /// Whether `max_bytes` keeps less than the days say.
    limited: bool,
    /// When it is that large; in the past where it should be already.
    reached: String,
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
    /// Null where an engine does not tell whose they are; likewise the next two.
    bytes: Option<u64>,
    frames: Option<u64>,
    downsampled_frames: Option<u64>,
    oldest: Option<String>,
    newest: Option<String>,
    /// Frames, and stretches of series, that were found damaged since the start and are left out.
    damaged: u64,
}

/// Something stored whose checksum is wrong; it is left out of every answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct DamagedStretch {
    /// Empty where the name itself is damaged.
    host: String,
    /// Null where all series are meant.
    series: Option<String>,
    start_time: String,
    end_time: String,
    what: String,
}

impl From<DamagedRange> for DamagedStretch {
    fn from(range: DamagedRange) -> Self {
        let DamagedRange { host, series, start_ms, end_ms, what } = range;
        let (start_time, end_time) = (time::rfc3339(start_ms), time::rfc3339(end_ms));
        Self { host, series, start_time, end_time, what }
    }
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
    let policy = app.accounts.retention_policy().await?;
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
    kept_here(&app)?;
    let update = understood(update)?;
    let policy = app.accounts.update_retention_policy(&update).await?;
    tracing::info!(user = session.user, ?policy, "the archive policy was changed");
    answer(&app, policy).await
}

/// What the archive policy would take with these changes, which are not saved.
#[utoipa::path(post, path = "/api/retention/forecast", tag = "retention",
    security(("token" = [])), request_body = RetentionUpdate,
    responses((status = 200, body = ForecastAnswer), (status = "default", body = ErrorBody)))]
pub(crate) async fn forecast_retention(
    State(app): State<Shared>,
    _: Session,
    Body(update): Body<RetentionUpdate>,
) -> AppResult<Json<ForecastAnswer>> {
    kept_here(&app)?;
    let now = app.accounts.retention_policy().await?;
    let policy = understood(update)?.apply_to(&now)?;
    let _pass = app.queries.enter().await?;
    let usage = app.store.usage().await?;
    let forecast = forecast(&app, &policy, &usage).await?;
    Ok(Json(ForecastAnswer { policy: shown(policy), forecast }))
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
    Ok(Json(report(done?)))
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
    let usage = app.store.usage().await?;
    let here = app.store.keeps_policy();
    let forecast = if here { forecast(app, &policy, &usage).await? } else { None };
    Ok(Json(RetentionAnswer {
        policy: shown(policy),
        downsample_intervals: DOWNSAMPLE_INTERVALS.map(duration::format).into(),
        elsewhere: (!here).then(|| StoreError::RetentionElsewhere.to_string()),
        usage: StoreUsage {
            bytes: here.then_some(usage.bytes),
            frames: (here || usage.frames > 0).then_some(usage.frames),
            downsampled_frames: here.then_some(usage.downsampled_frames),
            oldest: usage.oldest_ms.map(time::rfc3339),
            newest: usage.newest_ms.map(time::rfc3339),
            damaged: usage.damaged,
        },
        damaged: app.store.damaged().into_iter().map(DamagedStretch::from).collect(),
        forecast,
    }))
}

async fn forecast(
    app: &App,
    policy: &perfwatch_store::RetentionPolicy,
    usage: &Usage,
) -> AppResult<Option<StoreForecast>> {
    let since = time::now_ms() - DAY_MS;
    let hosts = app.store.hosts().await?;
    // This daemon's own host goes on, also when it has just begun.
    let (own, own_ms) = (app.host.get(), app.identity.interval_ms);
    let others = hosts.iter().filter(|it| it.last_seen_ms >= since && *it.name != *own);
    let intervals = others.map(|host| host.interval_ms.unwrap_or(own_ms)).chain([own_ms]);
    let ticks: Vec<f64> = intervals.map(|ms| DAY_MS as f64 / ms.max(1) as f64).collect();
    let found = perfwatch_store::forecast(usage, policy, &ticks);
    Ok(found.map(|forecast| StoreForecast {
        bytes: forecast.bytes,
        full_bytes: forecast.full_bytes,
        downsampled_bytes: forecast.downsampled_bytes,
        downsampled_measured: forecast.downsampled_measured,
        limited: forecast.limited,
        reached: time::rfc3339(forecast.reached_ms),
    }))
}

fn shown(policy: perfwatch_store::RetentionPolicy) -> RetentionPolicy {
    RetentionPolicy {
        full_resolution_days: policy.full_resolution_days,
        downsample_interval: duration::format(policy.downsample_interval),
        downsampled_days: policy.downsampled_days,
        max_bytes: policy.max_bytes,
    }
}

fn understood(update: RetentionUpdate) -> AppResult<RetentionPolicyUpdate> {
    Ok(RetentionPolicyUpdate {
        full_resolution_days: update.full_resolution_days,
        downsample_interval: update.downsample_interval.map(interval).transpose()?,
        downsampled_days: update.downsampled_days,
        max_bytes: update.max_bytes,
    })
}

fn interval(text: String) -> AppResult<std::time::Duration> {
    duration::parse(&text).ok_or_else(|| {
        AppError::invalid(format!("downsample_interval: `{text}` is not a duration such as 5m"))
    })
}

/// Whether there is a policy to change.
fn kept_here(app: &App) -> AppResult<()> {
    if app.store.keeps_policy() { Ok(()) } else { Err(StoreError::RetentionElsewhere.into()) }
}
