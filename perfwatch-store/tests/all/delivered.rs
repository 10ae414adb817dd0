//! An import into a store that is busy, slow, away, or does not take every frame.

use std::{io::Cursor, sync::Arc, time::Duration};

use perfwatch_store::{ExchangeError, Format, Imported, Input, StoreError, import_file};
use tokio::time::{Instant, sleep};

use crate::{
    fixture::{SECOND, START},
    moody::{Mood, Moody},
};

const FRAMES: i64 = 700;

fn times() -> impl Iterator<Item = i64> {
    (0..FRAMES).map(|number| START + number * SECOND)
}

async fn import(store: &Moody) -> Result<Imported, ExchangeError> {
    let line = |time| format!("{time},a,1.5\n");
    let csv = "timestamp,host,app.load\n".to_owned() + &times().map(line).collect::<String>();
    let input = Input::Stream(Box::new(Cursor::new(csv.into_bytes())));
    import_file(store, &[], input, Format::Csv, &|_| ()).await
}

fn taken(store: &Moody) -> Vec<i64> {
    store.taken.lock().unwrap().iter().map(|(_, time)| *time).collect()
}

/// Changes the mood later.
fn later(store: &Arc<Moody>, seconds: u64, mood: Mood) {
    let store = Arc::clone(store);
    tokio::spawn(async move {
        sleep(Duration::from_secs(seconds)).await;
        store.mood.send_replace(mood);
    });
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_busy_is_waited_for() {
    let store = Moody::new(Mood::Busy);
    later(&store, 150, Mood::Works);
    let begun = Instant::now();
    let imported = import(&store).await.unwrap();
    assert_eq!(imported, Imported { frames: 700, new: None });
    assert!(taken(&store).into_iter().eq(times()));
    assert_eq!(begun.elapsed(), Duration::from_secs(200), "it said 100 s, twice");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_manages_few_frames_at_once_gets_few() {
    let store = Moody::new(Mood::Hasty);
    import(&store).await.unwrap();
    assert!(taken(&store).into_iter().eq(times()));
}

#[tokio::test(start_paused = true)]
async fn an_outage_in_the_middle_is_waited_for_and_not_for_ever() {
    let store = Moody::new(Mood::Slow);
    later(&store, 30, Mood::Away);
    later(&store, 90, Mood::Works);
    import(&store).await.unwrap();
    assert!(taken(&store).into_iter().eq(times()));

    let store = Moody::new(Mood::Slow);
    later(&store, 30, Mood::Away);
    let begun = Instant::now();
    let error = import(&store).await.unwrap_err();
    assert!(matches!(error, ExchangeError::Store(StoreError::Unavailable { .. })), "{error}");
    assert!(begun.elapsed() > Duration::from_secs(60));
    assert!(begun.elapsed() < Duration::from_secs(600));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_not_there_is_told_at_once() {
    let store = Moody::new(Mood::Away);
    let begun = Instant::now();
    import(&store).await.unwrap_err();
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_is_refused_is_named_and_all_before_it_are_kept() {
    let store = Moody::new(Mood::Works);
    store.refused.lock().unwrap().insert(START + 300 * SECOND);
    let error = import(&store).await.unwrap_err();
    let expected = "the frame of host `a` at 2023-11-14T00:05:00.000Z: \
                    the store refused what it was given: one of these is bad";
    assert_eq!(error.to_string(), expected);
    assert!(taken(&store).into_iter().eq(times().take(300)));
}
