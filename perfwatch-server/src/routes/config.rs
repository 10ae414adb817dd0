//! `/api/config`: which host this is, and how every part of the daemon is doing.

use axum::{Json, extract::State};
use perfwatch_collect::{CollectorState as Collector, Gap, HostFacts as Facts, Status};
use perfwatch_store::WriterStatus;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::{App, Shared},
    auth::Session,
    error::ErrorBody,
    live::Sample,
    time,
};

/// The host, the daemon and its parts.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConfigAnswer {
    version: &'static str,
    host: HostFacts,
    /// The time between two ticks.
    interval_ms: u64,
    store: StoreState,
    writer: WriterCounts,
    sampler: SamplerCounts,
    live: LiveCounts,
    collectors: Vec<CollectorState>,
}

/// What host this is.
#[derive(Serialize, ToSchema)]
pub(crate) struct HostFacts {
    /// The name that its history is kept under.
    name: String,
    /// What no other machine has: 32 hexadecimal digits.
    id: String,
    os: Option<String>,
    kernel: Option<String>,
    architecture: &'static str,
    cpu_model: Option<String>,
    cpu_count: usize,
    memory_bytes: Option<u64>,
    boot_time: Option<String>,
    timezone: Option<String>,
}

/// Where history is kept.
#[derive(Serialize, ToSchema)]
pub(crate) struct StoreState {
    /// Such as `sqlite`.
    kind: &'static str,
    status: StoreStatus,
    /// What it said, if it takes no frames.
    detail: Option<String>,
    /// Since when it takes none.
    since: Option<String>,
}

/// `ok`, or `degraded` while it takes no frames.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StoreStatus {
    Ok,
    Degraded,
}

/// Frames on their way to the store: expected = stored + waiting + dropped.
#[derive(Serialize, ToSchema)]
pub(crate) struct WriterCounts {
    expected: u64,
    stored: u64,
    waiting: u64,
    dropped: u64,
    /// Of those that wait: in the spool, on disk.
    spooled: u64,
    /// The bytes of the spool.
    spool_bytes: u64,
    /// Why frames do not wait on disk where they should, or which of them cannot be read there.
    spool_trouble: Option<String>,
    /// Of those dropped: refused by the store, and set aside beside the spool.
    set_aside: u64,
    /// Of those dropped: damaged in the spool.
    damaged: u64,
}

/// How the sampler keeps its schedule.
#[derive(Serialize, ToSchema)]
pub(crate) struct SamplerCounts {
    ticks: u64,
    missed: u64,
    /// How late the last tick began.
    lateness_ms: Option<f64>,
}

/// Who watches live.
#[derive(Serialize, ToSchema)]
pub(crate) struct LiveCounts {
    clients: u64,
    /// Frames that slow clients lost.
    skipped: u64,
}

/// How one collector is doing.
#[derive(Serialize, ToSchema)]
pub(crate) struct CollectorState {
    name: &'static str,
    status: CollectorStatus,
    reason: Option<String>,
    cure: Option<String>,
    /// CPU time of its last run.
    tick_cpu_time_us: Option<f64>,
    errors: u64,
    gaps: Vec<CollectorGap>,
}

/// How a collector is doing: `partial` where a part of its source is missing on this host,
/// `unavailable` where all of it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CollectorStatus {
    Starting,
    Ok,
    Partial,
    Unavailable,
    Failed,
}

impl From<Status> for CollectorStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Starting => Self::Starting,
            Status::Ok => Self::Ok,
            Status::Partial => Self::Partial,
            Status::Unavailable => Self::Unavailable,
            Status::Failed => Self::Failed,
        }
    }
}

/// Something that this host does not offer to a collector.
#[derive(Serialize, ToSchema)]
pub(crate) struct CollectorGap {
    what: String,
    reason: String,
    cure: Option<String>,
}

/// The host, the daemon and its parts.
#[utoipa::path(get, path = "/api/config", tag = "config", security(("token" = [])),
    responses((status = 200, body = ConfigAnswer), (status = "default", body = ErrorBody)))]
pub(crate) async fn config(State(app): State<Shared>, _: Session) -> Json<ConfigAnswer> {
    let sample = app.live.sample();
    let sample = sample.as_deref();
    let interval = app.config.sampling.interval.as_millis();
    Json(ConfigAnswer {
        version: env!("CARGO_PKG_VERSION"),
        host: host(&app.facts, &app.host.get(), &app.identity.id),
        interval_ms: u64::try_from(interval).unwrap_or(u64::MAX),
        store: store(&app),
        writer: writer(&app),
        sampler: sampler(sample),
        live: LiveCounts { clients: app.live.clients(), skipped: app.live.skipped() },
        collectors: sample
            .map_or_else(Vec::new, |sample| sample.collectors.iter().map(collector).collect()),
    })
}

fn host(facts: &Facts, name: &str, id: &str) -> HostFacts {
    HostFacts {
        name: name.to_owned(),
        id: id.to_owned(),
        os: facts.os.clone(),
        kernel: facts.kernel.clone(),
        architecture: facts.architecture,
        cpu_model: facts.cpu_model.clone(),
        cpu_count: facts.cpu_count,
        memory_bytes: facts.memory_bytes,
        boot_time: facts.boot_time_ms.map(time::rfc3339),
        timezone: facts.timezone.clone(),
    }
}

fn store(app: &App) -> StoreState {
    let kind = app.store.kind();
    match app.way.writer.status() {
        WriterStatus::Ok => StoreState { kind, status: StoreStatus::Ok, detail: None, since: None },
        WriterStatus::Degraded { reason, since_ms, .. } => StoreState {
            kind,
            status: StoreStatus::Degraded,
            detail: Some(reason),
            since: Some(time::rfc3339(since_ms)),
        },
    }
}

fn writer(app: &App) -> WriterCounts {
    let counts = app.way.writer.counts();
    WriterCounts {
        expected: counts.expected,
        stored: counts.stored,
        waiting: counts.waiting,
        dropped: counts.dropped,
        spooled: counts.spooled,
        spool_bytes: counts.spool_bytes,
        spool_trouble: app.way.spool_trouble(),
        set_aside: counts.set_aside,
        damaged: counts.damaged,
    }
}

fn sampler(sample: Option<&Sample>) -> SamplerCounts {
    SamplerCounts {
        ticks: sample.map_or(0, |sample| sample.ticks),
        missed: sample.map_or(0, |sample| sample.missed),
        lateness_ms: sample.map(|sample| sample.lateness.as_micros() as f64 / 1e3),
    }
}

fn collector(state: &Collector) -> CollectorState {
    CollectorState {
        name: state.name,
        status: state.status.into(),
        reason: state.reason.clone(),
        cure: state.cure.clone(),
        tick_cpu_time_us: state.tick_cpu_time_us,
        errors: state.errors,
        gaps: state.gaps.iter().map(gap).collect(),
    }
}

fn gap(gap: &Gap) -> CollectorGap {
    CollectorGap { what: gap.what.to_string(), reason: gap.reason.clone(), cure: gap.cure.clone() }
}
