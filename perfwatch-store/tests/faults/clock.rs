//! A clock that is turned an hour and a year, forward and back: each frame keeps the time that it
//! was given, nothing is thrown away for it, and time is in order in every answer.

use std::time::Duration;

use perfwatch_store::{RetentionPolicy, SqliteStore, Store};

use crate::{
    judge::{raw, shown},
    level::report,
    truth::{DAY, HOUR, MINUTE, SERIES, START, Truth},
};

const TRUTH: Truth = Truth { step_ms: MINUTE };

/// The clock says an hour less, or a year more, from one frame to the next, and is set right later.
#[tokio::test]
async fn a_clock_that_is_turned_costs_nothing() {
    let jumps = [
        ("hour forward", HOUR),
        ("hour back", -HOUR),
        ("year forward", 365 * DAY),
        ("year back", -365 * DAY),
    ];
    for (name, jump) in jumps {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("perfwatch.db")).await.unwrap();
        // A year of room behind the first frame, so that a clock may go there.
        let now = START + 366 * DAY;
        let before = now..now + 3 * HOUR;
        let turned = before.end + jump..before.end + jump + HOUR / 2;
        let after = before.end + HOUR / 2..before.end + 3 * HOUR;
        let mut written = Vec::new();
        for range in [&before, &turned, &after] {
            for seq in TRUTH.seqs(range.start, range.end) {
                store.append(&[TRUTH.record(seq)]).await.unwrap();
                written.push(seq);
                if seq % 10 == 0 {
                    keep(&store, TRUTH.time(seq), days(jump), name).await;
                }
            }
        }
        // A time that was there before the clock went back was one frame, and stays it.
        written.sort_unstable();
        written.dedup();
        let answer = store.range(&raw(START, now + 400 * DAY)).await.unwrap();
        let times: Vec<i64> = answer.timestamps_ms.clone();
        assert!(times.is_sorted_by(|a, b| a < b), "{name}: out of order");
        let held: Vec<i64> = times
            .iter()
            .enumerate()
            .filter(|(at, _)| answer.series.iter().any(|series| series.values[*at].is_some()))
            .map(|(_, &time)| TRUTH.seq_at(time).unwrap())
            .collect();
        assert_eq!(held, written, "{name}");
        assert!(shown(&answer, TRUTH).unwrap() >= held.len() * SERIES.len(), "{name}");
        store.close().await;
    }
    report(
        "clock",
        "an hour and a year, forward and back",
        "no tick missing, nothing deleted, in order",
    );
}

/// How long frames are kept: less than a year, so that a clock a year ahead would cost all of them.
/// What a clock a year behind stamps is a year old for the policy too, so there more is kept.
fn days(jump: i64) -> u32 {
    if jump <= -DAY { 800 } else { 60 }
}

/// The archive policy of a daemon whose clock says this.
async fn keep(store: &SqliteStore, now_ms: i64, days: u32, name: &str) {
    let policy = RetentionPolicy {
        full_resolution_days: days,
        downsample_interval: Duration::from_secs(300),
        downsampled_days: days,
        max_bytes: None,
    };
    let report = store.apply_retention(&policy, now_ms).await.unwrap();
    assert_eq!(
        (report.deleted_frames, report.deleted_downsampled_frames),
        (0, 0),
        "{name}: {report:?}"
    );
}
