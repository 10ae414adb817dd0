//! `kill -9`: what was acknowledged is there, once, and nothing else.

use std::time::{Duration, Instant};

use perfwatch_store::{SqliteStore, Store, StoreError};

use crate::{
    judge::{complete, newest},
    level::{count, is_full, report},
    truth::mix,
    writer::{Synced, TRUTH, Writer},
};

/// A killed store is opened in this time, on a machine with nothing else to do.
const OPEN: Duration = Duration::from_secs(1);

/// Every so many loops all is compared that is kept, otherwise only that nothing new is lost.
const THOROUGH: u32 = 10;

#[tokio::test]
async fn a_kill_loses_nothing_and_invents_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("perfwatch.db");
    let loops = count(200, 8);
    let (mut next, mut frames, mut in_retention) = (0, 0, 0);
    let (mut slowest, mut writing) = (Duration::ZERO, Duration::ZERO);
    for round in 1..=loops {
        let writer = Writer::start(&file, next, Synced::Yes);
        std::thread::sleep(Duration::from_millis(60 + mix(round.into()) % 500));
        writing += writer.running();
        if round == 1 {
            let error = SqliteStore::open(&file).await.unwrap_err();
            let StoreError::Locked { owner, .. } = &error else { panic!("{error}") };
            assert_eq!(*owner, Some(writer.pid()));
        }
        let heard = writer.kill();
        frames += heard.frames;
        in_retention += u32::from(heard.in_retention);

        let start = Instant::now();
        let store = SqliteStore::open(&file).await.unwrap();
        slowest = slowest.max(start.elapsed());
        let acknowledged = heard.stored.unwrap_or(next - 1);
        let held = newest(&store, TRUTH).await.unwrap_or(-1);
        // At most the one that was not acknowledged yet is there as well.
        assert!(
            (acknowledged..=acknowledged + 1).contains(&held),
            "round {round}: {acknowledged} was acknowledged, {held} is there"
        );
        if round % THOROUGH == 0 || round == loops {
            complete(&store, TRUTH, held).await;
        }
        store.close().await;
        next = held + 1;
    }
    let rate = f64::from(frames) / writing.as_secs_f64();
    assert!(!is_full() || slowest <= OPEN, "an opening took {slowest:?}");
    report(
        "kill -9",
        &format!("{loops} loops, {frames} frames at {rate:.0}/s, {in_retention} in retention"),
        &format!("0 acknowledged lost, each once; opened in at most {} ms", slowest.as_millis()),
    );
}
