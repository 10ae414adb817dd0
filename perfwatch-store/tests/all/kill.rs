//! A process that is killed loses nothing that it was told is stored.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use perfwatch_store::{StoreError, open};

use crate::fixture::{DAY, SECOND, START, ask, loads};

const URL: &str = "PERFWATCH_TEST_KILLED_URL";

/// Not a test by itself: with the variable set, this is the process that is killed.
#[tokio::test]
async fn child_that_appends() {
    let Ok(url) = env::var(URL) else { return };
    let opened = open(&url).await.unwrap();
    for tick in 0.. {
        opened.store.append(&loads([START + tick * SECOND])).await.unwrap();
        println!("stored {tick}");
    }
}

#[allow(clippy::disallowed_methods)] // The test itself is run again, to be killed.
fn start(url: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "kill::child_that_appends", "--nocapture"])
        .env(URL, url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_by_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("perfwatch.db").display());
    let mut newest = -1;
    for round in 1..=5 {
        let mut child = start(&url);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let stored = lines.filter_map(|line| line.unwrap().strip_prefix("stored ")?.parse().ok());
        let mut stored = stored.into_iter();
        newest = newest.max(stored.by_ref().nth(round * 7).unwrap());
        if round == 1 {
            let error = open(&url).await.unwrap_err();
            let StoreError::Locked { owner, .. } = &error else { panic!("{error}") };
            assert_eq!(*owner, Some(child.id()));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it died counts too.
        newest = newest.max(stored.last().unwrap_or(-1));

        let opened = open(&url).await.unwrap();
        let mut query = ask(START, START + DAY);
        query.limit = 100_000;
        let answer = opened.store.range(&query).await.unwrap();
        let held = i64::try_from(answer.timestamps_ms.len()).unwrap();
        // At most the one that was not acknowledged yet is there as well.
        assert!((newest + 1..=newest + 2).contains(&held), "round {round}: {held} of {newest}");
        assert_eq!(answer.damaged, 0);
        newest = held - 1;
        opened.store.close().await;
    }
}
