//! What an engine's refusal means: wait, try again, or never.

use std::time::{Duration, SystemTime};

use hyper::{HeaderMap, StatusCode, header::RETRY_AFTER};
use serde::Deserialize;

use super::client::Response;
use crate::StoreError;

/// Where somebody is throttled and not told for how long.
const SHORT_WAIT: Duration = Duration::from_secs(1);

/// How Prometheus, Mimir and Thanos say that a sample is older than what they take, in small letters
/// and with spaces for hyphens.
const OLD: [&str; 3] = ["out of order", "out of bounds", "too old"];

/// How they say that they have another value of its time.
const TAKEN: [&str; 2] = ["duplicate sample", "duplicate timestamp"];

/// What to do about samples that are too old for the engine as it is set.
const LONGER_WINDOW: &str = "; it takes frames that are older than what it has only within a window: make \
     its storage.tsdb.out_of_order_time_window (Mimir: out_of_order_time_window) longer";

/// So much of what it said is repeated.
const EXCERPT: usize = 200;

/// The answer, if it is a good one.
pub(super) fn checked(response: Response) -> Result<Response, StoreError> {
    if response.status.is_success() { Ok(response) } else { Err(refusal(&response)) }
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
        status if status.is_client_error() => unwanted(&response.body, reason),
        _ => StoreError::unavailable(reason),
    }
}

/// Samples that an engine will never take: each for its own time, or for what is in one of them.
fn unwanted(body: &[u8], reason: String) -> StoreError {
    let text = String::from_utf8_lossy(body).to_lowercase().replace('-', " ");
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
    if says(&OLD) {
        return StoreError::Late { reason: reason + LONGER_WINDOW };
    }
    if says(&TAKEN) { StoreError::Late { reason } } else { StoreError::Refused { reason } }
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
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let short: String = clean.take(EXCERPT).collect();
    match short.trim() {
        "" => "without a word".to_owned(),
        said => format!("it said: {said}"),
    }
}
