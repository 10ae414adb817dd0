//! History files with names, gaps and decimals of all kinds.

#![allow(dead_code, reason = "each program of tests uses a part")]

use std::{path::Path, sync::Arc};

use perfwatch_core::{Frame, View, metric_table, series::Pattern};
use perfwatch_store::{
    Aggregate, HistoryFile, RangeAnswer, RangeQuery, Record, Selection, SqliteStore, Step, Store,
};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

metric_table! {
    /// An application.
    table app: app {
        /// How busy it is.
        load: Gauge Average,
        /// What it has used.
        used: Gauge Bytes,
    }
}

metric_table! {
    /// Its parts.
    table parts: app.parts per part {
        /// How hot it is.
        heat: Gauge Celsius,
    }
}

pub(crate) const HOUR: i64 = 3600 * 1000;

/// 2023-11-14, at midnight (UTC).
pub(crate) const START: i64 = 19_675 * 24 * HOUR;

/// A name that a spreadsheet, a terminal and a parser would each like to obey.
pub(crate) const HOSTILE: &str = "=cmd|'x',\"\n\x1b[31m\u{202e}";

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

fn record(host: &str, number: i64) -> Record {
    let mut frame = Frame::new([&&app::TABLE, &&parts::TABLE]);
    frame.timestamp_ms = START + number * 60_000 + (number * 7) % 13;
    let [block, rows] = frame.blocks.as_mut_slice() else { unreachable!() };
    let mut row = block.host_row();
    if number % 5 != 0 {
        row.set_f64(app::load, (number - 40) as f64 / 100.0);
    }
    row.set_f64(app::used, (number * 1_000_000_007) as f64);
    if number > 70 {
        rows.push_row(HOSTILE).set_f64(parts::heat, number as f64 / 10.0);
    }
    let mut view = View::default();
    view.update(None, &frame);
    Record::new(host, Arc::new(view))
}

/// Two hosts, two sealed hours and a begun one.
pub(crate) fn fill(path: &Path) {
    block_on(async {
        let store = SqliteStore::open_sealing_at_once(path).await.unwrap();
        let records: Vec<Record> =
            ["a", HOSTILE].iter().flat_map(|host| (0..120).map(|n| record(host, n))).collect();
        store.append(&records).await.unwrap();
        store.close().await;
        let store = SqliteStore::open(path).await.unwrap();
        let records: Vec<Record> = (120..150).map(|n| record("a", n)).collect();
        store.append(&records).await.unwrap();
        store.close().await;
    });
}

/// The file, open as a daemon has it.
pub(crate) fn held(path: &Path) -> SqliteStore {
    block_on(SqliteStore::open(path)).unwrap()
}

/// Damages the values of one series in its last hour.
pub(crate) fn flip_last_byte(path: &Path) {
    let sql = "UPDATE parts SET body = CAST(substr(body, 1, length(body) - 1) || \
               CASE substr(body, -1) WHEN x'00' THEN x'01' ELSE x'00' END AS BLOB) \
               WHERE key = (SELECT max(key) FROM parts)";
    block_on(async {
        let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
        sqlx::query(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

/// Questions about all of both hosts, as it is stored and by the hour.
pub(crate) fn questions() -> Vec<RangeQuery> {
    let mut questions = Vec::new();
    for host in ["a", HOSTILE] {
        for step in [Step::Raw, Step::Every(std::time::Duration::from_secs(3600))] {
            let patterns = ["app.*", "app.parts.*.*"].map(|it| Pattern::parse(it).unwrap());
            let selection = Selection {
                host: host.to_owned(),
                patterns: patterns.to_vec(),
                start_ms: START,
                end_ms: START + 4 * HOUR,
            };
            let aggregates = Aggregate::ALL.to_vec();
            questions.push(RangeQuery { selection, step, limit: 1000, aggregates });
        }
    }
    questions
}

/// What a file answers to them.
pub(crate) fn answers(path: &Path) -> Vec<RangeAnswer> {
    block_on(async {
        let file = HistoryFile::open(path).await.unwrap();
        let mut answers = Vec::new();
        for question in questions() {
            answers.push(file.range(&question).await.unwrap());
        }
        assert!(answers.iter().all(|answer| !answer.series.is_empty()));
        answers
    })
}
