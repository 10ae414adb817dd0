//! History that moves to another kind of store is the same there.

use std::{fs::File, io::Cursor, path::Path, sync::Arc};

use perfwatch_core::{
    Table,
    series::{Pattern, push_segment},
};
use perfwatch_store::{
    Aggregate, ExportQuery, Format, HistoryFile, ImportFrame, ImportValue, Imported, Input,
    RangeQuery, Selection, SqliteStore, Step, Store, export, import_file, open,
};
use sqlx::{Connection, PgConnection};

use crate::{
    cluster::database,
    fixture::{
        Backend, DAY, HOUR, MINUTE, SECOND, START, app, parts, policy, prometheus, step,
        victoria_metrics,
    },
    process::{Engine, FORGETFUL, PROMETHEUS_IN_ORDER},
};

const TABLES: [&Table; 2] = [&app::TABLE, &parts::TABLE];

const HOSTS: [&str; 2] = ["a", "=b\n\"\u{2400}"];

/// Series that tables have, that only look so, and that no table has.
fn series() -> Vec<(Arc<str>, u8)> {
    let long = "ü".repeat(700);
    let names: [(&[&str], u8); 17] = [
        (&["app", "load"], 2),
        (&["app", "used_bytes"], 0),
        (&["app", "gone"], 3),
        (&["app", "parts", "x", "heat_celsius"], 1),
        (&["app", "parts", "", "heat_celsius"], 1),
        (&["app", "parts", "a.b", "heat_celsius"], 1),
        (&["app", "parts", "\n\"\\\0", "heat_celsius"], 1),
        (&["app", "parts", "x", "gone"], 4),
        (&["app", "parts", "heat_celsius"], 1),
        (&["mine", "a.b", "\n\"\\\0", "*"], 3),
        (&["mine", "a.b", "y"], 0),
        (&["mine", "mixed"], 2),
        (&["mine", &long, "v"], 0),
        (&["we ird", "z"], 9),
        (&["", "z"], 1),
        (&["frame", "timestamp_seconds"], 0),
        (&["registered", "timestamp_seconds"], 0),
    ];
    let path = |segments: &[&str]| {
        let mut path = String::new();
        segments.iter().for_each(|segment| push_segment(&mut path, segment));
        Arc::from(path)
    };
    names.map(|(segments, decimals)| (path(segments), decimals)).into()
}

/// Frames of more than a day, in which values are missing and one series gets more decimals.
fn frames() -> Vec<ImportFrame> {
    let (series, mut frames, mut state) = (series(), Vec::new(), 7_u64);
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        ((state >> 33) % below) as i64
    };
    for host in HOSTS {
        for number in 0..30 * 60 / 2 {
            let mut values = Vec::new();
            for (path, decimals) in &series {
                if random(10) == 0 {
                    continue;
                }
                let more = u8::from(&**path == "mine.mixed" && number > 400);
                let (path, value) = (Arc::clone(path), random(2_000_000) - 500_000);
                values.push(ImportValue { path, decimals: decimals + more, value });
            }
            let timestamp_ms = START + number * 2 * MINUTE + 7;
            frames.push(ImportFrame { host: host.into(), timestamp_ms, values });
        }
    }
    frames
}

async fn history(path: &Path) -> SqliteStore {
    let store = SqliteStore::open(path).await.unwrap();
    store.import(&frames(), &TABLES).await.unwrap();
    store.finish_import().await.unwrap();
    store
}

/// Writes a history into a file, and reads the file into a store.
async fn moves(from: &Path, store: &dyn Store, format: Format) -> Imported {
    let file = from.with_extension(format!("{format:?}"));
    let history = HistoryFile::open(from).await.unwrap();
    let all =
        ExportQuery { hosts: vec![], patterns: vec![], range_ms: 0..i64::MAX, interval: None };
    let out = Box::new(File::create(&file).unwrap());
    export(&history, &all, format, out, &|_| ()).await.unwrap();
    history.close().await;
    let input = Input::File(File::open(&file).unwrap());
    import_file(store, &TABLES, input, format, &|_| ()).await.unwrap()
}

fn queries(host: &str) -> Vec<RangeQuery> {
    let pattern = |text: &str| Pattern::parse(text).unwrap();
    let mut asked: Vec<Vec<Pattern>> =
        vec![["*.*", "*.*.*", "*.*.*.*"].map(pattern).into(), vec![pattern("mine.*.*.*")]];
    asked.extend(series().iter().map(|(path, _)| vec![pattern(path)]));
    let ranges = [START..START + 2 * DAY, START + 5 * HOUR + 1..START + 9 * HOUR + 7 * SECOND];
    let steps = [Step::Auto, Step::Raw, step(5 * MINUTE), step(HOUR)];
    let mut queries = Vec::new();
    for (at, patterns) in asked.iter().enumerate() {
        for (range, step) in ranges.iter().flat_map(|range| steps.map(|step| (range, step))) {
            // Each series by itself as it is, and all of them in every way.
            if at < 2 || step == Step::Raw {
                let selection = Selection {
                    host: host.to_owned(),
                    patterns: patterns.clone(),
                    start_ms: range.start,
                    end_ms: range.end,
                };
                let aggregates = Aggregate::ALL.to_vec();
                queries.push(RangeQuery { selection, step, limit: 1000, aggregates });
            }
        }
    }
    queries
}

async fn compare(one: &dyn Store, other: &dyn Store) {
    assert_eq!(other.hosts().await.unwrap(), one.hosts().await.unwrap());
    for host in HOSTS {
        let mut expected: Vec<_> = series().iter().map(|(path, _)| path.to_string()).collect();
        expected.sort();
        assert_eq!(other.series(host).await.unwrap(), expected);
        for query in queries(host) {
            let (left, right) =
                (one.range(&query).await.unwrap(), other.range(&query).await.unwrap());
            assert!(!left.series.is_empty(), "{query:?}");
            assert_eq!(right, left, "{query:?}");
            let (left, right) =
                (one.summary(&query.selection).await, other.summary(&query.selection).await);
            assert_eq!(right.unwrap(), left.unwrap(), "{query:?}");
        }
    }
    let (left, right) = (one.usage().await.unwrap(), other.usage().await.unwrap());
    let figures = |it: perfwatch_store::Usage| (it.frames, it.oldest_ms, it.newest_ms);
    assert_eq!(figures(right), figures(left));
}

/// How many frames are in no slice.
const UNSEALED: &str = "SELECT count(*) FROM frames";

/// How many documents have a number where the segments of a series' name lead.
const NAMED: &str = "SELECT count(*) FROM metrics_snapshots \
    WHERE metric_type = 'mine' AND jsonb_typeof(metric_data -> 'a.b' -> 'y') = 'number'";

/// A number, by plain SQL.
async fn count(url: &str, sql: &'static str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let count = sqlx::query_scalar(sql);
    let count = count.fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    count
}

#[tokio::test]
async fn postgres_has_the_history_that_moved_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    let sqlite = history(&path).await;
    let read = Imported { frames: 1800, new: None };
    for format in [Format::Csv, Format::JsonLines, Format::Parquet] {
        let url = database().await;
        let store = open(&url).await.unwrap().store;
        assert_eq!(moves(&path, &*store, format).await, read);
        compare(&sqlite, &*store).await;
        // Of each host, the frames of the last hour or two wait for the next.
        let unsealed = count(&url, UNSEALED).await;
        assert!(unsealed <= 2 * 60, "{unsealed}");
        let named = count(&url, NAMED).await;
        assert!((1500..1800).contains(&named), "{named}");
        if format == Format::Csv {
            continue;
        }
        // Once more changes nothing, and so does another process.
        assert_eq!(moves(&path, &*store, format).await, read);
        store.close().await;
        compare(&sqlite, &*open(&url).await.unwrap().store).await;
    }
}

#[tokio::test]
async fn a_day_that_moved_goes_by_its_partition() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    let sqlite = history(&path).await;
    let url = database().await;
    let store = open(&url).await.unwrap().store;
    // The daemon writes here already, days later.
    let newer = |n| ImportFrame {
        host: HOSTS[0].into(),
        timestamp_ms: START + 3 * DAY + n * MINUTE,
        values: vec![ImportValue { path: "app.load".into(), decimals: 2, value: n }],
    };
    let newer: Vec<_> = (0..300).map(newer).collect();
    store.import(&newer, &TABLES).await.unwrap();
    store.finish_import().await.unwrap();
    sqlite.import(&newer, &TABLES).await.unwrap();
    sqlite.finish_import().await.unwrap();
    moves(&path, &*store, Format::Parquet).await;
    compare(&sqlite, &*store).await;
    // What is older than all that was there is sealed too, and does not wait for the daemon.
    let waiting = count(&url, UNSEALED).await;
    assert!(waiting <= 3 * 60, "{waiting}");
    let now = START + 3 * DAY + 300 * MINUTE;
    for store in [&sqlite as &dyn Store, &*store] {
        let report = store.apply_retention(&policy(1, 5 * MINUTE, 10), now).await.unwrap();
        assert!(report.deleted_frames > 0);
    }
    compare(&sqlite, &*store).await;
}

async fn moves_to(engine: Backend) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    let sqlite = history(&path).await;
    let read = Imported { frames: 1800, new: None };
    for _ in 0..2 {
        assert_eq!(moves(&path, engine.store(), Format::Parquet).await, read);
        compare(&sqlite, engine.store()).await;
    }
}

#[tokio::test]
async fn victoria_metrics_has_the_history_that_moved_there() {
    moves_to(victoria_metrics().await).await;
}

#[tokio::test]
async fn prometheus_has_the_history_that_moved_there() {
    moves_to(prometheus().await).await;
}

/// Two hours of a host, as lines of JSON.
fn lines(end_ms: i64) -> Input {
    let times = (end_ms - 2 * HOUR..end_ms).step_by(10 * MINUTE as usize);
    let line =
        |time| format!(r#"{{"timestamp_ms":{time},"host":"a","data":{{"app":{{"load":1}}}}}}"#);
    let lines: Vec<_> = times.map(line).collect();
    Input::Stream(Box::new(Cursor::new(lines.join("\n").into_bytes())))
}

async fn takes(store: &dyn Store, end_ms: i64) -> Result<u64, String> {
    let imported = import_file(store, &TABLES, lines(end_ms), Format::JsonLines, &|_| ()).await;
    imported.map(|it| it.frames).map_err(|error| error.to_string())
}

fn now() -> i64 {
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(clock.as_millis()).unwrap()
}

#[tokio::test]
async fn an_engine_that_keeps_nothing_so_old_is_found_out() {
    let engine = Engine::running(&FORGETFUL);
    let store = open(&engine.url()).await.unwrap().store;
    assert_eq!(takes(&*store, now() - 2 * DAY).await, Ok(12));
    let error = takes(&*store, now() - 90 * DAY).await.unwrap_err();
    assert!(error.contains("shows none of host `a` at "), "{error}");
    assert!(error.contains("-retentionPeriod"), "{error}");
}

#[tokio::test]
async fn an_engine_that_takes_nothing_late_says_what_to_set() {
    let engine = Engine::running(&PROMETHEUS_IN_ORDER);
    let store = open(&engine.url()).await.unwrap().store;
    assert_eq!(takes(&*store, now()).await, Ok(12));
    let error = takes(&*store, now() - 2 * DAY).await.unwrap_err();
    assert!(error.starts_with("the frame of host `a` at "), "{error}");
    assert!(error.contains("out_of_order_time_window"), "{error}");
}
