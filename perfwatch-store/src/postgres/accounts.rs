//! The trait [`Accounts`], over a PostgreSQL database.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::{Connection, PgConnection};

use super::{PostgresStore, link::WRITE};
use crate::{
    Accounts, RetentionPolicy, RetentionPolicyUpdate, StoreError, User,
    accounts::{clock_ms, first_generation},
};

/// There is one policy; the table has room for names.
const POLICY: &str = "default";

/// A user as the table has it.
type UserRow = (String, String, i64, i64);

fn user((name, password_hash, created_at_ms, generation): UserRow) -> User {
    User { name, password_hash, created_at_ms, generation }
}

/// A name or key as the database can hold it: nothing has a NUL in it, so nothing is found by one.
fn plain(text: &str) -> Result<&str, StoreError> {
    match text.contains('\0') {
        true => Err(StoreError::bad_query("name", "it cannot hold a NUL character")),
        false => Ok(text),
    }
}

impl PostgresStore {
    /// Asks by a connection for accounts.
    async fn account<T>(
        &self,
        call: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        self.link
            .within(WRITE, async {
                let mut held = self.link.account().await?;
                let answer = call(&mut held).await.map_err(self.link.explain())?;
                held.keep();
                Ok(answer)
            })
            .await
    }
}

#[async_trait]
impl Accounts for PostgresStore {
    async fn user(&self, name: &str) -> Result<Option<User>, StoreError> {
        let Ok(name) = plain(name) else { return Ok(None) };
        let select = "SELECT name, password_hash, created_at_ms, generation FROM users \
                      WHERE name = $1";
        let found = self
            .account(async |by| sqlx::query_as(select).bind(name).fetch_optional(by).await)
            .await?;
        Ok(found.map(user))
    }

    async fn user_count(&self) -> Result<u64, StoreError> {
        let count: i64 = self
            .account(async |by| {
                sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(by).await
            })
            .await?;
        Ok(count.unsigned_abs())
    }

    async fn create_user(&self, name: &str, password_hash: &str) -> Result<User, StoreError> {
        let name = plain(name)?;
        let insert = "INSERT INTO users (name, password_hash, created_at_ms, generation) \
            VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING \
            RETURNING name, password_hash, created_at_ms, generation";
        let query = sqlx::query_as(insert).bind(name).bind(password_hash);
        let query = query.bind(clock_ms()).bind(first_generation());
        let made = self.account(async |by| query.fetch_optional(by).await).await?;
        made.map(user).ok_or_else(|| StoreError::UserExists { name: name.to_owned() })
    }

    async fn change_password(&self, name: &str, password_hash: &str) -> Result<User, StoreError> {
        let update = "UPDATE users SET password_hash = $2, generation = generation + 1 \
            WHERE name = $1 RETURNING name, password_hash, created_at_ms, generation";
        let query = sqlx::query_as(update).bind(plain(name)?).bind(password_hash);
        let changed = self.account(async |by| query.fetch_optional(by).await).await?;
        changed.map(user).ok_or_else(|| StoreError::NoSuchUser { name: name.to_owned() })
    }

    async fn rehash_password(
        &self,
        name: &str,
        old_hash: &str,
        new_hash: &str,
    ) -> Result<bool, StoreError> {
        let update = "UPDATE users SET password_hash = $3 WHERE name = $1 AND password_hash = $2";
        let query = sqlx::query(update).bind(plain(name)?).bind(old_hash).bind(new_hash);
        let done = self.account(async |by| query.execute(by).await).await?;
        if done.rows_affected() == 0 && self.user(name).await?.is_none() {
            return Err(StoreError::NoSuchUser { name: name.to_owned() });
        }
        Ok(done.rows_affected() > 0)
    }

    async fn revoke_session(&self, id: &str, expires_at_ms: i64) -> Result<(), StoreError> {
        let insert = "INSERT INTO revoked_sessions (id, expires_at_ms) VALUES ($1, $2) \
                      ON CONFLICT (id) DO UPDATE SET expires_at_ms = excluded.expires_at_ms";
        let query = sqlx::query(insert).bind(plain(id)?).bind(expires_at_ms);
        self.account(async |by| query.execute(by).await).await.map(drop)
    }

    async fn is_session_revoked(&self, id: &str) -> Result<bool, StoreError> {
        let select = "SELECT EXISTS (SELECT FROM revoked_sessions WHERE id = $1)";
        let query = sqlx::query_scalar(select).bind(plain(id)?);
        self.account(async |by| query.fetch_one(by).await).await
    }

    async fn purge_revoked_sessions(&self, now_ms: i64) -> Result<u64, StoreError> {
        let query = sqlx::query("DELETE FROM revoked_sessions WHERE expires_at_ms <= $1");
        let done = self.account(async |by| query.bind(now_ms).execute(by).await).await?;
        Ok(done.rows_affected())
    }

    async fn config(&self, key: &str) -> Result<Option<String>, StoreError> {
        let query = sqlx::query_scalar("SELECT value FROM config WHERE key = $1");
        let query = query.bind(plain(key)?);
        self.account(async |by| query.fetch_optional(by).await).await
    }

    async fn set_config(&self, key: &str, value: &str) -> Result<(), StoreError> {
        let insert = "INSERT INTO config (key, value) VALUES ($1, $2) \
                      ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        let query = sqlx::query(insert).bind(plain(key)?).bind(value);
        self.account(async |by| query.execute(by).await).await.map(drop)
    }

    async fn retention_policy(&self) -> Result<RetentionPolicy, StoreError> {
        self.account(policy).await
    }

    async fn update_retention_policy(
        &self,
        update: &RetentionPolicyUpdate,
    ) -> Result<RetentionPolicy, StoreError> {
        self.account(async |by| {
            let mut transaction = by.begin().await?;
            sqlx::query("LOCK TABLE archive_policies IN EXCLUSIVE MODE")
                .execute(&mut *transaction)
                .await?;
            let changed = update.apply_to(&policy(&mut transaction).await?);
            match &changed {
                Ok(changed) => {
                    write_policy(&mut transaction, changed).await?;
                    transaction.commit().await?;
                }
                // A transaction that is dropped holds its lock until its connection is used again.
                Err(_) => transaction.rollback().await?,
            }
            Ok(changed)
        })
        .await?
    }
}

/// The policy; where none was set, the usual one.
async fn policy(connection: &mut PgConnection) -> Result<RetentionPolicy, sqlx::Error> {
    let select = "SELECT full_resolution_days, downsample_interval_ms, downsampled_days, \
                  max_bytes FROM archive_policies WHERE name = $1";
    let row: Option<(i64, i64, i64, Option<i64>)> =
        sqlx::query_as(select).bind(POLICY).fetch_optional(connection).await?;
    let Some((full, interval_ms, coarse, max_bytes)) = row else {
        return Ok(RetentionPolicy::default());
    };
    let days = |days: i64| u32::try_from(days).unwrap_or(u32::MAX);
    Ok(RetentionPolicy {
        full_resolution_days: days(full),
        downsample_interval: Duration::from_millis(interval_ms.unsigned_abs()),
        downsampled_days: days(coarse),
        max_bytes: max_bytes.map(i64::unsigned_abs),
    })
}

async fn write_policy(
    connection: &mut PgConnection,
    policy: &RetentionPolicy,
) -> Result<(), sqlx::Error> {
    let insert = "INSERT INTO archive_policies (name, full_resolution_days, \
        downsample_interval_ms, downsampled_days, max_bytes, updated_at_ms) \
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO UPDATE SET \
        full_resolution_days = excluded.full_resolution_days, \
        downsample_interval_ms = excluded.downsample_interval_ms, \
        downsampled_days = excluded.downsampled_days, max_bytes = excluded.max_bytes, \
        updated_at_ms = excluded.updated_at_ms";
    sqlx::query(insert)
        .bind(POLICY)
        .bind(i64::from(policy.full_resolution_days))
        .bind(policy.interval_ms())
        .bind(i64::from(policy.downsampled_days))
        .bind(policy.max_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX)))
        .bind(clock_ms())
        .execute(connection)
        .await
        .map(drop)
}
