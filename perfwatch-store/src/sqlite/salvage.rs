//! Reads what is left of a table whose pages are damaged.
//!
//! SQLite ends a scan at the first page that makes no sense. The rows before it are read one by one
//! from the front, those behind it from the back; what lies between stands as one row without a
//! body, which nobody takes for anything but damaged. Nothing is changed.

use std::ops::Range;

use sqlx::{Row as _, SqliteConnection};

use super::error::is_corrupt;

/// How the rows of a table are read: all with a key in `?1..?2`, at most `?3`, from the front and
/// from the back.
pub(super) struct Scan {
    pub(super) forth: &'static str,
    pub(super) back: &'static str,
}

pub(super) const FRAMES: Scan = Scan {
    forth: "SELECT key, body FROM frames WHERE key >= ? AND key < ? ORDER BY key LIMIT ?",
    back: "SELECT key, body FROM frames WHERE key >= ? AND key < ? ORDER BY key DESC LIMIT ?",
};

pub(super) const SLICES: Scan = Scan {
    forth: "SELECT key, body FROM slices WHERE key >= ? AND key < ? ORDER BY key LIMIT ?",
    back: "SELECT key, body FROM slices WHERE key >= ? AND key < ? ORDER BY key DESC LIMIT ?",
};

pub(super) const PARTS: Scan = Scan {
    forth: "SELECT key, body FROM parts WHERE key >= ? AND key < ? ORDER BY key LIMIT ?",
    back: "SELECT key, body FROM parts WHERE key >= ? AND key < ? ORDER BY key DESC LIMIT ?",
};

pub(super) type Row = (i64, Vec<u8>);

/// The rows of a range in order, at most `limit`.
pub(super) async fn rows(
    connection: &mut SqliteConnection,
    scan: &Scan,
    keys: Range<i64>,
    limit: usize,
) -> Result<Vec<Row>, sqlx::Error> {
    match select(connection, scan.forth, &keys, limit).await {
        Err(error) if is_corrupt(&error) => left(connection, scan, keys, limit).await,
        rows => rows,
    }
}

/// The last row of a range.
pub(super) async fn last(
    connection: &mut SqliteConnection,
    scan: &Scan,
    keys: Range<i64>,
) -> Result<Option<Row>, sqlx::Error> {
    match select(connection, scan.back, &keys, 1).await {
        Err(error) if is_corrupt(&error) => {
            Ok(left(connection, scan, keys, usize::MAX).await?.pop())
        }
        rows => Ok(rows?.pop()),
    }
}

async fn select(
    connection: &mut SqliteConnection,
    sql: &'static str,
    keys: &Range<i64>,
    limit: usize,
) -> Result<Vec<Row>, sqlx::Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let query = sqlx::query(sql).bind(keys.start).bind(keys.end).bind(limit);
    let rows = query.fetch_all(connection).await?;
    // A body that has become another kind of value is none.
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1).unwrap_or_default()))).collect()
}

/// What is left of a range that cannot be read in one go.
async fn left(
    connection: &mut SqliteConnection,
    scan: &Scan,
    keys: Range<i64>,
    limit: usize,
) -> Result<Vec<Row>, sqlx::Error> {
    let (mut from, mut until) = (keys.start, keys.end);
    let (mut front, mut back) = (Vec::new(), Vec::new());
    while front.len() < limit {
        match one(connection, scan.forth, from..until).await? {
            Found::Row(row) => {
                from = row.0.saturating_add(1);
                front.push(row);
            }
            Found::Nothing => return Ok(front),
            Found::Damage => break,
        }
    }
    while let Found::Row(row) = one(connection, scan.back, from..until).await? {
        until = row.0;
        back.push(row);
    }
    // Right behind what can be read, so that whoever touches it meets the damage too.
    front.push((from, Vec::new()));
    front.extend(back.into_iter().rev().filter(|row| row.0 > from));
    front.truncate(limit);
    Ok(front)
}

enum Found {
    Row(Row),
    Nothing,
    Damage,
}

/// The first row of a range. A key outside of it is damaged as well.
async fn one(
    connection: &mut SqliteConnection,
    sql: &'static str,
    keys: Range<i64>,
) -> Result<Found, sqlx::Error> {
    match select(connection, sql, &keys, 1).await {
        Err(error) if is_corrupt(&error) => Ok(Found::Damage),
        rows => Ok(match rows?.pop() {
            Some(row) if keys.contains(&row.0) => Found::Row(row),
            Some(_) => Found::Damage,
            None => Found::Nothing,
        }),
    }
}
