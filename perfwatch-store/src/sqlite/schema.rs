//! The tables, and how an older file becomes a current one.

use sqlx::{Connection, SqliteConnection};

use super::{policy, upgrade};

/// `PfWt`: says in a file's header whose it is.
pub(super) const APPLICATION_ID: i32 = 0x5066_5774;

/// Each entry takes a file from the version that is its place here to the next one. Entries are
/// only ever added.
const MIGRATIONS: [&str; 4] = [
    "
    CREATE TABLE hosts (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE series (
        host_id INTEGER NOT NULL REFERENCES hosts,
        id INTEGER NOT NULL,
        path TEXT NOT NULL,
        decimals INTEGER NOT NULL,
        PRIMARY KEY (host_id, id),
        UNIQUE (host_id, path, decimals)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE frames (
        key INTEGER PRIMARY KEY,
        body BLOB NOT NULL,
        host_id INTEGER GENERATED ALWAYS AS (key >> 48) VIRTUAL,
        timestamp_ms INTEGER GENERATED ALWAYS AS (key & 0xfffffffffff) VIRTUAL
    ) STRICT;
    CREATE TABLE rollups (
        key INTEGER PRIMARY KEY,
        body BLOB NOT NULL,
        host_id INTEGER GENERATED ALWAYS AS (key >> 48) VIRTUAL,
        interval_code INTEGER GENERATED ALWAYS AS ((key >> 44) & 15) VIRTUAL,
        timestamp_ms INTEGER GENERATED ALWAYS AS (key & 0xfffffffffff) VIRTUAL
    ) STRICT;
    CREATE TABLE users (
        name TEXT PRIMARY KEY,
        password_hash TEXT NOT NULL,
        created_at_ms INTEGER NOT NULL,
        generation INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE revoked_sessions (
        id TEXT PRIMARY KEY,
        expires_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE config (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL,
        updated_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE archive_policies (
        name TEXT PRIMARY KEY,
        full_resolution_days INTEGER NOT NULL,
        downsample_interval_ms INTEGER NOT NULL,
        downsampled_days INTEGER NOT NULL,
        max_bytes INTEGER,
        updated_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    ALTER TABLE archive_policies ADD COLUMN row_check INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE hosts RENAME TO old_hosts;
    ALTER TABLE series RENAME TO old_series;
    CREATE TABLE hosts (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        name_check INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE series (
        host_id INTEGER NOT NULL,
        id INTEGER NOT NULL,
        path TEXT NOT NULL,
        decimals INTEGER NOT NULL,
        name_check INTEGER NOT NULL,
        PRIMARY KEY (host_id, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE slices (
        key INTEGER PRIMARY KEY,
        frames INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        body BLOB NOT NULL,
        host_id INTEGER GENERATED ALWAYS AS (key >> 48) VIRTUAL,
        interval_code INTEGER GENERATED ALWAYS AS ((key >> 44) & 15) VIRTUAL,
        timestamp_ms INTEGER GENERATED ALWAYS AS (key & 0xfffffffffff) VIRTUAL
    ) STRICT;
    CREATE TABLE parts (
        key INTEGER PRIMARY KEY,
        body BLOB NOT NULL,
        host_id INTEGER GENERATED ALWAYS AS (key >> 48) VIRTUAL,
        interval_code INTEGER GENERATED ALWAYS AS ((key >> 44) & 15) VIRTUAL,
        timestamp_ms INTEGER GENERATED ALWAYS AS (((key & 0xfffffffffff) >> 20) * 3600000) VIRTUAL,
        part INTEGER GENERATED ALWAYS AS (key & 0xfffff) VIRTUAL
    ) STRICT;
",
    "
    DROP TABLE old_series;
    DROP TABLE old_hosts;
    DROP TABLE rollups;
",
    "
    CREATE TABLE machines (
        name TEXT PRIMARY KEY,
        machine TEXT NOT NULL,
        interval_ms INTEGER NOT NULL,
        version TEXT NOT NULL,
        row_check INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
",
];

/// The version in which downsampled frames are slices.
const SLICED: i64 = 3;

/// The newest schema version known here.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;

/// Says whose a new file is, and lets it shrink later: in one transaction, because a file that has
/// a header without a name is another program's, also for this one.
pub(super) async fn claim(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::query("PRAGMA auto_vacuum = INCREMENTAL").execute(&mut *transaction).await?;
    let claim = format!("PRAGMA application_id = {APPLICATION_ID}");
    sqlx::query(sqlx::AssertSqlSafe(claim)).execute(&mut *transaction).await?;
    transaction.commit().await
}

/// Takes the file to the current version, one transaction per step. What was cut off is gone on
/// with at the next opening.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await?;
    for (version, script) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        if version == SLICED {
            upgrade::downsampled(connection).await?;
        }
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::raw_sql(script).execute(&mut *transaction).await?;
        if version == 2 {
            upgrade::names(&mut transaction).await?;
            policy::upgrade(&mut transaction).await?;
        }
        let set = format!("PRAGMA user_version = {version}");
        sqlx::query(sqlx::AssertSqlSafe(set)).execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
    Ok(())
}
