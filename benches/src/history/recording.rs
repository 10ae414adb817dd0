//! This machine, sampled fast and kept as if it had been sampled at the usual pace.

use std::{
    thread,
    time::{Duration, Instant},
};

use perfwatch_collect::{MetricsAggregator, Roots};
use perfwatch_core::View;

use super::{INTERVAL_MS, START_MS};

/// How far ticks are apart while they are recorded.
const PACE: Duration = Duration::from_millis(100);

/// Samples this machine with all collectors for so long. Each view gets the time that it would have
/// had at the usual interval, as late as it was.
pub fn record(length: Duration) -> Vec<View> {
    let mut aggregator = MetricsAggregator::new(&Roots::default());
    aggregator.collect_all();
    aggregator.settle(Duration::from_secs(5));
    let start = Instant::now();
    let mut views = Vec::new();
    for tick in 1_u32.. {
        let due = PACE * tick;
        if due > length {
            break;
        }
        thread::sleep(due.saturating_sub(start.elapsed()));
        let late_ms = start.elapsed().saturating_sub(due).as_millis();
        aggregator.collect_all();
        let mut view = aggregator.view().clone();
        let late_ms = i64::try_from(late_ms).unwrap_or(0).min(INTERVAL_MS - 1);
        view.timestamp_ms = START_MS + i64::from(tick) * INTERVAL_MS + late_ms;
        views.push(view);
    }
    views
}
