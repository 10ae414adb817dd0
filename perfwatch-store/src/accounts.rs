//! The trait of everything that keeps users, ended sessions, configuration and the archive policy.
//!
//! It is apart from [`Store`](crate::Store), so that an engine which only keeps series need not
//! know logins. A hash is kept as it is given (`password` makes new ones); what a session is, only
//! the server knows.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;

use crate::{RetentionPolicy, RetentionPolicyUpdate, StoreError};

/// Somebody who may log in.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The login name.
    pub name: String,
    /// The password's hash, in whatever form the server wrote it.
    pub password_hash: String,
    /// When the user was created, in milliseconds since 1970 (UTC).
    pub created_at_ms: i64,
    /// Starts anywhere and grows with each change of the password. A session started under another
    /// number is over.
    pub generation: i64,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("name", &self.name)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

/// Keeps what the server must remember apart from frames.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// The user of this name.
    async fn user(&self, name: &str) -> Result<Option<User>, StoreError>;

    /// How many users there are.
    async fn user_count(&self) -> Result<u64, StoreError>;

    /// Adds a user; [`StoreError::UserExists`] if the name is taken.
    async fn create_user(&self, name: &str, password_hash: &str) -> Result<User, StoreError>;

    /// Sets a new password, which ends all sessions started before; the user as it is now, or
    /// [`StoreError::NoSuchUser`].
    async fn change_password(&self, name: &str, password_hash: &str) -> Result<User, StoreError>;

    /// Writes the same password in a newer form; sessions go on. Does nothing and says `false` if
    /// the stored hash is no longer `old_hash`: the password was changed meanwhile.
    async fn rehash_password(
        &self,
        name: &str,
        old_hash: &str,
        new_hash: &str,
    ) -> Result<bool, StoreError>;

    /// Ends one session; it is remembered until it would have ended by itself.
    async fn revoke_session(&self, id: &str, expires_at_ms: i64) -> Result<(), StoreError>;

    /// Whether this session was ended.
    async fn is_session_revoked(&self, id: &str) -> Result<bool, StoreError>;

    /// Forgets ended sessions that would be over by now anyway, and says how many.
    async fn purge_revoked_sessions(&self, now_ms: i64) -> Result<u64, StoreError>;

    /// A configuration value.
    async fn config(&self, key: &str) -> Result<Option<String>, StoreError>;

    /// Sets a configuration value.
    async fn set_config(&self, key: &str, value: &str) -> Result<(), StoreError>;

    /// The archive policy; the default one if none was set.
    async fn retention_policy(&self) -> Result<RetentionPolicy, StoreError>;

    /// Changes the given fields of the archive policy and leaves the others, in one step; the
    /// policy as it is now, or [`StoreError::BadPolicy`].
    async fn update_retention_policy(
        &self,
        update: &RetentionPolicyUpdate,
    ) -> Result<RetentionPolicy, StoreError>;
}

/// The wall clock, in milliseconds since 1970 (UTC).
pub(crate) fn clock_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Where a new user's generation starts: at a random number from 1 to 2^52. Were it the same in
/// every store, a token from before a database was replaced would be good on the new one. JSON
/// keeps numbers below 2^53 exact.
pub(crate) fn first_generation() -> i64 {
    // The standard library's only random numbers: the keys of a hasher.
    let random = RandomState::new().hash_one(clock_ms());
    1 + (random >> 12) as i64
}
