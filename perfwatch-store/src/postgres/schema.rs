//! The tables, and how an older database gets them.
//!
//! `metrics_snapshots`, `users`, `config` and `archive_policies` are for whoever reads SQL;
//! `docs/postgresql.md` describes them. The others hold what questions are answered from: `frames`
//! the frames that are in no slice yet, `slices` and `parts` all others by column, in the layout that
//! every store shares (see `layout`).

use sqlx::{Connection, Executor, PgConnection};

use super::error::{explain_step as explain, is_duplicate};
use crate::StoreError;

/// Goes up with each change of the tables.
const VERSION: i32 = 1;

/// Only one daemon at a time makes tables.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7308609, 1)";

/// Version 1. Documents come packed (see `append`) and stay within their rows. Nothing but `frames`
/// and slices says which frame is there: an index that did takes more than its values. A part is
/// about 4 KiB and already packed: it stays in its row.
const TABLES: &str = "
CREATE TABLE perfwatch_schema (version int NOT NULL);
INSERT INTO perfwatch_schema VALUES (1);
CREATE TABLE users (
    name text COLLATE \"C\" PRIMARY KEY, password_hash text NOT NULL,
    created_at_ms bigint NOT NULL, generation bigint NOT NULL);
CREATE TABLE revoked_sessions (
    id text COLLATE \"C\" PRIMARY KEY, expires_at_ms bigint NOT NULL);
CREATE TABLE config (key text COLLATE \"C\" PRIMARY KEY, value text NOT NULL);
CREATE TABLE archive_policies (
    name text PRIMARY KEY, full_resolution_days bigint NOT NULL,
    downsample_interval_ms bigint NOT NULL, downsampled_days bigint NOT NULL,
    max_bytes bigint, updated_at_ms bigint NOT NULL);
CREATE TABLE hosts (
    id int PRIMARY KEY, name text COLLATE \"C\" NOT NULL UNIQUE, series int NOT NULL DEFAULT 0,
    sliced_until_ms bigint NOT NULL DEFAULT -1, machine_id text, interval_ms bigint, version text);
CREATE TABLE series (
    host_id int, number int, path text COLLATE \"C\" NOT NULL, decimals int NOT NULL,
    PRIMARY KEY (host_id, number));
CREATE TABLE metrics_snapshots (
    id bigint GENERATED ALWAYS AS IDENTITY, timestamp timestamptz NOT NULL,
    host text COLLATE \"C\" NOT NULL, metric_type text COLLATE \"C\" NOT NULL,
    metric_data jsonb NOT NULL) PARTITION BY RANGE (timestamp);
CREATE INDEX idx_metrics_timestamp ON metrics_snapshots
    USING brin (timestamp) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX idx_metrics_type_timestamp ON metrics_snapshots (metric_type, timestamp);
CREATE TABLE metrics_hourly (
    host text COLLATE \"C\" NOT NULL, metric_type text COLLATE \"C\" NOT NULL,
    hour timestamptz NOT NULL, metric_avg jsonb NOT NULL, metric_min jsonb NOT NULL,
    metric_max jsonb NOT NULL, frames int NOT NULL, PRIMARY KEY (host, metric_type, hour));
CREATE INDEX idx_hourly_hour ON metrics_hourly USING brin (hour) WITH (autosummarize = on);
CREATE TABLE partitions (day int PRIMARY KEY, gone_frames bigint NOT NULL DEFAULT 0);
CREATE TABLE frames (
    host_id int, time_ms bigint, body bytea NOT NULL, PRIMARY KEY (host_id, time_ms));
CREATE TABLE shelves (host_id int, interval_ms int, PRIMARY KEY (host_id, interval_ms));
CREATE TABLE slices (
    host_id int, interval_ms int, start_ms bigint, frames bigint NOT NULL, bytes bigint NOT NULL,
    first_ms bigint NOT NULL, last_ms bigint NOT NULL, directory bytea NOT NULL,
    PRIMARY KEY (host_id, interval_ms, start_ms));
CREATE TABLE parts (
    host_id int, interval_ms int, start_ms bigint, part int, body bytea NOT NULL,
    PRIMARY KEY (host_id, interval_ms, start_ms, part)) WITH (toast_tuple_target = 8160);
ALTER TABLE metrics_snapshots ALTER metric_data SET STORAGE MAIN;
ALTER TABLE frames ALTER body SET STORAGE EXTERNAL;
ALTER TABLE parts ALTER body SET STORAGE EXTERNAL;
ALTER TABLE slices ALTER directory SET STORAGE EXTERNAL;
";

/// The temporary table of a session that appends. PGLZ packs short documents best.
pub(super) const STAGE: &str = "CREATE TEMP TABLE perfwatch_staged (\
    host_id int, time_ms bigint, metric_type text, \
    metric_data jsonb COMPRESSION pglz, filling text) \
    WITH (toast_tuple_target = 128) ON COMMIT DELETE ROWS; \
    ALTER TABLE perfwatch_staged ALTER metric_data SET STORAGE MAIN, ALTER filling SET STORAGE PLAIN";

/// Makes the tables, or refuses those of a newer version.
pub(super) async fn migrate(connection: &mut PgConnection, place: &str) -> Result<(), StoreError> {
    let explain = |error| explain(place, error);
    if is_current(connection, place).await? {
        return Ok(());
    }
    let mut transaction = connection.begin().await.map_err(&explain)?;
    transaction.execute(LOCK).await.map_err(&explain)?;
    // Another daemon may have made them meanwhile.
    if !is_current(&mut transaction, place).await? {
        transaction.execute(TABLES).await.map_err(|error| match is_duplicate(&error) {
            true => StoreError::Denied { reason: foreign(place) },
            false => explain(error),
        })?;
    }
    transaction.commit().await.map_err(&explain)
}

fn foreign(place: &str) -> String {
    format!(
        "{place} has tables of another program under the names that PerfWatch needs; give \
         PerfWatch a database of its own, or a schema by ?options[search_path]=NAME in --store"
    )
}

/// Whether the tables are as this version needs them.
async fn is_current(connection: &mut PgConnection, place: &str) -> Result<bool, StoreError> {
    let explain = |error| explain(place, error);
    let exists: bool = sqlx::query_scalar("SELECT to_regclass('perfwatch_schema') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await
        .map_err(&explain)?;
    if !exists {
        return Ok(false);
    }
    let found: i32 = sqlx::query_scalar("SELECT max(version) FROM perfwatch_schema")
        .fetch_one(connection)
        .await
        .map_err(explain)?;
    not_newer(found, place).map(|()| true)
}

/// Refuses tables of a newer version, which another daemon may have made since this one began. What
/// else may be wrong with them is told by whatever is asked next.
pub(super) async fn check(connection: &mut PgConnection, place: &str) -> Result<(), StoreError> {
    let select = "SELECT max(version) FROM perfwatch_schema";
    match sqlx::query_scalar::<_, Option<i32>>(select).fetch_one(connection).await {
        Ok(found) => not_newer(found.unwrap_or(VERSION), place),
        Err(error) if error.as_database_error().is_some() => Ok(()),
        Err(error) => Err(explain(place, error)),
    }
}

fn not_newer(found: i32, place: &str) -> Result<(), StoreError> {
    if found <= VERSION {
        return Ok(());
    }
    let path = place.into();
    Err(StoreError::Newer { path, found: found.into(), supported: VERSION.into() })
}
