//! The first frame of every host and hour, which is marked in the engine.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    batch::{host_labels, seconds},
    hosts::claim,
    message::Sample,
    names::{self, Labels},
};
use crate::{HostIdentity, Record};

const HOUR_MS: i64 = 3_600_000;

/// So many hours of a host are remembered; one that is forgotten is marked again.
const MOST: usize = 200;

/// Which hours are marked already, who writes, and what was taken.
#[derive(Debug, Default)]
pub(super) struct Hours {
    /// The newest frame of each host that the engine took.
    newest: HashMap<Arc<str>, i64>,
    marked: HashMap<Arc<str>, BTreeMap<i64, i64>>,
    identities: HashMap<Arc<str>, HostIdentity>,
}

impl Hours {
    /// Who writes under this name.
    pub(super) fn identify(&mut self, name: Arc<str>, host: HostIdentity) {
        self.identities.insert(name, host);
    }

    /// Whether this machine claimed this name already.
    pub(super) fn is_claimed(&self, host: &HostIdentity) -> bool {
        self.identities.get(&host.name).is_some_and(|known| known.id == host.id)
    }

    /// What these records begin: per host and hour the oldest time, where none older is marked.
    pub(super) fn begun(&self, records: &[Record]) -> BTreeMap<(Arc<str>, i64), i64> {
        let mut begun = BTreeMap::new();
        for record in records {
            let time = record.timestamp_ms();
            let hour = time.div_euclid(HOUR_MS);
            let marked = self.marked.get(&record.host).and_then(|hours| hours.get(&hour));
            if marked.is_none_or(|marked| time < *marked) {
                let oldest = begun.entry((Arc::clone(&record.host), hour)).or_insert(time);
                *oldest = time.min(*oldest);
            }
        }
        begun
    }

    /// The samples that mark these: the frame's time, and whose it is. A claim is dated when it is
    /// made: the frame may be older than the last one, and an engine that takes samples in order
    /// only would refuse it with the claim.
    pub(super) fn marks(
        &self,
        begun: &BTreeMap<(Arc<str>, i64), i64>,
        claimed_ms: i64,
    ) -> Vec<(Labels, Sample)> {
        let sample = |timestamp| Sample { value: seconds(timestamp), timestamp };
        let seen = begun.iter();
        let seen = seen.map(|((host, _), &time)| (host_labels(names::SEEN, host), sample(time)));
        let hosts: BTreeSet<&Arc<str>> = begun.keys().map(|(host, _)| host).collect();
        let whose = hosts.into_iter().filter_map(|host| Some((host, self.identities.get(host)?)));
        let claims = whose.map(|(host, identity)| (claim(host, identity), sample(claimed_ms)));
        seen.chain(claims).collect()
    }

    /// The newest time of these, but of those that are older than what was taken of their host.
    pub(super) fn fresh(&self, records: &[Record]) -> Option<i64> {
        let is_fresh = |record: &&Record| {
            let newest = self.newest.get(&record.host);
            newest.is_none_or(|newest| *newest <= record.timestamp_ms())
        };
        records.iter().filter(is_fresh).map(Record::timestamp_ms).max()
    }

    /// Remembers what was taken, and what is marked by now.
    pub(super) fn note(&mut self, records: &[Record], begun: BTreeMap<(Arc<str>, i64), i64>) {
        for record in records {
            let time = record.timestamp_ms();
            match self.newest.get_mut(&record.host) {
                Some(newest) => *newest = time.max(*newest),
                None => drop(self.newest.insert(Arc::clone(&record.host), time)),
            }
        }
        for ((host, hour), time) in begun {
            let hours = self.marked.entry(host).or_default();
            hours.insert(hour, time);
            if hours.len() > MOST {
                hours.pop_first();
            }
        }
    }
}
