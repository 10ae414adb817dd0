//! The newest frame of a host as the store has it, in the form of a live message.

use std::ops::Range;

use axum::extract::ws::Utf8Bytes;
use perfwatch_core::series::Pattern;
use perfwatch_store::{Aggregate, RangeAnswer, RangeQuery, Selection, Step, Store, StoreError};

use super::message::{LiveMessage, text};
use crate::query::Tree;

/// A path has so many segments.
const DEPTHS: Range<usize> = 2..6;

/// Frames that are looked at, to find the newest of them.
const FRAMES: usize = 1000;

/// So often a question is asked again for the end of its answer, which is shorter each time.
const ATTEMPTS: usize = 4;

/// The newest frame of a range: the last row of an answer.
pub(crate) struct StoredFrame(RangeAnswer);

impl StoredFrame {
    /// The newest frame of a host between two times; nothing if there is none.
    ///
    /// # Errors
    /// What the store said.
    pub(crate) async fn newest(
        store: &dyn Store,
        host: &str,
        times: Range<i64>,
    ) -> Result<Option<Self>, StoreError> {
        Self::newest_with(store, host, times, &everything()).await
    }

    /// The same of the frames that have one of these series, and only these series of it.
    ///
    /// # Errors
    /// What the store said.
    pub(crate) async fn newest_with(
        store: &dyn Store,
        host: &str,
        times: Range<i64>,
        patterns: &[Pattern],
    ) -> Result<Option<Self>, StoreError> {
        let mut start_ms = times.start.max(0);
        let mut found = None;
        for _ in 0..ATTEMPTS {
            let asked = RangeQuery {
                selection: Selection {
                    host: host.to_owned(),
                    patterns: patterns.to_vec(),
                    start_ms,
                    end_ms: times.end,
                },
                step: Step::Raw,
                limit: FRAMES,
                aggregates: vec![Aggregate::Last],
            };
            let answer = store.range(&asked).await?;
            let Some(&last) = answer.timestamps_ms.last() else { break };
            // With more frames than fit, points are buckets: the newest is in the last of them.
            let is_frame = answer.step_ms == 0;
            found = Some(Self(answer));
            if is_frame || last <= start_ms {
                break;
            }
            start_ms = last;
        }
        Ok(found)
    }

    /// When it was measured, in milliseconds since 1970.
    pub(crate) fn timestamp_ms(&self) -> i64 {
        self.0.timestamps_ms.last().copied().unwrap_or_default()
    }

    /// The newest value of a series, from this frame or one shortly before it.
    pub(crate) fn value(&self, path: &str) -> Option<f64> {
        let series = self.0.series.iter().find(|series| series.path == path)?;
        series.values.iter().rev().flatten().next().copied()
    }

    /// The time between two frames, as far as the answer shows it.
    pub(crate) fn resolution_ms(&self) -> Option<u64> {
        let spaced = self.0.timestamps_ms.len() > 1;
        spaced.then(|| self.0.resolution_ms.unsigned_abs()).filter(|ms| *ms > 0)
    }

    /// The message of this frame.
    pub(crate) fn message(&self, host: &str, interval_ms: u64) -> Utf8Bytes {
        let tree = Tree::of_all(&self.0);
        let row = self.0.timestamps_ms.len().saturating_sub(1);
        text(&LiveMessage::stored(host, interval_ms, self.timestamp_ms(), tree.row(row)))
    }
}

fn everything() -> Vec<Pattern> {
    DEPTHS.filter_map(|depth| Pattern::parse(&vec!["*"; depth].join(".")).ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use perfwatch_core::{Frame, View, metric_table};
    use perfwatch_store::{MemoryStore, Record};

    use super::*;

    metric_table! {
        /// A machine.
        table machine: machine {
            /// How busy it is.
            load: Gauge Average,
            /// How much it has.
            used: Gauge Bytes,
        }
    }
    metric_table! {
        /// Its disks.
        table disks: machine.disks per disk {
            /// How hot it is.
            heat: Gauge Celsius,
        }
    }

    fn view(timestamp_ms: i64) -> View {
        let mut frame = Frame::new([&&machine::TABLE, &&disks::TABLE]);
        frame.timestamp_ms = timestamp_ms;
        frame.blocks[0].host_row().set_f64(machine::load, 1.5);
        frame.blocks[0].host_row().set_f64(machine::used, 4096.0);
        frame.blocks[1].push_row("a \"b\".c").set_f64(disks::heat, 40.5);
        let mut view = View::default();
        view.update(None, &frame);
        view
    }

    fn record(timestamp_ms: i64) -> Record {
        Record::new("db1", Arc::new(view(timestamp_ms)))
    }

    #[tokio::test]
    async fn a_stored_frame_looks_like_a_live_one() {
        let store = MemoryStore::default();
        let newest = async |times| StoredFrame::newest(&store, "db1", times).await.unwrap();
        assert!(newest(0..10_000_000).await.is_none());
        let live = record(7000);
        store.append(&[record(1000), live.clone(), record(4000)]).await.unwrap();
        let frame = newest(0..10_000).await.unwrap();
        assert_eq!((frame.timestamp_ms(), frame.resolution_ms()), (7000, Some(3000)));
        let read = |said: Utf8Bytes| serde_json::from_str::<serde_json::Value>(&said).unwrap();
        let expected = text(&LiveMessage::new("db1", 3000, &view(7000)));
        assert_eq!(read(frame.message("db1", 3000)), read(expected));
        assert!(newest(7001..10_000).await.is_none());
        assert_eq!(newest(1000..7000).await.unwrap().timestamp_ms(), 4000);
    }

    #[tokio::test]
    async fn of_many_frames_the_newest_is_found() {
        let store = MemoryStore::with_capacity(100_000);
        let records: Vec<Record> = (0..5000).map(|n| record(1_000_000 + n * 100)).collect();
        store.append(&records).await.unwrap();
        let frame = StoredFrame::newest(&store, "db1", 0..10_000_000).await.unwrap().unwrap();
        assert_eq!(frame.timestamp_ms(), 1_499_900);
    }
}
