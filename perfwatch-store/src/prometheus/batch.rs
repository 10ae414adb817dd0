//! Records as the bodies of write requests.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use bytes::Bytes;
use perfwatch_core::Decimal;
use prost::Message;

use super::{
    message::{Sample, TimeSeries, WriteRequest, encoded},
    names::{self, Labels},
};
use crate::{Point, Record, StoreError};

/// More samples than this are sent as several requests.
const MOST_SAMPLES: usize = 50_000;

/// More labels than this are not remembered: somebody's rows come and go.
const MOST_NAMES: usize = 200_000;

/// The labels of the series that were written, in the form in which they are sent.
#[derive(Debug)]
pub(super) struct Names {
    extra: Vec<(String, String)>,
    numbers: HashMap<Arc<str>, HashMap<String, usize>>,
    labels: Vec<Arc<[Bytes]>>,
    /// What a series is looked up by, made anew for each.
    key: String,
}

impl Names {
    pub(super) fn new(extra: Vec<(String, String)>) -> Self {
        Self { extra, numbers: HashMap::new(), labels: Vec::new(), key: String::new() }
    }

    /// The bodies of the requests that write these records, and samples beside them.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if one cannot be packed.
    pub(super) fn requests(
        &mut self,
        records: &[Record],
        beside: &[(Labels, Sample)],
    ) -> Result<Vec<Bytes>, StoreError> {
        if self.labels.len() > MOST_NAMES {
            *self = Self::new(std::mem::take(&mut self.extra));
        }
        let mut bodies = Vec::new();
        let mut batch = Batch::default();
        let mut seen = HashSet::new();
        let mut records: Vec<&Record> = records.iter().collect();
        // The first of two with one time counts.
        records.retain(|record| seen.insert((Arc::clone(&record.host), record.timestamp_ms())));
        records.sort_by_key(|record| record.timestamp_ms());
        for record in records {
            self.add(record, &mut batch);
            if batch.samples >= MOST_SAMPLES {
                bodies.push(std::mem::take(&mut batch).body()?);
            }
        }
        for (labels, sample) in beside {
            let labels = self.encoded(labels.clone());
            batch.series.push(TimeSeries { labels: labels.to_vec(), samples: vec![*sample] });
        }
        if !batch.series.is_empty() {
            bodies.push(batch.body()?);
        }
        Ok(bodies)
    }

    fn add(&mut self, record: &Record, batch: &mut Batch) {
        let timestamp = record.timestamp_ms();
        let host = &record.host;
        let number = self.number(host, names::FRAME, |_| frame_labels(host));
        batch.push(number, self, Sample { value: seconds(timestamp), timestamp });
        record.for_each_point(|point| {
            let mut key = std::mem::take(&mut self.key);
            key.clear();
            for part in [point.table, "\0", point.row.map_or("", |row| row.1), "\0", point.column] {
                key.push_str(part);
            }
            key.push(char::from(point.value.decimals));
            let number = self.number(host, &key, |_| names::labels_of(host, &point));
            self.key = key;
            if let Some(value) = float(&point) {
                batch.push(number, self, Sample { value, timestamp });
            }
        });
    }

    /// The number of a series of a host.
    fn number(&mut self, host: &Arc<str>, key: &str, labels: impl FnOnce(&str) -> Labels) -> usize {
        if let Some(&number) = self.numbers.get(host).and_then(|numbers| numbers.get(key)) {
            return number;
        }
        let labels = self.encoded(labels(key));
        let number = self.labels.len();
        self.labels.push(labels);
        self.numbers.entry(Arc::clone(host)).or_default().insert(key.to_owned(), number);
        number
    }

    fn encoded(&self, mut labels: Labels) -> Arc<[Bytes]> {
        labels.extend(self.extra.iter().cloned());
        encoded(&labels).into()
    }
}

/// The labels of a series about a host itself.
pub(super) fn host_labels(metric: &str, host: &str) -> Labels {
    let pairs = [("__name__", metric), ("host", host)];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn frame_labels(host: &str) -> Labels {
    host_labels(names::FRAME, host)
}

/// A time as Prometheus counts: in seconds.
pub(super) fn seconds(timestamp_ms: i64) -> f64 {
    timestamp_ms as f64 / 1000.0
}

fn float(point: &Point<'_>) -> Option<f64> {
    let Decimal { value, decimals } = point.value;
    Decimal { value, decimals }.get()
}

/// What goes into one request.
#[derive(Default)]
struct Batch {
    series: Vec<TimeSeries>,
    places: HashMap<usize, usize>,
    samples: usize,
}

impl Batch {
    /// Adds a sample; of two with one time, the first counts.
    fn push(&mut self, number: usize, names: &Names, sample: Sample) {
        let place = *self.places.entry(number).or_insert_with(|| {
            let labels = names.labels.get(number).map(|labels| labels.to_vec());
            let labels = labels.unwrap_or_default();
            self.series.push(TimeSeries { labels, samples: Vec::new() });
            self.series.len() - 1
        });
        let Some(series) = self.series.get_mut(place) else { return };
        if series.samples.last().is_none_or(|last| last.timestamp != sample.timestamp) {
            series.samples.push(sample);
            self.samples += 1;
        }
    }

    fn body(self) -> Result<Bytes, StoreError> {
        let message = WriteRequest { timeseries: self.series }.encode_to_vec();
        let packed = snap::raw::Encoder::new().compress_vec(&message);
        packed.map(Bytes::from).map_err(|error| StoreError::Refused { reason: error.to_string() })
    }
}
