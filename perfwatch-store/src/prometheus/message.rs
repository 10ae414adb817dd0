//! The messages of Prometheus remote write, version 1.

use prost::{Message, encode_length_delimiter, length_delimiter_len};

use super::names::Labels;

/// Field 1, with a length: the series of a request, and the labels of a series.
const FIRST: u8 = 0x0a;

/// Field 2, with a length: the samples of a series.
const SECOND: u8 = 0x12;

/// One value.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Sample {
    #[prost(double, tag = "1")]
    pub(super) value: f64,
    /// In milliseconds since 1970 (UTC).
    #[prost(int64, tag = "2")]
    pub(super) timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// Labels in the form in which a series has them, sorted by name: they are the same at every tick,
/// and so are their bytes.
pub(super) fn encoded(labels: &Labels) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in labels {
        put(&mut bytes, FIRST, &Label { name: name.clone(), value: value.clone() });
    }
    bytes
}

/// Adds a series with its samples, in order of time, to a request.
pub(super) fn put_series(request: &mut Vec<u8>, labels: &[u8], samples: &[Sample]) {
    let length = |sample: &Sample| {
        let bytes = sample.encoded_len();
        1 + length_delimiter_len(bytes) + bytes
    };
    request.push(FIRST);
    put_length(request, labels.len() + samples.iter().map(length).sum::<usize>());
    request.extend_from_slice(labels);
    samples.iter().for_each(|sample| put(request, SECOND, sample));
}

fn put(bytes: &mut Vec<u8>, field: u8, message: &impl Message) {
    bytes.push(field);
    put_length(bytes, message.encoded_len());
    // A vector grows: neither can fail.
    let _ = message.encode(bytes);
}

fn put_length(bytes: &mut Vec<u8>, length: usize) {
    let _ = encode_length_delimiter(length, bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, PartialEq, Message)]
    struct Request {
        #[prost(message, repeated, tag = "1")]
        series: Vec<Series>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Series {
        #[prost(message, repeated, tag = "1")]
        labels: Vec<Label>,
        #[prost(message, repeated, tag = "2")]
        samples: Vec<Sample>,
    }

    #[test]
    fn a_request_is_read_as_the_message_it_is() {
        let label = |name: &str, value: &str| Label { name: name.into(), value: value.into() };
        let labels = vec![label("__name__", "m"), label("row", &"ü".repeat(300))];
        let samples: Vec<Sample> = [(0.0, 0), (-1.5, 1_700_000_000_000), (f64::MAX, i64::MIN)]
            .map(|(value, timestamp)| Sample { value, timestamp })
            .to_vec();
        let series = [Series { labels, samples }, Series::default()];
        let mut bytes = Vec::new();
        for Series { labels, samples } in &series {
            let pairs = labels.iter().map(|label| (label.name.clone(), label.value.clone()));
            put_series(&mut bytes, &encoded(&pairs.collect()), samples);
        }
        assert_eq!(Request::decode(bytes.as_slice()).unwrap().series, series);
    }
}
