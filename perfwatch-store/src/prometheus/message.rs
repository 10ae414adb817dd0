//! The messages of Prometheus remote write, version 1.

use bytes::Bytes;
use prost::Message;

use super::names::Labels;

/// What is sent.
#[derive(Clone, PartialEq, Message)]
pub(super) struct WriteRequest {
    /// All series that have samples.
    #[prost(message, repeated, tag = "1")]
    pub(super) timeseries: Vec<TimeSeries>,
}

/// Samples of one series, in order of time.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TimeSeries {
    /// Its labels, each encoded already: a message within a message is bytes with their length, and
    /// these are the same at every tick.
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) labels: Vec<Bytes>,
    #[prost(message, repeated, tag = "2")]
    pub(super) samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// One value.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Sample {
    #[prost(double, tag = "1")]
    pub(super) value: f64,
    /// In milliseconds since 1970 (UTC).
    #[prost(int64, tag = "2")]
    pub(super) timestamp: i64,
}

/// Labels in the form in which [`TimeSeries`] has them, sorted by name.
pub(super) fn encoded(labels: &Labels) -> Vec<Bytes> {
    let label = |(name, value): (&String, &String)| {
        Label { name: name.clone(), value: value.clone() }.encode_to_vec().into()
    };
    labels.iter().map(label).collect()
}
