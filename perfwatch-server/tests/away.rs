//! A store that is away: the daemon starts, live goes on, nothing is lost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod common;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use common::{
    Server,
    away::{Fickle, Mood},
    config,
};
use perfwatch_server::{Daemon, Secret};
use perfwatch_store::Store;
use serde_json::Value;

/// As much as the daemon may take to start, or to answer the first time.
const START: Duration = Duration::from_secs(2);

/// As much as it may take to stop.
const STOP: Duration = Duration::from_secs(5);

/// Asks again and again, up to 30 s, until the answer is as wanted.
async fn wait_for(server: &Server, path: &str, token: &str, wanted: fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let answer = server.get(path, token).await;
        if answer.status == 200 && wanted(&answer.json()) {
            return answer.json();
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{path} stays {}", answer.body);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_daemon_starts_without_its_store_and_makes_the_first_user_later() {
    for mood in [Mood::Away, Mood::Silent] {
        let store = Fickle::new(mood).await;
        let begun = Instant::now();
        let mut config = config();
        config.auth.admin_password = None;
        config.exposition.open = true;
        let mut daemon = Daemon::on(config, store.opened()).await.unwrap();
        assert!(daemon.first_password().is_none());
        daemon.make_first_user().await.unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let show = Arc::clone(&shown);
        daemon.show_later(move |password: &Secret| {
            show.lock().unwrap().push(password.expose().to_owned());
            Ok(())
        });
        let server = Server::serve(daemon, store.opened()).await;
        server.first_tick().await;
        assert!(begun.elapsed() < START, "{mood:?}: {:?}", begun.elapsed());

        let login = server.try_login("any password at all").await;
        assert!(login.error().starts_with("503 nobody can log in while"), "{}", login.body);
        let health =
            wait_for(&server, "/healthz", "", |health| health["status"] == "degraded").await;
        let detail = health["detail"].as_str().unwrap();
        assert!(detail.starts_with("the store takes no frames: it does not answer; "), "{detail}");
        let metrics = server.get("/metrics", "").await;
        assert!(metrics.body.contains("perfwatch_writer_store_up 0\n"), "{}", metrics.body);

        store.set(Mood::There);
        wait_for(&server, "/healthz", "", |health| health["status"] == "ok").await;
        let begun = Instant::now();
        while shown.lock().unwrap().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(10), "{mood:?}: no password was shown");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let passwords = shown.lock().unwrap().clone();
        assert_eq!(passwords.len(), 1, "{mood:?}");
        assert_eq!(server.try_login(&passwords[0]).await.status, 200);
        server.stop().await;
    }
}

#[tokio::test]
async fn live_does_not_wait_for_a_silent_store() {
    let store = Fickle::new(Mood::There).await;
    let server = Server::on(config(), store.opened()).await;
    let token = server.login().await;
    server.first_tick().await;
    assert_eq!(server.get("/api/metrics/latest", &token).await.status, 200);
    store.set(Mood::Silent);
    // Long enough for the session to be looked up twice again.
    let mut times = Vec::new();
    for _ in 0..220 {
        let begun = Instant::now();
        assert_eq!(server.get("/api/metrics/latest", &token).await.status, 200);
        times.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    times.sort();
    assert!(times[times.len() * 99 / 100 - 1] <= Duration::from_millis(50), "{times:?}");

    let config = server.get("/api/config", &token).await.json();
    assert_eq!(config["store"]["status"], "degraded");
    assert!(config["store"]["since"].is_string(), "{}", config["store"]);
    let detail = config["store"]["detail"].as_str().unwrap();
    assert_eq!(detail, "the store is not available: it gave no answer within 8 s");
    store.set(Mood::There);
    let caught_up = |config: &Value| config["writer"]["waiting"].as_u64() <= Some(1);
    let after = wait_for(&server, "/api/config", &token, caught_up).await;
    assert_eq!(after["writer"]["dropped"], 0);
    server.stop().await;
}

#[tokio::test]
async fn a_stop_while_the_store_is_away_leaves_all_to_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config();
    config.store.spool_directory = Some(directory.path().join("spool"));
    for mood in [Mood::Away, Mood::Silent] {
        let store = Fickle::new(Mood::There).await;
        let server = Server::on(config.clone(), store.opened()).await;
        let token = server.login().await;
        server.first_tick().await;
        // A session that was seen before may go on.
        assert_eq!(server.get("/api/auth/me", &token).await.status, 200);
        store.set(mood);
        tokio::time::sleep(Duration::from_secs(2)).await;
        let writer = server.get("/api/config", &token).await.json()["writer"].clone();
        let begun = Instant::now();
        server.stop().await;
        assert!(begun.elapsed() < STOP, "{mood:?}: {:?}", begun.elapsed());

        store.set(Mood::There);
        let again = Fickle::reopened(&store);
        let server = Server::on(config.clone(), again.opened()).await;
        let token = server.login().await;
        let caught_up = |config: &Value| config["writer"]["waiting"].as_u64() <= Some(1);
        let after = wait_for(&server, "/api/config", &token, caught_up).await;
        let waited = writer["waiting"].as_u64().unwrap();
        assert!(waited >= 15, "{writer}");
        assert!(after["writer"]["stored"].as_u64().unwrap() >= waited, "{after}");
        assert_eq!(after["writer"]["dropped"], 0);
        let held = again.usage().await.unwrap().frames;
        assert!(held >= writer["expected"].as_u64().unwrap(), "{held} of {writer}");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_spool_file_that_cannot_be_read_is_named_and_others_are_used() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("0000000001.spool");
    std::fs::create_dir(&file).unwrap();
    let mut config = config();
    config.store.spool_directory = Some(directory.path().to_owned());
    let store = Fickle::new(Mood::There).await;
    let server = Server::on(config, store.opened()).await;
    let token = server.login().await;
    let trouble = server.get("/api/config", &token).await.json()["writer"]["spool_trouble"].clone();
    let trouble = trouble.as_str().unwrap();
    assert!(trouble.starts_with(file.to_str().unwrap()), "{trouble}");
    store.set(Mood::Away);
    let spooled = |config: &Value| config["writer"]["spooled"].as_u64() > Some(0);
    wait_for(&server, "/api/config", &token, spooled).await;
    server.stop().await;
}
