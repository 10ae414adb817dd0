//! Every route, asked within the process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod common;

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use common::{HOST, Server, config, packed, record};
use perfwatch_server::openapi;
use serde_json::{Value, json};

#[tokio::test]
async fn every_documented_route_answers_and_asks_for_a_login() {
    let server = Server::start(config()).await;
    let document = serde_json::to_value(openapi()).unwrap();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, route) in methods.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let answer = server.ask(method.clone(), path, "", Value::Null).await;
            let open = route["security"].is_null();
            // What is open to all may still want a body or an upgrade.
            let wanted = if open { [200, 400, 422, 503].as_slice() } else { &[401] };
            assert!(wanted.contains(&answer.status.as_u16()), "{method} {path}: {}", answer.body);
            routes.push(format!("{method} {path}{}", if open { " (open)" } else { "" }));
        }
    }
    routes.sort();
    insta::assert_snapshot!(routes.join("\n"), @"
    GET /api/auth/me
    GET /api/config
    GET /api/history/changes
    GET /api/history/compare
    GET /api/history/metrics
    GET /api/history/metrics/types
    GET /api/hosts
    GET /api/metrics/catalog
    GET /api/metrics/latest
    GET /api/openapi.json (open)
    GET /api/retention
    GET /api/ws/metrics (open)
    GET /healthz (open)
    GET /metrics
    GET /readyz (open)
    POST /api/auth/login (open)
    POST /api/auth/logout
    POST /api/auth/password
    POST /api/retention/cleanup
    POST /api/retention/forecast
    PUT /api/retention
    ");
    server.stop().await;
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut seen = std::collections::HashSet::new();
    for route in document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|at| at.as_object().unwrap().values())
    {
        let name = route["operationId"].as_str().unwrap();
        assert!(seen.insert(name), "{name} is there twice");
        assert!(
            route["summary"].as_str().is_some_and(|text| text.ends_with('.')),
            "{name}: {route}"
        );
    }
}

#[tokio::test]
async fn every_refused_login_looks_the_same() {
    let server = Server::start(config()).await;
    let token = server.login().await;
    let bodies = [
        server.get("/api/config", "").await,
        server.get("/api/config", "x").await,
        server.get("/api/config", &token[1..]).await,
        server.get("/metrics", "a scrape token").await,
        server.try_login("wrong").await,
        server.post("/api/auth/login", "", json!({"username": "nobody", "password": "x"})).await,
    ];
    for answer in bodies {
        assert_eq!(answer.error(), "401 the login is missing, wrong or has ended");
        assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_latest_readings_and_the_catalog_agree() {
    let server = Server::start(config()).await;
    let token = server.login().await;
    server.first_tick().await;
    let latest = server.get("/api/metrics/latest", &token).await.json();
    assert_eq!((&latest["type"], &latest["host"]), (&json!("metrics"), &json!(HOST)));
    let catalog = server.get("/api/metrics/catalog", &token).await.json();
    for metric_type in catalog["metric_types"].as_array().unwrap() {
        let name = metric_type["name"].as_str().unwrap();
        let data = &latest["data"][name];
        assert!(data.is_object(), "{name}");
        for table in metric_type["tables"].as_array().unwrap() {
            let rows =
                table["name"].as_str().unwrap().split('.').skip(1).fold(data, |at, part| &at[part]);
            let fields: Vec<&str> = table["fields"]
                .as_array()
                .unwrap()
                .iter()
                .map(|f| f["name"].as_str().unwrap())
                .collect();
            let mut objects = if table["row"].is_null() {
                vec![rows]
            } else {
                rows.as_object().unwrap().values().collect()
            };
            objects.retain(|object| object.is_object());
            for object in objects {
                assert!(fields.iter().all(|field| object.get(field).is_some()), "{name}: {object}");
            }
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn the_configuration_tells_how_every_part_is_doing() {
    let server = Server::start(config()).await;
    let token = server.login().await;
    server.first_tick().await;
    let config = server.get("/api/config", &token).await.json();
    assert_eq!(config["interval_ms"], 100);
    assert_eq!(
        config["store"],
        json!({"kind": "memory", "status": "ok", "detail": null, "since": null})
    );
    assert_eq!(config["host"]["name"], HOST);
    assert!(config["host"]["memory_bytes"].as_u64() > Some(0), "{}", config["host"]);
    let writer = &config["writer"];
    let count = |name: &str| writer[name].as_u64().unwrap();
    assert_eq!(count("expected"), count("stored") + count("waiting") + count("dropped"));
    assert_eq!((count("spooled"), count("spool_bytes")), (0, 0));
    assert_eq!((count("set_aside"), count("damaged")), (0, 0));
    assert_eq!(writer["spool_trouble"], Value::Null);
    let collectors = config["collectors"].as_array().unwrap();
    let cpu = collectors.iter().find(|collector| collector["name"] == "cpu").unwrap();
    assert!(["ok", "partial"].contains(&cpu["status"].as_str().unwrap()), "{cpu}");
    server.stop().await;
}

#[tokio::test]
async fn health_is_open_and_tells_when_there_is_something_to_show() {
    let server = Server::start(config()).await;
    server.first_tick().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.get(path, "").await.json(), json!({"status": "ok", "detail": null}));
    }
    server.stop().await;
}

#[tokio::test]
async fn before_the_first_tick_there_is_nothing_to_show() {
    let daemon = perfwatch_server::Daemon::open(config()).await.unwrap();
    let status = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        tower::ServiceExt::oneshot(daemon.router(), request).await.unwrap().status().as_u16()
    };
    assert_eq!((status("/healthz").await, status("/readyz").await), (200, 503));
}

#[tokio::test]
async fn one_part_of_the_policy_changes_and_the_others_stay() {
    let server = Server::start(config()).await;
    let token = server.login().await;
    let put = async |body| server.ask(Method::PUT, "/api/retention", &token, body).await;
    let before = server.get("/api/retention", &token).await.json()["policy"].clone();
    insta::assert_snapshot!(before, @r#"{"downsample_interval":"5m","downsampled_days":365,"full_resolution_days":30,"max_bytes":null}"#);
    let after = put(json!({"downsample_interval": "1h", "max_bytes": 10_000_000})).await.json();
    insta::assert_snapshot!(after["policy"], @r#"{"downsample_interval":"1h","downsampled_days":365,"full_resolution_days":30,"max_bytes":10000000}"#);
    let after = put(json!({"max_bytes": null})).await.json();
    assert_eq!(after["policy"]["max_bytes"], Value::Null);
    assert_eq!(after["policy"]["downsample_interval"], "1h");

    let mut refused = Vec::new();
    for body in [
        json!({"full_resolution_days": -1}),
        json!({"full_resolution_days": 400}),
        json!({"downsample_interval": "7m"}),
        json!({"downsample_interval": "soon"}),
        json!({"days": 1}),
        json!({"max_bytes": 5}),
    ] {
        refused.push(put(body).await.error());
    }
    insta::assert_snapshot!(refused.join("\n"), @"
    422 full_resolution_days: invalid value: integer `-1`, expected u32
    422 downsampled_days: it cannot be below full_resolution_days, which is 400
    422 downsample_interval: it must be one of 1m, 2m, 5m, 10m, 15m, 30m, 1h, 2h, 3h, 6h, 12h, 1d
    422 downsample_interval: `soon` is not a duration such as 5m
    422 days: unknown field `days`, expected one of `full_resolution_days`, `downsample_interval`, `downsampled_days`, `max_bytes`
    422 max_bytes: at least 1048576 bytes are needed
    ");
    server.stop().await;
}

#[tokio::test]
async fn every_interval_that_is_offered_is_taken() {
    let server = Server::start(config()).await;
    let token = server.login().await;
    let answer = server.get("/api/retention", &token).await.json();
    let offered = answer["downsample_intervals"].as_array().unwrap();
    insta::assert_snapshot!(answer["downsample_intervals"], @r#"["1m","2m","5m","10m","15m","30m","1h","2h","3h","6h","12h","1d"]"#);
    for interval in offered {
        let body = json!({"downsample_interval": interval});
        let after = server.ask(Method::PUT, "/api/retention", &token, body).await.json();
        assert_eq!(after["policy"]["downsample_interval"], *interval);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_cleanup_removes_what_the_policy_says_and_reports_it() {
    let server = Server::start(config()).await;
    let token = server.login().await;
    let now = jiff::Timestamp::now().as_millisecond();
    let hour = 3_600_000;
    let old: Vec<_> = (0..72).map(|age| record(HOST, now - age * hour, 1.0)).collect();
    server.store.store.append(&old).await.unwrap();
    let policy = json!({"full_resolution_days": 1});
    server.ask(Method::PUT, "/api/retention", &token, policy).await;
    let report = server.post("/api/retention/cleanup", &token, Value::Null).await.json();
    let deleted = report["deleted_frames"].as_u64().unwrap();
    assert!((47..=48).contains(&deleted), "two of three days are older: {report}");
    assert_eq!(report["downsampled_frames"], deleted, "{report}");
    let usage = server.get("/api/retention", &token).await.json()["usage"].clone();
    assert_eq!(usage["downsampled_frames"], deleted, "{usage}");
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_said_in_json() {
    let server = Server::start(config()).await;
    let mut errors = Vec::new();
    for (method, path) in [
        (Method::GET, "/api"),
        (Method::GET, "/api/nothing"),
        (Method::POST, "/api/config"),
        (Method::POST, "/nothing"),
        (Method::DELETE, "/api/retention"),
    ] {
        let answer = server.ask(method.clone(), path, "", Value::Null).await;
        errors.push(format!("{method} {path}: {}", answer.error()));
    }
    insta::assert_snapshot!(errors.join("\n"), @"
    GET /api: 404 there is no such route; see /api/openapi.json
    GET /api/nothing: 404 there is no such route; see /api/openapi.json
    POST /api/config: 405 this path does not answer this method
    POST /nothing: 405 this path does not answer this method
    DELETE /api/retention: 405 this path does not answer this method
    ");
    server.stop().await;
}

#[tokio::test]
async fn a_body_must_be_json_of_the_right_shape_and_size() {
    let server = Server::start(config()).await;
    let send = async |kind: &str, body: String| {
        let request = Request::post("/api/auth/login").header(header::CONTENT_TYPE, kind);
        server.send(request.body(Body::from(body)).unwrap()).await.error()
    };
    let json = "application/json";
    let errors = [
        send("text/plain", "{}".to_owned()).await,
        send(json, "{".to_owned()).await,
        send(json, "{}".to_owned()).await,
        send(json, r#"{"username":1,"password":"x"}"#.to_owned()).await,
        send(json, r#"{"username":"a","password":"x","remember":true}"#.to_owned()).await,
        send(json, format!(r#"{{"username":"{}"}}"#, "x".repeat(70_000))).await,
    ];
    insta::assert_snapshot!(errors.join("\n"), @"
    422 the body's content type must be application/json
    400 the body is not JSON: EOF while parsing an object at line 1 column 1
    422 in the body: missing field `username`
    422 username: invalid type: integer `1`, expected a string
    422 remember: unknown field `remember`, expected `username` or `password`
    413 the body has more than 65536 bytes
    ");
    server.stop().await;
}

#[tokio::test]
async fn a_page_of_another_origin_changes_nothing() {
    let server = Server::start(config()).await;
    let token = server.login().await;
    let send = async |method: Method, origin: &str| {
        let request = Request::builder()
            .method(method)
            .uri("/api/retention")
            .header(header::HOST, "watch.example")
            .header(header::ORIGIN, origin)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json");
        server.send(request.body(Body::from("{}")).unwrap()).await.status.as_u16()
    };
    assert_eq!(send(Method::PUT, "http://evil.example").await, 403);
    assert_eq!(send(Method::PUT, "http://watch.example").await, 200);
    assert_eq!(send(Method::GET, "http://evil.example").await, 200);
    server.stop().await;
}

#[tokio::test]
async fn every_answer_tells_the_browser_to_be_careful() {
    let server = Server::start(config()).await;
    for path in ["/", "/healthz", "/api/nothing"] {
        let headers = server.get(path, "").await.headers;
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(headers[header::REFERRER_POLICY], "no-referrer", "{path}");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'self';"), "{policy}");
    }
    server.stop().await;
}

#[tokio::test]
async fn large_answers_are_compressed_for_those_who_can_read_it() {
    let server = Server::start(config()).await;
    let request = Request::get("/api/openapi.json").header(header::ACCEPT_ENCODING, "gzip");
    let response =
        tower::ServiceExt::oneshot(server.router.clone(), request.body(Body::empty()).unwrap());
    assert_eq!(response.await.unwrap().headers()[header::CONTENT_ENCODING], "gzip");
    let plain = server.get("/api/openapi.json", "").await;
    assert!(!plain.headers.contains_key(header::CONTENT_ENCODING));
    server.stop().await;
}

#[tokio::test]
async fn nothing_is_forecast_before_anything_is_packed() {
    let server = Server::start(config()).await;
    let token = server.login().await;
    let answer = server.post("/api/retention/forecast", &token, json!({})).await.json();
    assert_eq!(answer["forecast"], Value::Null);
    server.stop().await;
}

#[tokio::test]
async fn a_forecast_says_what_a_policy_would_take_and_saves_nothing() {
    let store = perfwatch_store::open("memory:").await.unwrap();
    let now = jiff::Timestamp::now().as_millisecond();
    let ticks = |host: &'static str| (0..360).map(move |age| record(host, now - age * 60_000, 1.0));
    let both: Vec<_> = [HOST, "db1"].into_iter().flat_map(ticks).collect();
    store.store.append(&both).await.unwrap();
    packed(&*store.store).await;
    let server = Server::on(config(), store).await;
    let token = server.login().await;
    let forecast = async |body| server.post("/api/retention/forecast", &token, body).await;
    let as_it_is = server.get("/api/retention", &token).await.json();
    let same = forecast(json!({})).await.json();
    assert_eq!(same, json!({"policy": as_it_is["policy"], "forecast": as_it_is["forecast"]}));
    assert!(same["forecast"]["full_bytes"].as_u64().unwrap() > 0, "{same}");

    let twice = forecast(json!({"full_resolution_days": 60})).await.json();
    assert_eq!(twice["policy"]["full_resolution_days"], 60);
    let full = |answer: &Value| answer["forecast"]["full_bytes"].as_u64().unwrap();
    assert!(full(&twice).abs_diff(2 * full(&same)) <= 1, "{twice}");
    let bounded = forecast(json!({"max_bytes": 2_000_000})).await.json();
    assert_eq!(
        (&bounded["forecast"]["limited"], &bounded["forecast"]["bytes"]),
        (&json!(true), &json!(2_000_000))
    );

    let refused = forecast(json!({"full_resolution_days": 400})).await.error();
    assert_eq!(
        refused,
        "422 downsampled_days: it cannot be below full_resolution_days, which is 400"
    );
    assert_eq!(server.get("/api/retention", &token).await.json()["policy"], as_it_is["policy"]);
    server.stop().await;
}
