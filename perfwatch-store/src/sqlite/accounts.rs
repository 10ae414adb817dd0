//! The trait [`Accounts`], over an SQLite file.

use async_trait::async_trait;
use sqlx::{Row, sqlite::SqliteRow};

use super::{SqliteStore, policy};
use crate::{
    Accounts, RetentionPolicy, RetentionPolicyUpdate, StoreError, User,
    accounts::{clock_ms, first_generation},
};

impl SqliteStore {
    async fn user_after(&self, changed: u64, name: &str) -> Result<User, StoreError> {
        let user = if changed == 0 { None } else { self.user(name).await? };
        user.ok_or_else(|| StoreError::NoSuchUser { name: name.to_owned() })
    }
}

fn user(row: &SqliteRow) -> Result<User, sqlx::Error> {
    Ok(User {
        name: row.try_get(0)?,
        password_hash: row.try_get(1)?,
        created_at_ms: row.try_get(2)?,
        generation: row.try_get(3)?,
    })
}

#[async_trait]
impl Accounts for super::SqliteStore {
    async fn user(&self, name: &str) -> Result<Option<User>, StoreError> {
        let select =
            "SELECT name, password_hash, created_at_ms, generation FROM users WHERE name = ?";
        let row =
            sqlx::query(select).bind(name).fetch_optional(&self.files().account_readers).await;
        let found = row.and_then(|row| row.as_ref().map(user).transpose());
        found.map_err(self.files().explain())
    }

    async fn user_count(&self) -> Result<u64, StoreError> {
        let count: Result<i64, _> = sqlx::query_scalar("SELECT count(*) FROM users")
            .fetch_one(&self.files().account_readers)
            .await;
        Ok(count.map_err(self.files().explain())?.unsigned_abs())
    }

    async fn create_user(&self, name: &str, password_hash: &str) -> Result<User, StoreError> {
        let insert = "INSERT INTO users (name, password_hash, created_at_ms, generation) \
                      VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
        let query = sqlx::query(insert).bind(name).bind(password_hash).bind(clock_ms());
        let query = query.bind(first_generation());
        let mut writer = self.files().writer().await?;
        let done = query.execute(&mut *writer).await.map_err(self.files().explain())?;
        if done.rows_affected() == 0 {
            return Err(StoreError::UserExists { name: name.to_owned() });
        }
        self.user_after(1, name).await
    }

    async fn change_password(&self, name: &str, password_hash: &str) -> Result<User, StoreError> {
        let update =
            "UPDATE users SET password_hash = ?, generation = generation + 1 WHERE name = ?";
        let query = sqlx::query(update).bind(password_hash).bind(name);
        let mut writer = self.files().writer().await?;
        let done = query.execute(&mut *writer).await.map_err(self.files().explain())?;
        self.user_after(done.rows_affected(), name).await
    }

    async fn rehash_password(
        &self,
        name: &str,
        old_hash: &str,
        new_hash: &str,
    ) -> Result<bool, StoreError> {
        let update = "UPDATE users SET password_hash = ? WHERE name = ? AND password_hash = ?";
        let query = sqlx::query(update).bind(new_hash).bind(name).bind(old_hash);
        let mut writer = self.files().writer().await?;
        let done = query.execute(&mut *writer).await.map_err(self.files().explain())?;
        if done.rows_affected() == 0 {
            self.user_after(1, name).await?;
        }
        Ok(done.rows_affected() > 0)
    }

    async fn revoke_session(&self, id: &str, expires_at_ms: i64) -> Result<(), StoreError> {
        let insert = "INSERT INTO revoked_sessions (id, expires_at_ms) VALUES (?, ?) \
                      ON CONFLICT (id) DO UPDATE SET expires_at_ms = excluded.expires_at_ms";
        let query = sqlx::query(insert).bind(id).bind(expires_at_ms);
        let mut writer = self.files().writer().await?;
        query.execute(&mut *writer).await.map_err(self.files().explain())?;
        Ok(())
    }

    async fn is_session_revoked(&self, id: &str) -> Result<bool, StoreError> {
        let select = "SELECT EXISTS (SELECT 1 FROM revoked_sessions WHERE id = ?)";
        let found =
            sqlx::query_scalar(select).bind(id).fetch_one(&self.files().account_readers).await;
        found.map_err(self.files().explain())
    }

    async fn purge_revoked_sessions(&self, now_ms: i64) -> Result<u64, StoreError> {
        let delete = "DELETE FROM revoked_sessions WHERE expires_at_ms <= ?";
        let mut writer = self.files().writer().await?;
        let done = sqlx::query(delete).bind(now_ms).execute(&mut *writer).await;
        Ok(done.map_err(self.files().explain())?.rows_affected())
    }

    async fn config(&self, key: &str) -> Result<Option<String>, StoreError> {
        let select = "SELECT value FROM config WHERE key = ?";
        let value = sqlx::query_scalar(select)
            .bind(key)
            .fetch_optional(&self.files().account_readers)
            .await;
        value.map_err(self.files().explain())
    }

    async fn set_config(&self, key: &str, value: &str) -> Result<(), StoreError> {
        let upsert = "INSERT INTO config (key, value, updated_at_ms) VALUES (?, ?, ?) \
                      ON CONFLICT (key) DO UPDATE SET \
                      value = excluded.value, updated_at_ms = excluded.updated_at_ms";
        let query = sqlx::query(upsert).bind(key).bind(value).bind(clock_ms());
        let mut writer = self.files().writer().await?;
        query.execute(&mut *writer).await.map_err(self.files().explain())?;
        Ok(())
    }

    async fn retention_policy(&self) -> Result<RetentionPolicy, StoreError> {
        let mut connection =
            self.files().account_readers.acquire().await.map_err(self.files().explain())?;
        match policy::read(&mut connection).await.map_err(self.files().explain())? {
            policy::Found::Policy(policy) => Ok(policy),
            policy::Found::Damaged => {
                Err(StoreError::PolicyDamaged { path: self.files().path.clone() })
            }
        }
    }

    async fn update_retention_policy(
        &self,
        update: &RetentionPolicyUpdate,
    ) -> Result<RetentionPolicy, StoreError> {
        // There is one writer: nobody changes the policy between reading and writing it.
        let mut writer = self.files().writer().await?;
        let before = match policy::read(&mut writer).await.map_err(self.files().explain())? {
            policy::Found::Policy(policy) => policy,
            policy::Found::Damaged => RetentionPolicy::default(),
        };
        let policy = update.apply_to(&before)?;
        policy::write(&mut writer, &policy).await.map_err(self.files().explain())?;
        Ok(policy)
    }
}
