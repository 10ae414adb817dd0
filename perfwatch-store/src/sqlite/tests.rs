//! What can only be seen from inside: who waits for whom, and how the file is written.

use tempfile::TempDir;

use super::*;
use crate::Accounts;

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
        held.push(store.files().readers.acquire().await.unwrap());
    }
    assert!(store.files().readers.try_acquire().is_none());
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
    let mut writer = store.files().writer().await.unwrap();
    let connection = &mut *writer;
    let synchronous: i64 =
        sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *connection).await.unwrap();
    let journal: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await.unwrap();
    // 2 is FULL.
    assert_eq!((synchronous, journal.as_str()), (2, "wal"));
}

#[tokio::test]
async fn a_transaction_that_sqlite_ended_itself_is_not_counted_for_ever() {
    let (_directory, store) = fresh().await;
    let mut writer = store.files().writer().await.unwrap();
    for is_ended in [true, false] {
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.unwrap();
        if is_ended {
            // As on a full disk: it is over, and sqlx does not know.
            sqlx::query("ROLLBACK").execute(&mut *transaction).await.unwrap();
        }
        files::end(transaction, Err(sqlx::Error::RowNotFound)).await.unwrap_err();
    }
    // Also while it commits.
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.unwrap();
    sqlx::query("ROLLBACK").execute(&mut *transaction).await.unwrap();
    files::end(transaction, Ok(())).await.unwrap_err();
    writer.begin_with("BEGIN IMMEDIATE").await.unwrap().commit().await.unwrap();
}
