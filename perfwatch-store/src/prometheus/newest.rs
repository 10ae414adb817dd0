//! The newest frames of all hosts, and the newest values in them, by one question each.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    ops::Range,
};

use futures_util::future::try_join_all;
use perfwatch_core::{Decimal, series::Pattern};

use super::{
    PrometheusStore,
    ask::{EPOCH_MS, Line, horizon_ms},
    eras::{frame_labels, has},
    hosts::{HOUR_MS, Roll, by_host},
    names::{self, Labels},
    promql::{Selector, duration},
};
use crate::{HostNewest, NewestValue, StoreError, accounts::clock_ms};

/// Who has sent no frame for so long is looked for further back.
const SILENT_MS: i64 = 300_000;

/// Values by path.
type Values = BTreeMap<String, Decimal>;

impl PrometheusStore {
    /// The newest frame of each host. Of those that are silent, only their last hour is read.
    pub(super) async fn last_seen(&self, roll: &Roll) -> Result<BTreeMap<String, i64>, StoreError> {
        let now = clock_ms();
        let mut last = self.newest_frames(now - SILENT_MS..horizon_ms()).await?;
        let hour = now.div_euclid(HOUR_MS) - 1;
        let silent = roll.iter().filter(|(name, _)| !last.contains_key(*name));
        let hours = silent.map(|(_, held)| held.last_hour_ms.div_euclid(HOUR_MS).min(hour));
        let hours: Vec<i64> = hours.collect::<BTreeSet<i64>>().into_iter().collect();
        let range =
            |at: i64| at * HOUR_MS..if at == hour { horizon_ms() } else { (at + 1) * HOUR_MS };
        for some in hours.chunks(8) {
            let found = some.iter().map(|&at| self.newest_frames(range(at)));
            for (name, time) in try_join_all(found).await?.into_iter().flatten() {
                let known = last.entry(name).or_insert(time);
                *known = time.max(*known);
            }
        }
        Ok(last)
    }

    /// The newest frame that each host has in a range.
    async fn newest_frames(&self, range: Range<i64>) -> Result<BTreeMap<String, i64>, StoreError> {
        let frames = self.everywhere(names::FRAME).text();
        let query = format!("max_over_time({frames}[{}])", duration(range.end - range.start));
        let lines = self.client.instant(&query, range.end - 1).await?;
        let times = by_host(&lines, i64::max).into_iter();
        Ok(times.map(|(name, time)| (name.to_owned(), time)).collect())
    }

    pub(super) async fn ask_newest(
        &self,
        patterns: &[Pattern],
        since_ms: i64,
    ) -> Result<Vec<HostNewest>, StoreError> {
        let range = since_ms.max(EPOCH_MS)..horizon_ms();
        if range.is_empty() || patterns.is_empty() {
            return Ok(Vec::new());
        }
        let frames = self.everywhere(names::FRAME).text();
        let Some(windows) = self.windows(&frames, &range).await? else { return Ok(Vec::new()) };
        let selector = Selector::series(self.everywhere(""), patterns).text();
        let window = windows.of(range.end - range.start);
        let query = format!("last_over_time({selector}[{window}])");
        let mut lines = self.client.instant(&query, range.end - 1).await?;
        if is_split(&lines) {
            let query = format!("max_over_time({frames}[{window}])");
            let frames = self.client.instant(&query, range.end - 1).await?;
            in_order_of_time(&mut lines, &frames);
        }
        let mut hosts: BTreeMap<String, Values> = BTreeMap::new();
        for line in lines {
            let Some((info, value)) = names::series_of(&line.metric).zip(line.value()) else {
                continue;
            };
            if !patterns.iter().any(|pattern| pattern.matches(&info.segments)) {
                continue;
            }
            let value = nearest(value, info.decimals);
            let values = hosts.entry(line.label("host").to_owned()).or_default();
            let known = values.entry(info.path.to_string()).or_insert(value);
            // Of two with one path, the finer is the newer.
            if known.decimals <= value.decimals {
                *known = value;
            }
        }
        Ok(hosts
            .into_iter()
            .map(|(host, values)| HostNewest { host, values: all(values) })
            .collect())
    }
}

/// Whether a series may be there under more than one set of labels.
fn is_split(lines: &[Line]) -> bool {
    let mut seen = HashSet::new();
    let name = |line: &Line| names::series_of(&line.metric).map(|info| (info.path, info.decimals));
    lines.iter().any(|line| !seen.insert((line.label("host"), name(line))))
}

/// Brings lines in the order of the newest frames under their labels.
fn in_order_of_time(lines: &mut [Line], frames: &[Line]) {
    let mut newest: BTreeMap<&str, Vec<(Labels, i64)>> = BTreeMap::new();
    for frame in frames {
        let time = frame.value_ms().map(|time| (frame_labels(&frame.metric), time));
        newest.entry(frame.label("host")).or_default().extend(time);
    }
    lines.sort_by_cached_key(|line| {
        let frames = newest.get(line.label("host")).map(Vec::as_slice).unwrap_or_default();
        let own = frames.iter().filter(|(labels, _)| has(&line.metric, labels));
        own.max_by_key(|(labels, _)| labels.len()).map(|(_, time)| *time)
    });
}

/// The number that was written: an engine's float is near it.
fn nearest(value: f64, decimals: u8) -> Decimal {
    let value = (value * 10_f64.powi(i32::from(decimals))).round() as i64;
    Decimal { value, decimals }
}

fn all(values: Values) -> Vec<NewestValue> {
    let values = values.into_iter();
    values.filter_map(|(path, value)| Some(NewestValue { path, value: value.get()? })).collect()
}
