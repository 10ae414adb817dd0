//! Records as the bodies of write requests.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use bytes::Bytes;

use super::{
    message::{Sample, encoded, put_series},
    names::{self, Labels},
};
use crate::{Record, StoreError};

/// More samples than this are sent as several requests.
const MOST_SAMPLES: usize = 50_000;

/// A host's names are forgotten where so many more are remembered than its frame has values: its
/// rows come and go.
const SPARE: usize = 2000;

/// The labels of the series that were written, in the form in which they are sent.
#[derive(Debug)]
pub(super) struct Names {
    extra: Vec<(String, String)>,
    hosts: HashMap<Arc<str>, HashMap<String, Name>>,
    /// How many there ever were.
    numbers: u64,
    /// What a series is looked up by, made anew for each.
    key: String,
}

/// The labels of a series, and a number that no other ever had.
#[derive(Clone, Debug)]
struct Name {
    number: u64,
    labels: Arc<[u8]>,
}

impl Names {
    pub(super) fn new(extra: Vec<(String, String)>) -> Self {
        Self { extra, hosts: HashMap::new(), numbers: 0, key: String::new() }
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
            batch.series.push((self.encoded(labels.clone()), vec![*sample]));
        }
        if !batch.series.is_empty() {
            bodies.push(batch.body()?);
        }
        Ok(bodies)
    }

    fn add(&mut self, record: &Record, batch: &mut Batch) {
        let timestamp = record.timestamp_ms();
        let host = &record.host;
        let mut values = 1;
        let frame = self.name(host, names::FRAME, || host_labels(names::FRAME, host));
        batch.push(&frame, Sample { value: seconds(timestamp), timestamp });
        record.for_each_point(|point| {
            let mut key = std::mem::take(&mut self.key);
            point.write_path(&mut key);
            key.push(char::from(point.value.decimals));
            let name = self.name(host, &key, || names::labels_of(host, &point));
            self.key = key;
            values += 1;
            if let Some(value) = point.value.get() {
                batch.push(&name, Sample { value, timestamp });
            }
        });
        if self.hosts.get(host).is_some_and(|names| names.len() > values + SPARE) {
            self.hosts.remove(host);
        }
    }

    /// The labels of a series of a host.
    fn name(&mut self, host: &Arc<str>, key: &str, labels: impl FnOnce() -> Labels) -> Name {
        if let Some(name) = self.hosts.get(host).and_then(|names| names.get(key)) {
            return name.clone();
        }
        self.numbers += 1;
        let name = Name { number: self.numbers, labels: self.encoded(labels()) };
        self.hosts.entry(Arc::clone(host)).or_default().insert(key.to_owned(), name.clone());
        name
    }

    fn encoded(&self, mut labels: Labels) -> Arc<[u8]> {
        labels.extend(self.extra.iter().cloned());
        encoded(&labels).into()
    }
}

/// The labels of a series about a host itself.
pub(super) fn host_labels(metric: &str, host: &str) -> Labels {
    let pairs = [("__name__", metric), ("host", host)];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A time as Prometheus counts: in seconds.
pub(super) fn seconds(timestamp_ms: i64) -> f64 {
    timestamp_ms as f64 / 1000.0
}

/// What goes into one request.
#[derive(Default)]
struct Batch {
    /// Labels and samples.
    series: Vec<(Arc<[u8]>, Vec<Sample>)>,
    places: HashMap<u64, usize>,
    samples: usize,
}

impl Batch {
    /// Adds a sample; of two with one time, the first counts.
    fn push(&mut self, name: &Name, sample: Sample) {
        let place = *self.places.entry(name.number).or_insert_with(|| {
            self.series.push((Arc::clone(&name.labels), Vec::new()));
            self.series.len() - 1
        });
        let Some((_, samples)) = self.series.get_mut(place) else { return };
        if samples.last().is_none_or(|last| last.timestamp != sample.timestamp) {
            samples.push(sample);
            self.samples += 1;
        }
    }

    fn body(self) -> Result<Bytes, StoreError> {
        let mut message = Vec::new();
        self.series.iter().for_each(|(labels, samples)| put_series(&mut message, labels, samples));
        let packed = snap::raw::Encoder::new().compress_vec(&message);
        packed.map(Bytes::from).map_err(|error| StoreError::Refused { reason: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_gone_are_forgotten() {
        let mut names = Names::new(Vec::new());
        let host: Arc<str> = Arc::from("a");
        for row in 0..10 * SPARE {
            names.name(&host, &row.to_string(), || host_labels("x", "a"));
            let record = Record::new(Arc::clone(&host), Arc::default());
            if row % 100 == 0 {
                names.add(&record, &mut Batch::default());
            }
            assert!(names.hosts.get(&host).is_none_or(|names| names.len() < SPARE + 200));
        }
    }
}
