//! Users, ended sessions, configuration and policy in memory.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use crate::{
    Accounts, RetentionPolicy, RetentionPolicyUpdate, StoreError, User,
    accounts::{clock_ms, first_generation},
};

/// Keeps accounts until the process ends.
#[derive(Debug, Default)]
pub struct MemoryAccounts(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    users: HashMap<String, User>,
    revoked: HashMap<String, i64>,
    config: HashMap<String, String>,
    policy: RetentionPolicy,
}

impl MemoryAccounts {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn user(&mut self, name: &str) -> Result<&mut User, StoreError> {
        self.users.get_mut(name).ok_or_else(|| StoreError::NoSuchUser { name: name.to_owned() })
    }
}

#[async_trait]
impl Accounts for MemoryAccounts {
    async fn user(&self, name: &str) -> Result<Option<User>, StoreError> {
        Ok(self.state().users.get(name).cloned())
    }

    async fn user_count(&self) -> Result<u64, StoreError> {
        Ok(self.state().users.len() as u64)
    }

    async fn create_user(&self, name: &str, password_hash: &str) -> Result<User, StoreError> {
        let mut state = self.state();
        if state.users.contains_key(name) {
            return Err(StoreError::UserExists { name: name.to_owned() });
        }
        let user = User {
            name: name.to_owned(),
            password_hash: password_hash.to_owned(),
            created_at_ms: clock_ms(),
            generation: first_generation(),
        };
        state.users.insert(name.to_owned(), user.clone());
        Ok(user)
    }

    async fn change_password(&self, name: &str, password_hash: &str) -> Result<User, StoreError> {
        let mut state = self.state();
        let user = state.user(name)?;
        password_hash.clone_into(&mut user.password_hash);
        user.generation += 1;
        Ok(user.clone())
    }

    async fn rehash_password(
        &self,
        name: &str,
        old_hash: &str,
        new_hash: &str,
    ) -> Result<bool, StoreError> {
        let mut state = self.state();
        let user = state.user(name)?;
        let unchanged = user.password_hash == old_hash;
        if unchanged {
            new_hash.clone_into(&mut user.password_hash);
        }
        Ok(unchanged)
    }

    async fn revoke_session(&self, id: &str, expires_at_ms: i64) -> Result<(), StoreError> {
        self.state().revoked.insert(id.to_owned(), expires_at_ms);
        Ok(())
    }

    async fn is_session_revoked(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self.state().revoked.contains_key(id))
    }

    async fn purge_revoked_sessions(&self, now_ms: i64) -> Result<u64, StoreError> {
        let mut state = self.state();
        let before = state.revoked.len();
        state.revoked.retain(|_, expires_at_ms| *expires_at_ms > now_ms);
        Ok((before - state.revoked.len()) as u64)
    }

    async fn config(&self, key: &str) -> Result<Option<String>, StoreError> {
        Ok(self.state().config.get(key).cloned())
    }

    async fn set_config(&self, key: &str, value: &str) -> Result<(), StoreError> {
        self.state().config.insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    async fn retention_policy(&self) -> Result<RetentionPolicy, StoreError> {
        Ok(self.state().policy.clone())
    }

    async fn update_retention_policy(
        &self,
        update: &RetentionPolicyUpdate,
    ) -> Result<RetentionPolicy, StoreError> {
        let mut state = self.state();
        state.policy = update.apply_to(&state.policy)?;
        Ok(state.policy.clone())
    }
}
