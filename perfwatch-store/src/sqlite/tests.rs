//! What can only be seen from inside: who waits for whom, and how the file is written.

use std::{ops::Range, sync::Arc};

use perfwatch_core::View;
use tempfile::TempDir;

use super::*;
use crate::{Accounts, Record, Store};

async fn fresh() -> (TempDir, SqliteStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("perfwatch.db")).await.unwrap();
    (directory, store)
}

#[tokio::test]
async fn queries_that_hold_every_reader_keep_nobody_from_logging_in() {
    let (_directory, store) = fresh().await;
    store.create_user("admin", "hash").await.unwrap();
    let mut held = Vec::new();
    for _ in 0..READERS {
        held.push(store.readers.acquire().await.unwrap());
    }
    assert!(store.readers.try_acquire().is_none());
    let look_ups = async {
        assert!(store.user("admin").await.unwrap().is_some());
        assert_eq!(store.user_count().await.unwrap(), 1);
        assert!(!store.is_session_revoked("one").await.unwrap());
        store.config("key").await.unwrap();
        store.retention_policy().await.unwrap();
        store.change_password("admin", "another hash").await.unwrap();
    };
    tokio::time::timeout(PATIENCE / 2, look_ups).await.unwrap();
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_power_cut() {
    let (_directory, store) = fresh().await;
    let mut writer = store.writer().await.unwrap();
    let connection = &mut writer.connection;
    let synchronous: i64 =
        sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *connection).await.unwrap();
    let journal: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await.unwrap();
    // 2 is FULL.
    assert_eq!((synchronous, journal.as_str()), (2, "wal"));
}

async fn append(store: &SqliteStore, times: Range<i64>) {
    let record = |timestamp_ms| Record {
        host: Arc::from("a"),
        view: Arc::new(View { timestamp_ms, ..View::default() }),
    };
    let records: Vec<Record> = times.map(record).collect();
    tokio::time::timeout(PATIENCE, store.append(&records)).await.unwrap().unwrap();
}

async fn frames(store: &SqliteStore) -> u64 {
    store.usage().await.unwrap().frames
}

#[tokio::test]
async fn counting_keeps_no_append_waiting_and_misses_none() {
    let (_directory, store) = fresh().await;
    append(&store, 0..3).await;
    let mut moment = store.moment().await.unwrap();
    append(&store, 2..5).await;
    let counted = totals::count(&mut moment).await.unwrap();
    assert_eq!(counted, Totals { frames: 3, rollups: 0 });
    *store.counted.lock().await = Some(counted);
    drop(moment);
    assert_eq!(frames(&store).await, 5);
    append(&store, 5..6).await;
    assert_eq!(frames(&store).await, 6);
    // A write that was cut off leaves nothing known: it is counted anew.
    store.writer().await.unwrap().added = None;
    append(&store, 6..7).await;
    assert_eq!(frames(&store).await, 7);
    append(&store, 7..8).await;
    assert_eq!(frames(&store).await, 8);
}
