//! Reads the index of a file at its opening.
//!
//! A name whose checksum is wrong, or whose row is gone, leaves a number without a name: what is
//! stored under it is not shown, and the number is not given again.

use std::{path::Path, sync::Arc};

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    error::{explain, is_corrupt},
    key::slice_place,
};
use crate::{
    StoreError,
    layout::{HostIndex, Index, MOST_SERIES, host_check, name_check},
};

/// Numbers from here on are damaged ones: nobody has so many hosts.
const MOST_HOSTS: i64 = 1 << 15;

/// All hosts and series.
pub(super) async fn index(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<Index, StoreError> {
    let mut index = Index::default();
    let names = sqlx::query("SELECT id, name, name_check FROM hosts ORDER BY id")
        .fetch_all(&mut *connection)
        .await
        .map_err(|error| explain(path, error))?;
    for row in in_order(&names, 0, MOST_HOSTS) {
        let (id, name, check) = (number(row, 0), text(row, 1), number(row, 2));
        while (index.hosts().len() as i64) < id {
            index.add_unknown_host();
        }
        let host = match check == i64::from(host_check(id, &name)) && !name.is_empty() {
            true => index.add_host(Arc::from(name)),
            false => index.add_unknown_host(),
        };
        series(connection, &mut index, host).await.map_err(|error| explain(path, error))?;
    }
    let last = last_host(connection).await.map_err(|error| explain(path, error))?;
    while last.is_some_and(|last| index.hosts().len() <= last as usize) {
        index.add_unknown_host();
    }
    Ok(index)
}

async fn series(
    connection: &mut SqliteConnection,
    index: &mut Index,
    host: u32,
) -> Result<(), sqlx::Error> {
    let sql = "SELECT id, path, decimals, name_check FROM series WHERE host_id = ? ORDER BY id";
    let rows = sqlx::query(sql).bind(i64::from(host)).fetch_all(connection).await?;
    let Some(host) = index.get_mut(host) else { return Ok(()) };
    host.saved = true;
    for row in in_order(&rows, 0, MOST_SERIES as i64) {
        let (id, path, decimals, check) =
            (number(row, 0), text(row, 1), number(row, 2), number(row, 3));
        while (host.series_count() as i64) < id {
            host.add_unknown();
        }
        if add(host, &path, decimals, check).is_none() {
            tracing::error!(host = &*host.name, id, "a stored series' name is damaged");
            host.add_unknown();
        }
    }
    Ok(())
}

/// The rows whose number fits between those before and behind it: one that does not has another
/// number than it was given, and what is stored under that one would get a wrong name.
fn in_order(rows: &[SqliteRow], column: usize, most: i64) -> impl Iterator<Item = &SqliteRow> {
    let mut behind = most;
    let mut lowest: Vec<i64> = Vec::with_capacity(rows.len());
    for row in rows.iter().rev() {
        lowest.push(behind);
        behind = behind.min(number(row, column));
    }
    let mut before = -1;
    rows.iter().zip(lowest.into_iter().rev()).filter_map(move |(row, lowest)| {
        let id = number(row, column);
        let fits = before < id && id < lowest;
        if fits {
            before = id;
        } else {
            tracing::error!(id, "a stored name has a damaged number");
        }
        fits.then_some(row)
    })
}

/// A column that has become something else is no number that any checksum is right for.
fn number(row: &SqliteRow, column: usize) -> i64 {
    row.try_get(column).unwrap_or(-1)
}

fn text(row: &SqliteRow, column: usize) -> String {
    row.try_get(column).unwrap_or_default()
}

/// Nothing if the name is not as it was written.
fn add(host: &mut HostIndex, path: &str, decimals: i64, check: i64) -> Option<()> {
    let decimals = u8::try_from(decimals).ok()?;
    let is_right = check == i64::from(name_check(&host.name, path, decimals));
    is_right.then(|| host.add_saved(path, decimals)).flatten()
}

/// The highest number of a host that anything is stored of.
async fn last_host(connection: &mut SqliteConnection) -> Result<Option<u32>, sqlx::Error> {
    let sql = "SELECT max(coalesce((SELECT max(key) FROM frames), 0), \
               coalesce((SELECT max(key) FROM slices), 0))";
    let key: i64 = match sqlx::query_scalar(sql).fetch_one(connection).await {
        Err(error) if is_corrupt(&error) => 0,
        key => key?,
    };
    Ok((key > 0).then(|| slice_place(key).host).filter(|&host| host < 1 << 15))
}
