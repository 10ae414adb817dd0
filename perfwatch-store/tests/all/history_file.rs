//! A history file that is only read, also beside the store that writes it.

use std::{fs, path::Path, sync::Mutex};

use perfwatch_store::{HistoryFile, SqliteStore, Store, StoreError};
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::fixture::{HOUR, MINUTE, START, ask, every, loads, noise, policy};

async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

#[tokio::test]
async fn it_answers_beside_the_store_that_writes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let records = loads(every(MINUTE, START, START + 3 * HOUR));
    let (early, late) = records.split_at(150);
    store.append(early).await.unwrap();
    let query = ask(START, START + 3 * HOUR);
    let answer = store.range(&query).await.unwrap();
    let file = HistoryFile::open(&path).await.unwrap();
    assert_eq!(file.range(&query).await.unwrap(), answer);
    assert!(file.verify(&|_| ()).await.unwrap().is_empty());
    // What the store seals meanwhile is still seen once, and what is new not at all.
    store.append(late).await.unwrap();
    store.close().await;
    assert_eq!(file.range(&ask(START, START + 150 * MINUTE)).await.unwrap(), answer);
    file.close().await;
    assert!(matches!(file.range(&query).await, Err(StoreError::Unavailable { .. })));
}

#[tokio::test]
async fn all_bytes_are_accounted_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    let store = SqliteStore::open_sealing_at_once(&path).await.unwrap();
    store.append(&noise(20, every(MINUTE, START, START + 4 * HOUR))).await.unwrap();
    store.append(&loads(every(MINUTE, START, START + HOUR))).await.unwrap();
    store.apply_retention(&policy(0, 10 * MINUTE, 1), START + 2 * HOUR).await.unwrap();
    let usage = store.usage().await.unwrap();
    store.close().await;
    let file = HistoryFile::open(&path).await.unwrap();
    let info = file.info().await.unwrap();
    let parts = info.parts;
    let sum = parts.frames + parts.slices.sum() + parts.downsampled + parts.rest;
    assert_eq!(sum + info.free_pages * info.page_size, info.bytes);
    assert_eq!(info.bytes, fs::metadata(&path).unwrap().len());
    let mut connection = raw(&path).await;
    let stored: i64 = sqlx::query_scalar(
        "SELECT (SELECT sum(length(body)) FROM slices) + (SELECT sum(length(body)) FROM parts)",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(parts.slices.sum() + parts.downsampled, stored.unsigned_abs());
    let [host] = info.hosts.as_slice() else { panic!("{:?}", info.hosts) };
    assert_eq!((host.frames, host.downsampled_frames), (usage.frames, usage.downsampled_frames));
    // Two hours of 20 parts and a load are left at full resolution.
    assert_eq!((host.frames, host.values, host.series), (120, 120 * 21, 21));
    assert_eq!(info.slices, 2);
    assert!(info.downsampled_slices > 0 && parts.downsampled > 0 && info.damaged == 0);
}

#[tokio::test]
async fn a_damaged_column_is_named_and_the_work_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    let store = SqliteStore::open_sealing_at_once(&path).await.unwrap();
    store.append(&noise(2, every(MINUTE, START, START + HOUR))).await.unwrap();
    store.close().await;
    let mut connection = raw(&path).await;
    // The last byte of the last part: values of the last series.
    sqlx::query(
        "UPDATE parts SET body = CAST(substr(body, 1, length(body) - 1) || \
         CASE substr(body, -1) WHEN x'00' THEN x'01' ELSE x'00' END AS BLOB) \
         WHERE key = (SELECT max(key) FROM parts)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    let file = HistoryFile::open(&path).await.unwrap();
    let told = Mutex::new(Vec::new());
    let damaged = file.verify(&|progress| told.lock().unwrap().push(progress)).await.unwrap();
    let [range] = damaged.as_slice() else { panic!("{damaged:?}") };
    assert_eq!(range.series.as_deref(), Some("app.parts.1.heat_celsius"));
    assert_eq!((range.host.as_str(), range.start_ms, range.end_ms), ("a", START, START + HOUR));
    let told = told.into_inner().unwrap();
    assert!(told.is_sorted_by_key(|progress| progress.done) && told.len() == 2, "{told:?}");
    assert!(told.iter().all(|progress| progress.done <= progress.total), "{told:?}");
}

#[tokio::test]
async fn what_is_no_current_history_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    let message = async |path: &Path| HistoryFile::open(path).await.unwrap_err().to_string();
    let missing = message(&path).await;
    assert!(missing.starts_with(&format!("there is no file {}", path.display())), "{missing}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing was made");
    assert!(message(directory.path()).await.contains("it is a directory"));
    fs::write(&path, "").unwrap();
    assert!(message(&path).await.contains("it is empty"));
    fs::write(&path, "text").unwrap();
    assert!(message(&path).await.contains("it is no SQLite database"));
    fs::remove_file(&path).unwrap();
    SqliteStore::open(&path).await.unwrap().close().await;
    for (version, expected) in [
        ("PRAGMA user_version = 99", "has schema version 99, this version reads up to 4; update"),
        ("PRAGMA user_version = 2", "has schema version 2, older than 4; start perfwatch-server"),
    ] {
        let mut connection = raw(&path).await;
        sqlx::query(version).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let before = fs::read(&path).unwrap();
        let said = message(&path).await;
        assert!(said.contains(expected), "{said}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}
