//! What leaves as CSV, JSON lines or Parquet comes back as it was.

use std::{
    collections::HashSet,
    fs::File,
    io::{Cursor, Write},
    path::Path,
    sync::{Arc, Mutex},
};

use parquet::{
    data_type::{ByteArrayType, Int32Type, Int64Type},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};
use perfwatch_core::series::{Pattern, push_segment};
use perfwatch_store::{
    ExchangeError, ExportQuery, Exported, Format, HistoryFile, ImportFrame, ImportValue, Imported,
    Input, RangeAnswer, SqliteStore, Step, Store, export, import_file,
};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

use crate::fixture::{DAY, HOUR, MINUTE, START, ask, every, noise, policy};

const FORMATS: [Format; 3] = [Format::Csv, Format::JsonLines, Format::Parquet];

fn all() -> ExportQuery {
    ExportQuery { hosts: Vec::new(), patterns: Vec::new(), range_ms: 0..i64::MAX, interval: None }
}

/// What is written can be looked at afterwards.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn exported(path: &Path, query: &ExportQuery, format: Format) -> (Vec<u8>, Exported) {
    let file = HistoryFile::open(path).await.unwrap();
    let out = Shared::default();
    let done = export(&file, query, format, Box::new(out.clone()), &|_| ()).await.unwrap();
    file.close().await;
    (out.0.lock().unwrap().clone(), done)
}

async fn imported(path: &Path, bytes: &[u8], format: Format) -> Imported {
    try_import(path, bytes, format).await.unwrap()
}

async fn try_import(path: &Path, bytes: &[u8], format: Format) -> Result<Imported, ExchangeError> {
    let input = match format {
        Format::Parquet => {
            let file = path.with_extension("parquet");
            std::fs::write(&file, bytes).unwrap();
            Input::File(File::open(file).unwrap())
        }
        _ => Input::Stream(Box::new(Cursor::new(bytes.to_vec()))),
    };
    let store = SqliteStore::open(path).await.unwrap();
    let imported = import_file(&store, &[], input, format, &|_| ()).await;
    store.close().await;
    imported
}

/// Frames with any names, gaps, decimals and values, in any order.
fn frames() -> impl Strategy<Value = Vec<ImportFrame>> {
    let name = prop_oneof![any::<String>(), "[a-z]{1,3}", Just("*".to_owned()), Just("=1".into())];
    let path = vec(name, 1..4).prop_map(|names| {
        let mut path = "app".to_owned();
        names.iter().for_each(|name| push_segment(&mut path, name));
        Arc::<str>::from(path)
    });
    let values = (-i64::MAX..=i64::MAX).prop_union(-1000..=1000_i64);
    let series = vec((path, 0..9_u8), 1..8);
    let host = prop_oneof![Just("a".to_owned()), "\\PC{1,8}", Just("'=b\"\n,\t".to_owned())];
    let hosts = vec(host, 1..3);
    let cells = vec(proptest::option::weighted(0.7, values), 8);
    let rows = vec((0..3_usize, 0..3 * HOUR / 7, cells), 1..60);
    (hosts, series, rows).prop_map(|(hosts, mut series, rows)| {
        // A frame names a series once.
        let mut seen = HashSet::new();
        series.retain(|(path, _)| seen.insert(Arc::clone(path)));
        let frame = |(host, time, cells): (usize, i64, Vec<Option<i64>>)| ImportFrame {
            host: Arc::from(hosts[host % hosts.len()].as_str()),
            timestamp_ms: START + time * 7,
            values: series
                .iter()
                .zip(cells)
                .enumerate()
                .filter_map(|(at, ((path, decimals), value))| {
                    let (path, decimals) = (Arc::clone(path), *decimals);
                    // Some series get more decimals; their values fit then as well.
                    Some(match at % 2 {
                        0 => ImportValue { path, decimals, value: value? },
                        _ => ImportValue {
                            path,
                            decimals: decimals + u8::from(time % 2 == 0),
                            value: value? % 1_000_000_000,
                        },
                    })
                })
                .collect(),
        };
        rows.into_iter().map(frame).collect()
    })
}

#[test]
fn any_frames_survive_the_way_out_and_in_again() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = ProptestConfig { cases: 16, failure_persistence: None, ..Default::default() };
    TestRunner::new(config)
        .run(&frames(), |frames| {
            runtime.block_on(survive(&frames));
            Ok(())
        })
        .unwrap();
}

async fn survive(frames: &[ImportFrame]) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("first.db");
    let store = SqliteStore::open_sealing_at_once(&path).await.unwrap();
    let (sealed, newest) = frames.split_at(frames.len() / 2);
    let mut new = store.import(sealed, &[]).await.unwrap().unwrap();
    store.close().await;
    let store = SqliteStore::open(&path).await.unwrap();
    new += store.import(newest, &[]).await.unwrap().unwrap();
    store.close().await;
    let expected = rows(frames);
    assert_eq!(new, expected.len() as u64);
    let (lines, done) = exported(&path, &all(), Format::JsonLines).await;
    assert_eq!(done.frames, new);
    let original = answers(&path).await;
    for format in FORMATS {
        let (bytes, _) = exported(&path, &all(), format).await;
        let copy = directory.path().join(format!("{format:?}.db"));
        let imported = imported(&copy, &bytes, format).await;
        assert_eq!((imported.frames, imported.new), (new, Some(new)));
        assert_eq!(answers(&copy).await, original, "{format:?}");
        let (copied, _) = exported(&copy, &all(), Format::JsonLines).await;
        assert_eq!(
            String::from_utf8(copied).unwrap(),
            String::from_utf8(lines.clone()).unwrap(),
            "{format:?}"
        );
    }
}

/// Every value, as the store answers it.
async fn answers(path: &Path) -> Vec<RangeAnswer> {
    let file = HistoryFile::open(path).await.unwrap();
    let mut answers = Vec::new();
    for host in file.hosts().await.unwrap() {
        let mut query = ask(START, START + DAY);
        query.selection.host = host.name;
        let patterns = ["app.*", "app.*.*", "app.*.*.*"].map(|it| Pattern::parse(it).unwrap());
        query.selection.patterns = patterns.to_vec();
        query.step = Step::Raw;
        let mut answer = file.range(&query).await.unwrap();
        // Hosts share the columns of a file, and so the decimals; their values are the same.
        answer.series.iter_mut().for_each(|series| series.decimals = 0);
        answers.push(answer);
    }
    file.close().await;
    answers
}

/// The (host, time) pairs of frames, each once.
fn rows(frames: &[ImportFrame]) -> std::collections::BTreeSet<(&str, i64)> {
    frames.iter().map(|frame| (&*frame.host, frame.timestamp_ms)).collect()
}

#[tokio::test]
async fn old_frames_join_the_slices_that_are_there() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (directory.path().join("all.db"), directory.path().join("some.db"));
    let records = noise(3, every(MINUTE, START, START + 26 * HOUR));
    let store = SqliteStore::open_sealing_at_once(&path).await.unwrap();
    store.append(&records).await.unwrap();
    store.close().await;
    // The copy has each second frame, and is given all of them.
    let half: Vec<_> = records.iter().step_by(2).cloned().collect();
    let store = SqliteStore::open_sealing_at_once(&copy).await.unwrap();
    store.append(&half).await.unwrap();
    store.close().await;
    let (csv, _) = exported(&path, &all(), Format::Csv).await;
    let imported = imported(&copy, &csv, Format::Csv).await;
    assert_eq!((imported.frames, imported.new), (26 * 60, Some(13 * 60)));
    assert!(exported(&copy, &all(), Format::Csv).await.0 == csv);
    // Two days in one row group.
    for format in FORMATS {
        let copy = directory.path().join(format!("{format:?}.db"));
        let (bytes, _) = exported(&path, &all(), format).await;
        crate::exchange::imported(&copy, &bytes, format).await;
        assert!(exported(&copy, &all(), Format::Csv).await.0 == csv, "{format:?}");
    }
    let file = HistoryFile::open(&copy).await.unwrap();
    assert!(file.verify(&|_| ()).await.unwrap().is_empty());
    assert_eq!(file.info().await.unwrap().hosts[0].frames, 26 * 60);
}

#[tokio::test]
async fn what_was_downsampled_is_told_and_exported_by_interval() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    let store = SqliteStore::open_sealing_at_once(&path).await.unwrap();
    store.append(&noise(1, every(MINUTE, START, START + 4 * HOUR))).await.unwrap();
    store.apply_retention(&policy(0, 10 * MINUTE, 1), START + 2 * HOUR).await.unwrap();
    let mut expected = ask(START, START + DAY);
    expected.step = Step::Every(std::time::Duration::from_secs(3600));
    let expected = store.range(&expected).await.unwrap();
    store.close().await;
    let (_, done) = exported(&path, &all(), Format::Csv).await;
    assert_eq!((done.frames, done.left_out), (120, 120));
    let query = ExportQuery { interval: Some(std::time::Duration::from_secs(3600)), ..all() };
    for format in FORMATS {
        let (_, done) = exported(&path, &query, format).await;
        assert_eq!((done.frames, done.columns, done.left_out), (4, 8, 0), "{format:?}");
    }
    let (csv, _) = exported(&path, &query, Format::Csv).await;
    let averages = String::from_utf8(csv).unwrap();
    let averages: Vec<f64> = averages
        .lines()
        .skip(1)
        .map(|row| row.split(',').nth(2).unwrap().parse().unwrap())
        .collect();
    let expected: Vec<f64> = expected.series[0].values.iter().flatten().copied().collect();
    assert_eq!(averages, expected);
}

#[tokio::test]
async fn thousands_of_series_are_exported_in_any_format() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    let store = SqliteStore::open_sealing_at_once(&path).await.unwrap();
    store.append(&noise(3000, every(10 * MINUTE, START, START + 2 * HOUR))).await.unwrap();
    store.close().await;
    let mut sizes = Vec::new();
    for format in FORMATS {
        let (bytes, done) = exported(&path, &all(), format).await;
        assert_eq!((done.frames, done.columns), (12, 3001), "{format:?}");
        let copy = directory.path().join(format!("{format:?}.db"));
        assert_eq!(imported(&copy, &bytes, format).await.new, Some(12));
        sizes.push(HistoryFile::open(&copy).await.unwrap().info().await.unwrap().values());
    }
    assert_eq!(sizes, [12 * 3001; 3]);
}

/// A Parquet file of one frame with two series of these types, which have these bits.
fn foreign(narrow: (&str, i32), wide: (&str, i64)) -> Vec<u8> {
    let schema = format!(
        "message foreign {{
            required int64 timestamp (TIMESTAMP(MILLIS,true));
            required binary host (UTF8);
            required int32 app.narrow ({});
            required int64 app.wide ({});
        }}",
        narrow.0, wide.0
    );
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let properties = Arc::new(WriterProperties::default());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    let mut group = file.next_row_group().unwrap();
    macro_rules! column {
        ($type:ty, $value:expr) => {
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<$type>().write_batch(&[$value], None, None).unwrap();
            column.close().unwrap();
        };
    }
    column!(Int64Type, START);
    column!(ByteArrayType, "a".into());
    column!(Int32Type, narrow.1);
    column!(Int64Type, wide.1);
    group.close().unwrap();
    file.into_inner().unwrap()
}

async fn of_foreign(narrow: (&str, i32), wide: (&str, i64)) -> Result<String, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("perfwatch.db");
    let file = foreign(narrow, wide);
    try_import(&path, &file, Format::Parquet).await.map_err(|error| error.to_string())?;
    let (lines, _) = exported(&path, &all(), Format::JsonLines).await;
    Ok(String::from_utf8(lines).unwrap())
}

#[tokio::test]
async fn numbers_without_a_sign_are_read_as_they_are() {
    let bits = 3_000_000_000_u32.cast_signed();
    for (narrow, wide) in [("UINT_32", "UINT_64"), ("INTEGER(32,false)", "INTEGER(64,false)")] {
        let lines = of_foreign((narrow, bits), (wide, i64::MAX)).await.unwrap();
        let data = r#""app":{"narrow":3000000000,"wide":9223372036854775807}"#;
        assert!(lines.contains(data), "{narrow}: {lines}");
        let refused = of_foreign((narrow, 0), (wide, i64::MIN)).await.unwrap_err();
        let place = "row 1, column `app.wide`: `9223372036854775808` is too large to be kept";
        assert!(refused.contains(place), "{wide}: {refused}");
    }
    let lines = of_foreign(("INT_32", -1), ("INT_64", -2)).await.unwrap();
    assert!(lines.contains(r#""app":{"narrow":-1,"wide":-2}"#), "{lines}");
    let bytes = of_foreign(("UINT_8", 200), ("DECIMAL(18,2)", -2)).await.unwrap();
    assert!(bytes.contains(r#""app":{"narrow":200,"wide":-0.02}"#), "{bytes}");
}

#[tokio::test]
async fn dates_and_times_are_no_series() {
    for narrow in ["DATE", "TIME_MILLIS", "TIME(MILLIS,true)"] {
        let refused = of_foreign((narrow, 1), ("INT_64", 1)).await.unwrap_err();
        assert!(refused.contains("column `app.narrow`: it holds dates or times"), "{refused}");
    }
    for wide in ["TIME_MICROS", "TIMESTAMP_MILLIS", "TIMESTAMP(NANOS,false)"] {
        let refused = of_foreign(("INT_32", 1), (wide, 1)).await.unwrap_err();
        assert!(refused.contains("column `app.wide`: it holds dates or times"), "{refused}");
    }
}
