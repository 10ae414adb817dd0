//! The WebSocket, over a real connection.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod common;

use std::{
    collections::BTreeSet,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use common::{Server, config, machine, now_ms, record_of};
use futures_util::{SinkExt, StreamExt};
use perfwatch_store::{Accounts, Opened, RetentionPolicy, RetentionPolicyUpdate, StoreError, User};
use serde_json::{Value, json};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        http::{HeaderValue, Request},
    },
};

type Socket = WebSocketStream<TcpStream>;

const TYPES: [&str; 8] =
    ["cpu", "memory", "network", "disk", "perf_events", "memory_bandwidth", "pressure", "power"];

fn request(server: &Server, query: &str) -> Request<()> {
    let url = format!("ws://{}/api/ws/metrics{query}", server.address);
    url.into_client_request().unwrap()
}

async fn open(server: &Server, request: Request<()>) -> Result<Socket, tungstenite::Error> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    client_async(request, stream).await.map(|(socket, _)| socket)
}

async fn connect(server: &Server, token: &str) -> Socket {
    open(server, request(server, &format!("?token={token}"))).await.unwrap()
}

async fn next(socket: &mut Socket) -> Message {
    timeout(Duration::from_secs(5), socket.next()).await.expect("a message").unwrap().unwrap()
}

async fn next_json(socket: &mut Socket) -> Value {
    serde_json::from_str(next(socket).await.to_text().unwrap()).unwrap()
}

/// Reads on until the server closes, and says with which code.
async fn close_code(socket: &mut Socket) -> u16 {
    loop {
        if let Message::Close(frame) = next(socket).await {
            return frame.unwrap().code.into();
        }
    }
}

#[tokio::test]
async fn each_tick_brings_a_message_with_all_types() {
    let server = Server::start(config()).await;
    let mut socket = connect(&server, &server.login().await).await;
    let first = next_json(&mut socket).await;
    let second = next_json(&mut socket).await;
    for message in [&first, &second] {
        assert_eq!(message["type"], "metrics");
        assert_eq!(message["host"], common::HOST);
        assert_eq!(message["interval_ms"], 100);
        let types: BTreeSet<&String> = message["data"].as_object().unwrap().keys().collect();
        assert!(TYPES.iter().all(|name| types.contains(&(*name).to_owned())), "{types:?}");
    }
    assert!(second["timestamp_ms"].as_i64() > first["timestamp_ms"].as_i64());
    assert!(second["data"]["cpu"]["usage_percent"].is_number(), "{}", second["data"]["cpu"]);
    server.stop().await;
}

/// The next message of this type.
async fn next_of(socket: &mut Socket, kind: &str) -> Value {
    for _ in 0..50 {
        let message = next_json(socket).await;
        if message["type"] == kind {
            return message;
        }
    }
    panic!("no message of type {kind}");
}

async fn watch(server: &Server, host: &str) -> Socket {
    let query = format!("?token={}&host={host}", server.login().await);
    open(server, request(server, &query)).await.unwrap()
}

#[tokio::test]
async fn another_host_is_live_from_the_store() {
    let server = Server::start(config()).await;
    let store = Arc::clone(&server.store.store);
    store.register(&machine("db1", "01", 100)).await.unwrap();
    let send = async |load: f64| {
        let cells = [("cpu", "", "load_1m", load), ("cpu.cores", "1", "frequency_mhz", 800.0)];
        store.append(&[record_of("db1", now_ms(), &cells)]).await.unwrap();
    };
    send(1.0).await;
    let (mut first, mut second) = (watch(&server, "db1").await, watch(&server, "db1").await);
    for socket in [&mut first, &mut second] {
        let message = next_json(socket).await;
        assert_eq!((&message["type"], &message["host"]), (&json!("metrics"), &json!("db1")));
        assert_eq!(message["interval_ms"], 100);
        let cpu = json!({"load_1m": 1.0, "cores": {"1": {"frequency_mhz": 800}}});
        assert_eq!(message["data"]["cpu"], cpu);
    }
    for load in [2.0, 3.0] {
        send(load).await;
        let sent = std::time::Instant::now();
        for socket in [&mut first, &mut second] {
            assert_eq!(next_of(socket, "metrics").await["data"]["cpu"]["load_1m"], load);
        }
        // One interval, and what a busy machine takes for two sockets.
        assert!(sent.elapsed() < Duration::from_millis(600), "{:?}", sent.elapsed());
    }
    server.stop().await;
}

#[tokio::test]
async fn what_keeps_another_host_from_being_seen_is_told() {
    let server = Server::start(config()).await;
    let store = Arc::clone(&server.store.store);
    let told = async |socket: &mut Socket| {
        let notice = next_of(socket, "host").await;
        format!("{}: {}", notice["state"].as_str().unwrap(), notice["detail"].as_str().unwrap())
    };
    let mut gone = watch(&server, "db1").await;
    assert_eq!(told(&mut gone).await, "unknown: no host of this name is in the store");
    // Its last frame is shown all the same.
    let cells = [("cpu", "", "load_1m", 7.0)];
    store.append(&[record_of("db1", 1_700_000_000_000, &cells)]).await.unwrap();
    store.register(&machine("db1", "01", 100)).await.unwrap();
    drop(gone);
    let mut gone = watch(&server, "db1").await;
    assert_eq!(next_of(&mut gone, "metrics").await["data"]["cpu"]["load_1m"], 7.0);
    assert_eq!(told(&mut gone).await, "gone: it has sent nothing since 2023-11-14T22:13:20.000Z");
    store.append(&[record_of("db1", now_ms(), &cells)]).await.unwrap();
    assert_eq!(told(&mut gone).await, "live: it sends again");
    store.close().await;
    assert_eq!(told(&mut gone).await, "away: the store does not answer; this is tried again");
    drop(gone);
    server.stop().await;
}

#[tokio::test]
async fn the_newest_of_another_host_can_be_asked_for() {
    let server = Server::start(config()).await;
    let token = server.login().await;
    let ask =
        async |host: &str| server.get(&format!("/api/metrics/latest?host={host}"), &token).await;
    let error = ask("db1").await.error();
    assert!(error.starts_with("404 host: `db1` is not known; "), "{error}");
    let record = record_of("db1", 1_700_000_000_000, &[("cpu", "", "load_1m", 7.0)]);
    server.store.store.append(&[record]).await.unwrap();
    tokio::time::sleep(config().sampling.interval).await;
    let message = ask("db1").await.json();
    assert_eq!(message["timestamp"], "2023-11-14T22:13:20.000Z");
    assert_eq!(
        (&message["host"], &message["data"]),
        (&json!("db1"), &json!({"cpu": {"load_1m": 7.0}}))
    );
    assert_eq!(ask(common::HOST).await.json()["host"], common::HOST);
    server.stop().await;
}

#[tokio::test]
async fn a_ping_is_answered_and_other_talk_is_not_understood() {
    let server = Server::start(config()).await;
    let mut socket = connect(&server, &server.login().await).await;
    socket.send(r#"{"type":"ping"}"#.into()).await.unwrap();
    while next_json(&mut socket).await != json!({"type": "pong"}) {}
    socket.send("sudo".into()).await.unwrap();
    assert_eq!(close_code(&mut socket).await, 1003);
    server.stop().await;
}

#[tokio::test]
async fn the_token_may_come_as_a_subprotocol() {
    let server = Server::start(config()).await;
    let mut request = request(&server, "");
    let offer = format!("perfwatch, bearer.{}", server.login().await);
    request.headers_mut().insert("sec-websocket-protocol", offer.parse().unwrap());
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut socket, response) = client_async(request, stream).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "perfwatch");
    assert_eq!(next_json(&mut socket).await["type"], "metrics");
    server.stop().await;
}

#[tokio::test]
async fn a_bad_token_is_closed_with_4001() {
    let server = Server::start(config()).await;
    for query in ["", "?token=", "?token=not.a.token"] {
        let mut socket = open(&server, request(&server, query)).await.unwrap();
        assert_eq!(close_code(&mut socket).await, 4001, "{query}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_logout_and_a_new_password_end_open_sockets() {
    let server = Server::start(config()).await;
    let (leaving, staying) = (server.login().await, server.login().await);
    let mut left = connect(&server, &leaving).await;
    let mut stayed = connect(&server, &staying).await;
    server.post("/api/auth/logout", &leaving, json!({})).await;
    assert_eq!(close_code(&mut left).await, 4001);
    assert_eq!(next_json(&mut stayed).await["type"], "metrics");
    let change = json!({"current_password": common::PASSWORD, "new_password": "another long one"});
    let changed = server.post("/api/auth/password", &staying, change).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(close_code(&mut stayed).await, 4001);
    server.stop().await;
}

type Answered<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Accounts whose users cannot be looked up while they are away.
struct Flaky {
    accounts: Arc<dyn Accounts>,
    away: AtomicBool,
}

macro_rules! passed_on {
    ($($name:ident<$($life:lifetime)*>($($argument:ident: $type:ty),*) -> $answer:ty;)+) => {
        $(
            fn $name<'me, $($life,)* 'run>(
                &'me self,
                $($argument: $type),*
            ) -> Answered<'run, $answer>
            where
                'me: 'run,
                $($life: 'run,)*
                Self: 'run,
            {
                self.accounts.$name($($argument),*)
            }
        )+
    };
}

impl Accounts for Flaky {
    fn user<'me, 'a, 'run>(&'me self, name: &'a str) -> Answered<'run, Option<User>>
    where
        'me: 'run,
        'a: 'run,
        Self: 'run,
    {
        if self.away.load(Ordering::Relaxed) {
            let reason = "too many queries are running".to_owned();
            return Box::pin(async { Err(StoreError::Unavailable { reason }) });
        }
        self.accounts.user(name)
    }

    passed_on! {
        user_count<>() -> u64;
        create_user<'a 'b>(name: &'a str, hash: &'b str) -> User;
        change_password<'a 'b>(name: &'a str, hash: &'b str) -> User;
        rehash_password<'a 'b 'c>(name: &'a str, old: &'b str, new: &'c str) -> bool;
        revoke_session<'a>(id: &'a str, expires_at_ms: i64) -> ();
        is_session_revoked<'a>(id: &'a str) -> bool;
        purge_revoked_sessions<>(now_ms: i64) -> u64;
        config<'a>(key: &'a str) -> Option<String>;
        set_config<'a 'b>(key: &'a str, value: &'b str) -> ();
        retention_policy<>() -> RetentionPolicy;
        update_retention_policy<'a>(update: &'a RetentionPolicyUpdate) -> RetentionPolicy;
    }
}

#[tokio::test]
async fn a_store_that_is_away_logs_nobody_out() {
    let Opened { store, accounts } = perfwatch_store::open("memory:").await.unwrap();
    let flaky = Arc::new(Flaky { accounts, away: AtomicBool::new(false) });
    let opened = Opened { store, accounts: Arc::clone(&flaky) as Arc<dyn Accounts> };
    let server = Server::on(config(), opened).await;
    let (leaving, staying) = (server.login().await, server.login().await);
    let mut stayed = connect(&server, &staying).await;
    assert_eq!(server.get("/api/auth/me", &leaving).await.status, 200);

    flaky.away.store(true, Ordering::Relaxed);
    // Makes every socket look its session up again.
    assert_eq!(server.post("/api/auth/logout", &leaving, Value::Null).await.status, 204);
    for _ in 0..5 {
        assert_eq!(next_json(&mut stayed).await["type"], "metrics");
    }
    match open(&server, request(&server, &format!("?token={staying}"))).await {
        Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 503),
        other => panic!("it is neither good nor bad: {other:?}"),
    }

    flaky.away.store(false, Ordering::Relaxed);
    assert_eq!(next_json(&mut connect(&server, &staying).await).await["type"], "metrics");
    assert_eq!(server.post("/api/auth/logout", &staying, Value::Null).await.status, 204);
    assert_eq!(close_code(&mut stayed).await, 4001);
    server.stop().await;
}

#[tokio::test]
async fn a_session_that_runs_out_ends_its_socket() {
    let mut config = config();
    config.auth.token_lifetime = Duration::from_secs(1);
    let server = Server::start(config).await;
    let mut socket = connect(&server, &server.login().await).await;
    assert_eq!(close_code(&mut socket).await, 4001);
    server.stop().await;
}

#[tokio::test]
async fn a_stop_closes_with_1001() {
    let server = Server::start(config()).await;
    let mut socket = connect(&server, &server.login().await).await;
    next(&mut socket).await;
    let (code, ()) = tokio::join!(close_code(&mut socket), server.stop());
    assert_eq!(code, 1001);
}

#[tokio::test]
async fn only_pages_of_allowed_origins_may_open_it() {
    let mut config = config();
    config.http.allowed_origins = vec!["https://ops.example".to_owned()];
    let server = Server::start(config).await;
    let token = server.login().await;
    let own = format!("http://{}", server.address);
    for (origin, allowed) in
        [(own.as_str(), true), ("https://ops.example", true), ("http://evil.example", false)]
    {
        let mut request = request(&server, &format!("?token={token}"));
        request.headers_mut().insert("origin", HeaderValue::from_str(origin).unwrap());
        match open(&server, request).await {
            Ok(_) => assert!(allowed, "{origin}"),
            Err(tungstenite::Error::Http(response)) => {
                assert_eq!((response.status().as_u16(), allowed), (403, false), "{origin}");
            }
            Err(error) => panic!("{origin}: {error}"),
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_plain_request_is_told_that_this_is_a_websocket() {
    let server = Server::start(config()).await;
    let answer = server.get("/api/ws/metrics", "").await;
    assert_eq!(answer.status, 400);
    assert!(answer.error().contains("pgrade"), "{}", answer.body);
    server.stop().await;
}

/// A client whose receive buffer is small, so that a pause of it is felt.
async fn connect_with_small_buffer(server: &Server) -> Socket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(server.address).await.unwrap();
    let request = request(server, &format!("?token={}", server.login().await));
    client_async(request, stream).await.unwrap().0
}

async fn live(server: &Server, token: &str) -> Value {
    server.get("/api/config", token).await.json()["live"].clone()
}

#[tokio::test]
async fn a_slow_client_loses_frames_is_told_and_goes_on() {
    let mut config = config();
    config.http.send_timeout = Duration::from_secs(60);
    let server = Server::start(config).await;
    let token = server.login().await;
    let mut socket = connect_with_small_buffer(&server).await;
    // It reads nothing for so long that the kernel's buffers are full and frames are lost.
    let ticks = 600_000 / next(&mut socket).await.len();
    tokio::time::sleep(Duration::from_millis(100) * u32::try_from(ticks).unwrap()).await;
    let mut lost = 0;
    let mut after = Value::Null;
    for _ in 0..2000 {
        let message = next_json(&mut socket).await;
        if message["type"] == "skipped" {
            lost = message["count"].as_u64().unwrap();
            after = next_json(&mut socket).await;
            break;
        }
    }
    assert!(lost > 0, "no frame was lost");
    assert_eq!(after["type"], "metrics");
    assert!(live(&server, &token).await["skipped"].as_u64().unwrap() >= lost);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_stops_reading_is_closed() {
    let mut config = config();
    config.http.send_timeout = Duration::from_secs(1);
    let server = Server::start(config).await;
    let token = server.login().await;
    let mut socket = connect_with_small_buffer(&server).await;
    next(&mut socket).await;
    assert_eq!(live(&server, &token).await["clients"], 1);
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if live(&server, &token).await["clients"] == 0 {
            return server.stop().await;
        }
    }
    panic!("it is still connected");
}
