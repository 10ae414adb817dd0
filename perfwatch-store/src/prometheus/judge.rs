//! What an engine's refusal means: wait, try again, or never.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::{
    HeaderMap, StatusCode,
    header::{DATE, RETRY_AFTER},
};
use serde::Deserialize;

use super::client::Response;
use crate::{StoreError, accounts::clock_ms};

/// Where somebody is throttled and not told for how long.
const SHORT_WAIT: Duration = Duration::from_secs(1);

/// How Prometheus, Mimir and Thanos say that they have a newer sample of the same series, in small
/// letters and with spaces for hyphens.
const PASSED: [&str; 1] = ["out of order"];

/// How they say that a sample is not of the time that they take: it is older than that, by their
/// newest sample of any host, or it is too far ahead of their clock.
const OUTSIDE: [&str; 2] = ["out of bounds", "too old"];

/// How they say that they have another value of its time.
const TAKEN: [&str; 2] = ["duplicate sample", "duplicate timestamp"];

/// Without a window Prometheus takes what is so much older than the newest sample of any host. What
/// is not even so old is refused because somebody's clock is wrong.
const YOUNG_MS: i64 = 3_600_000;

/// What to do about samples that are too old for the engine as it is set.
const LONGER_WINDOW: &str = "; it takes frames that are older than what it has only within a window: make \
     its storage.tsdb.out_of_order_time_window (Mimir: out_of_order_time_window) longer";

/// What to do where samples that are not old are outside.
const CLOCKS: &str = "; it is not an hour old, so look at the clocks of this machine, of the engine and of all \
     machines that write there: where one is ahead, an engine may take no other's frames";

/// So much of what it said is repeated.
const EXCERPT: usize = 200;

/// The answer, if it is a good one.
pub(super) fn checked(response: Response) -> Result<Response, StoreError> {
    if response.status.is_success() { Ok(response) } else { Err(refusal(&response)) }
}

/// Whether the engine took what was written. `fresh_ms` is the newest time in it, but of frames that
/// are older than one of their host that was taken before.
pub(super) fn taken(response: &Response, fresh_ms: Option<i64>) -> Result<(), StoreError> {
    if response.status.is_success() {
        return Ok(());
    }
    Err(match refusal(response) {
        StoreError::Refused { reason } => unwanted(response, fresh_ms, reason),
        other => other,
    })
}

fn refusal(response: &Response) -> StoreError {
    let status = response.status;
    let reason = format!("{} ({})", excerpt(&response.body), status.as_u16());
    match status {
        StatusCode::TOO_MANY_REQUESTS => {
            let retry_after = retry_after(&response.headers).unwrap_or(SHORT_WAIT);
            StoreError::Throttled { retry_after, reason }
        }
        StatusCode::SERVICE_UNAVAILABLE => match retry_after(&response.headers) {
            Some(retry_after) => StoreError::Throttled { retry_after, reason },
            None => StoreError::unavailable(reason),
        },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => denied(format!(
            "the engine does not take the credentials ({}): \
             check user and password in its URL, or its token_file",
            status.as_u16()
        )),
        // An operator can cure these; no frame is to blame.
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => denied(format!(
            "nothing answers at the engine's path ({}): check the path in its URL; \
                 Prometheus needs --web.enable-remote-write-receiver",
            status.as_u16()
        )),
        StatusCode::REQUEST_TIMEOUT => StoreError::unavailable(reason),
        status if status.is_client_error() => StoreError::Refused { reason },
        _ => StoreError::unavailable(reason),
    }
}

/// Samples that an engine does not take: each for its own time, or for what is in one of them.
fn unwanted(response: &Response, fresh_ms: Option<i64>, reason: String) -> StoreError {
    let text = String::from_utf8_lossy(&response.body).to_lowercase().replace('-', " ");
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
    let young_from = now_ms(&response.headers).saturating_sub(YOUNG_MS);
    let is_young = fresh_ms.is_some_and(|time| time >= young_from);
    if says(&PASSED) || says(&OUTSIDE) && !is_young {
        return StoreError::Late { reason: reason + LONGER_WINDOW };
    }
    if says(&TAKEN) {
        return StoreError::Late { reason };
    }
    let reason = if says(&OUTSIDE) { reason + CLOCKS } else { reason };
    StoreError::Refused { reason }
}

/// The time, by the clock that is behind: this machine's, or the engine's where it says it. What is
/// an hour older is old, whichever of them is wrong.
fn now_ms(headers: &HeaderMap) -> i64 {
    let text = headers.get(DATE).and_then(|text| text.to_str().ok());
    let date = text.and_then(|text| httpdate::parse_http_date(text).ok());
    let since = date.and_then(|date| date.duration_since(UNIX_EPOCH).ok());
    let theirs = since.and_then(|since| i64::try_from(since.as_millis()).ok());
    theirs.map_or_else(clock_ms, |theirs| theirs.min(clock_ms()))
}

fn denied(reason: String) -> StoreError {
    StoreError::Denied { reason }
}

/// Seconds, or a date, however far: whoever waits has a bound.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

/// An error as PromQL servers put it; others answer plain text.
#[derive(Deserialize)]
struct Failure {
    error: String,
}

/// The beginning of what it said, on one line.
fn excerpt(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Failure>(body) {
        Ok(failure) => failure.error,
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    match short(&text).trim() {
        "" => "without a word".to_owned(),
        said => format!("it said: {said}"),
    }
}

/// The beginning of a text, on one line.
pub(super) fn short(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(EXCERPT).collect()
}
