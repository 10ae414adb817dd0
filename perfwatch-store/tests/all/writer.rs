//! What becomes of frames while the store is away.

use std::{
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};

use perfwatch_store::{BatchMetricsWriter, Store, WriterCounts, WriterOptions, WriterStatus};
use tokio::time::sleep;

use crate::{
    fixture::{SECOND, START, every, loads},
    moody::{Mood, Moody},
};

fn writer(store: &Arc<Moody>, capacity: usize, batch: usize) -> BatchMetricsWriter {
    let store = Arc::clone(store) as Arc<dyn Store>;
    BatchMetricsWriter::spawn(store, WriterOptions { capacity, batch, ..Default::default() })
}

fn push(writer: &BatchMetricsWriter, seconds: std::ops::Range<i64>) {
    let times = every(SECOND, START + seconds.start * SECOND, START + seconds.end * SECOND);
    loads(times).into_iter().for_each(|record| writer.push(record));
}

fn counts(expected: u64, stored: u64, waiting: u64, dropped: u64) -> WriterCounts {
    WriterCounts { expected, stored, waiting, dropped, ..WriterCounts::default() }
}

/// Why the store takes nothing.
fn reason(writer: &BatchMetricsWriter) -> Option<String> {
    match writer.status() {
        WriterStatus::Ok => None,
        WriterStatus::Degraded { reason, .. } => Some(reason),
    }
}

async fn held(store: &Moody) -> (u64, Option<i64>) {
    let usage = store.usage().await.unwrap();
    (usage.frames, usage.oldest_ms.map(|oldest| (oldest - START) / SECOND))
}

const ONE_SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn what_waits_is_written_in_batches() {
    let store = Moody::new(Mood::Works);
    let writer = writer(&store, 100, 10);
    push(&writer, 0..35);
    assert_eq!(writer.counts(), counts(35, 0, 35, 0));
    sleep(Duration::from_millis(1)).await;
    assert_eq!(writer.counts(), counts(35, 35, 0, 0));
    assert_eq!(writer.status(), WriterStatus::Ok);
    assert_eq!(store.appends.load(Ordering::Relaxed), 4);
    assert_eq!(store.largest.load(Ordering::Relaxed), 10);
    assert_eq!(held(&store).await, (35, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn an_outage_costs_nothing_while_there_is_room() {
    let store = Moody::new(Mood::Away);
    let writer = writer(&store, 100, 10);
    push(&writer, 0..30);
    sleep(LONG * 5).await;
    assert_eq!(writer.counts(), counts(30, 0, 30, 0));
    assert_eq!(reason(&writer).unwrap(), "the store is not available: gone fishing");
    // 0.25, 0.5, 1, ... 8 s, then every 5 to 10 s: five minutes are 50 tries, not 1,200.
    let tries = store.appends.load(Ordering::Relaxed);
    assert!((34..=68).contains(&tries), "{tries}");

    store.mood.send_replace(Mood::Works);
    push(&writer, 30..31);
    sleep(LONG).await;
    assert_eq!(writer.counts(), counts(31, 31, 0, 0));
    assert_eq!(writer.status(), WriterStatus::Ok);
    assert_eq!(held(&store).await, (31, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn when_there_is_no_room_the_oldest_go() {
    let store = Moody::new(Mood::Away);
    let writer = writer(&store, 20, 10);
    push(&writer, 0..50);
    assert_eq!(writer.counts(), counts(50, 0, 20, 30));
    sleep(LONG).await;
    store.mood.send_replace(Mood::Works);
    sleep(LONG).await;
    assert_eq!(writer.counts(), counts(50, 20, 0, 30));
    assert_eq!(held(&store).await, (20, Some(30)));
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_gets_as_much_as_it_can_take_in_time() {
    for mood in [Mood::Slow, Mood::Hasty] {
        let store = Moody::new(mood);
        let writer = writer(&store, 2000, 256);
        push(&writer, 0..640);
        // 256 and 128 are too many for 8 s, 64 are not: 640 take 64 s and two tries in vain.
        sleep(LONG + 22 * ONE_SECOND).await;
        assert_eq!(writer.counts(), counts(640, 640, 0, 0), "{mood:?}");
        assert_eq!(store.appends.load(Ordering::Relaxed), 12, "{mood:?}");
        // It is as fast as ever: so are the batches.
        store.mood.send_replace(Mood::Works);
        push(&writer, 640..1640);
        sleep(ONE_SECOND).await;
        assert_eq!(writer.counts(), counts(1640, 1640, 0, 0), "{mood:?}");
        assert_eq!(store.appends.load(Ordering::Relaxed), 18, "{mood:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_being_written_is_not_dropped() {
    let store = Moody::new(Mood::Hangs);
    let writer = writer(&store, 20, 10);
    push(&writer, 0..10);
    sleep(ONE_SECOND).await;
    push(&writer, 10..50);
    assert_eq!(writer.counts(), counts(50, 0, 20, 30));
    // The try under way fails, and its records are still there for the next.
    store.mood.send_replace(Mood::Away);
    sleep(ONE_SECOND).await;
    assert_eq!(writer.counts(), counts(50, 0, 20, 30));
    store.mood.send_replace(Mood::Works);
    sleep(LONG).await;
    assert_eq!(writer.counts(), counts(50, 20, 0, 30));
    assert_eq!(held(&store).await, (20, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_no_store_takes_is_given_up_alone() {
    let store = Moody::new(Mood::Works);
    let writer = writer(&store, 100, 10);
    push(&writer, 0..3);
    loads([-5]).into_iter().for_each(|record| writer.push(record));
    push(&writer, 3..7);
    sleep(LONG).await;
    assert_eq!(writer.counts(), WriterCounts { set_aside: 1, ..counts(8, 7, 0, 1) });
    assert_eq!(writer.status(), WriterStatus::Ok);
    assert_eq!(held(&store).await, (7, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn frames_of_impossible_times_are_given_up_however_many_they_are() {
    let store = Moody::new(Mood::Works);
    let writer = writer(&store, 100, 10);
    loads(-30..0).into_iter().for_each(|record| writer.push(record));
    push(&writer, 0..3);
    sleep(ONE_SECOND).await;
    assert_eq!(writer.counts(), WriterCounts { set_aside: 30, ..counts(33, 3, 0, 30) });
}

#[tokio::test(start_paused = true)]
async fn a_failure_without_a_name_costs_no_frame() {
    for frames in [1, 5] {
        let store = Moody::new(Mood::Broken);
        let writer = writer(&store, 100, 10);
        push(&writer, 0..frames);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(reason(&writer).unwrap(), "the store failed");
        store.mood.send_replace(Mood::Works);
        sleep(LONG).await;
        let all = frames.unsigned_abs();
        assert_eq!(writer.counts(), counts(all, all, 0, 0));
        assert_eq!(writer.status(), WriterStatus::Ok);
    }
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_fails_without_a_name_is_given_up_once_others_do_not() {
    let store = Moody::new(Mood::Works);
    let odd = [3, 4, 5, 17, 30].map(|second| START + second * SECOND);
    *store.breaks.lock().unwrap() = odd.into();
    let writer = writer(&store, 100, 10);
    push(&writer, 0..20);
    sleep(LONG).await;
    assert_eq!(writer.counts(), WriterCounts { set_aside: 4, ..counts(20, 16, 0, 4) });
    // It may be the store, as long as there is no other.
    push(&writer, 30..31);
    sleep(LONG).await;
    assert_eq!(writer.counts(), WriterCounts { set_aside: 4, ..counts(21, 16, 1, 4) });
    push(&writer, 31..32);
    sleep(LONG).await;
    assert_eq!(writer.counts(), WriterCounts { set_aside: 5, ..counts(22, 17, 0, 5) });
    assert_eq!(writer.status(), WriterStatus::Ok);
    assert_eq!(held(&store).await, (17, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_writes_what_waits() {
    let store = Moody::new(Mood::Away);
    let writer = writer(&store, 100, 10);
    push(&writer, 0..25);
    sleep(LONG * 3).await;
    store.mood.send_replace(Mood::Works);
    assert_eq!(writer.shutdown(ONE_SECOND).await, counts(25, 25, 0, 0));
    // What comes later is counted, and lost.
    push(&writer, 25..26);
    assert_eq!(writer.counts(), counts(26, 25, 0, 1));
    assert_eq!(writer.shutdown(ONE_SECOND).await, counts(26, 25, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_at_its_deadline() {
    for mood in [Mood::Away, Mood::Hangs] {
        let store = Moody::new(mood);
        let writer = writer(&store, 100, 10);
        push(&writer, 0..25);
        let start = tokio::time::Instant::now();
        assert_eq!(writer.shutdown(ONE_SECOND).await, counts(25, 0, 0, 25), "{mood:?}");
        assert!(start.elapsed() < ONE_SECOND * 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sum_holds_at_every_moment() {
    let store = Moody::new(Mood::Works);
    let writer = Arc::new(writer(&store, 50, 7));
    let pusher = {
        let writer = Arc::clone(&writer);
        thread::spawn(move || {
            (0..200).for_each(|burst| {
                push(&writer, burst * 20..(burst + 1) * 20);
                thread::sleep(Duration::from_micros(200));
            });
        })
    };
    let mut round = 0_u32;
    while !pusher.is_finished() {
        let moods = [Mood::Works, Mood::Away, Mood::Works, Mood::Hangs];
        if round.is_multiple_of(64) {
            store.mood.send_replace(moods[round as usize / 64 % 4]);
        }
        round = round.wrapping_add(1);
        let WriterCounts { expected, stored, waiting, dropped, .. } = writer.counts();
        assert_eq!(expected, stored + waiting + dropped);
        tokio::task::yield_now().await;
    }
    pusher.join().unwrap();
    store.mood.send_replace(Mood::Works);
    let last = writer.shutdown(LONG).await;
    assert_eq!((last.expected, last.waiting), (4000, 0));
    assert_eq!(last.stored + last.dropped, 4000);
    assert_eq!(held(&store).await.0, last.stored);
}
