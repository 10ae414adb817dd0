//! What changed between two windows, asked of a real store.

use perfwatch_store::{Changes, ChangesQuery, StoreError, Window, changes};

use crate::fixture::{Backend, HOUR, SECOND, START, memory, record};

/// A load around 1, then around 3; a part that stays warm, one that goes and one that comes.
async fn with_two_hours() -> Backend {
    let backend = memory().await;
    let records: Vec<_> = (0..1440_i64)
        .map(|tick| {
            let wave = (tick * 7 % 13) as f64 / 100.0;
            let (load, part) = if tick < 720 { (1.0, "old") } else { (3.0, "new") };
            let heat = [("kept", 40.0 + wave), (part, 50.0)];
            record("db1", START + tick * 5 * SECOND, Some(load + wave), &heat)
        })
        .collect();
    backend.store().append(&records).await.unwrap();
    backend
}

fn hour(number: i64) -> Window {
    Window { start_ms: START + number * HOUR, end_ms: START + (number + 1) * HOUR }
}

async fn ask(backend: &Backend, before: Window, after: Window) -> Result<Changes, StoreError> {
    let query = ChangesQuery { host: "db1".to_owned(), before, after, min_effect: 3.0, limit: 10 };
    changes(backend.store(), &query, &[]).await
}

#[tokio::test]
async fn a_shift_is_found_and_rows_come_and_go() {
    let backend = with_two_hours().await;
    let found = ask(&backend, hour(0), hour(1)).await.unwrap();
    assert_eq!((found.points_before, found.points_after, found.step_ms), (720, 720, 2000));
    assert_eq!((found.series, found.changed, found.below, found.too_few), (4, 1, 1, 0));
    let change = &found.changes[0];
    assert_eq!(change.path, "app.load");
    assert_eq!((change.before.median, change.after.median), (1.06, 3.06));
    assert_eq!(change.percent().map(f64::round), Some(189.0));
    assert_eq!(found.appeared, ["app.parts.new.heat_celsius"]);
    assert_eq!(found.disappeared, ["app.parts.old.heat_celsius"]);
}

#[tokio::test]
async fn an_hour_and_itself_are_the_same() {
    let backend = with_two_hours().await;
    let found = ask(&backend, hour(0), hour(0)).await.unwrap();
    assert_eq!((found.series, found.changed, found.below), (3, 0, 3));
    assert!(found.appeared.is_empty() && found.disappeared.is_empty());
}

#[tokio::test]
async fn windows_of_any_length_are_compared() {
    let backend = with_two_hours().await;
    let minute = Window { start_ms: START + HOUR, end_ms: START + HOUR + 120 * SECOND };
    let found = ask(&backend, hour(0), minute).await.unwrap();
    assert_eq!((found.points_after, found.changed), (24, 1));
}

#[tokio::test]
async fn an_empty_window_makes_nothing_appear() {
    let backend = with_two_hours().await;
    let found = ask(&backend, hour(-9), hour(1)).await.unwrap();
    assert_eq!((found.points_before, found.series, found.too_few), (0, 3, 3));
    assert!(found.appeared.is_empty() && found.changes.is_empty());
}

#[tokio::test]
async fn what_is_no_window_is_refused() {
    let backend = with_two_hours().await;
    let reversed = Window { start_ms: START + HOUR, end_ms: START };
    let error = ask(&backend, hour(0), reversed).await.unwrap_err();
    assert!(matches!(error, StoreError::BadQuery { parameter: "end_time", .. }), "{error}");
}
