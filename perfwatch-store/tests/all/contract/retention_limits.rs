//! Where retention does more, or less, than age alone would say.

use perfwatch_store::{RetentionPolicy, Store, StoreError};

use super::retention::apply;
use crate::fixture::{DAY, HOUR, MINUTE, SECOND, START, every, loads, noise, policy, select};

const MEBIBYTE: u64 = 1 << 20;

pub(crate) async fn a_size_bound_takes_the_oldest(store: &dyn Store) {
    let now = START + 30 * HOUR;
    for hour in 0..30 {
        let times = every(15 * SECOND, START + hour * HOUR, START + (hour + 1) * HOUR);
        store.append(&noise(200, times)).await.unwrap();
    }
    // Waits until all of it is packed.
    apply(store, &policy(30, HOUR, 365), now).await;
    let before = store.usage().await.unwrap();
    assert!(before.bytes > 4 * MEBIBYTE, "{before:?}");

    // First, what is older than a day is downsampled, as far as needed.
    let bound = |bytes| RetentionPolicy { max_bytes: Some(bytes), ..policy(30, HOUR, 365) };
    let report = apply(store, &bound(before.bytes * 90 / 100), now).await;
    let after = store.usage().await.unwrap();
    assert!((1..=6).contains(&report.downsampled_frames), "{report:?} {before:?} {after:?}");
    assert_eq!(report.deleted_downsampled_frames, 0, "{report:?} {before:?} {after:?}");
    assert_eq!(after.oldest_ms, Some(START));
    assert!(report.freed_bytes > 0);
    assert!(after.bytes <= before.bytes * 97 / 100, "{after:?}");

    // Then the downsampled go, then the oldest of the last day; the newest is there to the end.
    let report = apply(store, &bound(before.bytes * 3 / 10), now).await;
    let after = store.usage().await.unwrap();
    assert!(report.freed_bytes > MEBIBYTE, "{report:?}");
    assert_eq!(after.downsampled_frames, 0);
    assert!(after.frames > 500 && after.frames < 24 * 240, "{after:?}");
    assert_eq!(after.newest_ms, Some(now - 15 * SECOND));
}

pub(crate) async fn a_clock_that_jumped_deletes_nothing(store: &dyn Store) {
    let now = START + 3 * HOUR;
    store.append(&loads(every(MINUTE, START, now))).await.unwrap();
    let before = store.usage().await.unwrap();
    let year = now + 365 * DAY;

    // The clock alone.
    let report = apply(store, &policy(1, MINUTE, 2), year).await;
    assert_eq!((report.deleted_frames, report.deleted_downsampled_frames), (0, 0));
    assert!(report.note.unwrap().starts_with("the clock is 365 days ahead"));

    // The clock, and the frames written under it.
    store.append(&loads(every(MINUTE, year, year + 30 * MINUTE))).await.unwrap();
    let report = apply(store, &policy(1, MINUTE, 2), year + 30 * MINUTE).await;
    assert_eq!(report.deleted_frames, 0, "{report:?}");
    assert!(report.note.is_some());

    // The clock is right again.
    store.append(&loads(every(MINUTE, now, now + HOUR))).await.unwrap();
    let report = apply(store, &policy(1, MINUTE, 2), now + HOUR).await;
    assert_eq!(report.deleted_frames, 0, "{report:?}");
    assert_eq!(store.usage().await.unwrap().frames, before.frames + 90);
}

pub(crate) async fn a_long_pause_is_believed_after_an_hour(store: &dyn Store) {
    store.append(&loads(every(MINUTE, START, START + HOUR))).await.unwrap();
    let back = START + 60 * DAY;
    store.append(&loads(every(MINUTE, back, back + 59 * MINUTE))).await.unwrap();
    let report = apply(store, &policy(1, HOUR, 30), back + 59 * MINUTE).await;
    assert_eq!(report.deleted_frames, 0);
    store.append(&loads(every(MINUTE, back + 59 * MINUTE, back + 2 * HOUR))).await.unwrap();
    let report = apply(store, &policy(1, HOUR, 30), back + 2 * HOUR).await;
    assert_eq!((report.deleted_frames, report.note), (60, None));
}

pub(crate) async fn a_clock_far_behind_is_told(store: &dyn Store) {
    store.append(&loads(every(MINUTE, START, START + 2 * HOUR))).await.unwrap();
    let report = apply(store, &policy(0, MINUTE, 1), START - 3 * DAY).await;
    assert_eq!(report.deleted_frames, 0);
    assert!(report.note.unwrap().contains("3 days ahead of the clock"));
    let all = select("a", &["app.load"], START, START + DAY);
    assert_eq!(store.summary(&all).await.unwrap()[0].count, 120);
}

pub(crate) async fn a_bad_policy_names_its_key(store: &dyn Store) {
    let default = RetentionPolicy::default;
    for (policy, name) in [
        (RetentionPolicy { full_resolution_days: 36_501, ..default() }, "full_resolution_days"),
        (policy(30, 7 * MINUTE, 365), "downsample_interval"),
        (policy(30, 5 * MINUTE, 29), "downsampled_days"),
        (policy(0, 5 * MINUTE, 0), "downsampled_days"),
        (RetentionPolicy { max_bytes: Some(1000), ..default() }, "max_bytes"),
    ] {
        match store.apply_retention(&policy, START).await {
            Err(StoreError::BadPolicy { key, .. }) => assert_eq!(key, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    store.apply_retention(&default(), START).await.unwrap();
}
