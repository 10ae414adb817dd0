//! Small tables, frames of them, and answers as text.

use std::{
    fmt::Write,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use perfwatch_core::{Frame, View, metric_table, series::Pattern};
use perfwatch_store::{
    Aggregate, Opened, RangeAnswer, RangeQuery, Record, RetentionPolicy, Selection, SqliteStore,
    Step, Store, Tier,
};
use tempfile::TempDir;

use crate::{
    engine,
    process::{self, Engine},
};

metric_table! {
    /// An application.
    pub(crate) table app: app {
        /// How busy it is.
        load: Gauge Average,
        /// What it has used.
        used: Gauge Bytes,
    }
}

metric_table! {
    /// Its parts.
    pub(crate) table parts: app.parts per part {
        /// How hot it is.
        heat: Gauge Celsius,
    }
}

pub(crate) const SECOND: i64 = 1000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// 2023-11-14, at midnight (UTC).
pub(crate) const START: i64 = 19_675 * DAY;

/// The wall clock.
pub(crate) fn clock_ms() -> i64 {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(clock.as_millis()).unwrap()
}

/// A backend and what it lies in.
pub(crate) struct Backend {
    pub(crate) opened: Opened,
    _directory: Option<TempDir>,
    _engine: Option<Arc<Engine>>,
}

impl Backend {
    pub(crate) fn store(&self) -> &dyn Store {
        &*self.opened.store
    }
}

pub(crate) async fn memory() -> Backend {
    let opened = perfwatch_store::open("memory:").await.unwrap();
    Backend { opened, _directory: None, _engine: None }
}

pub(crate) async fn sqlite_file() -> Backend {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("perfwatch.db").display());
    let opened = perfwatch_store::open(&url).await.unwrap();
    Backend { opened, _directory: Some(directory), _engine: None }
}

/// A file in which every append is sealed at once: all is read from slices.
pub(crate) async fn sqlite_sealed() -> Backend {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    let store = Arc::new(SqliteStore::open_sealing_at_once(&path).await.unwrap());
    let opened = Opened { store: Arc::clone(&store) as Arc<dyn Store>, accounts: store };
    Backend { opened, _directory: Some(directory), _engine: None }
}

pub(crate) async fn victoria_metrics() -> Backend {
    on_engine(Engine::running(&process::VICTORIA_METRICS))
}

pub(crate) async fn prometheus() -> Backend {
    on_engine(Engine::running(&process::PROMETHEUS))
}

/// A store of its own, told apart by a label, on an engine that tests share.
fn on_engine(engine: Arc<Engine>) -> Backend {
    let opened = engine::open(&engine);
    Backend { opened, _directory: None, _engine: Some(engine) }
}

pub(crate) async fn postgres() -> Backend {
    let opened = perfwatch_store::open(&crate::cluster::database().await).await.unwrap();
    Backend { opened, _directory: None, _engine: None }
}

/// A frame of `load`, and of the heat of each part.
pub(crate) fn record(
    host: &str,
    timestamp_ms: i64,
    load: Option<f64>,
    heat: &[(&str, f64)],
) -> Record {
    let mut frame = Frame::new([&&app::TABLE, &&parts::TABLE]);
    frame.timestamp_ms = timestamp_ms;
    let [block, rows] = frame.blocks.as_mut_slice() else { unreachable!() };
    let mut row = block.host_row();
    if let Some(load) = load {
        row.set_f64(app::load, load);
    }
    for (name, heat) in heat {
        rows.push_row(name).set_f64(parts::heat, *heat);
    }
    of(host, &frame)
}

pub(crate) fn of(host: &str, frame: &Frame) -> Record {
    let mut view = View::default();
    view.update(None, frame);
    Record::new(host, Arc::new(view))
}

/// Frames of host `a` at these times, `load` being their number from 1.
pub(crate) fn loads(times: impl IntoIterator<Item = i64>) -> Vec<Record> {
    let numbered = (1..).zip(times);
    numbered.map(|(number, time)| record("a", time, Some(f64::from(number)), &[])).collect()
}

/// Frames of host `a` with so many parts, in which no codec finds anything.
pub(crate) fn noise(parts: usize, times: impl IntoIterator<Item = i64>) -> Vec<Record> {
    let names: Vec<String> = (0..parts).map(|n| n.to_string()).collect();
    let mut state = 0_u64;
    let mut random = move |time: i64| {
        // Another sequence for other times: codecs find repetitions too.
        state = if state == 0 { time.unsigned_abs() } else { state };
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        f64::from((state >> 34) as u32) / 10.0
    };
    let mut frame = |time: i64| {
        let rows: Vec<_> = names.iter().map(|name| (name.as_str(), random(time))).collect();
        record("a", time, Some(1.0), &rows)
    };
    times.into_iter().map(&mut frame).collect()
}

pub(crate) fn every(step: i64, from: i64, until: i64) -> impl Iterator<Item = i64> {
    (from..until).step_by(usize::try_from(step).unwrap())
}

pub(crate) fn select(host: &str, patterns: &[&str], start_ms: i64, end_ms: i64) -> Selection {
    let patterns = patterns.iter().map(|text| Pattern::parse(text).unwrap()).collect();
    Selection { host: host.to_owned(), patterns, start_ms, end_ms }
}

/// A question about the average load of host `a`.
pub(crate) fn ask(start_ms: i64, end_ms: i64) -> RangeQuery {
    RangeQuery {
        selection: select("a", &["app.load"], start_ms, end_ms),
        step: Step::Auto,
        limit: 1000,
        aggregates: vec![Aggregate::Avg],
    }
}

pub(crate) fn step(milliseconds: i64) -> Step {
    Step::Every(Duration::from_millis(milliseconds.unsigned_abs()))
}

pub(crate) fn policy(
    full_resolution_days: u32,
    interval_ms: i64,
    downsampled_days: u32,
) -> RetentionPolicy {
    RetentionPolicy {
        full_resolution_days,
        downsample_interval: Duration::from_millis(interval_ms.unsigned_abs()),
        downsampled_days,
        max_bytes: None,
    }
}

/// An answer as text: how it was made, then one line per series, times counted from `from`.
pub(crate) fn show(answer: &RangeAnswer, from: i64) -> String {
    let tier = match answer.tier {
        Tier::Raw => "raw".to_owned(),
        Tier::Downsampled(interval) => format!("{}s", interval.as_secs()),
    };
    let mut text = format!("step {} of {} {tier}", answer.step_ms, answer.resolution_ms);
    let times: Vec<String> =
        answer.timestamps_ms.iter().map(|time| (time - from).to_string()).collect();
    write!(text, "\nat {}", times.join(" ")).unwrap();
    for series in &answer.series {
        assert_eq!(series.values.len(), times.len());
        write!(text, "\n{} {}", series.path, series.aggregate.name()).unwrap();
        for value in &series.values {
            write!(text, " {}", value.map_or("-".to_owned(), |value| value.to_string())).unwrap();
        }
    }
    text
}

/// Asks, and compares the answer with the lines.
pub(crate) async fn check(store: &dyn Store, query: &RangeQuery, expected: &[&str]) {
    let answer = store.range(query).await.unwrap();
    assert_eq!(show(&answer, query.selection.start_ms), expected.join("\n"));
}

/// Lets time pass for the store.
pub(crate) async fn pass(time: std::time::Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
