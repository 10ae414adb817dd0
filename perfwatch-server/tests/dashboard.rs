//! What a browser gets that opens the daemon's address.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod common;

use axum::http::header;
use common::{Server, config};

#[cfg(feature = "dashboard")]
#[tokio::test]
async fn the_page_answers_for_every_view_and_assets_are_kept() {
    use axum::{body::Body, http::Request};

    let server = Server::start(config()).await;
    let index = server.get("/", "").await;
    assert_eq!(index.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
    assert_eq!(index.headers[header::CACHE_CONTROL], "no-cache");
    assert_eq!(server.get("/history?range=1h", "").await.body, index.body);

    let tag = index.headers[header::ETAG].clone();
    let again = Request::get("/").header(header::IF_NONE_MATCH, tag).body(Body::empty()).unwrap();
    assert_eq!(server.send(again).await.status, 304);

    let script = index.body.split('"').find(|text| text.ends_with(".js")).unwrap();
    let script = server.get(script, "").await;
    assert_eq!(script.headers[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
    assert!(script.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    assert_eq!(server.get("/assets/none.js", "").await.error(), "404 there is no such file");
    server.stop().await;
}

#[cfg(not(feature = "dashboard"))]
#[tokio::test]
async fn a_build_without_the_dashboard_says_so() {
    let server = Server::start(config()).await;
    let index = server.get("/", "").await;
    assert_eq!(index.headers[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    assert!(index.body.contains("has no dashboard"), "{}", index.body);
    assert_eq!(server.get("/history", "").await.status, 404);
    server.stop().await;
}
