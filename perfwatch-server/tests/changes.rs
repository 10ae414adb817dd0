//! What is asked about changes, and how the answer looks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod common;

use axum::http::StatusCode;
use common::{Server, config, record};
use serde_json::{Value, json};

/// 2023-11-14T22:00:00Z.
const START: i64 = 1_699_999_200_000;

const BEFORE: &str = "before_start=2023-11-14T22:00:00Z&before_end=2023-11-14T22:10:00Z";
const AFTER: &str = "after_start=2023-11-14T22:10:00Z&after_end=2023-11-14T22:20:00Z";
const LATER: &str = "after_start=2023-11-15T22:10:00Z&after_end=2023-11-15T22:20:00Z";

/// A daemon whose store holds a host with a load of about 1 for ten minutes, then of about 3.
async fn with_a_shift() -> (Server, String) {
    let server = Server::start_keeping_all().await;
    let load = |tick: i64| if tick < 120 { 1.0 } else { 3.0 } + (tick % 5) as f64 / 100.0;
    let records: Vec<_> =
        (0..240).map(|tick| record("db1", START + tick * 5000, load(tick))).collect();
    server.store.store.append(&records).await.unwrap();
    let token = server.login().await;
    (server, token)
}

async fn ask(server: &Server, token: &str, query: &str) -> Value {
    let answer = server.get(&format!("/api/history/changes?host=db1&{query}"), token).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.json()
}

#[tokio::test]
async fn a_shift_is_told_with_its_figures() {
    let (server, token) = with_a_shift().await;
    let mut answer = ask(&server, &token, &format!("{BEFORE}&{AFTER}")).await;
    let changes = answer.as_object_mut().unwrap().remove("changes").unwrap();
    insta::assert_snapshot!(answer, @r#"{"after":{"end_time":"2023-11-14T22:20:00.000Z","points":120,"start_time":"2023-11-14T22:10:00.000Z"},"appeared":[],"before":{"end_time":"2023-11-14T22:10:00.000Z","points":120,"start_time":"2023-11-14T22:00:00.000Z"},"below_floor":0,"changed":1,"disappeared":[],"host":"db1","min_effect":3.0,"note":null,"series":1,"step_ms":500,"too_few_points":0}"#);
    insta::assert_snapshot!(changes, @r#"[{"after":{"median":3.02,"p95":3.04,"points":120},"before":{"median":1.02,"p95":1.04,"points":120},"change_percent":196.08,"cliffs_delta":1.0,"direction":"up","effect":24.0,"help":"Mean number of threads running, ready or waiting for a disk, over a minute.","moved":"median","path":"cpu.load_1m","unit":"average"}]"#);
    server.stop().await;
}

#[tokio::test]
async fn a_higher_floor_hides_it_and_a_window_is_as_itself() {
    let (server, token) = with_a_shift().await;
    for query in [
        format!("{BEFORE}&{AFTER}&min_effect=100"),
        format!("{BEFORE}&{}", BEFORE.replace("before", "after")),
    ] {
        let answer = ask(&server, &token, &query).await;
        assert_eq!((&answer["changed"], &answer["below_floor"]), (&json!(0), &json!(1)));
    }
    server.stop().await;
}

#[tokio::test]
async fn an_empty_window_is_said_so() {
    let (server, token) = with_a_shift().await;
    let answer = ask(&server, &token, &format!("{BEFORE}&{LATER}")).await;
    assert_eq!(answer["note"], "nothing is stored for the window after");
    let answer = ask(&server, &token, "period=hour&compare_to=last_week").await;
    assert_eq!(answer["note"], "nothing is stored for either window");
    server.stop().await;
}

#[tokio::test]
async fn it_is_behind_the_login() {
    let server = Server::start(config()).await;
    let answer = server.get("/api/history/changes", "").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    server.stop().await;
}

#[tokio::test]
async fn what_is_unclear_is_refused_by_name() {
    let server = Server::start(config()).await;
    let token = server.login().await;
    let mut errors = Vec::new();
    for query in [
        "period=year",
        "compare_to=tomorrow",
        "before_start=2026-01-01",
        "before_start=2026-01-01&period=hour",
        "before_start=then&before_end=now",
        "before_start=2026-01-02&before_end=2026-01-01",
        "before_start=2026-01-01&before_end=2026-01-02",
        "before_start=2026-01-01&before_end=2026-01-02&after_start=2026-01-02&after_end=-1",
        "limit=0",
        "limit=1001",
        "min_effect=-1",
        "min_effect=NaN",
        "host=nobody",
        "metric_type=cpu",
    ] {
        let path = format!("/api/history/changes?{query}");
        errors.push(format!("{query}: {}", server.get(&path, &token).await.error()));
    }
    insta::assert_snapshot!(errors.join("\n"), @"
    period=year: 422 period: `year` is none of hour, day, week
    compare_to=tomorrow: 422 compare_to: `tomorrow` is none of yesterday, last_week
    before_start=2026-01-01: 422 before_end: both windows need their start and their end
    before_start=2026-01-01&period=hour: 422 period: give either two windows or period and compare_to
    before_start=then&before_end=now: 422 before_start: `then` is not a time in RFC 3339 such as 2026-01-31T12:00:00Z
    before_start=2026-01-02&before_end=2026-01-01: 422 before_end: it is not after before_start
    before_start=2026-01-01&before_end=2026-01-02: 422 after_start: both windows need their start and their end
    before_start=2026-01-01&before_end=2026-01-02&after_start=2026-01-02&after_end=-1: 422 after_end: it must lie between the years 1970 and 9999
    limit=0: 422 limit: `0` is not a number from 1 to 1000
    limit=1001: 422 limit: `1001` is not a number from 1 to 1000
    min_effect=-1: 422 min_effect: `-1` is not a number above 0
    min_effect=NaN: 422 min_effect: `NaN` is not a number above 0
    host=nobody: 404 host: `nobody` is not known; known are testhost
    metric_type=cpu: 422 metric_type: unknown field `metric_type`, expected one of `before_start`, `before_end`, `after_start`, `after_end`, `period`, `compare_to`, `host`, `limit`, `min_effect`
    ");
    server.stop().await;
}
