//! A store that is away: the daemon starts, live goes on, nothing is lost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod common;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use common::{
    HOST, Server,
    away::{Fickle, Mood},
    config, machine, now_ms, record_of,
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

/// A daemon that is sampling, on a store that is there, and who is logged in at it.
async fn running() -> (Arc<Fickle>, Server, String) {
    let store = Fickle::new(Mood::There).await;
    let server = Server::on(config(), store.opened()).await;
    let token = server.login().await;
    server.first_tick().await;
    (store, server, token)
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
    let (store, server, token) = running().await;
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
async fn the_hosts_of_a_store_that_is_away_are_those_that_it_named_last() {
    let store = Fickle::new(Mood::There).await;
    let now = now_ms();
    for (name, seen_ms) in [("db1", now), ("old", now - 3_600_000)] {
        store.register(&machine(name, name, 5000)).await.unwrap();
        let vital = ("pressure", "io", "some_avg10_percent", 12.5);
        store.append(&[record_of(name, seen_ms, &[vital])]).await.unwrap();
    }
    let server = Server::on(config(), store.opened()).await;
    let token = server.login().await;
    server.first_tick().await;
    let states = |answer: &Value| {
        let hosts = answer["hosts"].as_array().unwrap().iter();
        let text = |host: &Value, key: &str| host[key].as_str().unwrap().to_owned();
        hosts.map(|host| (text(host, "name"), text(host, "state"))).collect::<Vec<_>>()
    };
    let state = |answer: &Value, name: &str| {
        let of = states(answer).into_iter().find(|(host, _)| host == name);
        of.unwrap_or_else(|| panic!("{name} is missing in {answer}")).1
    };
    let before = server.get("/api/hosts", &token).await.json();
    assert_eq!(["db1", "old"].map(|name| state(&before, name)), ["live", "gone"]);

    store.set(Mood::Away);
    let own = |answer: &Value| {
        let hosts = answer["hosts"].as_array().unwrap();
        hosts.iter().find(|host| host["current"] == true).unwrap().clone()
    };
    let is_away = |answer: &Value| answer.to_string().contains(r#""state":"away""#);
    let away = wait_for(&server, "/api/hosts", &token, is_away).await;
    // Nobody knows whether it sends; one that did not before is still told so.
    let known = ["db1", "old", HOST].map(|name| state(&away, name));
    assert_eq!(known, ["away", "gone", "live"]);
    let db1 = away["hosts"].as_array().unwrap().iter().find(|host| host["name"] == "db1");
    assert_eq!((&db1.unwrap()["vitals"][4]), 12.5, "{away}");
    let seen = own(&away)["last_seen"].clone();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let later = server.get("/api/hosts", &token).await.json();
    assert_ne!(own(&later)["last_seen"], seen, "its own sample is new");

    store.set(Mood::There);
    wait_for(&server, "/api/hosts", &token, |answer| !answer.to_string().contains("away")).await;
    server.stop().await;
}

#[tokio::test]
async fn a_daemon_that_never_saw_its_store_lists_itself() {
    let (store, server, token) = running().await;
    // A session that was seen before may go on.
    wait_for(&server, "/api/auth/me", &token, |_| true).await;
    store.set(Mood::Away);
    let hosts = server.get("/api/hosts", &token).await;
    assert_eq!(hosts.status, 200, "{}", hosts.body);
    assert_eq!(hosts.json()["hosts"][0]["name"], HOST);
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
