//! What is said over a WebSocket.

use axum::extract::ws::Utf8Bytes;
use perfwatch_core::View;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{hosts::State, query::Point, time};

/// All metrics of this host at one moment.
#[derive(Serialize, ToSchema)]
pub(crate) struct LiveMessage<'a> {
    /// `metrics`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// When they were read: RFC 3339, UTC, with milliseconds.
    timestamp: String,
    /// The same in milliseconds since 1970.
    timestamp_ms: i64,
    /// The host's name.
    host: &'a str,
    /// The time between two messages.
    interval_ms: u64,
    /// The values by metric type, as the catalog names them.
    #[schema(value_type = HashMap<String, serde_json::Value>)]
    data: Data<'a>,
}

/// Values from one of two places, written alike. What a host has not measured is null as measured,
/// and absent as stored.
#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Measured(&'a View),
    Stored(Point<'a>),
}

impl<'a> LiveMessage<'a> {
    pub(crate) fn new(host: &'a str, interval_ms: u64, data: &'a View) -> Self {
        Self::of(host, interval_ms, data.timestamp_ms, Data::Measured(data))
    }

    /// The message of a frame as it is stored.
    pub(super) fn stored(
        host: &'a str,
        interval_ms: u64,
        timestamp_ms: i64,
        data: Point<'a>,
    ) -> Self {
        Self::of(host, interval_ms, timestamp_ms, Data::Stored(data))
    }

    fn of(host: &'a str, interval_ms: u64, timestamp_ms: i64, data: Data<'a>) -> Self {
        let timestamp = time::rfc3339(timestamp_ms);
        Self { kind: "metrics", timestamp, timestamp_ms, host, interval_ms, data }
    }
}

/// What the server says besides metrics.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Notice<'a> {
    /// The answer to a ping.
    Pong,
    /// This client was too slow and lost so many frames.
    Skipped { count: u64 },
    /// How another host is doing.
    Host { host: &'a str, state: Told, detail: String, last_seen: Option<String> },
}

/// What is known of another host.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Told {
    /// The store has none of this name.
    Unknown,
    /// As in `/api/hosts`.
    #[serde(untagged)]
    Seen(State),
}

/// What a client may say.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Request {
    /// Are you there?
    Ping,
}

/// A message as text. One that cannot be written is empty; there is none.
pub(super) fn text(message: &impl Serialize) -> Utf8Bytes {
    serde_json::to_string(message).unwrap_or_default().into()
}
