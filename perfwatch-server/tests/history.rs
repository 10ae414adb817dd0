//! What is asked of history, and how the answer looks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod common;

use axum::http::{Method, StatusCode};
use common::{Server, config, record};
use serde_json::{Value, json};

/// 2023-11-14T22:00:00Z.
const START: i64 = 1_699_999_200_000;

/// A daemon whose store holds a host with a load of 0, 1, 2, ... every 5 seconds, except for a
/// minute of silence in the middle.
async fn with_history() -> (Server, String) {
    let server = Server::start_keeping_all().await;
    let ticks = (0..60).filter(|tick| !(20..32).contains(tick));
    let records: Vec<_> =
        ticks.map(|tick| record("db1", START + tick * 5000, tick as f64)).collect();
    server.store.store.append(&records).await.unwrap();
    let token = server.login().await;
    (server, token)
}

async fn ask(server: &Server, token: &str, query: &str) -> Value {
    let path = format!("/api/history/metrics?metric_type=cpu&host=db1&{query}");
    let answer = server.get(&path, token).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.json()
}

#[tokio::test]
async fn points_are_nested_and_columns_are_flat() {
    let (server, token) = with_history().await;
    let range = "start_time=2023-11-14T22:00:00Z&end_time=2023-11-14T22:00:10Z&fields=load_1m";
    let points = ask(&server, &token, range).await;
    insta::assert_snapshot!(points, @r#"{"aggregates":["avg"],"damaged":0,"data_points":[{"data":{"load_1m":0.0},"timestamp":"2023-11-14T22:00:00.000Z"},{"data":{"load_1m":1.0},"timestamp":"2023-11-14T22:00:05.000Z"}],"end_time":"2023-11-14T22:00:10.000Z","host":"db1","interval":"auto","metric_type":"cpu","resolution_ms":5000,"start_time":"2023-11-14T22:00:00.000Z","step_ms":0,"tier":"raw"}"#);
    let columns = ask(&server, &token, &format!("{range}&format=columns")).await;
    insta::assert_snapshot!(columns, @r#"{"aggregates":["avg"],"damaged":0,"end_time":"2023-11-14T22:00:10.000Z","host":"db1","interval":"auto","metric_type":"cpu","resolution_ms":5000,"series":[{"aggregate":"avg","path":"cpu.load_1m","unit":"average","values":[0.0,1.0]}],"start_time":"2023-11-14T22:00:00.000Z","step_ms":0,"tier":"raw","timestamps_ms":[1699999200000,1699999205000]}"#);
    let several = format!("{range}&interval=1m&aggregate=min,max&aggregate=count");
    let points = ask(&server, &token, &several).await;
    insta::assert_snapshot!(points["data_points"], @r#"[{"data":{"load_1m":{"count":2,"max":1.0,"min":0.0}},"timestamp":"2023-11-14T22:00:00.000Z"}]"#);
    server.stop().await;
}

#[tokio::test]
async fn a_count_has_the_unit_of_a_count() {
    let (server, token) = with_history().await;
    let range = "start_time=1699999200&end_time=1699999300&interval=1m&format=columns";
    let columns = ask(&server, &token, &format!("{range}&aggregate=avg,count")).await;
    let units: Vec<_> =
        columns["series"].as_array().unwrap().iter().map(|series| &series["unit"]).collect();
    assert_eq!(units, ["average", "count"]);
    server.stop().await;
}

#[tokio::test]
async fn a_hole_is_null_and_a_limit_widens_the_step() {
    let (server, token) = with_history().await;
    let range = "start_time=2023-11-14T22:00&end_time=2023-11-14T22:05&fields=cpu.load_1m";
    let points = ask(&server, &token, &format!("{range}&interval=30s")).await;
    let points = points["data_points"].as_array().unwrap();
    let gaps = points.iter().filter(|point| point["data"].is_null()).count();
    assert!((1..=2).contains(&gaps), "{points:?}");
    let few = ask(&server, &token, &format!("{range}&limit=5")).await;
    assert_eq!(few["step_ms"], 60_000);
    let newest = few["data_points"].as_array().unwrap().last().unwrap();
    assert_eq!(newest["data"]["load_1m"], 53.5, "the newest points are not cut off");
    server.stop().await;
}

#[tokio::test]
async fn all_fields_and_patterns_can_be_asked() {
    let (server, token) = with_history().await;
    let range = "start_time=1699999200&end_time=1699999300&format=columns";
    for (fields, count) in
        [("", 1), ("&fields=*", 1), ("&fields=cpu.*", 1), ("&fields=cores.*.usage_percent", 0)]
    {
        let answer = ask(&server, &token, &format!("{range}{fields}")).await;
        assert_eq!(answer["series"].as_array().unwrap().len(), count, "{fields}");
    }
    server.stop().await;
}

#[tokio::test]
async fn bad_questions_are_refused_with_what_would_be_accepted() {
    let (server, token) = with_history().await;
    let mut errors = Vec::new();
    for query in [
        "",
        "metric_type=",
        "metric_type=cpus",
        "metric_type=cpu&fields=usage",
        "metric_type=cpu&fields=a..b",
        "metric_type=cpu&interval=often",
        "metric_type=cpu&interval=0s",
        "metric_type=cpu&limit=0",
        "metric_type=cpu&limit=many",
        "metric_type=cpu&limit=1&limit=2",
        "metric_type=cpu&aggregate=median",
        "metric_type=cpu&format=xml",
        "metric_type=cpu&host=db2",
        "metric_type=cpu&start_time=yesterday",
        "metric_type=cpu&start_time=2026-11-23T05:15:00[Europe/Berlin]",
        "metric_type=cpu&start_time=-5",
        "metric_type=cpu&start_time=2026-01-02&end_time=2026-01-01",
        "metric_type=cpu&start_time=1971-01-01",
        "metric_type=cpu&from=0",
    ] {
        let answer = server.get(&format!("/api/history/metrics?{query}"), &token).await;
        let error = answer.error();
        // The catalog's fields may change; that some of them are named does not.
        let (error, _) = error.split_once(" known are user_percent, ").unwrap_or((&error, ""));
        errors.push(format!("{query}: {error}"));
    }
    insta::assert_snapshot!(errors.join("\n"), @"
    : 422 in the query: missing field `metric_type`
    metric_type=: 422 metric_type: `` is not known; known are cpu, memory, network, disk, perf_events, memory_bandwidth, pressure, power, monitor
    metric_type=cpus: 422 metric_type: `cpus` is not known; did you mean `cpu`? known are cpu, memory, network, disk, perf_events, memory_bandwidth, pressure, power, monitor
    metric_type=cpu&fields=usage: 422 fields: `usage` is not known; did you mean `usage_percent`?
    metric_type=cpu&fields=a..b: 422 fields: `a..b` is not a series name: expected a name of letters, digits, `_` and `-` at character 3
    metric_type=cpu&interval=often: 422 interval: `often` is not auto, raw, or a duration such as 5s, 1m, 1h or 1d
    metric_type=cpu&interval=0s: 422 interval: `0s` is not auto, raw, or a duration such as 5s, 1m, 1h or 1d
    metric_type=cpu&limit=0: 422 limit: `0` is not a number from 1 to 11000
    metric_type=cpu&limit=many: 422 limit: `many` is not a number from 1 to 11000
    metric_type=cpu&limit=1&limit=2: 422 limit: invalid type: sequence, expected a string
    metric_type=cpu&aggregate=median: 422 aggregate: `median` is none of avg, min, max, last, count
    metric_type=cpu&format=xml: 422 format: `xml` is none of points, columns
    metric_type=cpu&host=db2: 404 host: `db2` is not known; did you mean `db1`? known are db1, testhost
    metric_type=cpu&start_time=yesterday: 422 start_time: `yesterday` is not a time in RFC 3339 such as 2026-01-31T12:00:00Z
    metric_type=cpu&start_time=2026-11-23T05:15:00[Europe/Berlin]: 422 start_time: `2026-11-23T05:15:00[Europe/Berlin]` is not a time in RFC 3339 such as 2026-01-31T12:00:00Z
    metric_type=cpu&start_time=-5: 422 start_time: it must lie between the years 1970 and 9999
    metric_type=cpu&start_time=2026-01-02&end_time=2026-01-01: 422 end_time: it is not after start_time
    metric_type=cpu&start_time=1971-01-01: 422 start_time: at most ten years are answered
    metric_type=cpu&from=0: 422 from: unknown field `from`, expected one of `metric_type`, `start_time`, `end_time`, `interval`, `limit`, `fields`, `aggregate`, `host`, `format`
    ");
    server.stop().await;
}

#[tokio::test]
async fn the_types_name_every_field() {
    let (server, token) = with_history().await;
    let types = server.get("/api/history/metrics/types?host=db1", &token).await.json();
    let cpu =
        types["metric_types"].as_array().unwrap().iter().find(|t| t["name"] == "cpu").unwrap();
    let fields = cpu["fields"].as_array().unwrap();
    assert!(fields.contains(&json!("cpu.load_1m")), "{fields:?}");
    assert!(fields.contains(&json!("cpu.cores.*.usage_percent")), "{fields:?}");
    server.stop().await;
}

#[tokio::test]
async fn two_ranges_are_laid_over_one_another() {
    let (server, token) = with_history().await;
    let query = "metric_type=cpu&host=db1&fields=load_1m&interval=20s\
        &start_time=2023-11-14T22:04:00Z&end_time=2023-11-14T22:05:00Z\
        &compare_start_time=2023-11-14T22:00:00Z";
    let answer = server.get(&format!("/api/history/compare?{query}"), &token).await.json();
    insta::assert_snapshot!(serde_json::to_string_pretty(&answer).unwrap(), @r#"
    {
      "current": {
        "end_time": "2023-11-14T22:05:00.000Z",
        "start_time": "2023-11-14T22:04:00.000Z"
      },
      "current_first_ms": 1699999440000,
      "host": "db1",
      "metric_type": "cpu",
      "note": null,
      "offsets_ms": [
        0,
        20000,
        40000
      ],
      "previous": {
        "end_time": "2023-11-14T22:01:00.000Z",
        "start_time": "2023-11-14T22:00:00.000Z"
      },
      "previous_first_ms": 1699999200000,
      "series": [
        {
          "change_percent": 872.73,
          "current": [
            49.5,
            53.5,
            57.5
          ],
          "current_average": 53.5,
          "current_p95": 57.5,
          "path": "cpu.load_1m",
          "previous": [
            1.5,
            5.5,
            9.5
          ],
          "previous_average": 5.5,
          "previous_p95": 9.5,
          "unit": "average"
        }
      ],
      "step_ms": 20000
    }
    "#);
    server.stop().await;
}

async fn compare(server: &Server, token: &str, query: &str) -> Value {
    let path = format!("/api/history/compare?metric_type=cpu&host=db1&fields=load_1m&{query}");
    let answer = server.get(&path, token).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.json()
}

/// The step of a comparison, whose lists must all be equally long and not longer than the limit.
async fn compared_step(server: &Server, token: &str, query: &str, limit: usize) -> i64 {
    let answer = compare(server, token, &format!("{query}&limit={limit}")).await;
    let points = answer["offsets_ms"].as_array().unwrap().len();
    assert!((1..=limit).contains(&points), "{query}: {points} points");
    for list in
        answer["series"].as_array().unwrap().iter().flat_map(|s| [&s["current"], &s["previous"]])
    {
        assert_eq!(list.as_array().unwrap().len(), points, "{query}");
    }
    answer["step_ms"].as_i64().unwrap()
}

#[tokio::test]
async fn a_comparison_has_the_times_of_history() {
    let (server, token) = with_history().await;
    let current = "start_time=2023-11-14T22:04:10Z&end_time=2023-11-14T22:05:05Z";
    let query = format!("interval=20s&{current}&compare_start_time=2023-11-14T22:00:05Z");
    let answer = compare(&server, &token, &query).await;
    let previous = "start_time=2023-11-14T22:00:05Z&end_time=2023-11-14T22:01:00Z";
    for (period, range) in [("current", current), ("previous", previous)] {
        let path = format!(
            "/api/history/metrics?metric_type=cpu&host=db1&fields=load_1m&format=columns\
             &interval=20s&{range}"
        );
        let history = server.get(&path, &token).await.json();
        let first = answer[format!("{period}_first_ms")].as_i64().unwrap();
        let offsets = answer["offsets_ms"].as_array().unwrap();
        let times = offsets.iter().map(|offset| first + offset.as_i64().unwrap());
        let values = answer["series"][0][period].as_array().unwrap();
        let points: Vec<_> = times.zip(values).filter(|(_, value)| !value.is_null()).collect();
        let times: Vec<_> = points.iter().map(|(time, _)| *time).collect();
        let values: Vec<_> = points.iter().map(|(_, value)| *value).collect();
        assert_eq!(json!(times), history["timestamps_ms"], "{period}");
        assert_eq!(json!(values), history["series"][0]["values"], "{period}");
    }
    server.stop().await;
}

const WEEK: &str = "start_time=2023-11-10&end_time=2023-11-17&compare_start_time=2023-11-03";

#[tokio::test]
async fn a_week_at_1s_with_little_data_keeps_to_the_limit() {
    let (server, token) = with_history().await;
    let step = compared_step(&server, &token, &format!("{WEEK}&interval=1s"), 500).await;
    assert_eq!(step, 1_800_000);
    let step = compared_step(&server, &token, "period=week&compare_to=last_week&interval=1s", 500);
    assert_eq!(step.await, 1_800_000);
    server.stop().await;
}

#[tokio::test]
async fn ten_years_at_1s_with_little_data_keep_to_the_limit() {
    let (server, token) = with_history().await;
    let decade = "start_time=2014-01-01&end_time=2024-01-01&compare_start_time=2004-01-01";
    for limit in [2, 1000, 11_000] {
        let step = compared_step(&server, &token, &format!("{decade}&interval=1s"), limit).await;
        assert!(step >= 7_200_000, "{step}");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_asked_interval_is_kept_while_it_fits() {
    let (server, token) = with_history().await;
    let minutes = "start_time=2023-11-14T22:00&end_time=2023-11-14T22:05\
        &compare_start_time=2023-11-14T21:00&interval=20s";
    assert_eq!(compared_step(&server, &token, minutes, 15).await, 20_000);
    assert!(compared_step(&server, &token, minutes, 14).await > 20_000);
    server.stop().await;
}

#[tokio::test]
async fn a_comparison_of_downsampled_history_keeps_to_the_limit() {
    let (server, token) = with_history().await;
    let policy = json!({"full_resolution_days": 1, "downsample_interval": "2m"});
    server.ask(Method::PUT, "/api/retention", &token, policy).await;
    server.post("/api/retention/cleanup", &token, Value::Null).await;
    // The step grows to 2 minutes, of which these five minutes touch four.
    let minutes = "start_time=2023-11-14T21:59:30&end_time=2023-11-14T22:04:30\
        &compare_start_time=2023-11-14T20:59:30&interval=90s";
    assert_eq!(compared_step(&server, &token, minutes, 4).await, 120_000);
    assert_eq!(compared_step(&server, &token, minutes, 3).await, 360_000);
    server.stop().await;
}

#[tokio::test]
async fn a_period_without_history_is_said_so() {
    let server = Server::start(config()).await;
    let token = server.login().await;
    server.first_tick().await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let path = "/api/history/compare?metric_type=cpu&period=hour&compare_to=yesterday";
    let answer = server.get(path, &token).await.json();
    assert_eq!(answer["note"], "nothing is stored for the comparison period");
    let load =
        answer["series"].as_array().unwrap().iter().find(|s| s["path"] == "cpu.load_1m").unwrap();
    assert!(load["current_average"].is_number(), "{load}");
    assert!(load["previous_average"].is_null() && load["change_percent"].is_null(), "{load}");
    server.stop().await;
}

#[tokio::test]
async fn a_comparison_is_refused_when_it_is_unclear() {
    let server = Server::start(config()).await;
    let token = server.login().await;
    let mut errors = Vec::new();
    for query in [
        "period=year",
        "period=hour&compare_to=tomorrow",
        "start_time=2026-01-01",
        "period=hour&compare_start_time=2026-01-01",
        "compare_start_time=2026-01-02&compare_end_time=2026-01-01",
        "compare_start_time=then",
        "compare_start_time=-5",
        "compare_end_time=2026-01-02",
        "start_time=2026-01-01&end_time=2026-02-01&compare_end_time=2026-01-02",
        "period=hour&compare_end_time=2026-01-02",
        "compare_start_time=2026-01-01&compare_end_time=-5",
        "start_time=-5&compare_start_time=2026-01-01",
        "start_time=2026-01-01&end_time=2027-01-01&compare_start_time=9999-12-30",
    ] {
        let path = format!("/api/history/compare?metric_type=cpu&{query}");
        errors.push(format!("{query}: {}", server.get(&path, &token).await.error()));
    }
    insta::assert_snapshot!(errors.join("\n"), @"
    period=year: 422 period: `year` is none of hour, day, week
    period=hour&compare_to=tomorrow: 422 compare_to: `tomorrow` is none of yesterday, last_week
    start_time=2026-01-01: 422 compare_start_time: a second range needs its start
    period=hour&compare_start_time=2026-01-01: 422 compare_start_time: give either two ranges or period and compare_to
    compare_start_time=2026-01-02&compare_end_time=2026-01-01: 422 compare_end_time: it is not after compare_start_time
    compare_start_time=then: 422 compare_start_time: `then` is not a time in RFC 3339 such as 2026-01-31T12:00:00Z
    compare_start_time=-5: 422 compare_start_time: it must lie between the years 1970 and 9999
    compare_end_time=2026-01-02: 422 compare_start_time: a second range needs its start
    start_time=2026-01-01&end_time=2026-02-01&compare_end_time=2026-01-02: 422 compare_start_time: a second range needs its start
    period=hour&compare_end_time=2026-01-02: 422 compare_start_time: a second range needs its start
    compare_start_time=2026-01-01&compare_end_time=-5: 422 compare_end_time: it must lie between the years 1970 and 9999
    start_time=-5&compare_start_time=2026-01-01: 422 start_time: it must lie between the years 1970 and 9999
    start_time=2026-01-01&end_time=2027-01-01&compare_start_time=9999-12-30: 422 compare_end_time: it must lie between the years 1970 and 9999
    ");
    server.stop().await;
}
