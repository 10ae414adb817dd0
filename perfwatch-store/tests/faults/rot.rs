//! Bit rot: a flipped bit shows no wrong value, hides no more than what it hit, and is named.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::Path,
    time::Duration,
};

use perfwatch_store::{
    Accounts, Aggregate, DamagedRange, RangeAnswer, RetentionPolicy, RetentionPolicyUpdate,
    SqliteStore, Store,
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

async fn make(path: &Path) {
    let store = SqliteStore::open_sealing_at_once(path).await.unwrap();
    let append = async |store: &SqliteStore, from: i64, until: i64| {
        let records: Vec<_> = TRUTH.seqs(from, until).map(|seq| TRUTH.record(seq)).collect();
        store.append(&records).await.unwrap();
    };
    for hour in (START..END - HOUR).step_by(HOUR.unsigned_abs().try_into().unwrap()) {
        append(&store, hour, hour + HOUR).await;
    }
    let policy = RetentionPolicy {
        full_resolution_days: 2,
        downsample_interval: BUCKET,
        ..RetentionPolicy::default()
    };
    store.apply_retention(&policy, RAW + 2 * DAY).await.unwrap();
    store
        .update_retention_policy(&RetentionPolicyUpdate {
            full_resolution_days: Some(29),
            ..Default::default()
        })
        .await
        .unwrap();
    store.create_user("admin", "hash").await.unwrap();
    store.close().await;
    let store = SqliteStore::open(path).await.unwrap();
    append(&store, END - HOUR, END).await;
    store.close().await;
}

#[derive(Debug, Default)]
struct Seen {
    outcomes: BTreeMap<&'static str, u32>,
    examples: BTreeMap<&'static str, Vec<String>>,
}
impl Seen {
    fn note(&mut self, what: &'static str, example: String) {
        *self.outcomes.entry(what).or_default() += 1;
        let list = self.examples.entry(what).or_default();
        if list.len() < 25 && !(example.starts_with("page 1 ") && list.len() > 4) {
            list.push(example);
        }
    }
}

fn bad_buckets(answer: &RangeAnswer) -> (usize, Vec<String>) {
    let mut bad = Vec::new();
    let mut missing = ((END - START) / 600_000) as usize - answer.timestamps_ms.len();
    let step = i64::try_from(BUCKET.as_millis()).unwrap();
    let mut counts = BTreeMap::new();
    for s in answer.series.iter().filter(|s| s.aggregate == Aggregate::Count) {
        for (t, v) in answer.timestamps_ms.iter().zip(&s.values) {
            counts.insert((s.path.clone(), *t), *v);
        }
    }
    for s in &answer.series {
        for (t, v) in answer.timestamps_ms.iter().zip(&s.values) {
            let want = aggregate(&s.path, s.aggregate, TRUTH.seqs(*t, t + step));
            let full = counts[&(s.path.clone(), *t)]
                == aggregate(&s.path, Aggregate::Count, TRUTH.seqs(*t, t + step));
            if *v == want {
                continue;
            }
            if full {
                bad.push(format!("{} {} at {t}: {v:?} want {want:?}", s.path, s.aggregate.name()));
            }
            missing += 1;
            if let (Some(v), Some(w)) = (v, want) {
                let ok = match s.aggregate {
                    Aggregate::Min => *v >= w,
                    Aggregate::Max | Aggregate::Count => *v <= w,
                    Aggregate::Avg | Aggregate::Last => true,
                };
                if !ok && s.path != "probe.check" {
                    bad.push(format!("{} {} at {t}: {v} beyond {w}", s.path, s.aggregate.name()));
                }
            } else if v.is_some() {
                bad.push(format!("{} invented", s.path));
            }
        }
    }
    (missing, bad)
}

#[tokio::test]
async fn explore() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    make(&path).await;
    let whole = fs::read(&path).unwrap();
    let pages = whole.len() / 4096;
    println!("{} bytes {pages} pages", whole.len());
    let store = SqliteStore::open(&path).await.unwrap();
    let truth = store.range(&raw(RAW, END)).await.unwrap();
    println!("verify {:?}", store.verify().await.unwrap());
    let full = shown(&truth, TRUTH).unwrap();
    assert_eq!(full, truth.timestamps_ms.len() * SERIES.len());
    println!("full {full}");
    let tb = store.range(&buckets(START, END, BUCKET)).await.unwrap();
    println!("{:?}", (bad_buckets(&tb), tb.timestamps_ms.len()));
    store.close().await;
    let flips = u64::from(count(1000, 60));
    let mut seen = Seen::default();
    let bits = whole.len() as u64 * 8;
    for flip in 0..flips {
        let bit = flip * bits / flips + mix(flip) % (bits / flips);
        let mut damaged = whole.clone();
        damaged[(bit / 8) as usize] ^= 1 << (bit % 8);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("perfwatch.db");
        fs::write(&path, &damaged).unwrap();
        let at = format!("page {} byte {} bit {}", bit / 8 / 4096 + 1, bit / 8 % 4096, bit % 8);
        if std::env::var("VERBOSE").is_ok() {
            println!("at {at}");
        }
        let store = match SqliteStore::open(&path).await {
            Ok(store) => store,
            Err(error) => {
                seen.note("does not open", format!("{at}: {error}"));
                continue;
            }
        };
        let a = store.range(&raw(RAW, END)).await;
        let b = store.range(&buckets(START, END, BUCKET)).await;
        let v = store.verify().await;
        let usage = store.usage().await;
        match store.user("admin").await {
            Ok(Some(u)) if u.password_hash == "hash" => {}
            other => seen.note("user", format!("{at}: {other:?}")),
        }
        match store.retention_policy().await {
            Ok(p)
                if p == (RetentionPolicy {
                    full_resolution_days: 29,
                    ..RetentionPolicy::default()
                }) => {}
            other => seen.note("policy", format!("{at}: {other:?}")),
        }
        let damage_named = v.as_ref().is_ok_and(|v| !v.is_empty());
        let mut missing = 0;
        match &a {
            Err(e) => seen.note("raw query fails", format!("{at}: {e}")),
            Ok(a) => match shown(a, TRUTH) {
                Err(e) => seen.note("WRONG", format!("{at}: {e}")),
                Ok(n) => {
                    missing += full - n.min(full);
                    if n < full && a.damaged == 0 {
                        seen.note("missing without damaged", format!("{at}: {} missing", full - n));
                    }
                }
            },
        }
        match &b {
            Err(e) => seen.note("bucket query fails", format!("{at}: {e}")),
            Ok(b) => {
                let (m, bad) = bad_buckets(b);
                missing += m;
                if !bad.is_empty() {
                    seen.note("WRONG bucket", format!("{at}: {bad:.200?}"));
                }
                if m > 0 && b.damaged == 0 {
                    seen.note(
                        "bucket missing without damaged",
                        format!("{at}: {m} missing {} stamps", b.timestamps_ms.len()),
                    );
                }
            }
        }
        if let Err(e) = &v {
            seen.note("verify fails", format!("{at}: {e}"));
        }
        if let Err(e) = &usage {
            seen.note("usage fails", format!("{at}: {e}"));
        }
        if missing > 0 && !damage_named {
            seen.note("missing not named", format!("{at}"));
        }
        if missing > 0 {
            seen.note(
                "some missing",
                format!(
                    "{at}: {missing} {:?}",
                    v.as_ref().map(|v| v.iter().take(2).collect::<Vec<_>>())
                ),
            );
        }
        if missing == 0 && damage_named {
            seen.note(
                "named, nothing missing",
                format!("{at}: {:?}", v.as_ref().map(|v| v.iter().take(1).collect::<Vec<_>>())),
            );
        }
        if missing == 0 && !damage_named {
            seen.note("harmless", at.clone());
        }
        let new = TRUTH.seqs(END, END + 2 * MINUTE);
        let records: Vec<_> = new.map(|seq| TRUTH.record(seq)).collect();
        match store.append(&records).await {
            Err(e) => seen.note("append fails", format!("{at}: {e}")),
            Ok(()) => {
                let a = store.range(&raw(END, END + HOUR)).await.unwrap();
                if a.timestamps_ms.len() != 2 || shown(&a, TRUTH).is_err() {
                    seen.note("append not shown", format!("{at}: {:?}", a));
                }
            }
        }
        store.close().await;
    }
    println!("{:#?}", seen);
}
