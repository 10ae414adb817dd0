//! Frames and slices in an SQLite file.
//!
//! A tick is one statement and its own transaction. Everything inside the bodies is the shared
//! layout; a row that SQLite cannot find is a gap, as one with a wrong checksum is.

use std::{
    collections::HashMap,
    ops::{DerefMut, Range},
    sync::PoisonError,
};

use async_trait::async_trait;
use sqlx::{Connection, QueryBuilder, Sqlite, SqliteConnection, Transaction};

use super::{
    SqliteFiles,
    error::is_corrupt,
    gathered,
    key::{frame_key, frame_place, part_key, part_keys, slice_key, slice_place},
    machines, salvage,
};
use crate::{
    StoreError, TierUsage,
    archive::{Change, Files, Moment, NewNames, Sheet, Shelf, TIMES, Totals},
    layout::{Frame, Place, host_check, name_check, slice::Slice},
    registry::Machine,
};

/// How many pages are given back in one step.
const PAGES: &str = "PRAGMA incremental_vacuum(512)";

/// So many rows are written by one statement: each statement goes to SQLite's thread and back.
const ROWS: usize = 64;

const INSERT_FRAME: &str = "INSERT INTO frames (key, body) VALUES (?, ?) ON CONFLICT DO NOTHING";

/// SQLite knows the length of a body without reading it.
/// A damaged number is no reason to fail: `total` counts in floating point.
const TOTALS: &str = "SELECT total(frames) FILTER (WHERE interval_code = 0), \
                      total(bytes) FILTER (WHERE interval_code = 0), \
                      total(frames) FILTER (WHERE interval_code > 0), \
                      total(bytes) FILTER (WHERE interval_code > 0) \
                      FROM slices WHERE frames BETWEEN 0 AND 86400000 AND bytes BETWEEN 0 AND 1 << 40";

#[async_trait]
impl Files for SqliteFiles {
    fn keeps_frames(&self) -> bool {
        true
    }

    fn may_glance(&self) -> bool {
        self.claim.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    async fn glance(&self) -> Result<Box<dyn Moment + '_>, StoreError> {
        let by = self.readers.acquire().await.map_err(self.explain())?;
        Ok(Box::new(Reading { by, files: self }))
    }

    async fn moment(&self) -> Result<Box<dyn Moment + '_>, StoreError> {
        let by = self.readers.begin().await.map_err(self.explain())?;
        Ok(Box::new(Reading { by, files: self }))
    }

    async fn append(&self, names: Vec<NewNames>, frames: &[Frame]) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        let written = match (names.is_empty(), frames) {
            (true, []) => Ok(()),
            (true, [frame]) => write_frame(&mut writer, frame).await,
            _ => write(&mut writer, names, frames).await,
        };
        written.map_err(self.explain())
    }

    async fn register(&self, name: &str, machine: &Machine) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        machines::write(&mut writer, name, machine).await.map_err(self.explain())
    }

    async fn frames(
        &self,
        behind: Option<Place>,
        limit: usize,
    ) -> Result<Vec<(Place, Option<Frame>)>, StoreError> {
        let from = behind.map_or(i64::MIN, |place| frame_key(place) + 1);
        let mut reader = self.readers.acquire().await.map_err(self.explain())?;
        let rows = salvage::rows(&mut reader, &salvage::FRAMES, from..i64::MAX, limit).await;
        let frame = |(key, body): salvage::Row| {
            let place = frame_place(key);
            (place, Frame::unseal(place, &body))
        };
        Ok(rows.map_err(self.explain())?.into_iter().map(frame).collect())
    }

    async fn change(&self, change: &Change) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        write_change(&mut writer, change).await.map_err(self.explain())
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        let sums = sqlx::query_as(TOTALS).fetch_one(&self.readers).await;
        let (frames, bytes, rollups, rollup_bytes): (f64, f64, f64, f64) = match sums {
            Err(error) if is_corrupt(&error) => Default::default(),
            sums => sums.map_err(self.explain())?,
        };
        let total =
            |frames: f64, bytes: f64| TierUsage { frames: frames as u64, bytes: bytes as u64 };
        Ok(Totals { frames: total(frames, bytes), rollups: total(rollups, rollup_bytes) })
    }

    async fn bytes(&self) -> Result<(u64, u64), StoreError> {
        let pages = "SELECT page_count * page_size, (page_count - freelist_count) * page_size \
                     FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
        let (all, used): (i64, i64) =
            sqlx::query_as(pages).fetch_one(&self.readers).await.map_err(self.explain())?;
        Ok((all.unsigned_abs(), used.unsigned_abs()))
    }

    async fn shrink(&self) -> Result<bool, StoreError> {
        let mut writer = self.writer().await?;
        give_back(&mut writer).await.map_err(self.explain())
    }

    async fn check(&self) -> Result<Vec<String>, StoreError> {
        let rows: Result<Vec<String>, _> =
            sqlx::query_scalar("PRAGMA quick_check(100)").fetch_all(&self.readers).await;
        match rows.map_err(self.explain()) {
            Ok(rows) => Ok(rows.into_iter().filter(|row| row != "ok").collect()),
            Err(StoreError::Corrupt { reason, .. }) => Ok(vec![reason]),
            Err(error) => Err(error),
        }
    }
}

async fn write_frame(connection: &mut SqliteConnection, frame: &Frame) -> Result<(), sqlx::Error> {
    let query = sqlx::query(INSERT_FRAME).bind(frame_key(frame.place)).bind(frame.seal());
    query.execute(connection).await.map(drop)
}

/// As [`write_frame`], in one statement.
async fn write_frames(
    connection: &mut SqliteConnection,
    frames: &[Frame],
) -> Result<(), sqlx::Error> {
    let mut insert = QueryBuilder::new("INSERT INTO frames (key, body) ");
    insert.push_values(frames, |mut row, frame| {
        row.push_bind(frame_key(frame.place)).push_bind(frame.seal());
    });
    insert.push(" ON CONFLICT DO NOTHING");
    insert.build().execute(connection).await.map(drop)
}

async fn write(
    connection: &mut SqliteConnection,
    names: Vec<NewNames>,
    frames: &[Frame],
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let done = async {
        for names in names {
            write_names(&mut transaction, names).await?;
        }
        for frames in frames.chunks(ROWS) {
            write_frames(&mut transaction, frames).await?;
        }
        Ok(())
    };
    let done = done.await;
    end(transaction, done).await
}

/// Commits, or ends a transaction that failed. On a full disk SQLite ends it by itself, also while it
/// commits, and sqlx, which cannot end it then, would count it for ever: so it gets another to end.
pub(super) async fn end(
    mut transaction: Transaction<'_, Sqlite>,
    done: Result<(), sqlx::Error>,
) -> Result<(), sqlx::Error> {
    let done = match done {
        Ok(()) => sqlx::query("COMMIT").execute(&mut *transaction).await.map(drop),
        failed => failed,
    };
    // This fails where the transaction goes on.
    let _ = sqlx::query("BEGIN").execute(&mut *transaction).await;
    let _ = transaction.rollback().await;
    done
}

/// An append that failed after its commit leaves names that are there already.
async fn write_names(
    connection: &mut SqliteConnection,
    names: NewNames,
) -> Result<(), sqlx::Error> {
    let host = i64::from(names.host);
    sqlx::query("INSERT OR REPLACE INTO hosts (id, name, name_check) VALUES (?, ?, ?)")
        .bind(host)
        .bind(&names.name)
        .bind(i64::from(host_check(host, &names.name)))
        .execute(&mut *connection)
        .await?;
    for series in names.series.chunks(ROWS) {
        let into = "INSERT OR REPLACE INTO series (host_id, id, path, decimals, name_check) ";
        let mut insert = QueryBuilder::new(into);
        insert.push_values(series, |mut row, (id, path, decimals)| {
            let check = name_check(&names.name, path, *decimals);
            row.push_bind(host).push_bind(id).push_bind(path).push_bind(decimals);
            row.push_bind(i64::from(check));
        });
        insert.build().execute(&mut *connection).await?;
    }
    Ok(())
}

async fn write_change(
    connection: &mut SqliteConnection,
    change: &Change,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let done = change_rows(&mut transaction, change).await;
    end(transaction, done).await
}

async fn change_rows(
    connection: &mut SqliteConnection,
    change: &Change,
) -> Result<(), sqlx::Error> {
    for place in change.delete.iter().chain(change.put.iter().map(|slice| &slice.place)) {
        delete_slice(connection, *place).await?;
    }
    for slice in &change.put {
        put_slice(connection, slice).await?;
    }
    let keys: Vec<String> =
        change.frames.iter().map(|place| frame_key(*place).to_string()).collect();
    if !keys.is_empty() {
        sqlx::query("DELETE FROM frames WHERE key IN (SELECT value FROM json_each(?))")
            .bind(format!("[{}]", keys.join(",")))
            .execute(connection)
            .await?;
    }
    Ok(())
}

pub(super) async fn delete_slice(
    connection: &mut SqliteConnection,
    place: Place,
) -> Result<(), sqlx::Error> {
    let keys = part_keys(place);
    sqlx::query("DELETE FROM parts WHERE key >= ? AND key < ?")
        .bind(keys.start)
        .bind(keys.end)
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM slices WHERE key = ?")
        .bind(slice_key(place))
        .execute(connection)
        .await
        .map(drop)
}

pub(super) async fn put_slice(
    connection: &mut SqliteConnection,
    slice: &Slice,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO slices (key, frames, bytes, body) VALUES (?, ?, ?, ?)")
        .bind(slice_key(slice.place))
        .bind(i64::try_from(slice.frames).unwrap_or(i64::MAX))
        .bind(i64::try_from(slice.bytes()).unwrap_or(i64::MAX))
        .bind(slice.directory.as_slice())
        .execute(&mut *connection)
        .await?;
    let numbered: Vec<(u32, &Vec<u8>)> = (0..).zip(&slice.parts).collect();
    for parts in numbered.chunks(ROWS) {
        let mut insert = QueryBuilder::new("INSERT INTO parts (key, body) ");
        insert.push_values(parts, |mut row, (number, part)| {
            row.push_bind(part_key(slice.place, *number)).push_bind(part.as_slice());
        });
        insert.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Gives pages back to the file system, and says whether there are more.
async fn give_back(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let free = "PRAGMA freelist_count";
    let before: i64 = sqlx::query_scalar(free).fetch_one(&mut *connection).await?;
    if before > 0 {
        sqlx::query(PAGES).execute(&mut *connection).await?;
    }
    let after: i64 = sqlx::query_scalar(free).fetch_one(&mut *connection).await?;
    if 0 < after && after < before {
        return Ok(true);
    }
    // The file itself becomes shorter when the log is written back. `PASSIVE` waits for no reader.
    sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&mut *connection).await?;
    Ok(false)
}

/// Reads by a connection, or by a transaction: whatever that sees is of the moment of its first look.
struct Reading<'a, C> {
    by: C,
    files: &'a SqliteFiles,
}

impl<C: DerefMut<Target = SqliteConnection>> Reading<'_, C> {
    fn explain(&self) -> impl FnOnce(sqlx::Error) -> StoreError + '_ {
        self.files.explain()
    }

    /// Parts by their keys, each by itself: those that cannot be read are left out.
    async fn each(&mut self, keys: &[i64]) -> Result<Vec<salvage::Row>, sqlx::Error> {
        let mut rows = Vec::with_capacity(keys.len());
        for &key in keys {
            rows.extend(salvage::rows(&mut self.by, &salvage::PARTS, key..key + 1, 1).await?);
        }
        Ok(rows)
    }
}

#[async_trait]
impl<C: DerefMut<Target = SqliteConnection> + Send> Moment for Reading<'_, C> {
    async fn sheets(
        &mut self,
        shelf: Shelf,
        starts: Range<i64>,
        limit: usize,
    ) -> Result<Vec<Sheet>, StoreError> {
        let key = |time: i64| slice_key(shelf.place(time.clamp(TIMES.start, TIMES.end)));
        let keys = key(starts.start)..key(starts.end);
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let query = sqlx::query(gathered::SLICES).bind(keys.start).bind(keys.end).bind(most);
        let rows = match gathered::rows(&mut self.by, query).await {
            Ok(Some(rows)) => Ok(rows),
            Err(error) if !is_corrupt(&error) => Err(error),
            _ => salvage::rows(&mut self.by, &salvage::SLICES, keys, limit).await,
        };
        let rows = rows.map_err(self.explain())?.into_iter();
        Ok(rows.map(|(key, body)| (slice_place(key), body)).collect())
    }

    async fn newest(&mut self, shelf: Shelf) -> Result<Option<Sheet>, StoreError> {
        let key = |time: i64| slice_key(shelf.place(time));
        let keys = key(TIMES.start)..key(TIMES.end);
        let row = salvage::last(&mut self.by, &salvage::SLICES, keys).await;
        let row = row.map_err(self.explain())?;
        Ok(row.map(|(key, body)| (slice_place(key), body)))
    }

    async fn parts(&mut self, wanted: &[(Place, u32)]) -> Result<Vec<Vec<u8>>, StoreError> {
        let keys: Vec<i64> = wanted.iter().map(|(place, part)| part_key(*place, *part)).collect();
        let list: Vec<String> = keys.iter().map(i64::to_string).collect();
        let query = sqlx::query(gathered::PARTS).bind(format!("[{}]", list.join(",")));
        let rows = match gathered::rows(&mut self.by, query).await {
            Ok(Some(rows)) => Ok(rows),
            Err(error) if !is_corrupt(&error) => Err(error),
            _ => self.each(&keys).await,
        };
        let mut parts: HashMap<i64, Vec<u8>> = rows.map_err(self.explain())?.into_iter().collect();
        Ok(keys.iter().map(|key| parts.remove(key).unwrap_or_default()).collect())
    }
}
