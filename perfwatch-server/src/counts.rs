//! The daemon's own numbers, as tables like any other, so that `/metrics` writes them the same way.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;
use perfwatch_core::{Frame, Table, metric_table};
use perfwatch_store::{BatchMetricsWriter, WriterStatus};

use crate::live::Hub;

metric_table! {
    /// Which build this is.
    table build: build per version {
        /// Always 1; the label says the version.
        info: Gauge Flag,
    }
}

metric_table! {
    /// Frames on their way from the sampler to the store.
    table writer: writer {
        /// Frames that the sampler handed over.
        frames_expected: Counter Count,
        /// Frames that the store has.
        frames_stored: Counter Count,
        /// Frames that had to be given up while the store was away.
        frames_dropped: Counter Count,
        /// Frames that wait for the store.
        frames_waiting: Gauge Count,
        /// Of the frames that wait: those in the spool, on disk.
        frames_spooled: Gauge Count,
        /// Bytes of the spool.
        spool: Gauge Bytes,
        /// Of the frames given up: those that the store refused, set aside beside the spool.
        frames_set_aside: Counter Count,
        /// Of the frames given up: those that were damaged in the spool.
        frames_damaged: Counter Count,
        /// Whether the store took the last frames that it was given.
        store_up: Gauge Flag,
    }
}

metric_table! {
    /// Clients that watch live.
    table live: live {
        /// Connected WebSocket clients.
        clients: Gauge Count,
        /// Frames that clients lost because they were too slow.
        frames_skipped: Counter Count,
    }
}

metric_table! {
    /// Answered HTTP requests, by the first digit of the status.
    table http: http per status {
        /// Answered HTTP requests.
        requests: Counter Count,
    }
}

pub(crate) static TABLES: [&Table; 4] = [&build::TABLE, &writer::TABLE, &live::TABLE, &http::TABLE];

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Counts answers by class.
#[derive(Default)]
pub(crate) struct Requests([AtomicU64; CLASSES.len()]);

impl Requests {
    pub(crate) fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).wrapping_sub(1);
        if let Some(count) = self.0.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The daemon's numbers now.
pub(crate) fn frame(sent: &BatchMetricsWriter, watched: &Hub, requests: &Requests) -> Frame {
    let mut frame = Frame::new(&TABLES);
    let [build, writer, live, http] = frame.blocks.as_mut_slice() else { return frame };
    build.push_row(env!("CARGO_PKG_VERSION")).set_flag(self::build::info, true);

    let counts = sent.counts();
    let mut row = writer.host_row();
    row.set(self::writer::frames_expected, counts.expected);
    row.set(self::writer::frames_stored, counts.stored);
    row.set(self::writer::frames_dropped, counts.dropped);
    row.set(self::writer::frames_waiting, counts.waiting);
    row.set(self::writer::frames_spooled, counts.spooled);
    row.set(self::writer::spool, counts.spool_bytes);
    row.set(self::writer::frames_set_aside, counts.set_aside);
    row.set(self::writer::frames_damaged, counts.damaged);
    row.set_flag(self::writer::store_up, sent.status() == WriterStatus::Ok);

    let mut row = live.host_row();
    row.set(self::live::clients, watched.clients());
    row.set(self::live::frames_skipped, watched.skipped());

    for (class, count) in CLASSES.iter().zip(&requests.0) {
        http.push_row(class).set(self::http::requests, count.load(Ordering::Relaxed));
    }
    frame
}
