//! The PromQL HTTP API: what is asked and what comes back.

use std::time::Duration;

use bytes::Bytes;
use hyper::Uri;
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    client::Client,
    judge::{checked, short},
    names::Labels,
    promql::{duration, time},
};
use crate::{StoreError, accounts::clock_ms};

/// The longest that somebody who asks waits.
const DEADLINE: Duration = Duration::from_secs(30);

/// Engines answer at most 11,000 points at once.
const MOST_POINTS: i64 = 10_000;

/// Nearer to now than this, VictoriaMetrics holds points of a range back or fills them up.
const RECENT_MS: i64 = 3_600_000;

/// Samples that are dated this far ahead are still found.
const AHEAD_MS: i64 = 2 * 86_400_000;

/// A day, by which recent questions are shifted.
const SHIFT_MS: i64 = 86_400_000;

/// One series of an answer.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    pub(super) metric: Labels,
    /// Seconds and the value, as a range or a window has them.
    #[serde(default)]
    values: Vec<(f64, String)>,
    /// The same at one time.
    value: Option<(f64, String)>,
}

impl Line {
    /// Times in milliseconds and finite values.
    pub(super) fn points(&self) -> impl Iterator<Item = (i64, f64)> {
        self.values.iter().chain(&self.value).filter_map(|(seconds, text)| {
            let value = text.parse().ok().filter(|value: &f64| value.is_finite())?;
            Some(((seconds * 1000.0).round() as i64, value))
        })
    }

    /// The value of an answer about one time.
    pub(super) fn value(&self) -> Option<f64> {
        self.points().next().map(|(_, value)| value)
    }

    /// A time that is a value, in milliseconds.
    pub(super) fn value_ms(&self) -> Option<i64> {
        self.value().map(|seconds| (seconds * 1000.0).round() as i64)
    }

    /// A label.
    pub(super) fn label(&self, name: &str) -> &str {
        self.metric.get(name).map(String::as_str).unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
    /// What VictoriaMetrics says where some of its nodes did not answer.
    #[serde(default, rename = "isPartial")]
    is_partial: bool,
    /// What Thanos says then, and Prometheus with remote storage, and some harmless things.
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Lines {
    result: Vec<Line>,
}

/// Asks for all or nothing, and for an answer of now: in VictoriaMetrics' words, then in Thanos's.
const WHOLE: &str = "&nocache=1&deny_partial_response=1&partial_response=false";

/// How Thanos says that it has nothing yet.
const NO_STORES: &str = "No StoreAPIs matched";

/// The first millisecond that anything is looked for at. VictoriaMetrics takes the first day of
/// 1970 for no time at all.
pub(super) const EPOCH_MS: i64 = 86_400_000;

/// The last millisecond that anything is looked for at.
pub(super) fn horizon_ms() -> i64 {
    clock_ms().saturating_add(AHEAD_MS)
}

impl Client {
    /// Evaluates a query at one time.
    pub(super) async fn instant(&self, query: &str, at_ms: i64) -> Result<Vec<Line>, StoreError> {
        let pairs = [("query", query.to_owned()), ("time", time(at_ms))];
        Ok(self.ask::<Lines>("query", &pairs).await?.data.result)
    }

    /// The same where a line that is missing would do harm.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the engine warns of anything.
    pub(super) async fn instant_sure(
        &self,
        query: &str,
        at_ms: i64,
    ) -> Result<Vec<Line>, StoreError> {
        let pairs = [("query", query.to_owned()), ("time", time(at_ms))];
        let answer = self.ask::<Lines>("query", &pairs).await?;
        let mut warnings = answer.warnings.iter().flatten();
        match warnings.find(|warning| !warning.contains(NO_STORES)) {
            Some(warning) => Err(StoreError::unavailable(format!(
                "its answer may be a part of what it holds, it warns: {}",
                short(warning)
            ))),
            None => Ok(answer.data.result),
        }
    }

    /// Evaluates a function over a window at `first_ms` and every step behind it up to `last_ms`.
    pub(super) async fn stepped(
        &self,
        function: &str,
        window: &str,
        (first_ms, last_ms, step_ms): (i64, i64, i64),
    ) -> Result<Vec<Line>, StoreError> {
        // What is asked of the past is answered as it is.
        let recent = last_ms > clock_ms() - RECENT_MS;
        let (shift, offset) = if recent {
            (SHIFT_MS, format!(" offset -{}", duration(SHIFT_MS)))
        } else {
            (0, String::new())
        };
        let query = function.replace("[]", &format!("[{window}]{offset}"));
        let mut lines = Vec::new();
        let mut from = first_ms;
        while from <= last_ms {
            let until = last_ms.min(from.saturating_add(step_ms.saturating_mul(MOST_POINTS - 1)));
            let pairs = [
                ("query", query.clone()),
                ("start", time(from - shift)),
                ("end", time(until - shift)),
                ("step", duration(step_ms)),
            ];
            let mut found = self.ask::<Lines>("query_range", &pairs).await?.data.result;
            let back = shift as f64 / 1000.0;
            found.iter_mut().flat_map(|line| &mut line.values).for_each(|point| point.0 += back);
            lines.extend(found);
            from = until.saturating_add(step_ms);
        }
        Ok(lines)
    }

    /// The labels of all series that have, or may have, samples in a range.
    pub(super) async fn labels(
        &self,
        selector: &str,
        range: &std::ops::Range<i64>,
    ) -> Result<Vec<Labels>, StoreError> {
        let pairs = [
            ("match[]", selector.to_owned()),
            ("start", time(range.start)),
            ("end", time(range.end)),
        ];
        Ok(self.ask("series", &pairs).await?.data)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        what: &str,
        pairs: &[(&str, String)],
    ) -> Result<Answer<T>, StoreError> {
        let uri = self.uri(what)?;
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let body = Bytes::from(form(pairs) + WHOLE);
        let response = checked(self.post(&uri, &headers, body, DEADLINE).await?)?;
        parsed(&response.body)
    }

    fn uri(&self, what: &str) -> Result<Uri, StoreError> {
        let text = format!("{}{what}", self.address.read);
        text.parse().map_err(|_| StoreError::unavailable("the engine's URL is not one"))
    }
}

fn form(pairs: &[(&str, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<Answer<T>, StoreError> {
    let answer: Answer<T> = serde_json::from_slice(body).map_err(|error| {
        StoreError::unavailable(format!("what answers at the engine's URL is not PromQL: {error}"))
    })?;
    // Averages, hosts and names of a part are wrong ones.
    if answer.is_partial {
        let reason = "it answers with a part of what it holds: some of its nodes are away";
        return Err(StoreError::unavailable(reason));
    }
    Ok(answer)
}
