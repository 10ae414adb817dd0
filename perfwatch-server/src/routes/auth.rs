//! `/api/auth`: logging in and out, and the password.

use std::time::{Duration, Instant};

use axum::{Json, extract::State, http::StatusCode};
use perfwatch_store::{PASSWORD_LENGTH, StoreError, User};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::{
    app::{App, Shared},
    auth::{Session, Verdict},
    error::{AppError, AppResult, ErrorBody},
    extract::{Body, Client},
    secret::Secret,
    time,
};

/// Names longer than this belong to nobody.
const MAX_NAME: usize = 256;

/// How long a login waits for the store.
const PATIENCE: Duration = Duration::from_secs(5);

/// A character takes at most four bytes.
const MAX_PASSWORD_BYTES: usize = 4 * *PASSWORD_LENGTH.end();

/// Who wants to log in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginRequest {
    /// The user's name.
    username: String,
    /// The user's password.
    password: String,
}

/// A new session.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoginResponse {
    /// What to send as `Authorization: Bearer ...`.
    access_token: String,
    /// `bearer`.
    token_type: &'static str,
    /// How many seconds the session lasts.
    expires_in: u64,
}

/// Who is logged in.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    /// The user's name.
    username: String,
    /// When the user was created.
    created_at: String,
    /// When this session ends.
    expires_at: String,
}

/// A new password, and the one before as proof.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The password so far.
    current_password: String,
    /// The new one: 12 to 1024 characters.
    #[schema(min_length = 12, max_length = 1024)]
    new_password: String,
}

/// Log in.
#[utoipa::path(post, path = "/api/auth/login", tag = "auth", request_body = LoginRequest,
    responses((status = 200, body = LoginResponse), (status = "default", body = ErrorBody)))]
pub(crate) async fn login(
    State(app): State<Shared>,
    Client(address): Client,
    Body(LoginRequest { username, password }): Body<LoginRequest>,
) -> AppResult<Json<LoginResponse>> {
    if username.len() > MAX_NAME || password.len() > MAX_PASSWORD_BYTES {
        return Err(AppError::not_logged_in());
    }
    app.throttle.attempt(&username, address, Instant::now()).map_err(AppError::too_often)?;
    let user = find_user(&app, &username).await?;
    let password = Secret::new(password);
    let hash = user.as_ref().map(|user| user.password_hash.as_str());
    let verdict = app.passwords.verify(password.clone(), hash).await?;
    let user = user.filter(|_| verdict != Verdict::Wrong).ok_or_else(|| {
        tracing::info!(%address, "a login failed");
        AppError::not_logged_in()
    })?;
    app.throttle.succeeded(&username, address);
    if verdict == Verdict::RightButOld {
        rehash(&app, &user, password).await?;
    }
    session(&app, &user)
}

/// Who is logged in.
#[utoipa::path(get, path = "/api/auth/me", tag = "auth", security(("token" = [])),
    responses((status = 200, body = Me), (status = "default", body = ErrorBody)))]
pub(crate) async fn me(State(app): State<Shared>, session: Session) -> AppResult<Json<Me>> {
    let user = account(&app, &session).await?;
    Ok(Json(Me {
        username: user.name,
        created_at: time::rfc3339(user.created_at_ms),
        expires_at: time::rfc3339(session.expires_at_ms()),
    }))
}

/// Change the password. Every other session of this user ends; the answer is a new one.
#[utoipa::path(post, path = "/api/auth/password", tag = "auth", security(("token" = [])),
    request_body = PasswordChange,
    responses((status = 200, body = LoginResponse), (status = "default", body = ErrorBody)))]
pub(crate) async fn change_password(
    State(app): State<Shared>,
    session: Session,
    Body(change): Body<PasswordChange>,
) -> AppResult<Json<LoginResponse>> {
    if !PASSWORD_LENGTH.contains(&change.new_password.chars().count()) {
        let (least, most) = PASSWORD_LENGTH.into_inner();
        let detail = format!("new_password: {least} to {most} characters are accepted");
        return Err(AppError::invalid(detail));
    }
    // Who found an open browser must not guess the password from there.
    app.throttle.attempt_within(session.id(), Instant::now()).map_err(AppError::too_often)?;
    let user = account(&app, &session).await?;
    let current = Secret::new(change.current_password);
    if app.passwords.verify(current, Some(&user.password_hash)).await? == Verdict::Wrong {
        return Err(AppError::forbidden("current_password: this is not the current password"));
    }
    let hash = app.passwords.hash(Secret::new(change.new_password)).await?;
    let user = app.accounts.change_password(&user.name, &hash).await.map_err(gone_or_away)?;
    app.sessions.forget_all();
    tracing::info!(user = user.name, "the password was changed");
    self::session(&app, &user)
}

/// End this session.
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth", security(("token" = [])),
    responses((status = 204, description = "Ended."), (status = "default", body = ErrorBody)))]
pub(crate) async fn logout(State(app): State<Shared>, session: Session) -> AppResult<StatusCode> {
    app.sessions.end(&session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Looks a user up, for at most a few seconds.
async fn find_user(app: &App, name: &str) -> AppResult<Option<User>> {
    let found = timeout(PATIENCE, app.accounts.user(name)).await;
    found.unwrap_or_else(|_| Err(StoreError::no_answer(PATIENCE))).map_err(|error| {
        app.outage.missed(&error);
        AppError::unavailable(
            "nobody can log in while the store does not answer; try again in a moment",
        )
    })
}

fn session(app: &App, user: &User) -> AppResult<Json<LoginResponse>> {
    Ok(Json(LoginResponse {
        access_token: app.sessions.start(user)?,
        token_type: "bearer",
        expires_in: app.sessions.lifetime().as_secs(),
    }))
}

async fn account(app: &App, session: &Session) -> AppResult<User> {
    app.accounts.user(&session.user).await?.ok_or_else(AppError::not_logged_in)
}

/// Writes an older kind of hash anew. The login goes on if that fails: it was right.
async fn rehash(app: &App, user: &User, password: Secret) -> AppResult<()> {
    let hash = app.passwords.hash(password).await?;
    let done = app.accounts.rehash_password(&user.name, &user.password_hash, &hash).await;
    if let Err(error) = done {
        tracing::warn!(%error, "a password hash of an older kind could not be written anew");
    }
    Ok(())
}

fn gone_or_away(error: StoreError) -> AppError {
    match error {
        StoreError::NoSuchUser { .. } => AppError::not_logged_in(),
        error => error.into(),
    }
}
