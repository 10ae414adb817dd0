//! A store in memory that goes away and comes back as the test says.

use std::sync::Arc;

use async_trait::async_trait;
use perfwatch_store::{
    Accounts, Layer, Opened, RetentionPolicy, RetentionPolicyUpdate, Store, StoreError, User,
};
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Answers.
    There,
    /// Says at once that it cannot.
    Away,
    /// Says nothing until its mood changes.
    Silent,
}

/// Both halves of the store.
pub struct Fickle {
    inner: Opened,
    mood: watch::Sender<Mood>,
}

impl Fickle {
    pub async fn new(mood: Mood) -> Arc<Self> {
        let inner = perfwatch_store::open("memory:").await.unwrap();
        Arc::new(Self { inner, mood: watch::Sender::new(mood) })
    }

    /// The same frames for another daemon: the one before closes only its own.
    pub fn reopened(before: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self { inner: before.inner.clone(), mood: watch::Sender::new(Mood::There) })
    }

    pub fn opened(self: &Arc<Self>) -> Opened {
        Opened { store: Arc::clone(self) as _, accounts: Arc::clone(self) as _ }
    }

    pub fn set(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    async fn accounts(&self) -> Result<&dyn Accounts, StoreError> {
        self.answer().await.map(|()| &*self.inner.accounts)
    }

    async fn answer(&self) -> Result<(), StoreError> {
        let mut mood = self.mood.subscribe();
        let mood = *mood.wait_for(|mood| *mood != Mood::Silent).await.unwrap();
        let reason = "connection refused by 192.0.2.1:5432".to_owned();
        if mood == Mood::Away { Err(StoreError::Unavailable { reason }) } else { Ok(()) }
    }
}

#[async_trait]
impl Layer for Fickle {
    fn inner(&self) -> &dyn Store {
        &*self.inner.store
    }

    async fn admit(&self) -> Result<(), StoreError> {
        self.answer().await
    }

    async fn close(&self) {}
}

#[async_trait]
impl Accounts for Fickle {
    async fn user(&self, name: &str) -> Result<Option<User>, StoreError> {
        self.accounts().await?.user(name).await
    }

    async fn user_count(&self) -> Result<u64, StoreError> {
        self.accounts().await?.user_count().await
    }

    async fn create_user(&self, name: &str, hash: &str) -> Result<User, StoreError> {
        self.accounts().await?.create_user(name, hash).await
    }

    async fn change_password(&self, name: &str, hash: &str) -> Result<User, StoreError> {
        self.accounts().await?.change_password(name, hash).await
    }

    async fn rehash_password(&self, name: &str, old: &str, new: &str) -> Result<bool, StoreError> {
        self.accounts().await?.rehash_password(name, old, new).await
    }

    async fn revoke_session(&self, id: &str, expires_at_ms: i64) -> Result<(), StoreError> {
        self.accounts().await?.revoke_session(id, expires_at_ms).await
    }

    async fn is_session_revoked(&self, id: &str) -> Result<bool, StoreError> {
        self.accounts().await?.is_session_revoked(id).await
    }

    async fn purge_revoked_sessions(&self, now_ms: i64) -> Result<u64, StoreError> {
        self.accounts().await?.purge_revoked_sessions(now_ms).await
    }

    async fn config(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.accounts().await?.config(key).await
    }

    async fn set_config(&self, key: &str, value: &str) -> Result<(), StoreError> {
        self.accounts().await?.set_config(key, value).await
    }

    async fn retention_policy(&self) -> Result<RetentionPolicy, StoreError> {
        self.accounts().await?.retention_policy().await
    }

    async fn update_retention_policy(
        &self,
        update: &RetentionPolicyUpdate,
    ) -> Result<RetentionPolicy, StoreError> {
        self.accounts().await?.update_retention_policy(update).await
    }
}
