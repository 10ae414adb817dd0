//! What becomes of a host that has as many series as are kept of one.

use std::{sync::Arc, time::Duration};

use perfwatch_store::{
    BatchMetricsWriter, SqliteStore, Store, StoreError, WriterCounts, WriterOptions, WriterStatus,
    open,
};
use sqlx::{Connection, Executor, SqliteConnection};

use crate::{
    cluster::{database, run},
    fixture::{HOUR, START, ask, record},
};

/// Known series go on, new ones are left out, and that is said.
async fn keeps_what_it_can(store: Arc<dyn Store>) {
    let frame = |number: i64| {
        let rows = [("new", 5.0), ("newer", 6.0)];
        record("a", START + number, Some(number as f64), &rows)
    };
    let error = store.append(&[frame(1)]).await.unwrap_err();
    let StoreError::TooManySeries { host, left_out } = &error else { panic!("{error:?}") };
    assert_eq!((host.as_str(), *left_out), ("a", 2));
    let options = WriterOptions::default();
    let writer = BatchMetricsWriter::spawn(Arc::clone(&store), options);
    writer.push(frame(2));
    writer.push(record("a", START + 3, Some(3.0), &[]));
    let counts = writer.shutdown(Duration::from_secs(20)).await;
    assert_eq!(counts, WriterCounts { expected: 2, stored: 2, ..WriterCounts::default() });
    let WriterStatus::Degraded { reason, .. } = writer.status() else { panic!() };
    assert!(reason.contains("1048576 series") && reason.contains("2 values"), "{reason}");
    let found = store.summary(&ask(START, START + HOUR).selection).await.unwrap();
    assert_eq!((found[0].count, found[0].last), (4, 3.0));
}

#[tokio::test]
async fn a_file_says_that_a_host_has_too_many_series() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    let url = format!("sqlite:{}", path.display());
    let store = SqliteStore::open(&path).await.unwrap();
    store.append(&[record("a", START, Some(0.5), &[])]).await.unwrap();
    store.close().await;
    drop(store);
    let mut file = SqliteConnection::connect(&url).await.unwrap();
    // The numbers before it are taken too.
    file.execute("INSERT INTO series VALUES (0, 1048575, 'last', 0, 0)").await.unwrap();
    file.close().await.unwrap();
    for _ in 0..2 {
        let store = open(&url).await.unwrap().store;
        keeps_what_it_can(Arc::clone(&store)).await;
        store.close().await;
    }
}

#[tokio::test]
async fn a_database_says_that_a_host_has_too_many_series() {
    let url = database().await;
    let store = open(&url).await.unwrap().store;
    store.append(&[record("a", START, Some(0.5), &[])]).await.unwrap();
    run(
        &url,
        "UPDATE hosts SET series = 1048576; \
         INSERT INTO series SELECT 0, n, '', 0 FROM generate_series(1, 1048575) n",
    )
    .await;
    // Reading so many names takes a while.
    assert_eq!(store.series("a").await.unwrap(), ["app.load"]);
    keeps_what_it_can(store).await;
}
