//! What only a file can do or suffer.

use std::{
    fs,
    os::unix::fs::{FileExt, PermissionsExt},
    path::{Path, PathBuf},
};

use perfwatch_store::{HistoryFile, HostIdentity, Opened, RetentionPolicyUpdate, StoreError, open};
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use crate::{
    contract::retention::apply,
    fixture::{HOUR, MINUTE, START, ask, check, every, loads, noise, policy},
};

/// A directory and the path of a store in it.
fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data/perfwatch.db");
    (directory, path)
}

async fn open_at(path: &Path) -> Result<Opened, StoreError> {
    open(&format!("sqlite:{}", path.display())).await
}

async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

async fn run(path: &Path, sql: &'static str) {
    let mut connection = raw(path).await;
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_url_says_what_it_is() {
    let message = async |url| open(url).await.unwrap_err().to_string();
    let kinds = "a store is `sqlite:PATH`, `postgres://USER:PASSWORD@HOST/DATABASE`, \
                 `prometheus+http(s)://HOST:PORT` or `memory:`";
    assert_eq!(
        message("mysql://root:secret@db/x").await,
        format!("`mysql:` is not a kind of store; {kinds}")
    );
    assert_eq!(message("/var/lib/x.db").await, format!("the store URL has no scheme; {kinds}"));
    assert_eq!(message("sqlite:").await, format!("`sqlite:` needs the path of a file; {kinds}"));
    let (_directory, path) = place();
    let opened = open(&format!("sqlite://{}", path.display())).await.unwrap();
    assert_eq!(opened.store.kind(), "sqlite");
    assert!(path.exists());
    assert_eq!(open("memory:").await.unwrap().store.kind(), "memory");
}

#[tokio::test]
async fn files_are_their_owners_only() {
    let (_directory, path) = place();
    let opened = open_at(&path).await.unwrap();
    opened.store.append(&loads([START])).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for name in ["perfwatch.db", "perfwatch.db-wal", "perfwatch.db-shm", "perfwatch.db.lock"] {
        assert_eq!(mode(&path.with_file_name(name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn everything_is_there_again_after_a_drop_without_a_close() {
    let (_directory, path) = place();
    let opened = open_at(&path).await.unwrap();
    let records = loads(every(MINUTE, START, START + HOUR));
    opened.store.append(&records).await.unwrap();
    opened.store.apply_retention(&policy(0, 10 * MINUTE, 1), START + HOUR).await.unwrap();
    opened.accounts.create_user("admin", "hash").await.unwrap();
    opened.accounts.set_config("key", "value").await.unwrap();
    let query = ask(START, START + HOUR);
    let answer = opened.store.range(&query).await.unwrap();
    let usage = opened.store.usage().await.unwrap();
    drop(opened);

    let opened = open_at(&path).await.unwrap();
    assert_eq!(opened.store.range(&query).await.unwrap(), answer);
    let again = opened.store.usage().await.unwrap();
    assert_eq!((again.frames, again.downsampled_frames), (usage.frames, usage.downsampled_frames));
    assert_eq!(opened.store.series("a").await.unwrap(), ["app.load"]);
    assert_eq!(opened.accounts.user_count().await.unwrap(), 1);
    assert_eq!(opened.accounts.config("key").await.unwrap().as_deref(), Some("value"));
    // What was downsampled before is still known.
    opened.store.append(&records).await.unwrap();
    assert_eq!(opened.store.range(&query).await.unwrap(), answer);
}

#[tokio::test]
async fn a_second_opening_names_the_first() {
    let (_directory, path) = place();
    let first = open_at(&path).await.unwrap();
    let error = open_at(&path).await.unwrap_err();
    let expected = format!(
        "{} is in use by process {}; stop it, or choose another file",
        path.display(),
        std::process::id()
    );
    assert_eq!(error.to_string(), expected);
    first.store.close().await;
    open_at(&path).await.unwrap();
}

/// What another program's lock is called, at the opening and later.
fn assert_locked(error: &StoreError, path: &Path) {
    assert!(matches!(error, StoreError::Locked { owner: None, .. }), "{error:?}");
    let expected = format!(
        "cannot use {}: another program has it locked: \
         stop that program, or choose another file with --store",
        path.display()
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn another_programs_lock_is_named_at_the_opening() {
    let (_directory, path) = place();
    open_at(&path).await.unwrap().store.close().await;
    let mut other = raw(&path).await;
    let lock = "PRAGMA locking_mode = EXCLUSIVE; CREATE TABLE theirs (x)";
    sqlx::raw_sql(lock).execute(&mut other).await.unwrap();
    assert_locked(&open_at(&path).await.unwrap_err(), &path);
    other.close().await.unwrap();
    open_at(&path).await.unwrap();
}

#[tokio::test]
async fn another_programs_lock_is_named_at_an_append() {
    let (_directory, path) = place();
    let opened = open_at(&path).await.unwrap();
    let mut other = raw(&path).await;
    sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
    let error = opened.store.append(&loads([START])).await.unwrap_err();
    assert_locked(&error, &path);
    assert!(error.is_transient(), "the writer tries it again");
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    opened.store.append(&loads([START])).await.unwrap();
}

#[tokio::test]
async fn another_programs_file_is_left_as_it_is() {
    let (_directory, path) = place();
    fs::create_dir(path.parent().unwrap()).unwrap();
    run(&path, "PRAGMA journal_mode = WAL; CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)")
        .await;
    for text in [fs::read(&path).unwrap(), b"not a database at all, and longer".to_vec()] {
        fs::write(&path, &text).unwrap();
        let error = open_at(&path).await.unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
        assert!(error.to_string().contains("choose another file"));
        assert_eq!(fs::read(&path).unwrap(), text);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}

#[tokio::test]
async fn a_newer_file_is_refused() {
    let (_directory, path) = place();
    open_at(&path).await.unwrap().store.close().await;
    run(&path, "PRAGMA user_version = 99").await;
    let error = open_at(&path).await.unwrap_err().to_string();
    let expected = "has schema version 99, this version reads up to 4; update perfwatch";
    assert!(error.ends_with(expected), "{error}");
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    let (directory, _) = place();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    // Not even the superuser can make a directory in a file, or a file in /proc.
    for path in [file.join("x/perfwatch.db"), "/proc/perfwatch.db".into()] {
        let error = open_at(&path).await.unwrap_err();
        assert!(matches!(error, StoreError::Unwritable { .. }), "{error}");
        let text = error.to_string();
        assert!(text.starts_with("cannot write ") && !text.contains('\n'), "{text}");
        assert!(text.contains("give this user the right to it"), "{text}");
    }
    let error = open_at(directory.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unwritable { .. }), "{error}");
}

#[tokio::test]
async fn a_damaged_file_is_named() {
    let (_directory, path) = place();
    let opened = open_at(&path).await.unwrap();
    opened.store.append(&loads(every(MINUTE, START, START + HOUR))).await.unwrap();
    opened.store.close().await;
    // The page behind the header.
    fs::File::options().write(true).open(&path).unwrap().write_all_at(&[0xff; 200], 100).unwrap();
    let error = open_at(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("perfwatch.db is damaged: "), "{error}");
}

#[tokio::test]
async fn a_flipped_bit_in_a_frame_is_found_and_not_shown() {
    let (_directory, path) = place();
    let opened = open_at(&path).await.unwrap();
    opened.store.append(&loads(every(MINUTE, START, START + 4 * MINUTE))).await.unwrap();
    opened.store.close().await;
    run(&path, "UPDATE frames SET body = x'00112233445566' WHERE timestamp_ms % 240000 = 60000")
        .await;
    // A body under another time is as wrong.
    run(&path, "UPDATE frames SET key = key + 1 WHERE timestamp_ms % 240000 = 180000").await;

    let opened = open_at(&path).await.unwrap();
    let query = ask(START, START + HOUR);
    for _ in 0..2 {
        let answer = opened.store.range(&query).await.unwrap();
        assert_eq!(answer.damaged, 2);
        assert_eq!(answer.series[0].values, [Some(1.0), Some(3.0)]);
    }
    assert_eq!(opened.store.usage().await.unwrap().damaged, 2);
    // It does not keep retention from its work.
    opened.store.apply_retention(&policy(0, MINUTE, 1), START + HOUR).await.unwrap();
    let summary = opened.store.summary(&query.selection).await.unwrap();
    assert_eq!((summary[0].count, summary[0].avg), (2, 2.0));
}

#[tokio::test]
async fn every_flipped_bit_of_the_file_is_harmless() {
    let (_directory, path) = place();
    let opened = open_at(&path).await.unwrap();
    opened.store.append(&loads(every(MINUTE, START, START + HOUR))).await.unwrap();
    let query = ask(START, START + HOUR);
    let truth = opened.store.range(&query).await.unwrap();
    opened.store.close().await;
    let whole = fs::read(&path).unwrap();
    // A spread of bits over all pages; a wrong value is never shown.
    let step = whole.len() * 8 / 150 + 1;
    for bit in (0..whole.len() * 8).step_by(step) {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &damaged).unwrap();
        let Ok(opened) = open_at(&path).await else { continue };
        if let Ok(answer) = opened.store.range(&query).await {
            for (series, time, value) in points(&answer) {
                let right = points(&truth).any(|point| point == (series, time, value));
                assert!(right, "bit {bit}: {series} {time} {value}");
            }
        }
        opened.store.close().await;
    }
}

fn points(answer: &perfwatch_store::RangeAnswer) -> impl Iterator<Item = (&str, i64, f64)> {
    answer.series.iter().flat_map(|series| {
        let points = answer.timestamps_ms.iter().zip(&series.values);
        points.filter_map(|(&time, value)| Some((series.path.as_str(), time, (*value)?)))
    })
}

#[tokio::test]
async fn frames_can_be_read_with_plain_sql() {
    let (_directory, path) = place();
    let opened = open_at(&path).await.unwrap();
    opened.store.append(&loads([START, START + HOUR])).await.unwrap();
    let mut connection = raw(&path).await;
    let sql =
        "SELECT name, min(timestamp_ms), count(*) FROM frames JOIN hosts ON hosts.id = host_id";
    let row: (String, i64, i64) = sqlx::query_as(sql).fetch_one(&mut connection).await.unwrap();
    assert_eq!(row, ("a".to_owned(), START, 2));
}

#[tokio::test]
async fn the_bundled_sqlite_is_recent() {
    let (_directory, path) = place();
    fs::create_dir(path.parent().unwrap()).unwrap();
    let version: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(&mut raw(&path).await)
        .await
        .unwrap();
    let parts: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();
    assert!(parts >= vec![3, 51, 3], "{version}");
}

#[tokio::test]
async fn a_file_becomes_shorter() {
    let (_directory, path) = place();
    let opened = open_at(&path).await.unwrap();
    let store = &*opened.store;
    for hour in 0..24 {
        let from = START + hour * HOUR;
        store.append(&noise(20, every(5000, from, from + HOUR))).await.unwrap();
    }
    let before = store.usage().await.unwrap();
    let report = store.apply_retention(&policy(0, HOUR, 1), START + 24 * HOUR).await.unwrap();
    let file = fs::metadata(&path).unwrap().len();
    assert!(report.freed_bytes > before.bytes / 2, "{report:?} of {before:?}");
    assert!(file < before.bytes / 2, "{file} of {before:?}");
    check(
        store,
        &{
            let mut query = ask(START, START + 24 * HOUR);
            query.limit = 1;
            query.aggregates = vec![perfwatch_store::Aggregate::Count];
            query
        },
        &["step 86400000 of 3600000 3600s", "at 0", "app.load count 17280"],
    )
    .await;
}

#[tokio::test]
async fn hours_become_slices_and_the_slices_of_a_day_one() {
    let (_directory, path) = place();
    let opened = open_at(&path).await.unwrap();
    let now = START + 27 * HOUR + 10 * MINUTE;
    for hour in 0..28 {
        let times = every(MINUTE, START + hour * HOUR, now.min(START + (hour + 1) * HOUR));
        opened.store.append(&loads(times)).await.unwrap();
    }
    // Retention waits until what is due is sealed.
    apply(&*opened.store, &policy(30, HOUR, 365), now).await;
    let rows = async |sql: &'static str| -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut raw(&path).await).await.unwrap()
    };
    let pages = "SELECT count(*) FROM slices WHERE timestamp_ms >= 1699920000000 + 86400000";
    assert_eq!(rows("SELECT count(*) FROM slices").await - rows(pages).await, 1, "the day");
    assert_eq!(rows(pages).await, 3, "the hours since");
    assert_eq!(rows("SELECT count(*) FROM frames").await, 10);
    assert_eq!(opened.store.usage().await.unwrap().frames, 27 * 60 + 10);
}

#[tokio::test]
async fn a_damaged_policy_deletes_nothing_until_it_is_set_anew() {
    let (_directory, path) = place();
    let opened = open_at(&path).await.unwrap();
    let update = RetentionPolicyUpdate { full_resolution_days: Some(300), ..Default::default() };
    let set = opened.accounts.update_retention_policy(&update).await.unwrap();
    assert_eq!(opened.accounts.retention_policy().await.unwrap(), set);
    for flipped in [
        "UPDATE archive_policies SET full_resolution_days = full_resolution_days - 256",
        "UPDATE archive_policies SET full_resolution_days = 300, downsampled_days = 301",
        "UPDATE archive_policies SET downsampled_days = 365, max_bytes = 4194304",
    ] {
        run(&path, flipped).await;
        let error = opened.accounts.retention_policy().await.unwrap_err().to_string();
        assert!(error.contains("until it is set anew"), "{error}");
    }
    assert_eq!(opened.accounts.update_retention_policy(&update).await.unwrap(), set);
    assert_eq!(opened.accounts.retention_policy().await.unwrap(), set);
}

fn machine(name: &str, id: &str) -> HostIdentity {
    let (name, id) = (name.into(), id.into());
    HostIdentity { name, id, interval_ms: 5000, version: "1.0.0".into() }
}

#[tokio::test]
async fn a_registered_name_is_kept_over_a_restart() {
    let (_directory, path) = place();
    let opened = open_at(&path).await.unwrap();
    opened.store.append(&loads([START])).await.unwrap();
    opened.store.register(&machine("a", "1111111111")).await.unwrap();
    let hosts = opened.store.hosts().await.unwrap();
    assert_eq!(hosts[0].id.as_deref(), Some("1111111111"));
    opened.store.close().await;

    let file = HistoryFile::open(&path).await.unwrap();
    assert_eq!(file.hosts().await.unwrap(), hosts);
    file.close().await;
    let opened = open_at(&path).await.unwrap();
    assert_eq!(opened.store.hosts().await.unwrap(), hosts);
    let name = opened.store.register(&machine("a", "2222222222")).await.unwrap();
    assert_eq!(&*name, "a-22222222");
}

#[tokio::test]
async fn a_damaged_machine_has_no_name_until_it_registers_again() {
    let (_directory, path) = place();
    let opened = open_at(&path).await.unwrap();
    opened.store.append(&loads([START])).await.unwrap();
    for (name, id) in [("a", "1111111111"), ("a", "2222222222")] {
        opened.store.register(&machine(name, id)).await.unwrap();
    }
    opened.store.close().await;
    run(&path, "UPDATE machines SET machine = '1111111110' WHERE name = 'a'").await;

    let opened = open_at(&path).await.unwrap();
    assert_eq!(opened.store.hosts().await.unwrap()[0].id, None);
    let name = async |id| opened.store.register(&machine("a", id)).await.unwrap();
    assert_eq!(&*name("2222222222").await, "a-22222222", "it does not take the other's");
    assert_eq!(&*name("1111111111").await, "a");
}

#[tokio::test]
async fn a_file_of_version_3_gets_room_for_machines() {
    let (_directory, path) = place();
    let opened = open_at(&path).await.unwrap();
    opened.store.append(&loads(every(MINUTE, START, START + HOUR))).await.unwrap();
    let query = ask(START, START + HOUR);
    let answer = opened.store.range(&query).await.unwrap();
    opened.store.close().await;
    run(&path, "DROP TABLE machines; PRAGMA user_version = 3").await;

    let opened = open_at(&path).await.unwrap();
    assert_eq!(opened.store.range(&query).await.unwrap(), answer);
    assert_eq!(&*opened.store.register(&machine("a", "1111111111")).await.unwrap(), "a");
    opened.store.close().await;
    let found: i64 =
        sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut raw(&path).await).await.unwrap();
    assert_eq!(found, 4);
}
