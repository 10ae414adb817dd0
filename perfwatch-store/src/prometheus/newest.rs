//! The newest values of all hosts, by one question.

use std::collections::BTreeMap;

use perfwatch_core::{Decimal, series::Pattern};

use super::{
    PrometheusStore,
    ask::{EPOCH_MS, horizon_ms},
    names,
    promql::Selector,
};
use crate::{HostNewest, NewestValue, StoreError};

/// Values by path.
type Values = BTreeMap<String, Decimal>;

impl PrometheusStore {
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
        let lines = self.client.instant(&query, range.end - 1).await?;
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
            if known.decimals < value.decimals {
                *known = value;
            }
        }
        Ok(hosts
            .into_iter()
            .map(|(host, values)| HostNewest { host, values: all(values) })
            .collect())
    }
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
