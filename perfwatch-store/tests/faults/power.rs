//! A power cut: what was acknowledged is there, once, because each commit waits for the disk.

use std::{path::Path, time::Duration};

use perfwatch_store::{SqliteStore, Store};

use crate::{
    disk::Disk,
    judge::{complete, newest},
    level::{count, report},
    old,
    truth::mix,
    writer::{Heard, Synced, TRUTH, Writer},
};

/// Lets a writer write for a while, and cuts the power. What it said before is what counts: a
/// machine without power says nothing, but this one goes on for a moment.
fn cut(disk: &Disk, file: &Path, next: i64, round: u32, synced: Synced) -> (i64, Heard) {
    let switch = disk.switch();
    let writer = Writer::start(file, next, synced);
    std::thread::sleep(Duration::from_millis(100 + mix(round.into()) % 600));
    let acknowledged = writer.stored().unwrap_or(next - 1);
    switch.cut();
    let heard = writer.kill();
    disk.start_again();
    (acknowledged, heard)
}

#[tokio::test]
async fn a_power_cut_loses_nothing_that_was_acknowledged() {
    let disk = Disk::new();
    let file = disk.root().join("perfwatch.db");
    let cycles = count(50, 2);
    let (mut next, mut frames, mut in_retention) = (0, 0, 0);
    for round in 1..=cycles {
        let (acknowledged, heard) = cut(&disk, &file, next, round, Synced::Yes);
        frames += heard.frames;
        in_retention += u32::from(heard.in_retention);
        let last = heard.stored.unwrap_or(acknowledged) + 1;
        let store = SqliteStore::open(&file).await.unwrap();
        let held = newest(&store, TRUTH).await.unwrap_or(-1);
        assert!(
            (acknowledged..=last).contains(&held),
            "cycle {round}: {acknowledged} was acknowledged, {held} is there"
        );
        if held >= 0 {
            complete(&store, TRUTH, held).await;
        }
        assert_eq!(store.verify().await.unwrap(), []);
        store.close().await;
        next = held + 1;
    }
    report(
        "power cut",
        &format!("{cycles} cycles, {frames} frames, {in_retention} in retention"),
        "0 acknowledged lost, every bucket once, nothing damaged",
    );
}

/// The test above would see it if commits did not wait for the disk.
#[tokio::test]
async fn a_power_cut_loses_what_nobody_waited_for() {
    let disk = Disk::new();
    let file = disk.root().join("perfwatch.db");
    let (mut next, mut lost, mut cycles) = (0, 0, 0);
    // A cut right behind a checkpoint, which does wait, takes nothing.
    while lost == 0 && cycles < 10 {
        cycles += 1;
        let (acknowledged, _) = cut(&disk, &file, next, cycles, Synced::No);
        let store = SqliteStore::open(&file).await.unwrap();
        let held = newest(&store, TRUTH).await.unwrap_or(-1);
        store.close().await;
        lost = (acknowledged - held).max(0);
        next = held + 1;
    }
    assert!(lost > 0, "nothing was lost without waiting: the test above could not fail either");
    report(
        "power cut, synchronous=NORMAL",
        &format!("{cycles} cycles"),
        &format!("{lost} acknowledged lost, as it must be"),
    );
}

/// A file of version 1 becomes a current one, with the power cut again and again.
#[tokio::test]
async fn a_power_cut_during_a_migration_loses_nothing() {
    let disk = Disk::new();
    let file = disk.root().join("perfwatch.db");
    let frames = 2000;
    old::make(&file, frames).await;
    let cycles = count(20, 2);
    for round in 1..=cycles {
        let switch = disk.switch();
        let writer = Writer::begin(&file, frames, Synced::Yes);
        std::thread::sleep(Duration::from_millis(10 + mix(round.into()) % 150));
        switch.cut();
        writer.kill();
        disk.start_again();
    }
    let store = SqliteStore::open(&file).await.unwrap();
    let held = newest(&store, TRUTH).await.unwrap();
    assert!(held + 1 >= frames, "{held} of {frames}");
    complete(&store, TRUTH, held).await;
    assert_eq!(store.verify().await.unwrap(), []);
    store.close().await;
    report(
        "power cut while a file of version 1 is upgraded",
        &format!("{cycles} cycles, {frames} frames and 2 days downsampled"),
        "0 lost, every bucket once",
    );
}
