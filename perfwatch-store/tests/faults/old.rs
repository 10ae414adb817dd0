//! A file as version 1 of the schema had it: names without checksums, and downsampled frames one by
//! one, each with its times and what its series were.

use std::path::Path;

use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

use crate::{
    truth::{self, DAY, HOST, SERIES},
    writer::{TRUTH, policy},
};

const SCHEMA: &str = "
    PRAGMA auto_vacuum = INCREMENTAL;
    PRAGMA application_id = 0x50665774;
    CREATE TABLE hosts (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
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
    PRAGMA user_version = 1;
";

/// The place of half an hour in the list of intervals, from 1.
const HALF_HOUR: i64 = 6;

/// Makes a file with the first frames: the last three days as they are, what is older downsampled.
pub(crate) async fn make(path: &Path, frames: i64) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = options.journal_mode(SqliteJournalMode::Delete).connect().await.unwrap();
    sqlx::raw_sql(SCHEMA).execute(&mut connection).await.unwrap();
    sqlx::raw_sql("BEGIN").execute(&mut connection).await.unwrap();
    let host = "INSERT INTO hosts VALUES (0, ?)";
    sqlx::query(host).bind(HOST).execute(&mut connection).await.unwrap();
    for (number, path) in (0_i64..).zip(SERIES) {
        let series = "INSERT INTO series VALUES (0, ?, ?, ?)";
        let query = sqlx::query(series).bind(number).bind(path).bind(truth::decimals(path));
        query.execute(&mut connection).await.unwrap();
    }
    let interval = i64::try_from(policy().downsample_interval.as_millis()).unwrap();
    let raw_from = TRUTH.time(frames) - 3 * DAY;
    let raw_from = raw_from - raw_from.rem_euclid(interval);
    for start in (truth::START..raw_from).step_by(usize::try_from(interval).unwrap()) {
        let key = (HALF_HOUR << 44) + start;
        insert(&mut connection, "INSERT INTO rollups (key, body) VALUES (?, ?)", key, {
            sealed(start, interval, &rollup(start, interval))
        })
        .await;
    }
    for seq in TRUTH.seqs(raw_from, TRUTH.time(frames)) {
        let time = TRUTH.time(seq);
        let body = sealed(time, 0, &frame(seq));
        insert(&mut connection, "INSERT INTO frames (key, body) VALUES (?, ?)", time, body).await;
    }
    sqlx::raw_sql("COMMIT").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn insert(connection: &mut SqliteConnection, sql: &'static str, key: i64, body: Vec<u8>) {
    sqlx::query(sql).bind(key).bind(body).execute(connection).await.unwrap();
}

/// A body behind the checksum of its place (host 0) and content.
fn sealed(time: i64, interval: i64, payload: &[u8]) -> Vec<u8> {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&0_u32.to_le_bytes());
    hasher.update(&time.to_le_bytes());
    hasher.update(&interval.to_le_bytes());
    hasher.update(payload);
    [&hasher.finalize().to_le_bytes(), payload].concat()
}

fn frame(seq: i64) -> Vec<u8> {
    let (mut out, mut next) = (Vec::new(), 0);
    for (number, path) in (0_u64..).zip(SERIES) {
        if let Some(value) = truth::value(path, seq) {
            put(&mut out, number - next);
            put_signed(&mut out, value);
            next = number + 1;
        }
    }
    out
}

fn rollup(start: i64, interval: i64) -> Vec<u8> {
    let seqs = TRUTH.seqs(start, start + interval);
    let mut out = Vec::new();
    put(&mut out, seqs.clone().count() as u64);
    let (mut before, mut step) = (start, 0);
    for time in seqs.clone().map(|seq| TRUTH.time(seq)) {
        put_signed(&mut out, time - before - step);
        (step, before) = (time - before, time);
    }
    let mut next = 0;
    for (number, path) in (0_u64..).zip(SERIES) {
        let values: Vec<(i64, i64)> = seqs
            .clone()
            .filter_map(|seq| Some((TRUTH.time(seq), truth::value(path, seq)?)))
            .collect();
        let Some(&(last_ms, last)) = values.last() else { continue };
        let numbers = || values.iter().map(|(_, value)| *value);
        let (min, max) = (numbers().min().unwrap(), numbers().max().unwrap());
        put(&mut out, number - next);
        put(&mut out, values.len() as u64);
        for signed in [numbers().sum(), min, max - min, last - min, last_ms - start] {
            put_signed(&mut out, signed);
        }
        next = number + 1;
    }
    out
}

/// Seven bits a byte, the lowest first.
fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}
