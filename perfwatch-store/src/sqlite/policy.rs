//! The archive policy in an SQLite file.
//!
//! A flipped bit in it could delete a year of history, so a policy has a checksum, and one whose
//! checksum is wrong is no policy: nothing is deleted until it is set anew.

use std::time::Duration;

use sqlx::SqliteConnection;

use crate::{RetentionPolicy, accounts::clock_ms};

/// There is one policy; the table has room for names.
const POLICY: &str = "default";

/// A policy that was read.
pub(super) enum Found {
    Policy(RetentionPolicy),
    Damaged,
}

/// The policy; where none was set, the usual one.
pub(super) async fn read(connection: &mut SqliteConnection) -> Result<Found, sqlx::Error> {
    let select = "SELECT full_resolution_days, downsample_interval_ms, downsampled_days, \
                  max_bytes, row_check FROM archive_policies WHERE name = ?";
    let row: Option<(i64, i64, i64, Option<i64>, i64)> =
        sqlx::query_as(select).bind(POLICY).fetch_optional(connection).await?;
    let Some((full, interval_ms, coarse, bytes, check)) = row else {
        return Ok(Found::Policy(RetentionPolicy::default()));
    };
    let policy = policy((full, interval_ms, coarse, bytes));
    let is_right = check == row_check(&policy) && policy.validate().is_ok();
    Ok(if is_right { Found::Policy(policy) } else { Found::Damaged })
}

pub(super) async fn write(
    connection: &mut SqliteConnection,
    policy: &RetentionPolicy,
) -> Result<(), sqlx::Error> {
    let upsert = "INSERT OR REPLACE INTO archive_policies \
                  (name, full_resolution_days, downsample_interval_ms, downsampled_days, \
                  max_bytes, updated_at_ms, row_check) VALUES (?, ?, ?, ?, ?, ?, ?)";
    sqlx::query(upsert)
        .bind(POLICY)
        .bind(policy.full_resolution_days)
        .bind(policy.interval_ms())
        .bind(policy.downsampled_days)
        .bind(stored_bytes(policy))
        .bind(clock_ms())
        .bind(row_check(policy))
        .execute(connection)
        .await?;
    Ok(())
}

/// Gives the policy of version 1 its checksum.
pub(super) async fn upgrade(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let select = "SELECT full_resolution_days, downsample_interval_ms, downsampled_days, max_bytes \
                  FROM archive_policies WHERE name = ?";
    let row: Option<Columns> =
        sqlx::query_as(select).bind(POLICY).fetch_optional(&mut *connection).await?;
    match row {
        Some(columns) => write(connection, &policy(columns)).await,
        None => Ok(()),
    }
}

/// Days at full resolution, interval in milliseconds, days downsampled, bytes.
type Columns = (i64, i64, i64, Option<i64>);

fn policy((full, interval_ms, coarse, bytes): Columns) -> RetentionPolicy {
    let days = |days: i64| u32::try_from(days).unwrap_or(u32::MAX);
    RetentionPolicy {
        full_resolution_days: days(full),
        downsample_interval: Duration::from_millis(interval_ms.unsigned_abs()),
        downsampled_days: days(coarse),
        max_bytes: bytes.map(i64::unsigned_abs),
    }
}

fn stored_bytes(policy: &RetentionPolicy) -> Option<i64> {
    policy.max_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX))
}

fn row_check(policy: &RetentionPolicy) -> i64 {
    let RetentionPolicy { full_resolution_days, downsampled_days, .. } = policy;
    let (interval_ms, bytes) = (policy.interval_ms(), stored_bytes(policy).unwrap_or(-1));
    let text = format!("{full_resolution_days} {interval_ms} {downsampled_days} {bytes}");
    i64::from(crc32fast::hash(text.as_bytes()))
}
