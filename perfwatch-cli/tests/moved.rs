//! `perfwatch store import` into real servers.
#![allow(clippy::disallowed_methods, reason = "starting the binary is what these tests are for")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use it")]

#[path = "../../perfwatch-store/tests/all/cluster.rs"]
#[allow(dead_code, reason = "these tests need a part of it")]
mod cluster;
mod history;
#[path = "../../perfwatch-store/tests/all/postgres_process.rs"]
#[allow(dead_code, reason = "these tests need a part of it")]
mod postgres_process;
#[path = "../../perfwatch-store/tests/all/process.rs"]
mod process;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use history::{answers, fill, questions};
use perfwatch_store::RangeAnswer;

const READ: &str = "270 frames were read: the store has them now; how many it had before, it does \
                    not tell\n";

/// What `perfwatch store` says, which must end with this status; `store` is in the environment.
fn ends(status: i32, args: &[&str], store: Option<&str>) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perfwatch"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PERFWATCH_")) {
        command.env_remove(name);
    }
    command.envs(store.map(|store| ("PERFWATCH_STORE", store)));
    let output = command.arg("store").args(args).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap() + str::from_utf8(&output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{args:?}: {said}");
    assert!(!said.contains("s3cret"), "{said}");
    said
}

/// A history, and an export of it.
fn exported(directory: &Path) -> (PathBuf, String) {
    let (path, file) = (directory.join("perfwatch.db"), directory.join("history.parquet"));
    fill(&path);
    let file = file.to_str().unwrap().to_owned();
    ends(0, &["export", path.to_str().unwrap(), "--output", &file], None);
    (path, file)
}

async fn answers_of(url: &str) -> Vec<RangeAnswer> {
    let store = perfwatch_store::open(url).await.unwrap().store;
    let mut answers = Vec::new();
    for question in questions() {
        answers.push(store.range(&question).await.unwrap());
    }
    store.close().await;
    answers
}

/// An engine finds the usual distance of frames by another way.
fn without_distance(mut answers: Vec<RangeAnswer>) -> Vec<RangeAnswer> {
    answers.iter_mut().for_each(|answer| answer.resolution_ms = 0);
    answers
}

#[test]
fn history_moves_to_postgres_and_to_an_engine() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (path, file) = exported(directory.path());
    let expected = answers(&path);

    let url = runtime.block_on(cluster::database()) + "&password=s3cret";
    assert_eq!(ends(0, &["import", &file, &url], None), READ);
    assert_eq!(runtime.block_on(answers_of(&url)), expected);
    // The variable names a store too, for an import; a file that is named comes first.
    assert_eq!(ends(0, &["import", &file], Some(&url)), READ);
    assert_eq!(runtime.block_on(answers_of(&url)), expected);
    let copy = directory.path().join("copy.db");
    let said = ends(0, &["import", &file, copy.to_str().unwrap()], Some(&url));
    assert_eq!(said, "270 frames were read: 270 new, 0 known already\n");

    let engine = process::Engine::running(&process::VICTORIA_METRICS);
    let url = engine.url().replace("://", "://me:s3cret@");
    assert_eq!(ends(0, &["import", &file, &url], None), READ);
    let found = runtime.block_on(answers_of(&url));
    assert_eq!(without_distance(found), without_distance(expected));
}

#[test]
fn a_server_that_does_not_take_it_is_told_without_its_password() {
    let directory = tempfile::tempdir().unwrap();
    let (_, file) = exported(directory.path());
    let (away, engine) =
        ("postgres://me:s3cret@127.0.0.1:1/x", "prometheus+http://me:s3cret@[::1]:1");
    for url in [away, engine] {
        let said = ends(1, &["import", &file, url], None);
        assert!(said.contains("the store is not available"), "{said}");
        assert_eq!(ends(1, &["import", &file], Some(url)), said);
        // There is no file to look into.
        for command in ["info", "verify", "export"] {
            for (named, store) in [(Some(url), None), (None, Some(url))] {
                let args: Vec<_> = [Some(command), named].into_iter().flatten().collect();
                let said = ends(2, &args, store);
                assert!(said.contains("what is kept by a server has no file here"), "{said}");
            }
        }
        let said = ends(2, &["import", url, &file], None);
        assert!(said.contains("the first argument is the file to read"), "{said}");
    }
    let said = ends(1, &["import", &file, "redis://me:s3cret@db"], None);
    assert!(said.contains("`redis:` is not a kind of store"), "{said}");
    let said = ends(2, &["import", &file, "memory:"], None);
    assert!(said.contains("is gone with its process"), "{said}");
    let locked = process::Engine::running(&process::LOCKED);
    let url = locked.url().replace("://", "://me:s3cret@");
    let said = ends(1, &["import", &file, &url], None);
    assert!(said.contains("does not take the credentials"), "{said}");
}

#[test]
fn a_lost_password_is_replaced_in_postgres_beside_its_daemons() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = runtime.block_on(cluster::database()) + "&password=s3cret";
    let daemon = runtime.block_on(perfwatch_store::open(&url)).unwrap();
    let user = || runtime.block_on(daemon.accounts.user("admin")).unwrap();
    let said = ends(1, &["password", "--random"], Some(&url));
    assert!(said.contains("admin"), "{said}");
    assert_eq!(user(), None);
    runtime.block_on(daemon.accounts.create_user("admin", "an old hash")).unwrap();
    let before = user().unwrap();
    let said = ends(0, &["password", "--random"], Some(&url));
    assert!(said.ends_with("admin has a new password; who was logged in as admin no longer is\n"));
    let after = user().unwrap();
    assert!(after.generation > before.generation && after.password_hash.starts_with("$argon2id$"));
    runtime.block_on(daemon.store.close());
}

#[test]
fn a_broken_line_is_named_and_what_stands_before_it_is_kept() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("refused.jsonl");
    let line = |time: i64, value: &str| {
        format!(
            "{{\"timestamp_ms\":{time},\"host\":\"a\",\"reason\":\"x\",\
             \"data\":{{\"app\":{{\"load\":{value}}}}}}}\n"
        )
    };
    let text = line(history::START, "1.50") + &line(history::START + 1000, "\"bad\"");
    fs::write(&file, text).unwrap();
    let url = runtime.block_on(cluster::database());
    let said = ends(1, &["import", file.to_str().unwrap(), &url], None);
    assert!(said.contains("refused.jsonl, line 2, `app.load`: "), "{said}");
    let found = runtime.block_on(answers_of(&url));
    assert_eq!((found[0].timestamps_ms.len(), found[0].series[0].values[0]), (1, Some(1.5)));
}
