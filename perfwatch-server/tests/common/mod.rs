//! A daemon within the test, and how to ask it.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

pub mod away;
pub mod program;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use perfwatch_collect::{MetricsAggregator, Roots};
use perfwatch_core::{FieldId, Frame, View};
use perfwatch_server::{Config, Daemon, Secret};
use perfwatch_store::{HostIdentity, Opened, Record, RetentionPolicyUpdate, Store};
use serde_json::Value;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tower::ServiceExt;

pub const PASSWORD: &str = "correct horse battery";
pub const HOST: &str = "testhost";

/// Metrics every 100 ms, history in memory, and a known password.
pub fn config() -> Config {
    let mut config = Config::default();
    config.sampling.interval = Duration::from_millis(100);
    config.sampling.host = Some(HOST.to_owned());
    config.auth.admin_password = Some(Secret::new(PASSWORD));
    config
}

/// A daemon that runs.
pub struct Server {
    pub router: Router,
    pub address: SocketAddr,
    pub store: Opened,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// An answer with its body read.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    /// The status and the detail, as one text.
    pub fn error(&self) -> String {
        let json = self.json();
        let detail = json["detail"].as_str().unwrap_or_else(|| panic!("no detail: {json}"));
        format!("{} {detail}", self.status.as_u16())
    }
}

impl Server {
    pub async fn start(config: Config) -> Self {
        let store = perfwatch_store::open(config.store.url.expose()).await.unwrap();
        Self::on(config, store).await
    }

    /// A daemon that throws nothing away, however old it is.
    pub async fn start_keeping_all() -> Self {
        let store = perfwatch_store::open("memory:").await.unwrap();
        let all = RetentionPolicyUpdate {
            full_resolution_days: Some(36_500),
            downsampled_days: Some(36_500),
            ..Default::default()
        };
        store.accounts.update_retention_policy(&all).await.unwrap();
        Self::on(config(), store).await
    }

    pub async fn on(config: Config, store: Opened) -> Self {
        let daemon = Daemon::on(config, store.clone()).await.unwrap();
        Self::serve(daemon, store).await
    }

    pub async fn serve(daemon: Daemon, store: Opened) -> Self {
        let router = daemon.router();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move { drop(stopped.await) };
        let task = tokio::spawn(async move { daemon.serve(listener, shutdown).await.unwrap() });
        Self { router, address, store, stop, task }
    }

    /// Stops the daemon and waits for its end.
    pub async fn stop(self) {
        drop(self.stop);
        self.task.await.unwrap();
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn ask(&self, method: Method, path: &str, token: &str, body: Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            Value::Null => Body::empty(),
            body => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
        };
        self.send(request.body(body).unwrap()).await
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.ask(Method::GET, path, token, Value::Null).await
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, token, body).await
    }

    pub async fn try_login(&self, password: &str) -> Answer {
        let body = serde_json::json!({"username": "admin", "password": password});
        self.post("/api/auth/login", "", body).await
    }

    /// A token for the admin.
    pub async fn login(&self) -> String {
        let answer = self.try_login(PASSWORD).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Waits until the first tick is there.
    pub async fn first_tick(&self) {
        for _ in 0..100 {
            if self.get("/readyz", "").await.status == StatusCode::OK {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no tick in two seconds");
    }
}

/// A record of a host at which `cpu.load_1m` is this.
pub fn record(host: &str, timestamp_ms: i64, load: f64) -> Record {
    record_of(host, timestamp_ms, &[("cpu", "", "load_1m", load)])
}

/// A record of a host with these gauges: table, row (none for a table about the host), name, value.
pub fn record_of(host: &str, timestamp_ms: i64, gauges: &[(&str, &str, &str, f64)]) -> Record {
    let mut frame = Frame::new(&MetricsAggregator::new(&Roots::default()).tables());
    frame.timestamp_ms = timestamp_ms;
    for &(table, row, name, value) in gauges {
        let block = frame.blocks.iter_mut().find(|block| block.table().name == table).unwrap();
        let field = block.table().fields.iter().position(|field| field.view_name == name);
        let mut cells = if row.is_empty() { block.host_row() } else { block.push_row(row) };
        cells.set_f64(FieldId(field.unwrap()), value);
    }
    let mut view = View::default();
    view.update(None, &frame);
    Record::new(host, Arc::new(view))
}

/// Waits until the hours that are over are packed, which happens behind an append.
pub async fn packed(store: &dyn Store) {
    let mut before = store.usage().await.unwrap();
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = store.usage().await.unwrap();
        if now.packed.frames > 0 && now == before {
            return;
        }
        before = now;
    }
    panic!("nothing was packed within 20 s");
}

/// A machine as it registers.
pub fn machine(name: &str, id: &str, interval_ms: u64) -> HostIdentity {
    HostIdentity { name: name.into(), id: id.into(), interval_ms, version: "9.9.9".into() }
}

/// Now, in milliseconds since 1970.
pub fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
