//! What only PostgreSQL has: plain SQL beside the daemon, other daemons, and a server that is away.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use perfwatch_store::{
    Aggregate, BatchMetricsWriter, HostIdentity, RangeQuery, Store, StoreError, WriterOptions,
    WriterStatus, open,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{
    cluster::{database, run, value, wait_for_hours},
    fixture::{DAY, HOUR, MINUTE, START, ask, check, every, loads, policy, record, select, step},
    postgres_process::programs,
};

#[tokio::test]
async fn a_document_is_what_the_live_json_shows() {
    let url = database().await;
    let store = open(&url).await.unwrap().store;
    let rows = [("x", 20.0), ("sd a", -0.5)];
    store.append(&[record("a", START, Some(1.25), &rows)]).await.unwrap();
    let select = "SELECT metric_data::text FROM metrics_snapshots \
        WHERE host = 'a' AND metric_type = 'app' AND timestamp = '2023-11-14 00:00:00+00'";
    let expected =
        r#"{"load": 1.25, "parts": {"x": {"heat_celsius": 20.0}, "sd a": {"heat_celsius": -0.5}}}"#;
    assert_eq!(value(&url, select).await.as_deref(), Some(expected));
}

#[tokio::test]
async fn a_day_goes_by_its_partition() {
    let url = database().await;
    let store = open(&url).await.unwrap().store;
    let end = START + 3 * DAY;
    store.append(&loads(every(10 * MINUTE, START, end))).await.unwrap();
    let partitions = "SELECT string_agg(relid::text, ' ' ORDER BY relid::text) \
        FROM pg_partition_tree('metrics_snapshots') WHERE isleaf";
    let day = |day: u32| format!("metrics_snapshots_202311{day}");
    // The day ahead is there already.
    let all = [14, 15, 16, 17].map(day).join(" ");
    assert_eq!(value(&url, partitions).await, Some(all));
    store.apply_retention(&policy(1, HOUR, 10), end).await.unwrap();
    let left = [15, 16, 17].map(day).join(" ");
    assert_eq!(value(&url, partitions).await, Some(left));
    // A late frame of that day has a place again.
    store.append(&[record("a", START + 1, Some(7.0), &[])]).await.unwrap();
    let found = store.summary(&ask(START, START + HOUR).selection).await.unwrap();
    assert_eq!((found[0].count, found[0].max), (7, 7.0));
}

#[tokio::test]
async fn tables_that_went_are_told_and_no_frame_is_blamed() {
    let url = database().await;
    let store = open(&url).await.unwrap().store;
    store.append(&loads([START])).await.unwrap();
    run(&url, "DROP TABLE metrics_snapshots, hosts").await;
    let error = store.append(&loads([START + 1])).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(error.to_string().contains("restore them, or start PerfWatch again"), "{error}");
}

#[tokio::test]
async fn what_fails_beside_the_frames_blames_none() {
    let url = database().await;
    let store = open(&url).await.unwrap().store;
    store.append(&loads([START])).await.unwrap();
    let fails = async |store: &Arc<dyn Store>| {
        let error = store.append(&loads([START + 1])).await.unwrap_err();
        assert!(error.is_transient() && error.to_string().contains("no reason"), "{error:?}");
    };
    run(
        &url,
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql \
            AS 'BEGIN RAISE EXCEPTION ''no reason''; END'; \
         CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON frames \
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()",
    )
    .await;
    fails(&store).await;
    // A new session makes a table of its own.
    run(
        &url,
        "DROP FUNCTION fail CASCADE; CREATE FUNCTION fail() RETURNS event_trigger \
            LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no reason''; END'; \
         CREATE EVENT TRIGGER at_start ON ddl_command_start EXECUTE FUNCTION fail()",
    )
    .await;
    let other = open(&url).await.unwrap().store;
    fails(&other).await;
    run(&url, "DROP EVENT TRIGGER at_start").await;
    other.append(&loads([START + 1])).await.unwrap();
    assert_eq!(store.usage().await.unwrap().frames, 2);
}

#[tokio::test]
async fn a_name_is_claimed_again_after_tables_were_away() {
    let url = database().await;
    let store = open(&url).await.unwrap().store;
    let host = |id: &str| HostIdentity {
        name: "a".into(),
        id: id.repeat(32).into(),
        interval_ms: 1000,
        version: "1".into(),
    };
    let options = WriterOptions { identity: Some(host("1")), ..WriterOptions::default() };
    let writer = BatchMetricsWriter::spawn(Arc::clone(&store), options);
    let stored = async |count: u64| {
        let patience = Instant::now() + Duration::from_secs(20);
        while writer.counts().stored < count {
            assert!(Instant::now() < patience, "{:?}", writer.status());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    writer.push(loads([START]).remove(0));
    stored(1).await;
    run(&url, "ALTER TABLE frames RENAME TO away").await;
    writer.push(loads([START + 1]).remove(0));
    while writer.status() == WriterStatus::Ok {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // As an older backup has it.
    run(&url, "UPDATE hosts SET machine_id = NULL; ALTER TABLE away RENAME TO frames").await;
    stored(2).await;
    assert_eq!(&*store.register(&host("2")).await.unwrap(), "a-22222222");
    let counts = writer.shutdown(Duration::from_secs(5)).await;
    assert_eq!((counts.expected, counts.stored, counts.dropped), (2, 2, 0));
}

/// All that host `a` has.
fn ask_all() -> RangeQuery {
    let selection = select("a", &["app.load", "app.parts.*.*"], START, START + HOUR);
    RangeQuery { selection, ..ask(START, START + HOUR) }
}

/// Runs a program of PostgreSQL's on a database.
fn tool(name: &str, url: &str, arguments: &[&str]) {
    #[allow(clippy::disallowed_methods, reason = "a backup is another program's work")]
    let mut tool = std::process::Command::new(programs().join(name));
    let done = tool.args(["-d", url]).args(arguments).output().unwrap();
    assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
}

// A question's connection ends its transaction while the backup's program waits for that.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_is_read_anew() {
    let url = database().await;
    let store = open(&url).await.unwrap().store;
    store.append(&[record("a", START, Some(1.0), &[("x", 10.0)])]).await.unwrap();
    let backup = tempfile::NamedTempFile::new().unwrap();
    let path = backup.path().to_str().unwrap();
    tool("pg_dump", &url, &["-Fc", "-f", path]);
    // `y` gets a number that the backup does not know, and so does `b`.
    let later = [("y", 20.0), ("x", 11.0)];
    store.append(&[record("a", START + 1, Some(2.0), &later)]).await.unwrap();
    store.append(&[record("b", START, Some(9.0), &[])]).await.unwrap();
    // By now this process knows both.
    assert_eq!(store.series("a").await.unwrap().len(), 3);
    assert_eq!(store.series("b").await.unwrap().len(), 1);
    tool("pg_restore", &url, &["--clean", "--if-exists", "--single-transaction", path]);

    let other = [("z", 30.0), ("x", 12.0)];
    store.append(&[record("a", START + 2, Some(3.0), &other)]).await.unwrap();
    store.append(&[record("b", START + 2, Some(8.0), &[])]).await.unwrap();
    let expected = [
        "step 0 of 2 raw",
        "at 0 2",
        "app.load avg 1 3",
        "app.parts.x.heat_celsius avg 10 12",
        "app.parts.z.heat_celsius avg - 30",
    ];
    for store in [store, open(&url).await.unwrap().store] {
        check(&*store, &ask_all(), &expected).await;
        let b = store.summary(&select("b", &["app.load"], START, START + HOUR)).await.unwrap();
        assert_eq!((b[0].count, b[0].last), (1, 8.0));
    }
}

#[tokio::test]
async fn a_replica_that_was_behind_is_read_anew() {
    let url = database().await;
    let store = open(&url).await.unwrap().store;
    store.append(&[record("a", START, Some(1.0), &[])]).await.unwrap();
    store.append(&[record("a", START + 1, None, &[("y", 20.0)])]).await.unwrap();
    assert_eq!(store.series("a").await.unwrap().len(), 2);
    // What a replica that was a frame behind has when it takes over.
    let behind = "DELETE FROM frames WHERE time_ms % 1000 = 1; DELETE FROM series WHERE number = 1; \
        UPDATE hosts SET series = 1";
    run(&url, behind).await;
    store.append(&[record("a", START + 2, None, &[("z", 30.0)])]).await.unwrap();
    let expected =
        ["step 0 of 2 raw", "at 0 2", "app.load avg 1 -", "app.parts.z.heat_celsius avg - 30"];
    check(&*store, &ask_all(), &expected).await;
    // Nothing is written under a number that is not known.
    run(&url, "DELETE FROM series WHERE number = 0").await;
    let store = open(&url).await.unwrap().store;
    let error = store.append(&loads([START + 3])).await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("lacks rows"), "{error}");
}

#[tokio::test]
async fn the_hours_for_plain_sql_are_what_the_store_answers() {
    let url = database().await;
    let store = open(&url).await.unwrap().store;
    let heats = |time: i64| [("x", (time / 1000 % 97) as f64 / 10.0), ("sd a", -7.0)];
    let frame = |time: i64| record("a", time, Some((time % 31) as f64 / 8.0), &heats(time));
    let times: Vec<i64> = every(MINUTE, START, START + 5 * HOUR).collect();
    let (late, usual): (Vec<i64>, Vec<i64>) = times.iter().partition(|time| **time % 7 == 0);
    store.append(&usual.iter().map(|&time| frame(time)).collect::<Vec<_>>()).await.unwrap();
    wait_for_hours(&url, 4).await;
    store.append(&late.iter().map(|&time| frame(time)).collect::<Vec<_>>()).await.unwrap();
    // What came late joins when the next hour is over.
    store.append(&[frame(START + 6 * HOUR + 3 * MINUTE)]).await.unwrap();
    wait_for_hours(&url, 5).await;
    let mut query = ask(START, START + 5 * HOUR);
    query.selection.patterns = select("a", &["app.load", "app.parts.*.*"], 0, 1).patterns;
    query.aggregates = vec![Aggregate::Avg, Aggregate::Min, Aggregate::Max];
    query.step = step(HOUR);
    let answer = store.range(&query).await.unwrap();
    assert_eq!(answer.series.len(), 9);
    for series in &answer.series {
        let found = hours(&url, &series.segments[1..], series.aggregate).await;
        assert_eq!(found, series.values, "{:?} of {}", series.aggregate, series.path);
    }
    // As old as everything else.
    let end = START + 3 * DAY;
    let more = every(30 * MINUTE, START + 7 * HOUR, end).map(frame);
    store.append(&more.collect::<Vec<_>>()).await.unwrap();
    wait_for_hours(&url, 70).await;
    store.apply_retention(&policy(1, HOUR, 2), end).await.unwrap();
    let first = "SELECT to_char(min(hour) AT TIME ZONE 'UTC', 'DD HH24') FROM metrics_hourly";
    assert_eq!(value(&url, first).await.as_deref(), Some("14 23"));
}

/// The first five hours of a series of host `a`, by plain SQL.
async fn hours(url: &str, names: &[String], aggregate: Aggregate) -> Vec<Option<f64>> {
    let column = format!("{aggregate:?}").to_lowercase();
    let select = format!(
        "SELECT (array_agg((metric_{column} #>> $1)::float8 ORDER BY hour))[:5] \
         FROM metrics_hourly WHERE host = 'a' AND metric_type = 'app'"
    );
    let mut connection = PgConnection::connect(url).await.unwrap();
    let found = sqlx::query_scalar(AssertSqlSafe(select)).bind(names);
    let found = found.fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    found
}

#[tokio::test]
async fn documents_are_packed() {
    let url = database().await;
    let store = open(&url).await.unwrap().store;
    let names: Vec<String> = (0..20).map(|number| format!("part {number}")).collect();
    let rows: Vec<(&str, f64)> = names.iter().map(|name| (name.as_str(), 1.5)).collect();
    store.append(&[record("a", START, Some(1.25), &rows)]).await.unwrap();
    let select = "SELECT (pg_column_size(metric_data) * 2 < pg_column_size(metric_data::text::jsonb))::text \
        FROM metrics_snapshots";
    assert_eq!(value(&url, select).await.as_deref(), Some("true"));
}

#[tokio::test]
async fn a_damaged_frame_is_named_and_left_out() {
    let url = database().await;
    let store = open(&url).await.unwrap().store;
    store.append(&loads(every(MINUTE, START, START + 10 * MINUTE))).await.unwrap();
    run(
        &url,
        "UPDATE frames SET body = set_byte(body, 6, get_byte(body, 6) # 1) \
               WHERE time_ms = (SELECT min(time_ms) + 60000 FROM frames)",
    )
    .await;
    let answer = store.range(&ask(START, START + HOUR)).await.unwrap();
    assert_eq!((answer.timestamps_ms.len(), answer.damaged), (9, 1));
    let damaged = store.damaged();
    assert_eq!((damaged.len(), damaged[0].start_ms), (1, START + MINUTE));
    assert_eq!((damaged[0].host.as_str(), store.usage().await.unwrap().damaged), ("a", 1));
}

#[tokio::test]
async fn daemons_share_a_database() {
    let url = database().await;
    let (one, other) = (open(&url).await.unwrap().store, open(&url).await.unwrap().store);
    let write = async |store: Arc<dyn Store>, host: &'static str| {
        for hour in 0..6 {
            let times = every(MINUTE, START + hour * HOUR, START + (hour + 1) * HOUR);
            let records: Vec<_> = times.map(|time| record(host, time, Some(1.0), &[])).collect();
            store.append(&records).await.unwrap();
            store.append(&records).await.unwrap();
        }
    };
    // The same host from both as well: what both send counts once.
    tokio::join!(
        write(Arc::clone(&one), "a"),
        write(Arc::clone(&other), "b"),
        write(Arc::clone(&one), "c"),
        write(Arc::clone(&other), "c"),
    );
    for host in ["a", "b", "c"] {
        let mut query = ask(START, START + DAY);
        query.selection.host = host.into();
        for store in [&one, &other] {
            let found = store.summary(&query.selection).await.unwrap();
            assert_eq!(found[0].count, 360, "{host}");
        }
    }
    let names: Vec<String> = one.hosts().await.unwrap().into_iter().map(|host| host.name).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_name_belongs_to_who_took_it_first() {
    let url = database().await;
    let (one, other) = (open(&url).await.unwrap().store, open(&url).await.unwrap().store);
    let machine = |id: &str, interval_ms| HostIdentity {
        name: "web".into(),
        id: id.repeat(4).into(),
        interval_ms,
        version: "1".into(),
    };
    let (first, second) = (machine("aaaaaaaa", 5000), machine("bbbbbbbb", 5000));
    let (left, right) = tokio::join!(one.register(&first), other.register(&second));
    let mut names = [left.unwrap(), right.unwrap()].map(|name| name.to_string());
    names.sort();
    assert!(names == ["web", "web-aaaaaaaa"] || names == ["web", "web-bbbbbbbb"], "{names:?}");
    let again = one.register(&machine("aaaaaaaa", 1000)).await.unwrap();
    one.append(&[record(&again, START, Some(1.0), &[])]).await.unwrap();
    let hosts = other.hosts().await.unwrap();
    assert_eq!((hosts.len(), hosts[0].interval_ms), (1, Some(1000)));
    assert_eq!(hosts[0].id.as_deref(), Some("aaaaaaaa".repeat(4).as_str()));
}

#[tokio::test]
async fn a_server_that_is_away_is_no_reason_not_to_start() {
    // Somebody who lets everybody in and never says a word.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refusing = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    for (listener, keeps) in [(silent, true), (refusing, false)] {
        let url = format!("postgres://me:s3cret@{}/watch", listener.local_addr().unwrap());
        let _open = keeps.then_some(listener);
        let start = Instant::now();
        let store = open(&url).await.unwrap().store;
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        let error = store.append(&loads([START])).await.unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_named_with_its_cure() {
    let url = database().await;
    let missing = url.replace("test_", "nowhere_");
    let error = open(&missing).await.unwrap_err().to_string();
    assert!(error.contains("there is no such database") && error.contains("createdb"), "{error}");
    let separator = if url.contains('?') { '&' } else { '?' };
    let own = format!("{url}{separator}options[search_path]=nowhere");
    let error = open(&own).await.unwrap_err().to_string();
    assert!(error.contains("CREATE SCHEMA NAME AUTHORIZATION USER"), "{error}");
    run(&url, "CREATE SCHEMA nowhere").await;
    open(&own).await.unwrap().store.append(&loads([START])).await.unwrap();
    // Another program's tables.
    run(&url, "CREATE TABLE users (id int)").await;
    let error = open(&url).await.unwrap_err().to_string();
    assert!(error.contains("tables of another program"), "{error}");
    // Tables of a version to come.
    let url = database().await;
    open(&url).await.unwrap().store.close().await;
    run(&url, "UPDATE perfwatch_schema SET version = 99").await;
    let error = open(&url).await.unwrap_err().to_string();
    assert!(error.contains("has schema version 99, this version reads up to"), "{error}");
}

#[tokio::test]
async fn a_server_that_comes_back_is_used_at_once() {
    let url = database().await;
    let store = open(&url).await.unwrap().store;
    store.append(&loads([START])).await.unwrap();
    run(
        &url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .await;
    // A connection that was just used is not asked first whether it is alive.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    store.append(&loads([START, START + 1])).await.unwrap();
    assert_eq!(store.usage().await.unwrap().frames, 2);
}
