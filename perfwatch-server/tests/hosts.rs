//! Many hosts in one store: who they are, how they are, and which of them is asked about.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod common;

use std::{path::Path, time::Duration};

use axum::http::StatusCode;
use common::{HOST, Server, config, machine, now_ms, packed, record, record_of};
use perfwatch_store::Opened;
use serde_json::{Value, json};

const DAY: i64 = 86_400_000;

fn pressure(host: &str, timestamp_ms: i64, percent: f64) -> perfwatch_store::Record {
    record_of(host, timestamp_ms, &[("pressure", "io", "some_avg10_percent", percent)])
}

async fn hosts(server: &Server, token: &str) -> Vec<Value> {
    let answer = server.get("/api/hosts", token).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.json()["hosts"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_host_says_who_it_is_and_how_it_is() {
    let server = Server::start_keeping_all().await;
    let token = server.login().await;
    let now = now_ms();
    server.store.store.register(&machine("db1", "0123", 5000)).await.unwrap();
    let records = [pressure("db1", now - DAY, 99.0), pressure("db1", now - 1000, 12.5)];
    server.store.store.append(&records).await.unwrap();
    let answer = server.get("/api/hosts", &token).await.json();
    let paths = answer["vitals"].as_array().unwrap();
    assert_eq!(paths[0], "cpu.usage_percent");
    let db1 = answer["hosts"].as_array().unwrap().iter().find(|host| host["name"] == "db1");
    let mut db1 = db1.unwrap().clone();
    let seen = db1.as_object_mut().unwrap().remove("last_seen").unwrap();
    assert!(seen.as_str().unwrap().ends_with('Z'), "{seen}");
    db1.as_object_mut().unwrap().remove("first_seen").unwrap();
    let missing = "it has not measured cpu.usage_percent, memory.usage_percent, \
                   pressure.cpu.some_avg10_percent, pressure.memory.some_avg10_percent of late";
    let expected = json!({
        "name": "db1", "id": "0123", "current": false, "interval_ms": 5000, "version": "9.9.9",
        "state": "live", "trouble": 12.5, "vitals": [null, null, null, null, 12.5],
        "missing": missing,
    });
    assert_eq!(db1, expected);
    server.stop().await;
}

#[tokio::test]
async fn who_needs_a_look_comes_first() {
    let server = Server::start_keeping_all().await;
    let token = server.login().await;
    server.first_tick().await;
    let now = now_ms();
    let store = &server.store.store;
    for name in ["calm", "busy", "late", "gone", "forgotten"] {
        store.register(&machine(name, name, 5000)).await.unwrap();
    }
    let records = [
        pressure("calm", now, 0.0),
        // More than whatever this host measures.
        pressure("busy", now, 100.0),
        pressure("late", now - 60_000, 1.0),
        pressure("gone", now - 3_600_000, 50.0),
        pressure("forgotten", now - 3 * DAY, 50.0),
    ];
    store.append(&records).await.unwrap();
    // What this daemon knows of others may be as old as its interval.
    tokio::time::sleep(config().sampling.interval).await;
    let mut found: Vec<(String, String)> = Vec::new();
    for host in hosts(&server, &token).await {
        let [name, state] = ["name", "state"].map(|key| host[key].as_str().unwrap().to_owned());
        if name != HOST {
            found.push((name, state));
        } else {
            assert_eq!((&host["current"], &host["state"]), (&json!(true), &json!("live")));
            assert_eq!(host["id"].as_str().unwrap().len(), 32);
            assert!(host["vitals"][1].is_number(), "{host}");
        }
    }
    let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let order = [
        ("gone", "gone"),
        ("late", "late"),
        ("busy", "live"),
        ("calm", "live"),
        ("forgotten", "gone"),
    ];
    assert_eq!(found, order);
    server.stop().await;
}

#[tokio::test]
async fn a_clock_that_was_ahead_does_not_hide_how_a_host_is() {
    let server = Server::start_keeping_all().await;
    let token = server.login().await;
    let now = now_ms();
    let store = &server.store.store;
    for name in ["back", "silent", "ahead"] {
        store.register(&machine(name, name, 5000)).await.unwrap();
    }
    let records = [
        pressure("back", now + DAY, 99.0),
        pressure("back", now - 1000, 12.5),
        pressure("silent", now + DAY, 99.0),
        pressure("silent", now - 3_600_000, 50.0),
        // There is nothing else of it.
        pressure("ahead", now + DAY, 33.0),
    ];
    store.append(&records).await.unwrap();
    tokio::time::sleep(config().sampling.interval).await;
    let hosts = hosts(&server, &token).await;
    let host = |name: &str| hosts.iter().find(|host| host["name"] == name).unwrap();
    let shown = |name: &str| [host(name)["state"].clone(), host(name)["vitals"][4].clone()];
    assert_eq!(shown("back"), [json!("live"), json!(12.5)]);
    assert_eq!(shown("silent"), [json!("gone"), json!(null)]);
    assert_eq!(shown("ahead"), [json!("live"), json!(33.0)]);
    let latest = server.get("/api/metrics/latest?host=back", &token).await.json();
    assert_eq!(latest["data"]["pressure"]["io"]["some_avg10_percent"], 12.5, "{latest}");
    server.stop().await;
}

#[tokio::test]
async fn a_host_that_is_gone_has_no_values_and_says_since_when() {
    let server = Server::start_keeping_all().await;
    let token = server.login().await;
    server.store.store.append(&[pressure("db1", 1_700_000_000_000, 1.0)]).await.unwrap();
    tokio::time::sleep(config().sampling.interval).await;
    let hosts = hosts(&server, &token).await;
    let db1 = hosts.iter().find(|host| host["name"] == "db1").unwrap();
    let seen = "2023-11-14T22:13:20.000Z";
    let expected = json!({
        "name": "db1", "id": null, "current": false, "interval_ms": null, "version": null,
        "first_seen": seen, "last_seen": seen, "state": "gone", "trouble": -1.0,
        "vitals": [null, null, null, null, null],
        "missing": "it has sent nothing since 2023-11-14T22:13:20.000Z",
    });
    assert_eq!(db1, &expected);
    assert_eq!(hosts.last().unwrap(), db1);
    server.stop().await;
}

#[tokio::test]
async fn a_second_machine_of_one_name_has_a_name_of_its_own_everywhere() {
    let opened = perfwatch_store::open("memory:").await.unwrap();
    let other = machine(HOST, "ffffffff", 5000);
    opened.store.register(&other).await.unwrap();
    opened.store.append(&[record(HOST, now_ms(), 77.0)]).await.unwrap();
    let server = Server::on(config(), opened).await;
    let token = server.login().await;
    server.first_tick().await;
    let hosts = hosts(&server, &token).await;
    let own = hosts.iter().find(|host| host["current"] == true).unwrap();
    let name = own["name"].as_str().unwrap();
    assert!(name.starts_with(&format!("{HOST}-")) && name.len() == HOST.len() + 9, "{name}");
    assert_eq!(hosts.len(), 2);
    assert_eq!(server.get("/api/metrics/latest", &token).await.json()["host"], name);
    assert_eq!(server.get("/api/config", &token).await.json()["host"]["name"], name);
    let load = async |host: &str| {
        let path = format!("/api/history/metrics?metric_type=cpu&fields=load_1m{host}");
        server.get(&path, &token).await.json()
    };
    assert_eq!(load("").await["host"], name, "history is this daemon's unless told otherwise");
    let theirs = load(&format!("&host={HOST}")).await;
    assert_eq!(theirs["data_points"][0]["data"]["load_1m"], 77.0);
    server.stop().await;
}

#[tokio::test]
async fn a_name_turns_no_message_around() {
    let server = Server::start_keeping_all().await;
    let token = server.login().await;
    server.store.store.append(&[record("db\u{202e}1", now_ms(), 1.0)]).await.unwrap();
    let path = "/api/history/metrics?metric_type=cpu&host=db%E2%80%AE2";
    let error = server.get(path, &token).await.error();
    assert!(error.starts_with(r"404 host: `db\u{202e}2` is not known; "), "{error}");
    assert!(error.contains(r"did you mean `db\u{202e}1`? known are "), "{error}");
    assert!(!error.contains('\u{202e}'), "{error}");
    server.stop().await;
}

#[tokio::test]
async fn a_host_that_nobody_knows_is_not_found() {
    let server = Server::start_keeping_all().await;
    let token = server.login().await;
    server.store.store.append(&[record("db1", now_ms(), 1.0)]).await.unwrap();
    for path in [
        "history/metrics?metric_type=cpu&",
        "history/metrics/types?",
        "history/compare?metric_type=cpu&period=hour&compare_to=yesterday&",
        "history/changes?period=hour&compare_to=yesterday&",
    ] {
        let ask = async |host| server.get(&format!("/api/{path}host={host}"), &token).await;
        let error = ask("db2").await.error();
        let expected = "404 host: `db2` is not known; did you mean `db1`? known are db1, testhost";
        // This daemon's own host is in the store after a while.
        assert_eq!(error.replace("are testhost, db1", "are db1, testhost"), expected, "{path}");
        let known = ask("db1").await;
        assert_eq!(known.status, StatusCode::OK, "{path}: {}", known.body);
    }
    server.stop().await;
}

/// A daemon of this name, on a machine of its own.
async fn daemon(store: &Opened, root: &Path, name: &str, interval: Duration) -> (Server, String) {
    let root = root.join(name);
    std::fs::create_dir_all(root.join("etc")).unwrap();
    std::fs::write(root.join("etc/machine-id"), format!("{name:a>32}")).unwrap();
    let mut config = config();
    config.sampling.host = Some(name.to_owned());
    config.sampling.interval = interval;
    config.sampling.roots.rootfs = root;
    let server = Server::on(config, store.clone()).await;
    let token = server.login().await;
    (server, token)
}

#[tokio::test]
async fn a_forecast_counts_each_host_by_its_own_interval_whoever_answers() {
    let root = tempfile::tempdir().unwrap();
    let opened = perfwatch_store::open("memory:").await.unwrap();
    let store = &opened.store;
    let now = now_ms();
    store.register(&machine("c", "c", 60_000)).await.unwrap();
    let ticks: Vec<_> = (0..360).map(|age| record("c", now - age * 60_000, 1.0)).collect();
    store.append(&ticks).await.unwrap();
    packed(&**store).await;
    let one = daemon(&opened, root.path(), "1", Duration::from_secs(1)).await;
    let five = daemon(&opened, root.path(), "5", Duration::from_secs(5)).await;
    while store.hosts().await.unwrap().len() < 3 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let packed = store.usage().await.unwrap().packed;
    let frames = 30 * (86_400 + 17_280 + 1_440);
    let wanted = packed.bytes as f64 / packed.frames as f64 * f64::from(frames);
    for (server, token) in [&one, &five] {
        let answer = server.get("/api/retention", token).await.json();
        let full = answer["forecast"]["full_bytes"].as_f64().unwrap();
        assert!((full / wanted - 1.0).abs() < 0.001, "{full} {wanted}: {answer}");
    }
    one.0.stop().await;
    five.0.stop().await;
}
