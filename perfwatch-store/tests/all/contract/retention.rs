//! What becomes of old frames.

use perfwatch_store::{Aggregate, RangeQuery, RetentionPolicy, RetentionReport, Step, Store};

use crate::fixture::{
    DAY, HOUR, MINUTE, SECOND, START, ask, check, every, loads, policy, record, select, step,
};

/// Applies a policy, and checks that the report is exactly the difference in what is held.
pub(crate) async fn apply(
    store: &dyn Store,
    policy: &RetentionPolicy,
    now_ms: i64,
) -> RetentionReport {
    let before = store.usage().await.unwrap();
    let report = store.apply_retention(policy, now_ms).await.unwrap();
    let after = store.usage().await.unwrap();
    assert_eq!(after.frames + report.deleted_frames, before.frames, "{report:?}");
    assert_eq!(
        after.downsampled_frames + report.deleted_downsampled_frames,
        before.downsampled_frames + report.downsampled_frames,
        "{report:?}"
    );
    assert_eq!(after.damaged, 0);
    // What a forecast is made from.
    assert_eq!(after.packed_downsampled.frames, after.downsampled_frames);
    assert!(after.packed.frames <= after.frames, "{after:?}");
    for tier in [after.packed, after.packed_downsampled] {
        assert_eq!(tier.frames == 0, tier.bytes == 0, "{after:?}");
    }
    assert!(after.packed.bytes + after.packed_downsampled.bytes <= after.bytes, "{after:?}");
    report
}

/// All aggregates of the load by this step.
fn by(step_ms: i64, start: i64, end: i64) -> RangeQuery {
    let mut query = ask(start, end);
    query.step = step(step_ms);
    query.aggregates = Aggregate::ALL.to_vec();
    query
}

pub(crate) async fn every_frame_counts_once_in_both_tiers(store: &dyn Store) {
    let now = START + 2 * HOUR;
    store.append(&loads(every(5 * SECOND, START, now))).await.unwrap();
    let query = by(5 * MINUTE, START, now);
    let before = store.range(&query).await.unwrap();
    let summary = store.summary(&query.selection).await.unwrap();

    let report = apply(store, &policy(0, MINUTE, 1), now).await;
    assert_eq!((report.deleted_frames, report.downsampled_frames), (1428, 119));
    assert_eq!(report.note, None);
    let after = store.range(&query).await.unwrap();
    assert_eq!((after.series, after.timestamps_ms), (before.series, before.timestamps_ms));
    assert_eq!(store.summary(&query.selection).await.unwrap(), summary);

    // Nothing is left to do.
    let report = apply(store, &policy(0, MINUTE, 1), now).await;
    assert_eq!(report, RetentionReport::default());
}

pub(crate) async fn late_frames_join_their_interval(store: &dyn Store) {
    let frame = |seconds, load| record("a", START + seconds * SECOND, Some(load), &[]);
    store.append(&[frame(10, 1.0), frame(40, 3.0), frame(300, 9.0)]).await.unwrap();
    apply(store, &policy(0, MINUTE, 1), START + HOUR).await;
    // Both were merged already; the second is new; the third is newer than what was `last`.
    store.append(&[frame(10, 7.0), frame(40, 7.0)]).await.unwrap();
    assert_eq!(store.usage().await.unwrap().frames, 1);
    store.append(&[frame(20, 8.0), frame(50, 4.0)]).await.unwrap();
    let expected = [
        "step 60000 of 60000 60s",
        "at 0 60000 120000 180000 240000 300000",
        "app.load avg 4 - - - - 9",
        "app.load min 1 - - - - 9",
        "app.load max 8 - - - - 9",
        "app.load last 4 - - - - 9",
        "app.load count 4 - - - - 1",
    ];
    check(store, &by(MINUTE, START, START + HOUR), &expected).await;
    let report = apply(store, &policy(0, MINUTE, 1), START + HOUR).await;
    assert_eq!((report.deleted_frames, report.downsampled_frames), (2, 0));
    check(store, &by(MINUTE, START, START + HOUR), &expected).await;
}

pub(crate) async fn only_whole_intervals_are_merged(store: &dyn Store) {
    let now = START + 10 * MINUTE + 30 * SECOND;
    store.append(&loads(every(10 * SECOND, START, now + 1))).await.unwrap();
    let report = apply(store, &policy(0, 5 * MINUTE, 1), now).await;
    assert_eq!((report.deleted_frames, report.downsampled_frames), (60, 2));
    let mut query = ask(START, now + 1);
    let expected = [
        "step 0 of 300000 300s",
        "at 0 300000 600000 610000 620000 630000",
        "app.load avg 15.5 45.5 61 62 63 64",
    ];
    check(store, &query, &expected).await;
    query.step = Step::Raw;
    check(store, &query, &expected).await;
}

pub(crate) async fn an_interval_larger_than_a_step_is_merged_whole(store: &dyn Store) {
    let now = START + 2 * DAY;
    store.append(&loads(every(30 * SECOND, START, now))).await.unwrap();
    let mut query = by(DAY, START, now);
    query.selection.patterns.extend(select("a", &["*.*"], 0, 1).patterns);
    let before = store.range(&query).await.unwrap();
    let report = apply(store, &policy(0, DAY, 10), now).await;
    assert_eq!((report.deleted_frames, report.downsampled_frames), (2880, 1));
    assert_eq!(store.range(&query).await.unwrap().series, before.series);
}

pub(crate) async fn the_interval_of_a_policy_may_change(store: &dyn Store) {
    let times = |from, until| every(20 * SECOND, START + from, START + until);
    store.append(&loads(times(0, 30 * MINUTE))).await.unwrap();
    apply(store, &policy(0, 2 * MINUTE, 1), START + HOUR).await;
    store.append(&loads(times(30 * MINUTE, HOUR))).await.unwrap();
    apply(store, &policy(0, 5 * MINUTE, 1), START + HOUR).await;
    let query = by(MINUTE, START, START + HOUR);
    let answer = store.range(&query).await.unwrap();
    // Ten minutes hold both intervals whole.
    assert_eq!(answer.step_ms, 10 * MINUTE);
    let counts = &answer.series[4].values;
    assert_eq!(counts, &vec![Some(30.0); 6]);
}

pub(crate) async fn what_is_too_old_goes(store: &dyn Store) {
    let now = START + 10 * DAY;
    store.append(&loads(every(10 * MINUTE, START, now))).await.unwrap();
    let report = apply(store, &policy(2, HOUR, 7), now).await;
    // The newest frame counts: ten minutes before now.
    let frames = (store.usage().await.unwrap().frames, report.deleted_frames);
    assert_eq!(frames, (2 * 144 + 6, 1440 - 2 * 144 - 6));
    assert_eq!(report.downsampled_frames, 5 * 24);
    let oldest = store.usage().await.unwrap().oldest_ms.unwrap();
    assert_eq!(oldest, START + 3 * DAY - HOUR);

    store.append(&loads(every(10 * MINUTE, now, now + DAY))).await.unwrap();
    let report = apply(store, &policy(2, HOUR, 7), now + DAY).await;
    assert_eq!((report.downsampled_frames, report.deleted_downsampled_frames), (24, 24));
}

pub(crate) async fn a_range_over_both_tiers_takes_whole_intervals(store: &dyn Store) {
    let now = START + 20 * MINUTE;
    store.append(&loads(every(MINUTE, START, now))).await.unwrap();
    apply(store, &policy(0, 10 * MINUTE, 1), now).await;
    let mut query = ask(START, now);
    query.step = step(4 * MINUTE);
    query.aggregates = vec![Aggregate::Avg, Aggregate::Count];
    let expected = [
        "step 600000 of 600000 600s",
        "at 0 600000",
        "app.load avg 5.5 15.5",
        "app.load count 10 10",
    ];
    check(store, &query, &expected).await;
    // Only the part that is still there minute by minute.
    query.selection.start_ms = START + 10 * MINUTE;
    query.step = Step::Auto;
    let answer = store.range(&query).await.unwrap();
    assert_eq!((answer.step_ms, answer.resolution_ms, answer.timestamps_ms.len()), (0, MINUTE, 10));
}

pub(crate) async fn appends_and_queries_go_on_meanwhile(store: &dyn Store) {
    let now = START + 6 * HOUR;
    store.append(&loads(every(5 * SECOND, START, now))).await.unwrap();
    let query = by(HOUR, START, now);
    let before = store.range(&query).await.unwrap().series;
    let policy = policy(0, MINUTE, 30);
    let retention = store.apply_retention(&policy, now);
    let others = async {
        for number in 0..10 {
            assert_eq!(store.range(&query).await.unwrap().series, before, "query {number}");
            store.append(&loads([now + number])).await.unwrap();
        }
    };
    let (report, ()) = tokio::join!(retention, others);
    // Ages count from the newest frame, which may be one of those that came meanwhile.
    assert!((359..=360).contains(&report.unwrap().downsampled_frames));
    assert_eq!(store.range(&query).await.unwrap().series, before);
}
