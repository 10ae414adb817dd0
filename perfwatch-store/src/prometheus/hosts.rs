//! Which hosts an engine holds frames of, and who they are.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::future::try_join_all;

use super::{
    PrometheusStore,
    ask::{EPOCH_MS, Line, horizon_ms},
    batch::{host_labels, seconds},
    message::Sample,
    names::{self, Labels},
    promql::{Selector, duration},
};
use crate::{HostIdentity, HostInfo, StoreError, Usage, accounts::clock_ms};

const HOUR_MS: i64 = 3_600_000;

/// With more hours of hosts than this (a host for two years, 1,000 for most of a day), counting
/// frames one by one would be too much for an engine.
const MOST_HOURS: f64 = 20_000.0;

impl PrometheusStore {
    /// Claims a host's name. An engine has no transactions: two machines that do so for the first
    /// time within a second may both get it.
    pub(super) async fn claim(&self, host: &HostIdentity) -> Result<Arc<str>, StoreError> {
        let claimed = self.of_host(names::REGISTERED, &host.name);
        let lines = self.ever("min_over_time", &claimed).await?;
        let claims = lines.iter().filter_map(|line| Some((line.value_ms()?, line.label("id"))));
        let name = match claims.min() {
            Some((_, id)) if *id != *host.id => Arc::from(host.distinct_name()),
            _ => Arc::clone(&host.name),
        };
        let timestamp = clock_ms();
        let sample = Sample { value: seconds(timestamp), timestamp };
        self.write(&[], &[(claim(&name, host), sample)]).await?;
        self.hours().identify(Arc::clone(&name), host.clone());
        Ok(name)
    }

    pub(super) async fn all_hosts(&self) -> Result<Vec<HostInfo>, StoreError> {
        let (seen, registered) = (self.everywhere(names::SEEN), self.everywhere(names::REGISTERED));
        let (first, last_hour, claims) = tokio::try_join!(
            self.ever("min_over_time", &seen),
            self.ever("max_over_time", &seen),
            self.ever("max_over_time", &registered),
        )?;
        let last_hour = by_host(&last_hour, i64::max);
        let last = self.last_seen(&last_hour).await?;
        let mut hosts = Vec::new();
        for (name, first_seen_ms) in by_host(&first, i64::min) {
            let newest = claims.iter().filter(|line| line.label("host") == name);
            let newest = newest.max_by_key(|line| line.value_ms());
            let said = |label: &str| newest.map(|line| line.label(label).to_owned());
            let last_seen_ms = last.get(name).or(last_hour.get(name));
            hosts.push(HostInfo {
                name: name.to_owned(),
                first_seen_ms,
                last_seen_ms: last_seen_ms.copied().unwrap_or(first_seen_ms),
                id: said("id"),
                interval_ms: said("interval_ms").and_then(|text| text.parse().ok()),
                version: said("version"),
            });
        }
        Ok(hosts)
    }

    /// The newest frame of each host, given the first of its newest hour: only that hour is read.
    async fn last_seen<'a>(
        &self,
        hours: &BTreeMap<&'a str, i64>,
    ) -> Result<BTreeMap<&'a str, i64>, StoreError> {
        let newest = hours.values().copied().max().unwrap_or_default();
        let current: Vec<&str> = hours
            .iter()
            .filter(|(_, hour)| newest - **hour <= HOUR_MS)
            .map(|(name, _)| *name)
            .collect();
        let all = self.everywhere(names::FRAME);
        let window = duration(2 * HOUR_MS + 1);
        let query = format!("max_over_time({}[{window}])", all.text());
        let lines = self.client.instant(&query, newest + HOUR_MS).await?;
        let found = by_host(&lines, i64::max);
        let mut last: BTreeMap<&str, i64> =
            current.iter().filter_map(|name| Some((*name, *found.get(name)?))).collect();
        let others: Vec<(&str, i64)> = hours
            .iter()
            .filter(|(name, _)| !last.contains_key(*name))
            .map(|(name, hour)| (*name, *hour))
            .collect();
        for some in others.chunks(8) {
            let ask = |&(name, hour): &(&'a str, i64)| async move {
                let frames = self.of_host(names::FRAME, name).text();
                let query = format!("max_over_time({frames}[{}])", duration(HOUR_MS + 1));
                let lines = self.client.instant(&query, hour + HOUR_MS).await?;
                Ok::<_, StoreError>((name, lines.iter().filter_map(Line::value_ms).max()))
            };
            let found = try_join_all(some.iter().map(ask)).await?;
            last.extend(found.into_iter().filter_map(|(name, time)| Some((name, time?))));
        }
        Ok(last)
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
        let horizon = horizon_ms();
        let query = format!("{function}({}[{}])", selector.text(), duration(horizon - EPOCH_MS));
        self.client.instant(&query, horizon).await
    }

    pub(super) fn everywhere(&self, metric: &str) -> Selector {
        Selector::of(metric, &self.client.address.labels)
    }

    pub(super) fn of_host(&self, metric: &str, host: &str) -> Selector {
        self.everywhere(metric).with("host", "=", host)
    }
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
fn by_host(lines: &[Line], best: fn(i64, i64) -> i64) -> BTreeMap<&str, i64> {
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
