//! The frames that are in no slice yet, packed in `frames`.

use std::ops::Range;

use perfwatch_core::MISSING;
use sqlx::PgConnection;

use crate::{
    head::HeadRows,
    layout::{Frame, Place, Selected},
};

/// So many frames are read at once.
const AT_ONCE: i64 = 1024;

/// The times of a host's frames in a range, in order.
pub(super) async fn times(
    connection: &mut PgConnection,
    host: u32,
    range: &Range<i64>,
) -> Result<Vec<i64>, sqlx::Error> {
    let select = "SELECT time_ms FROM frames \
                  WHERE host_id = $1 AND time_ms >= $2 AND time_ms < $3 ORDER BY time_ms";
    let query = sqlx::query_scalar(select).bind(host as i32).bind(range.start).bind(range.end);
    query.fetch_all(connection).await
}

/// Calls `each` with a host's frames in a range, in order of time: the place, and the frame if it is
/// not damaged. Others get their turn between.
pub(super) async fn for_each(
    connection: &mut PgConnection,
    host: u32,
    range: &Range<i64>,
    mut each: impl FnMut(Place, Option<Frame>),
) -> Result<(), sqlx::Error> {
    let select = "SELECT time_ms, body FROM frames WHERE host_id = $1 AND time_ms >= $2 \
                  AND time_ms < $3 ORDER BY time_ms LIMIT $4";
    let mut start = range.start;
    loop {
        let query = sqlx::query_as(select).bind(host as i32).bind(start).bind(range.end);
        let rows: Vec<(i64, Vec<u8>)> = query.bind(AT_ONCE).fetch_all(&mut *connection).await?;
        for (timestamp_ms, body) in &rows {
            let place = Place { host, interval_ms: 0, timestamp_ms: *timestamp_ms };
            each(place, Frame::unseal(place, body));
        }
        match rows.last() {
            Some((last, _)) if rows.len() as i64 == AT_ONCE => start = last + 1,
            _ => return Ok(()),
        }
        tokio::task::yield_now().await;
    }
}

/// The selected series within a range.
pub(super) async fn rows(
    connection: &mut PgConnection,
    host: u32,
    range: &Range<i64>,
    selected: &Selected,
) -> Result<HeadRows, sqlx::Error> {
    let mut rows = Rows::new(selected);
    for_each(connection, host, range, |place, frame| rows.add(place, frame)).await?;
    Ok(rows.head)
}

/// Frames by column.
pub(super) struct Rows {
    /// Of each series, which column is its own.
    columns: Vec<Option<usize>>,
    pub(super) head: HeadRows,
}

impl Rows {
    pub(super) fn new(selected: &Selected) -> Self {
        let mut columns = Vec::new();
        for (column, wanted) in selected.wanted.iter().enumerate() {
            let series = wanted.series as usize;
            columns.resize(columns.len().max(series + 1), None);
            if let Some(place) = columns.get_mut(series) {
                *place = Some(column);
            }
        }
        let empty = vec![Vec::new(); selected.wanted.len()];
        Self { columns, head: HeadRows { columns: empty, ..HeadRows::default() } }
    }

    /// Adds a frame that is newer than all before.
    pub(super) fn add(&mut self, place: Place, frame: Option<Frame>) {
        let Some(frame) = frame else { return self.head.lost.push(place.timestamp_ms) };
        self.head.times.push(place.timestamp_ms);
        let rows = self.head.times.len();
        self.head.columns.iter_mut().for_each(|column| column.resize(rows, MISSING));
        for (series, value) in frame.values {
            let column = self.columns.get(series as usize).copied().flatten();
            let column = column.and_then(|column| self.head.columns.get_mut(column));
            if let Some(cell) = column.and_then(|column| column.last_mut()) {
                *cell = value;
            }
        }
    }
}
