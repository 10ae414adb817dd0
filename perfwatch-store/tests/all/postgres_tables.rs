//! What whoever owns the database does to its tables by hand, and what daemons do to one another's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use perfwatch_store::{Opened, RetentionPolicy, RetentionPolicyUpdate, StoreError, open};
use sqlx::{Connection, Executor, PgConnection};

use crate::{
    cluster::{database, run, value, wait_for_hours},
    fixture::{DAY, HOUR, MINUTE, START, ask, every, loads, pass, policy, record},
};

const DOCUMENTS: &str = "SELECT count(*)::text FROM metrics_snapshots";

const PARTITIONS: &str = "SELECT string_agg(right(relid::text, 2), ' ' ORDER BY relid::text) \
    FROM pg_partition_tree('metrics_snapshots') WHERE isleaf";

/// A database with a frame each ten minutes of three days, from the 14th of November on.
async fn three_days() -> (String, Opened) {
    let url = database().await;
    let opened = open(&url).await.unwrap();
    let times = every(10 * MINUTE, START, START + 3 * DAY);
    opened.store.append(&loads(times)).await.unwrap();
    (url, opened)
}

#[tokio::test]
async fn a_partition_that_was_dropped_by_hand_is_made_again() {
    let url = database().await;
    let store = open(&url).await.unwrap().store;
    store.append(&loads([START])).await.unwrap();
    run(&url, "DROP TABLE metrics_snapshots_20231114").await;
    store.append(&loads([START + 1])).await.unwrap();
    assert_eq!(value(&url, DOCUMENTS).await.as_deref(), Some("1"));
    // The frame itself was never in it.
    assert_eq!(store.usage().await.unwrap().frames, 2);
}

#[tokio::test]
async fn a_partition_that_was_detached_by_hand_is_attached_again() {
    let url = database().await;
    let store = open(&url).await.unwrap().store;
    store.append(&loads([START])).await.unwrap();
    run(&url, "ALTER TABLE metrics_snapshots DETACH PARTITION metrics_snapshots_20231114").await;
    store.append(&loads([START + 1])).await.unwrap();
    assert_eq!(value(&url, DOCUMENTS).await.as_deref(), Some("2"));
}

#[tokio::test]
async fn a_table_in_the_way_of_a_partition_is_named_and_no_frame_is_blamed() {
    let url = database().await;
    let store = open(&url).await.unwrap().store;
    run(&url, "CREATE TABLE metrics_snapshots_20231114 (other int)").await;
    let error = store.append(&loads([START])).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(error.to_string().contains("give it another name"), "{error}");
    run(&url, "ALTER TABLE metrics_snapshots_20231114 RENAME TO other").await;
    store.append(&loads([START])).await.unwrap();
}

#[tokio::test]
async fn retention_leaves_alone_what_is_no_partition_any_more() {
    let (url, opened) = three_days().await;
    run(
        &url,
        "DROP TABLE metrics_snapshots_20231114; \
         ALTER TABLE metrics_snapshots DETACH PARTITION metrics_snapshots_20231115",
    )
    .await;
    let report = opened.store.apply_retention(&policy(0, HOUR, 10), START + 3 * DAY).await.unwrap();
    assert!(report.downsampled_frames > 0, "{report:?}");
    // The newest day is not over by frames.
    assert_eq!(value(&url, PARTITIONS).await.as_deref(), Some("16 17"));
    let days = "SELECT string_agg(day::text, ' ' ORDER BY day) FROM partitions";
    assert_eq!(value(&url, days).await.as_deref(), Some("19677 19678"));
    let detached = "SELECT count(*)::text FROM metrics_snapshots_20231115";
    assert_eq!(value(&url, detached).await.as_deref(), Some("144"));
}

#[tokio::test]
async fn a_day_that_somebody_reads_keeps_no_other_from_going() {
    let (url, opened) = three_days().await;
    let mut reader = PgConnection::connect(&url).await.unwrap();
    // A long question has one day, and then all.
    for (held, left) in [
        ("BEGIN; SELECT count(*) FROM metrics_snapshots_20231114", "14 16 17"),
        ("BEGIN; SELECT count(*) FROM metrics_snapshots", "14 16 17"),
        ("SELECT 1", "16 17"),
    ] {
        reader.execute(held).await.unwrap();
        let report =
            opened.store.apply_retention(&policy(0, HOUR, 10), START + 3 * DAY).await.unwrap();
        assert_eq!(report.note, None);
        // A partition is detached from its parent: even the other day waits for who reads all.
        reader.execute("ROLLBACK").await.unwrap();
        assert_eq!(value(&url, PARTITIONS).await.as_deref(), Some(left), "{held}");
    }
    let found = opened.store.summary(&ask(START, START + 3 * DAY).selection).await.unwrap();
    assert_eq!(found[0].count, 3 * 144);
}

#[tokio::test]
async fn a_clock_that_jumps_takes_no_hour_away() {
    let (url, opened) = three_days().await;
    wait_for_hours(&url, 71).await;
    let ahead = START + 365 * DAY;
    opened.store.append(&loads([ahead])).await.unwrap();
    wait_for_hours(&url, 72).await;
    let report = opened.store.apply_retention(&policy(1, HOUR, 10), ahead).await.unwrap();
    assert!(report.note.is_some_and(|note| note.contains("days ahead")));
    let hours = "SELECT count(*)::text FROM metrics_hourly";
    assert_eq!(value(&url, hours).await.as_deref(), Some("72"));
    // Nor the partition of a day to come.
    assert_eq!(value(&url, PARTITIONS).await.as_deref(), Some("15 16 17 13 14"));
}

#[tokio::test]
async fn a_machine_whose_clock_is_ahead_takes_nothing_of_others_away() {
    let store = open(&database().await).await.unwrap().store;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let ahead = now + 400 * DAY;
    store.append(&loads(every(10 * MINUTE, now - 2 * DAY, now))).await.unwrap();
    // It has never had the right time: nothing tells that its clock jumped.
    let of_other = |time| record("b", time, Some(1.0), &[]);
    let frames: Vec<_> = every(MINUTE, ahead, ahead + 2 * HOUR).map(of_other).collect();
    store.append(&frames).await.unwrap();
    let report = store.apply_retention(&policy(30, HOUR, 365), ahead + 2 * HOUR).await.unwrap();
    assert_eq!((report.downsampled_frames, report.deleted_frames), (0, 0), "{report:?}");
    let found = store.summary(&ask(now - 3 * DAY, now).selection).await.unwrap();
    assert_eq!(found[0].count, 288);
}

#[tokio::test]
async fn hours_are_sealed_again_when_a_clock_was_set_right() {
    let url = database().await;
    let store = open(&url).await.unwrap().store;
    store.append(&loads([START + 10 * HOUR + 30 * MINUTE])).await.unwrap();
    // Nothing was due, which has no sign.
    tokio::time::sleep(Duration::from_millis(500)).await;
    pass(Duration::from_secs(3600)).await;
    store.append(&loads(every(10 * MINUTE, START, START + 3 * HOUR + 30 * MINUTE))).await.unwrap();
    wait_for_hours(&url, 3).await;
    // The hour that is being filled is not sealed, whatever else is there.
    let left = "SELECT count(*)::text FROM frames WHERE host_id = 0";
    assert_eq!(value(&url, left).await.as_deref(), Some("4"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_is_sealed_in_turns() {
    let url = database().await;
    let store = open(&url).await.unwrap().store;
    let mut other = PgConnection::connect(&url).await.unwrap();
    let until = START + 40 * HOUR + 30 * MINUTE;
    store.append(&loads(every(MINUTE, START, until))).await.unwrap();
    // Another daemon waits for its turn from the moment at which this one has its own.
    let taken = "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database d ON d.oid = database \
        WHERE datname = current_database() AND locktype = 'advisory' AND classid = 7308609 AND objid = 4 AND granted)";
    while !sqlx::query_scalar::<_, bool>(taken).fetch_one(&mut other).await.unwrap() {}
    other.execute("SELECT pg_advisory_lock(7308609, 4)").await.unwrap();
    let hours = sqlx::query_scalar("SELECT count(*) FROM metrics_hourly");
    let sealed: i64 = hours.fetch_one(&mut other).await.unwrap();
    assert!((1..40).contains(&sealed), "{sealed} hours are sealed");
    other.execute("SELECT pg_advisory_unlock(7308609, 4)").await.unwrap();
    // Whoever found no turn tries again with the next frame.
    for tick in 0..100 {
        store.append(&loads([until + tick])).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    wait_for_hours(&url, 40).await;
    let found = store.summary(&ask(START, until + HOUR).selection).await.unwrap();
    assert_eq!(found[0].count, 2430 + 100);
}

/// The bytes that a store counts, in MiB.
async fn mebibytes(opened: &Opened) -> f64 {
    opened.store.usage().await.unwrap().bytes as f64 / f64::from(1 << 20)
}

#[tokio::test]
async fn a_bound_takes_the_oldest_hours_and_nothing_in_vain() {
    let url = database().await;
    let opened = open(&url).await.unwrap();
    let end = START + 3 * HOUR;
    opened.store.append(&loads(every(MINUTE, START, end))).await.unwrap();
    wait_for_hours(&url, 2).await;
    // 20 MiB, each hour of 43 KiB.
    run(
        &url,
        "INSERT INTO metrics_hourly SELECT 'a', 'app', '2023-11-13 23:00:00+00'::timestamptz \
            - n * interval '1 hour', document, document, document, 60 \
         FROM generate_series(0, 479) n, LATERAL (SELECT jsonb_build_object('x', \
            string_agg(md5((n * 1000 + m)::text), '')) FROM generate_series(1, 450) m) of (document)",
    )
    .await;
    let all = mebibytes(&opened).await;
    assert!((20.0..24.0).contains(&all), "{all} MiB");
    let bound = RetentionPolicy { max_bytes: Some(10 << 20), ..policy(30, HOUR, 365) };
    for run in ["first", "second"] {
        opened.store.apply_retention(&bound, end).await.unwrap();
        let found = opened.store.summary(&ask(START, end).selection).await.unwrap();
        assert_eq!(found[0].count, 180, "{run}");
        // A day of hours is 1 MiB.
        let left = mebibytes(&opened).await;
        assert!((8.5..10.5).contains(&left), "{run}: {left} MiB");
        let newest = "SELECT to_char(max(hour) AT TIME ZONE 'UTC', 'DD HH24') FROM metrics_hourly";
        assert_eq!(value(&url, newest).await.as_deref(), Some("14 01"), "{run}");
    }
    // What fills the room that they left is counted again.
    run(
        &url,
        "INSERT INTO metrics_hourly SELECT host, metric_type, hour + interval '1 year', \
            metric_avg, metric_min, metric_max, frames FROM metrics_hourly LIMIT 50",
    )
    .await;
    let before = mebibytes(&opened).await;
    opened.store.append(&loads(every(MINUTE, end, end + 2 * HOUR))).await.unwrap();
    wait_for_hours(&url, 4).await;
    assert!(mebibytes(&opened).await > before);
    // However large its table still is: where no hour is left, frames are not taken for it.
    let least = RetentionPolicy { max_bytes: Some(1 << 20), ..bound };
    opened.store.apply_retention(&least, end + 2 * HOUR).await.unwrap();
    let found = opened.store.summary(&ask(START, end + 2 * HOUR).selection).await.unwrap();
    assert_eq!(found[0].count, 300);
}

#[tokio::test]
async fn a_policy_that_is_refused_bars_nobody() {
    let url = database().await;
    let opened = open(&url).await.unwrap();
    let update =
        |days| RetentionPolicyUpdate { downsampled_days: Some(days), ..Default::default() };
    let refused = opened.accounts.update_retention_policy(&update(0)).await.unwrap_err();
    assert!(matches!(refused, StoreError::BadPolicy { .. }), "{refused:?}");
    let held = "SELECT count(*)::text FROM pg_locks WHERE relation = 'archive_policies'::regclass \
        AND mode = 'ExclusiveLock'";
    assert_eq!(value(&url, held).await.as_deref(), Some("0"));
    let other = open(&url).await.unwrap().accounts;
    let changed = other.update_retention_policy(&update(400)).await.unwrap();
    assert_eq!(changed.downsampled_days, 400);
}
