//! All metrics of a host at one moment, in the shape of a daemon's WebSocket message.

use jiff::Timestamp;
use perfwatch_core::View;
use serde::{Deserialize, Serialize};

/// The message; `D` is a view, or the JSON of one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Message<D> {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) timestamp: String,
    pub(crate) timestamp_ms: i64,
    pub(crate) host: String,
    pub(crate) interval_ms: u64,
    pub(crate) data: D,
}

/// What the message calls itself.
pub(crate) const METRICS: &str = "metrics";

impl<'a> Message<&'a View> {
    pub(crate) fn new(host: &str, interval_ms: u64, view: &'a View) -> Self {
        Self {
            kind: METRICS.to_owned(),
            timestamp: rfc3339(view.timestamp_ms),
            timestamp_ms: view.timestamp_ms,
            host: host.to_owned(),
            interval_ms,
            data: view,
        }
    }
}

/// A time in RFC 3339, in UTC with milliseconds.
pub(crate) fn rfc3339(ms: i64) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// The same for people.
pub(crate) fn readable_time(ms: i64) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
