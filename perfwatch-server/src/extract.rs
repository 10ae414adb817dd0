//! How a query string and a body become a type, with messages that name the parameter.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{header, request::Parts},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{app::Shared, auth, error::AppError};

/// The largest body that any route takes.
const MAX_BODY: usize = 64 * 1024;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The query string as `T`, all of whose fields are optional texts or [`Values`].
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AppError> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|error| AppError::unreadable(error.body_text()))?;
        let object = pairs.0.into_iter().fold(Map::new(), |mut object, (name, value)| {
            let held = object.remove(&name);
            object.insert(name, joined(held, value.into()));
            object
        });
        serde_path_to_error::deserialize(Value::Object(object))
            .map(Self)
            .map_err(|error| misshapen("the query", &error))
    }
}

/// A parameter given more than once becomes a list.
fn joined(held: Option<Value>, value: Value) -> Value {
    match held {
        None => value,
        Some(Value::Array(mut values)) => {
            values.push(value);
            Value::Array(values)
        }
        Some(first) => Value::Array(vec![first, value]),
    }
}

/// A parameter that may be given several times, or once with commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Values(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = match Value::deserialize(deserializer)? {
            Value::Array(values) => values,
            value => vec![value],
        };
        let texts = texts.iter().filter_map(Value::as_str);
        Ok(Self(texts.flat_map(split).map(str::to_owned).collect()))
    }
}

/// Splits at the commas that stand outside of quotes: a row's name may hold one.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text.split(move |c: char| {
        let separates = c == ',' && !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && quoted && !escaped;
        separates
    });
    parts.map(str::trim).filter(|part| !part.is_empty())
}

/// A JSON body as `T`.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Body<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, _: &S) -> Result<Self, AppError> {
        if !is_json(request.headers()) {
            return Err(AppError::invalid("the body's content type must be application/json"));
        }
        let body = axum::body::to_bytes(request.into_body(), MAX_BODY);
        let body = tokio::time::timeout(BODY_TIMEOUT, body)
            .await
            .map_err(|_| AppError::unreadable("the body did not arrive in time"))?
            .map_err(|_| AppError::too_large(MAX_BODY))?;
        let json: Value = serde_json::from_slice(&body)
            .map_err(|error| AppError::unreadable(format!("the body is not JSON: {error}")))?;
        serde_path_to_error::deserialize(json)
            .map(Self)
            .map_err(|error| misshapen("the body", &error))
    }
}

/// Names the key; an unknown or a missing one is named by the message itself.
fn misshapen(place: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> AppError {
    let path = error.path().to_string();
    let at = if path == "." { format!("in {place}") } else { path };
    AppError::invalid(format!("{at}: {}", error.inner()))
}

fn is_json(headers: &axum::http::HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

/// The address of whoever sent the request, also through a trusted proxy.
pub(crate) struct Client(pub(crate) IpAddr);

impl FromRequestParts<Shared> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Self::Rejection> {
        // Only a router that is called without a connection knows no address.
        let peer = parts.extensions.get::<SocketAddr>().map(SocketAddr::ip);
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)).to_canonical();
        Ok(Self(auth::asker(peer, &parts.headers, &app.config.http.trusted_proxies)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_within_quotes_belongs_to_the_name() {
        let parts: Vec<&str> = split(r#"a, disk["/x,\",y"].b ,,c"#).collect();
        assert_eq!(parts, ["a", r#"disk["/x,\",y"].b"#, "c"]);
    }
}
