//! `/api/hosts`: whose history is kept, and how each host is.

use axum::{Json, extract::State};
use perfwatch_collect::VITALS;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::{App, Shared},
    auth::Session,
    error::ErrorBody,
    hosts::{self, Host, Listing},
    time,
};

/// The hosts in the store, those first that somebody should look at: by `trouble`, then by name. Of
/// a store that does not answer, those that it named last.
#[derive(Serialize, ToSchema)]
pub(crate) struct HostsAnswer {
    /// The paths of the percentages in each host's `vitals`.
    vitals: [&'static str; VITALS.len()],
    hosts: Vec<HostEntry>,
}

/// One host.
#[derive(Serialize, ToSchema)]
pub(crate) struct HostEntry {
    /// The name that its history is kept under.
    name: String,
    /// What no other machine has: 32 hexadecimal digits; null where it never registered.
    id: Option<String>,
    /// Whether it is the host that this daemon runs on.
    current: bool,
    first_seen: Option<String>,
    last_seen: Option<String>,
    /// The time between two of its frames; null where it never registered.
    interval_ms: Option<u64>,
    /// The version of PerfWatch that it runs; null where it never registered.
    version: Option<String>,
    state: hosts::State,
    /// How urgently somebody should look at it. 0 to 100: a host that is live, by the greatest of
    /// its vital signs. 200: gone within the last day. 150: late. -1: gone for longer.
    trouble: f64,
    /// Its newest percentages, in the order of the answer's `vitals`; null for what is missing.
    vitals: Vec<Option<f64>>,
    /// Why some or all of them are missing.
    missing: Option<String>,
}

/// The hosts whose history is kept.
#[utoipa::path(get, path = "/api/hosts", tag = "history", security(("token" = [])),
    responses((status = 200, body = HostsAnswer), (status = "default", body = ErrorBody)))]
pub(crate) async fn hosts(State(app): State<Shared>, _: Session) -> Json<HostsAnswer> {
    // One question to the store at a time, whoever asks: this needs no pass, for which it would wait
    // behind all those that a store which is away does not answer.
    let (listing, trouble) = app.hosts.listing().await;
    if let Some(error) = trouble {
        app.outage.missed(&error);
    }
    let now_ms = time::now_ms();
    let own_name = app.host.get();
    let others = listing.hosts.iter().filter(|host| *host.info.name != *own_name);
    let mut hosts: Vec<HostEntry> = others.map(|host| other(host, &listing, now_ms)).collect();
    hosts.push(own(&app, &listing.hosts, now_ms));
    hosts.sort_by(|a, b| b.trouble.total_cmp(&a.trouble).then_with(|| a.name.cmp(&b.name)));
    Json(HostsAnswer { vitals: VITALS, hosts })
}

/// Another host: how it is, or how it was when the store last answered.
fn other(host: &Host, listing: &Listing, now_ms: i64) -> HostEntry {
    if !listing.is_old {
        return entry(host.clone(), now_ms);
    }
    let then = entry(host.clone(), listing.said_ms);
    let was_gone = then.state == hosts::State::Gone;
    HostEntry { state: if was_gone { then.state } else { hosts::State::Away }, ..then }
}

/// This daemon's host: what it measured itself is newer than what is stored.
fn own(app: &App, stored: &[Host], now_ms: i64) -> HostEntry {
    let name = app.host.get();
    let known = stored.iter().find(|host| *host.info.name == *name);
    let sample = app.live.sample();
    let vitals = sample.as_ref().map(|sample| hosts::vitals_of(&sample.view));
    let measured_ms = sample.map(|sample| sample.view.timestamp_ms);
    let stored_ms = known.map(|host| host.info.last_seen_ms);
    let last_seen_ms = measured_ms.or(stored_ms);
    let first_seen_ms = known.map(|host| host.info.first_seen_ms);
    let identity = &app.identity;
    let info = perfwatch_store::HostInfo {
        name: name.to_string(),
        first_seen_ms: first_seen_ms.unwrap_or(now_ms),
        last_seen_ms: last_seen_ms.unwrap_or(now_ms),
        id: Some(identity.id.to_string()),
        interval_ms: Some(identity.interval_ms),
        version: Some(identity.version.to_string()),
    };
    let vitals = vitals.unwrap_or_else(|| vec![None; VITALS.len()]);
    HostEntry {
        current: true,
        first_seen: first_seen_ms.map(time::rfc3339),
        last_seen: last_seen_ms.map(time::rfc3339),
        ..entry(Host { info, vitals }, now_ms)
    }
}

fn entry(Host { info, mut vitals }: Host, now_ms: i64) -> HostEntry {
    let state = hosts::State::of(&info, now_ms);
    if state == hosts::State::Gone {
        vitals.fill(None);
    }
    HostEntry {
        current: false,
        first_seen: Some(time::rfc3339(info.first_seen_ms)),
        last_seen: Some(time::rfc3339(info.last_seen_ms)),
        state,
        trouble: hosts::trouble(state, now_ms - info.last_seen_ms, &vitals),
        missing: missing(state, &vitals, &info),
        vitals,
        name: info.name,
        id: info.id,
        interval_ms: info.interval_ms,
        version: info.version,
    }
}

/// Why vital signs are missing; nothing where none is.
fn missing(
    state: hosts::State,
    vitals: &[Option<f64>],
    info: &perfwatch_store::HostInfo,
) -> Option<String> {
    if state == hosts::State::Gone {
        return Some(format!("it has sent nothing since {}", time::rfc3339(info.last_seen_ms)));
    }
    let paths = VITALS.iter().zip(vitals).filter(|(_, value)| value.is_none());
    let paths: Vec<&str> = paths.map(|(path, _)| *path).collect();
    (!paths.is_empty()).then(|| format!("it has not measured {} of late", paths.join(", ")))
}
