//! Who is logged in, and until when.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use perfwatch_store::{Accounts, StoreError, User};
use tokio::{sync::watch, time::timeout};

use super::{
    Tokens,
    token::{Claims, now_seconds},
};
use crate::{
    app::Shared,
    error::{AppError, AppResult},
};

/// For so long a session that was found good is not looked up again. Another daemon on the same
/// store may end it meanwhile; this daemon's own changes are seen at once.
const CONFIRMED_FOR: Duration = Duration::from_secs(5);

/// So many confirmed sessions are remembered.
const REMEMBERED: usize = 4096;

/// Who was in before is not kept waiting by a store that says nothing.
const MOMENT: Duration = Duration::from_millis(30);

/// Who was not waits for so long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Somebody who is logged in.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// The user's name.
    pub(crate) user: String,
    claims: Claims,
}

impl Session {
    /// What no other session is called.
    pub(crate) fn id(&self) -> &str {
        &self.claims.jti
    }

    /// When the session ends, in milliseconds since 1970.
    pub(crate) fn expires_at_ms(&self) -> i64 {
        i64::try_from(self.claims.exp).unwrap_or(i64::MAX).saturating_mul(1000)
    }

    /// How long the session still lasts.
    pub(crate) fn rest(&self) -> Duration {
        Duration::from_secs(self.claims.exp.saturating_sub(now_seconds()))
    }
}

impl FromRequestParts<Shared> for Session {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, AppError> {
        let token = bearer(&parts.headers).ok_or_else(AppError::not_logged_in)?;
        Ok(app.sessions.find(token).await?)
    }
}

/// Why a session is not known to be good.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSession {
    /// It never was one, or has ended.
    #[error("the session has ended")]
    Ended,
    /// The store did not say; it may later.
    #[error(transparent)]
    Unknown(StoreError),
}

impl NoSession {
    /// Whether asking again is of no use.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Ended)
    }
}

impl From<NoSession> for AppError {
    fn from(no_session: NoSession) -> Self {
        match no_session {
            NoSession::Ended => Self::not_logged_in(),
            NoSession::Unknown(error) => error.into(),
        }
    }
}

/// The token of the `Authorization` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Starts, finds and ends sessions.
pub(crate) struct Sessions {
    tokens: Tokens,
    known: Arc<Known>,
}

/// What is known of sessions.
struct Known {
    accounts: Arc<dyn Accounts>,
    confirmed: Mutex<HashMap<String, Instant>>,
    /// Grows when a session is ended.
    ended: watch::Sender<u64>,
}

impl Sessions {
    pub(crate) fn new(tokens: Tokens, accounts: Arc<dyn Accounts>) -> Self {
        let known = Known { accounts, confirmed: Mutex::default(), ended: watch::Sender::new(0) };
        Self { tokens, known: Arc::new(known) }
    }

    /// A token for a new session of this user.
    pub(crate) fn start(&self, user: &User) -> AppResult<String> {
        self.tokens.issue(&user.name, user.generation).map_err(|error| AppError::broken(&error))
    }

    /// How long a new session lasts.
    pub(crate) fn lifetime(&self) -> Duration {
        self.tokens.lifetime()
    }

    /// The session of a token.
    pub(crate) async fn find(&self, token: &str) -> Result<Session, NoSession> {
        let claims = self.tokens.read(token).ok_or(NoSession::Ended)?;
        let session = Session { user: claims.sub.clone(), claims };
        self.confirm(&session).await?;
        Ok(session)
    }

    /// Checks that a session has not ended.
    pub(crate) async fn confirm(&self, session: &Session) -> Result<(), NoSession> {
        if session.rest().is_zero() {
            return Err(NoSession::Ended);
        }
        let confirmed = self.known.remembered(session.id());
        if confirmed.is_some_and(|at| at.elapsed() < CONFIRMED_FOR) {
            return Ok(());
        }
        let ended = *self.known.ended.borrow();
        // It goes on where nobody waits for it any more.
        let looking = tokio::spawn(Arc::clone(&self.known).look_up(session.claims.clone()));
        let patience = if confirmed.is_some() { MOMENT } else { PATIENCE };
        let answer = match timeout(patience, looking).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Err(StoreError::Unavailable { reason: error.to_string() }),
            Err(_) => Err(StoreError::no_answer(patience)),
        };
        match answer {
            Ok(true) => Ok(()),
            Ok(false) => Err(NoSession::Ended),
            // Those who were in before the store went away may see that it did.
            Err(_) if confirmed.is_some() => {
                self.known.remember(session.id(), ended);
                Ok(())
            }
            Err(error) => Err(NoSession::Unknown(error)),
        }
    }

    /// Ends one session.
    pub(crate) async fn end(&self, session: &Session) -> Result<(), StoreError> {
        self.known.accounts.revoke_session(session.id(), session.expires_at_ms()).await?;
        self.forget_all();
        Ok(())
    }

    /// Makes every session be looked up again: some were ended.
    pub(crate) fn forget_all(&self) {
        self.known.confirmed().clear();
        self.known.ended.send_modify(|ended| *ended += 1);
    }

    /// Tells when sessions were ended.
    pub(crate) fn ended(&self) -> watch::Receiver<u64> {
        self.known.ended.subscribe()
    }
}

impl Known {
    fn confirmed(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.confirmed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the store whether a session is good, and remembers the answer.
    async fn look_up(self: Arc<Self>, claims: Claims) -> Result<bool, StoreError> {
        let ended = *self.ended.borrow();
        let is_good = self.is_good(&claims).await?;
        if is_good {
            self.remember(&claims.jti, ended);
        } else if self.confirmed().remove(&claims.jti).is_some() {
            // Whoever did not wait for the answer hears of it now.
            self.ended.send_modify(|ended| *ended += 1);
        }
        Ok(is_good)
    }

    async fn is_good(&self, claims: &Claims) -> Result<bool, StoreError> {
        let user = self.accounts.user(&claims.sub).await?;
        if user.is_none_or(|user| user.generation != claims.generation) {
            return Ok(false);
        }
        Ok(!self.accounts.is_session_revoked(&claims.jti).await?)
    }

    fn remembered(&self, jti: &str) -> Option<Instant> {
        self.confirmed().get(jti).copied()
    }

    /// Remembers that a session was good, unless one was ended while that was found out.
    fn remember(&self, jti: &str, ended: u64) {
        let mut confirmed = self.confirmed();
        if *self.ended.borrow() != ended {
            return;
        }
        if confirmed.len() >= REMEMBERED {
            confirmed.clear();
        }
        confirmed.insert(jti.to_owned(), Instant::now());
    }
}
