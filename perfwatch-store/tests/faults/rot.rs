//! Bit rot: a flipped bit shows no wrong value, hides no more than what it hit, and is named.

use std::{fs, path::Path, time::Duration};

use perfwatch_store::{
    Accounts, Aggregate, DamagedRange, RangeAnswer, RetentionPolicy, SqliteStore, Store, StoreError,
};

use crate::{
    judge::{buckets, raw, shown},
    level::{count, report},
    truth::{DAY, HOUR, MINUTE, SERIES, START, Truth, aggregate, mix},
};

const TRUTH: Truth = Truth { step_ms: MINUTE };

/// Two days as stored, in a slice of a day, in slices of hours and frame by frame; before them, a
/// day downsampled.
const END: i64 = START + 3 * DAY + 5 * HOUR;
const RAW: i64 = START + DAY;
const BUCKET: Duration = Duration::from_secs(600);
const BUCKET_MS: i64 = 600_000;

/// The pages of SQLite's schema and of the names. Where they are damaged, an opening may end with
/// an error that names the file.
const PAGES_AT_OPENING: [u64; 3] = [1, 3, 4];
const PAGE: u64 = 4096;

async fn append(store: &SqliteStore, from: i64, until: i64) {
    let records: Vec<_> = TRUTH.seqs(from, until).map(|seq| TRUTH.record(seq)).collect();
    store.append(&records).await.unwrap();
}

async fn make(path: &Path) {
    let store = SqliteStore::open_sealing_at_once(path).await.unwrap();
    for hour in (START..END - HOUR).step_by(3_600_000) {
        append(&store, hour, hour + HOUR).await;
    }
    let policy = RetentionPolicy {
        full_resolution_days: 2,
        downsample_interval: BUCKET,
        ..RetentionPolicy::default()
    };
    store.apply_retention(&policy, RAW + 2 * DAY).await.unwrap();
    store.create_user("admin", "hash").await.unwrap();
    store.close().await;
    let store = SqliteStore::open(path).await.unwrap();
    append(&store, END - HOUR, END).await;
    store.close().await;
}

/// What became of all flips.
#[derive(Debug, Default)]
struct Seen {
    refused: u32,
    missing: u32,
    found: u32,
}

#[tokio::test]
async fn a_flipped_bit_shows_nothing_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    make(&path).await;
    let whole = fs::read(&path).unwrap();
    let (bits, flips) = (whole.len() as u64 * 8, u64::from(count(1000, 60)));
    assert_eq!(missing(&path).await, Some(Found::default()), "the whole file");
    let mut seen = Seen::default();
    for flip in 0..flips {
        let bit = flip * (bits / flips) + mix(flip) % (bits / flips);
        let byte = usize::try_from(bit / 8).unwrap();
        let mut damaged = whole.clone();
        damaged[byte] ^= 1 << (bit % 8);
        let other = tempfile::tempdir().unwrap();
        let path = other.path().join("perfwatch.db");
        fs::write(&path, damaged).unwrap();
        println!("bit {} of byte {} of page {}", bit % 8, bit / 8 % PAGE, bit / 8 / PAGE + 1);
        let Some(found) = missing(&path).await else {
            assert!(PAGES_AT_OPENING.contains(&(bit / 8 / PAGE + 1)), "it must start");
            seen.refused += 1;
            continue;
        };
        seen.missing += u32::from(found.values > 0);
        seen.found += u32::from(found.named);
        assert!(
            found.values == 0 || found.named,
            "{} values missing, and nothing named",
            found.values
        );
        assert!(
            found.values == 0 || found.counted,
            "{} values missing, none counted",
            found.values
        );
    }
    report(
        "bit rot",
        &format!("{flips} bits over {} pages", whole.len() as u64 / PAGE),
        &format!(
            "0 wrong values; {} named, {} of them hid values; {} refused with one line",
            seen.found, seen.missing, seen.refused
        ),
    );
}

/// What a file does not show.
#[derive(Debug, Default, PartialEq)]
struct Found {
    values: usize,
    /// Whether `verify` names a range.
    named: bool,
    /// Whether an answer or the usage says so.
    counted: bool,
}

/// What is missing of a file; nothing if it is refused.
async fn missing(path: &Path) -> Option<Found> {
    let store = match SqliteStore::open(path).await {
        Ok(store) => store,
        Err(error) => return refused(path, &error),
    };
    let named = store.verify().await.unwrap();
    let points = store.range(&raw(RAW, END)).await.unwrap();
    let times = TRUTH.seqs(RAW, END).count();
    let lost = SERIES.len() * times - shown(&points, TRUTH).unwrap();
    let coarse = store.range(&buckets(START, END, BUCKET)).await.unwrap();
    let values = lost + lost_in_buckets(&coarse);
    let counted = store.usage().await.unwrap().damaged > 0;
    // What is not there cannot be damaged; a frame whose time is lost is counted without a time.
    assert!(points.damaged == 0 && coarse.damaged == 0 || counted);
    assert!(points.damaged == 0 || covers(&named, RAW, END));
    takes_frames(&store).await;
    store.close().await;
    Some(Found { values, named: !named.is_empty(), counted: counted || is_whole(&named) })
}

/// New frames are stored and shown, whatever became of the old ones.
async fn takes_frames(store: &SqliteStore) {
    append(store, END, END + 2 * MINUTE).await;
    let answer = store.range(&raw(END, END + HOUR)).await.unwrap();
    assert_eq!(answer.timestamps_ms.len(), 2);
    shown(&answer, TRUTH).unwrap();
}

/// Nothing, if the error is one line with the name of the file.
fn refused(path: &Path, error: &StoreError) -> Option<Found> {
    let text = error.to_string();
    assert!(text.contains(path.to_str().unwrap()), "{text}");
    None
}

/// Whether any range named lies in this one.
fn covers(named: &[DamagedRange], start: i64, end: i64) -> bool {
    named.iter().any(|range| range.start_ms < end && range.end_ms > start)
}

/// Whether SQLite itself finds its file damaged: that is told for all times.
fn is_whole(named: &[DamagedRange]) -> bool {
    named.iter().any(|range| range.host.is_empty())
}

/// How many figures of buckets are not those of all frames. A bucket that says that it has all of
/// them says nothing else that is wrong; no bucket has more than there were.
fn lost_in_buckets(answer: &RangeAnswer) -> usize {
    let buckets = usize::try_from((END - START) / BUCKET_MS).unwrap();
    let mut right = 0;
    for figures in answer.series.chunk_by(|a, b| a.path == b.path) {
        let counts = figures.iter().find(|series| series.aggregate == Aggregate::Count).unwrap();
        for (at, &start) in answer.timestamps_ms.iter().enumerate() {
            let seqs = TRUTH.seqs(start, start + BUCKET_MS);
            let of = |series: &str, figure| aggregate(series, figure, seqs.clone());
            let all = of(&counts.path, Aggregate::Count);
            assert!(counts.values[at] <= all, "{} at {start}: too many", counts.path);
            let is_whole = counts.values[at] == all;
            right += usize::from(is_whole);
            for series in figures {
                let (value, truth) = (series.values[at], of(&series.path, series.aggregate));
                let name = series.aggregate.name();
                let is_possible = match series.aggregate {
                    Aggregate::Min => value >= truth || value.is_none(),
                    Aggregate::Max => value <= truth,
                    _ => true,
                };
                assert!(is_possible, "{name} of {} at {start}: {value:?}", series.path);
                assert!(!is_whole || value == truth, "{name} of {} at {start}", series.path);
            }
        }
    }
    SERIES.len() * buckets - right
}
