//! Requests to an engine: each with a deadline, over connections that notice a silent server.

use std::{
    error::Error,
    fmt, fs,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    HeaderMap, Method, Request, StatusCode, Uri,
    header::{AUTHORIZATION, HeaderValue, USER_AGENT},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::timeout;

use super::{address::Address, tls};
use crate::StoreError;

/// A server that is there answers a connection within this.
const CONNECT: Duration = Duration::from_secs(5);

/// What was sent and not acknowledged for so long ends the connection.
const SILENT: Duration = Duration::from_secs(8);

/// Idle connections are given up before servers do so.
const IDLE: Duration = Duration::from_secs(30);

/// No answer is longer than this.
const MOST_BYTES: usize = 256 << 20;

/// Sends requests.
pub(super) struct Client {
    http: Pool<HttpsConnector<HttpConnector>, Full<Bytes>>,
    pub(super) address: Address,
    token: Mutex<Option<HeaderValue>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("address", &self.address).finish_non_exhaustive()
    }
}

/// What came back.
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Client {
    /// A client that has not connected yet.
    ///
    /// # Errors
    /// [`StoreError`] if the files that the URL names cannot be read.
    pub(super) fn new(address: Address) -> Result<Self, StoreError> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_keepalive(Some(Duration::from_secs(3)));
        connector.set_keepalive_interval(Some(Duration::from_secs(2)));
        connector.set_keepalive_retries(Some(3));
        connector.set_tcp_user_timeout(Some(SILENT));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls::config(address.ca_file.as_deref())?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let http = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(https);
        let client = Self { http, address, token: Mutex::default() };
        client.read_token()?;
        Ok(client)
    }

    /// Sends a body and waits for the whole answer, at most so long.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if none comes.
    pub(super) async fn post(
        &self,
        uri: &Uri,
        headers: &[(&'static str, &'static str)],
        body: Bytes,
        deadline: Duration,
    ) -> Result<Response, StoreError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        let all = request.headers_mut();
        all.insert(USER_AGENT, HeaderValue::from_static("perfwatch"));
        for (name, value) in &self.address.headers {
            all.insert(name.clone(), value.clone());
        }
        if let Some(token) = self.token() {
            all.insert(AUTHORIZATION, token);
        }
        for (name, value) in headers {
            all.insert(*name, HeaderValue::from_static(value));
        }
        let answered = timeout(deadline, self.exchange(request)).await;
        let late = || format!("it did not answer within {} s", deadline.as_secs_f64());
        let response = answered.map_err(|_| StoreError::unavailable(late()))??;
        if matches!(response.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            // The token may have been renewed; the next try has it.
            self.read_token()?;
        }
        Ok(response)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response, StoreError> {
        let response = self.http.request(request).await.map_err(|error| away(&error))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MOST_BYTES).collect().await;
        let body = body.map_err(|error| away(error.as_ref()))?.to_bytes();
        Ok(Response { status: parts.status, headers: parts.headers, body })
    }

    fn token(&self) -> Option<HeaderValue> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn read_token(&self) -> Result<(), StoreError> {
        let Some(path) = &self.address.token_file else { return Ok(()) };
        let unreadable = |reason| StoreError::Unreadable { path: path.clone(), reason };
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let value = HeaderValue::from_str(&format!("Bearer {}", text.trim()));
        let mut value = value.map_err(|_| unreadable(std::io::ErrorKind::InvalidData.into()))?;
        value.set_sensitive(true);
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        Ok(())
    }
}

/// The innermost reason: those around it only say that it was a connection.
fn away(error: &(dyn Error + 'static)) -> StoreError {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    StoreError::unavailable(innermost.to_string())
}
