//! Logging in and out, and what survives a restart.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod common;

use std::path::Path;

use axum::{
    body::Body,
    http::{Request, header},
};
use common::{PASSWORD, Server, config};
use perfwatch_server::{Config, Daemon, Secret};
use serde_json::{Value, json};

/// The configuration with its store in a file.
fn kept_in(directory: &Path) -> Config {
    let mut config = config();
    let file = directory.join("perfwatch.db");
    config.store.url = Secret::new(format!("sqlite:{}", file.display()));
    config
}

async fn me(server: &Server, token: &str) -> u16 {
    server.get("/api/auth/me", token).await.status.as_u16()
}

async fn change(server: &Server, token: &str, from: &str, to: &str) -> common::Answer {
    let body = json!({"current_password": from, "new_password": to});
    server.post("/api/auth/password", token, body).await
}

#[tokio::test]
async fn a_login_says_who_and_until_when() {
    let server = Server::start(config()).await;
    let login = server.try_login(PASSWORD).await.json();
    assert_eq!((&login["token_type"], &login["expires_in"]), (&json!("bearer"), &json!(86_400)));
    let me = server.get("/api/auth/me", login["access_token"].as_str().unwrap()).await.json();
    assert_eq!(me["username"], "admin");
    assert!(me["expires_at"].as_str() > me["created_at"].as_str(), "{me}");
    server.stop().await;
}

#[tokio::test]
async fn a_logout_ends_this_session_only() {
    let server = Server::start(config()).await;
    let (one, other) = (server.login().await, server.login().await);
    assert_eq!((me(&server, &one).await, me(&server, &other).await), (200, 200));
    assert_eq!(server.post("/api/auth/logout", &one, Value::Null).await.status, 204);
    assert_eq!((me(&server, &one).await, me(&server, &other).await), (401, 200));
    assert_eq!(server.post("/api/auth/logout", &one, Value::Null).await.status, 401);
    server.stop().await;
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let server = Server::start(config()).await;
    let (one, other) = (server.login().await, server.login().await);
    let wrong = change(&server, &one, "wrong", "another long one").await;
    assert_eq!(wrong.error(), "403 current_password: this is not the current password");
    let short = change(&server, &one, PASSWORD, "short").await;
    assert_eq!(short.error(), "422 new_password: 12 to 1024 characters are accepted");
    assert_eq!(me(&server, &other).await, 200);

    let changed = change(&server, &one, PASSWORD, "another long one").await.json();
    let fresh = changed["access_token"].as_str().unwrap();
    let states = (me(&server, fresh).await, me(&server, &one).await, me(&server, &other).await);
    assert_eq!(states, (200, 401, 401));
    assert_eq!(server.try_login(PASSWORD).await.status, 401);
    assert_eq!(server.try_login("another long one").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn guessing_is_slowed_down_and_told_for_how_long() {
    let server = Server::start(config()).await;
    for _ in 0..5 {
        assert_eq!(server.try_login("wrong").await.status, 401);
    }
    let refused = server.try_login(PASSWORD).await;
    assert_eq!(refused.error(), "429 too many attempts to log in; wait a moment");
    let wait: u64 = refused.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=12).contains(&wait), "{wait}");
    server.stop().await;
}

/// A login from this address.
async fn login_from(server: &Server, address: &str, headers: &[&str], password: &str) -> u16 {
    let body = json!({"username": "admin", "password": password}).to_string();
    let request = Request::post("/api/auth/login").header(header::CONTENT_TYPE, "application/json");
    let mut request = request.body(Body::from(body)).unwrap();
    for &forwarded in headers {
        request.headers_mut().append("x-forwarded-for", forwarded.parse().unwrap());
    }
    let address: std::net::IpAddr = address.parse().unwrap();
    request.extensions_mut().insert(std::net::SocketAddr::from((address, 4000)));
    server.send(request).await.status.as_u16()
}

#[tokio::test]
async fn who_guesses_keeps_nobody_elsewhere_out() {
    let server = Server::start(config()).await;
    for wanted in [401, 401, 401, 401, 401, 429] {
        assert_eq!(login_from(&server, "127.0.0.1", &[], "wrong").await, wanted);
    }
    assert_eq!(login_from(&server, "127.0.0.1", &[], PASSWORD).await, 429);
    assert_eq!(login_from(&server, "127.0.0.9", &[], PASSWORD).await, 200);
    server.stop().await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_has_attempts_of_their_own() {
    let mut config = config();
    config.http.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let server = Server::start(config).await;
    for n in 0..6 {
        let wanted = if n < 5 { 401 } else { 429 };
        let said = format!("198.51.100.{n}, 192.0.2.1");
        assert_eq!(login_from(&server, "127.0.0.1", &[&said], "wrong").await, wanted);
    }
    assert_eq!(login_from(&server, "127.0.0.1", &["192.0.2.2"], PASSWORD).await, 200);
    assert_eq!(login_from(&server, "192.0.2.1", &["192.0.2.3"], PASSWORD).await, 429);
    server.stop().await;
}

#[tokio::test]
async fn failed_logins_keep_no_session_from_changing_the_password() {
    let server = Server::start(config()).await;
    let (stolen, own) = (server.login().await, server.login().await);
    for _ in 0..20 {
        server.try_login("wrong").await;
    }
    assert_eq!(server.try_login(PASSWORD).await.status, 429);
    for wanted in [403, 403, 403, 403, 403, 429] {
        assert_eq!(change(&server, &stolen, "wrong", "another long one").await.status, wanted);
    }
    assert_eq!(change(&server, &stolen, PASSWORD, "another long one").await.status, 429);
    assert_eq!(change(&server, &own, PASSWORD, "another long one").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_right_password_gives_the_attempts_back() {
    let server = Server::start(config()).await;
    for _ in 0..2 {
        for _ in 0..4 {
            assert_eq!(server.try_login("wrong").await.status, 401);
        }
        assert_eq!(server.try_login(PASSWORD).await.status, 200);
    }
    server.stop().await;
}

#[tokio::test]
async fn an_older_bcrypt_hash_is_accepted_and_written_anew() {
    let store = perfwatch_store::open("memory:").await.unwrap();
    let old = bcrypt::hash("an old password", 4).unwrap();
    store.accounts.create_user("admin", &old).await.unwrap();
    let server = Server::on(config(), store).await;
    let login = server.try_login("an old password").await.json();
    let hash = server.store.accounts.user("admin").await.unwrap().unwrap().password_hash;
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    let token = login["access_token"].as_str().unwrap();
    assert_eq!(me(&server, token).await, 200, "the session goes on");
    assert_eq!(server.try_login("an old password").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn the_first_password_is_random_unless_given_and_made_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = kept_in(directory.path());
    config.auth.admin_password = None;
    let mut daemon = Daemon::open(config.clone()).await.unwrap();
    let password = daemon.first_password().unwrap().expose().to_owned();
    assert_eq!(password.len(), 20);
    daemon.make_first_user().await.unwrap();
    daemon.serve(listener().await, async {}).await.unwrap();
    let mut daemon = Daemon::open(config.clone()).await.unwrap();
    assert!(daemon.first_password().is_none(), "there is a user already");
    daemon.make_first_user().await.unwrap();
    daemon.serve(listener().await, async {}).await.unwrap();
    let server = Server::start(config).await;
    assert_eq!(server.try_login(&password).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_first_password_that_nobody_has_shown_makes_no_user() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = kept_in(directory.path());
    config.auth.admin_password = None;
    perfwatch_server::serve(config.clone(), listener().await, async {}).await.unwrap();
    let daemon = Daemon::open(config.clone()).await.unwrap();
    assert!(daemon.first_password().is_some(), "there is another to show");
    daemon.serve(listener().await, async {}).await.unwrap();
    let server = Server::start(kept_in(directory.path())).await;
    server.login().await;
    server.stop().await;
}

async fn listener() -> tokio::net::TcpListener {
    tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap()
}

#[tokio::test]
async fn a_restart_keeps_sessions_and_what_ended_them() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(kept_in(directory.path())).await;
    let (kept, ended) = (server.login().await, server.login().await);
    server.post("/api/auth/logout", &ended, Value::Null).await;
    server.stop().await;

    let server = Server::start(kept_in(directory.path())).await;
    assert_eq!((me(&server, &kept).await, me(&server, &ended).await), (200, 401));
    server.stop().await;
}

#[tokio::test]
async fn a_token_is_not_good_on_another_database() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(kept_in(directory.path())).await;
    let token = server.login().await;
    assert_eq!(me(&server, &token).await, 200);
    server.stop().await;

    // The secret that signs tokens stays, and so do the user's name and password.
    for name in ["perfwatch.db", "perfwatch.db-wal", "perfwatch.db-shm"] {
        let _ = std::fs::remove_file(directory.path().join(name));
    }
    assert!(directory.path().join("token.secret").exists());
    let server = Server::start(kept_in(directory.path())).await;
    assert_eq!(me(&server, &token).await, 401);
    assert_eq!(me(&server, &server.login().await).await, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_scraper_has_its_own_token_and_an_open_door_needs_none() {
    use sha2::Digest;
    let mut config = config();
    config.exposition.token_sha256 = Some(sha2::Sha256::digest("a long scrape token").into());
    let server = Server::start(config).await;
    server.first_tick().await;
    let login = server.login().await;
    for (token, status) in
        [("a long scrape token", 200), (&login, 200), ("another", 401), ("", 401)]
    {
        let answer = server.get("/metrics", token).await;
        assert_eq!(answer.status.as_u16(), status, "{token}");
    }
    assert_eq!(me(&server, "a long scrape token").await, 401, "it opens nothing else");
    server.stop().await;

    let mut config = common::config();
    config.exposition.open = true;
    let server = Server::start(config).await;
    server.first_tick().await;
    let text = server.get("/metrics", "").await.body;
    assert!(text.contains("perfwatch_build_info{version="), "{text}");
    assert!(text.contains("perfwatch_cpu_cores_user_seconds_total{core=\"0\"}"), "{text}");
    server.stop().await;
}
