//! Which hosts an engine holds frames of, and who they are.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, MutexGuard, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use super::{
    PrometheusStore,
    ask::{EPOCH_MS, Line, horizon_ms},
    batch::{host_labels, seconds},
    message::Sample,
    names::{self, Labels},
    promql::{Selector, duration},
};
use crate::{HostIdentity, HostInfo, StoreError, Usage, accounts::clock_ms};

pub(super) const HOUR_MS: i64 = 3_600_000;

/// What others changed of a host that is known already is seen after this.
const REMEMBERED: Duration = Duration::from_secs(20);

/// Of many hosts, reading them takes long; then they are remembered for so many times that.
const REST: u32 = 20;

/// With more hours of hosts than this (a host for two years, 1,000 for most of a day), counting
/// frames one by one would be too much for an engine.
const MOST_HOURS: f64 = 20_000.0;

/// What is known of each host.
pub(super) type Roll = BTreeMap<String, Held>;

/// What is known of a host but for its newest frame.
#[derive(Debug)]
pub(super) struct Held {
    first_ms: i64,
    /// The first frame of its last hour.
    pub(super) last_hour_ms: i64,
    /// The labels of its newest claim.
    claim: Option<Labels>,
}

impl Held {
    fn said(&self, label: &str) -> Option<String> {
        self.claim.as_ref()?.get(label).cloned()
    }
}

impl PrometheusStore {
    /// Claims a host's name. An engine has no transactions: two machines that do so for the first
    /// time within a second may both get it.
    pub(super) async fn claim(&self, host: &HostIdentity) -> Result<Arc<str>, StoreError> {
        // A name that this store claimed is claimed again without a question: who only writes does
        // not need the side that reads, and after an outage all hosts would ask at once.
        let is_own = self.hours().is_claimed(host);
        let name = if is_own { Arc::clone(&host.name) } else { self.free_name(host).await? };
        let timestamp = self.claim_time();
        let sample = Sample { value: seconds(timestamp), timestamp };
        self.write(&[], &[(claim(&name, host), sample)], Some(timestamp)).await?;
        self.hours().identify(Arc::clone(&name), host.clone());
        self.forget_roll();
        Ok(name)
    }

    /// Its own name, unless another machine was the first to claim that.
    async fn free_name(&self, host: &HostIdentity) -> Result<Arc<str>, StoreError> {
        let claimed = self.of_host(names::REGISTERED, &host.name);
        let (query, horizon) = ever("min_over_time", &claimed);
        let lines = self.client.instant_sure(&query, horizon).await?;
        let claims = lines.iter().filter_map(|line| Some((line.value_ms()?, line.label("id"))));
        Ok(match claims.min() {
            Some((_, id)) if *id != *host.id => Arc::from(host.distinct_name()),
            _ => Arc::clone(&host.name),
        })
    }

    /// Now, and later than any earlier claim: the newest of a host counts.
    pub(super) fn claim_time(&self) -> i64 {
        let now = clock_ms();
        let next = |last: i64| Some(now.max(last + 1));
        let last = self.claimed_ms.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        last.map_or(now, |last| now.max(last + 1))
    }

    pub(super) async fn all_hosts(&self) -> Result<Vec<HostInfo>, StoreError> {
        let mut roll = self.roll().await?;
        let mut last = self.last_seen(&roll).await?;
        if last.keys().any(|name| !roll.contains_key(name)) {
            // Another daemon began to write.
            self.forget_roll();
            roll = self.roll().await?;
            last = self.last_seen(&roll).await?;
        }
        let info = |(name, held): (&String, &Held)| HostInfo {
            name: name.clone(),
            first_seen_ms: held.first_ms,
            last_seen_ms: last.get(name).copied().unwrap_or(held.last_hour_ms),
            id: held.said("id"),
            interval_ms: held.said("interval_ms").and_then(|text| text.parse().ok()),
            version: held.said("version"),
        };
        Ok(roll.iter().map(info).collect())
    }

    /// What is known of each host but for its newest frame. It is read from the first frames of
    /// all hours there are, and seldom changes, so it is remembered for a moment.
    async fn roll(&self) -> Result<Arc<Roll>, StoreError> {
        let remembered = self.remembered().clone();
        if let Some((_, roll)) = remembered.filter(|(until, _)| Instant::now() < *until) {
            return Ok(roll);
        }
        let (begun, changes) = (Instant::now(), self.changes.load(Ordering::Acquire));
        let (seen, registered) = (self.everywhere(names::SEEN), self.everywhere(names::REGISTERED));
        let (first, last_hour, mut claims) = tokio::try_join!(
            self.ever("min_over_time", &seen),
            self.ever("max_over_time", &seen),
            self.ever("max_over_time", &registered),
        )?;
        let last_hour = by_host(&last_hour, i64::max);
        // The newest of a host comes last.
        claims.sort_by_key(Line::value_ms);
        let mut claims: HashMap<String, Labels> =
            claims.into_iter().map(|line| (line.label("host").to_owned(), line.metric)).collect();
        let mut roll = Roll::new();
        for (name, first_ms) in by_host(&first, i64::min) {
            let claim = claims.remove(name);
            let last_hour_ms = last_hour.get(name).copied().unwrap_or(first_ms);
            roll.insert(name.to_owned(), Held { first_ms, last_hour_ms, claim });
        }
        let roll = Arc::new(roll);
        // What this very store wrote meanwhile is not in it.
        if changes == self.changes.load(Ordering::Acquire) {
            let now = Instant::now();
            let until = now + REMEMBERED.max((now - begun) * REST);
            *self.remembered() = Some((until, Arc::clone(&roll)));
        }
        Ok(roll)
    }

    /// The hosts are not what they were.
    pub(super) fn forget_roll(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        *self.remembered() = None;
    }

    fn remembered(&self) -> MutexGuard<'_, Option<(Instant, Arc<Roll>)>> {
        self.roll.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn what_is_held(&self) -> Result<Usage, StoreError> {
        let hosts = self.all_hosts().await?;
        let hours = self.total(names::SEEN).await?;
        let frames = if hours > MOST_HOURS { 0.0 } else { self.total(names::FRAME).await? };
        Ok(Usage {
            frames: frames as u64,
            oldest_ms: hosts.iter().map(|host| host.first_seen_ms).min(),
            newest_ms: hosts.iter().map(|host| host.last_seen_ms).max(),
            ..Usage::default()
        })
    }

    /// How many samples a metric has.
    async fn total(&self, metric: &str) -> Result<f64, StoreError> {
        let lines = self.ever("count_over_time", &self.everywhere(metric)).await?;
        Ok(lines.iter().filter_map(Line::value).sum())
    }

    /// A function over everything that is held.
    async fn ever(&self, function: &str, selector: &Selector) -> Result<Vec<Line>, StoreError> {
        let (query, horizon) = ever(function, selector);
        self.client.instant(&query, horizon).await
    }

    pub(super) fn everywhere(&self, metric: &str) -> Selector {
        Selector::of(metric, &self.client.address.labels)
    }

    pub(super) fn of_host(&self, metric: &str, host: &str) -> Selector {
        self.everywhere(metric).with("host", "=", host)
    }
}

/// The question for a function over everything that is held, and when it is asked about.
fn ever(function: &str, selector: &Selector) -> (String, i64) {
    let horizon = horizon_ms();
    let window = duration(horizon - EPOCH_MS);
    (format!("{function}({}[{window}])", selector.text()), horizon)
}

/// The labels of a host's claim to its name.
pub(super) fn claim(name: &str, host: &HostIdentity) -> Labels {
    let mut labels = host_labels(names::REGISTERED, name);
    labels.insert("id".into(), host.id.to_string());
    labels.insert("interval_ms".into(), host.interval_ms.to_string());
    labels.insert("version".into(), host.version.to_string());
    labels.retain(|_, value| !value.is_empty());
    labels
}

/// The best time of each host.
pub(super) fn by_host(lines: &[Line], best: fn(i64, i64) -> i64) -> BTreeMap<&str, i64> {
    let mut times = BTreeMap::new();
    for line in lines {
        if let Some(time) = line.value_ms() {
            let known = times.entry(line.label("host")).or_insert(time);
            *known = best(*known, time);
        }
    }
    times.remove("");
    times
}
