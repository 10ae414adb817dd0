//! Reads the index of a file at its opening.

use std::{path::Path, sync::Arc};

use sqlx::SqliteConnection;

use super::{
    error::explain,
    key::{key, statements, time},
};
use crate::{
    DOWNSAMPLE_INTERVALS, StoreError,
    layout::Index,
    shelf::{Shelf, TIMES},
};

/// All hosts and series, and what was downsampled.
pub(super) async fn index(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<Index, StoreError> {
    let mut index = Index::default();
    let names: Vec<(i64, String)> = sqlx::query_as("SELECT id, name FROM hosts ORDER BY id")
        .fetch_all(&mut *connection)
        .await
        .map_err(|error| explain(path, error))?;
    let corrupt = |what: &str| {
        let reason = format!("the list of its {what} has holes");
        StoreError::Corrupt { path: path.to_owned(), reason }
    };
    for (id, name) in names {
        let host = index.add_host(Arc::from(name));
        if i64::from(host) != id {
            return Err(corrupt("hosts"));
        }
        series(connection, &mut index, host)
            .await
            .map_err(|error| explain(path, error))?
            .ok_or_else(|| corrupt("series"))?;
        rollups(connection, &mut index, host).await.map_err(|error| explain(path, error))?;
    }
    Ok(index)
}

/// Nothing if the numbers of the series are not as they were given.
async fn series(
    connection: &mut SqliteConnection,
    index: &mut Index,
    host: u32,
) -> Result<Option<()>, sqlx::Error> {
    let rows: Vec<(i64, String, u8)> =
        sqlx::query_as("SELECT id, path, decimals FROM series WHERE host_id = ? ORDER BY id")
            .bind(i64::from(host))
            .fetch_all(connection)
            .await?;
    let Some(host) = index.get_mut(host) else { return Ok(None) };
    host.saved = true;
    let in_order = (0_i64..).zip(rows).try_for_each(|(number, (id, path, decimals))| {
        (id == number).then(|| host.add_saved(&path, decimals)).flatten()
    });
    Ok(in_order)
}

async fn rollups(
    connection: &mut SqliteConnection,
    index: &mut Index,
    host: u32,
) -> Result<(), sqlx::Error> {
    for interval in DOWNSAMPLE_INTERVALS {
        let interval_ms = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
        let shelf = Shelf { host, interval_ms };
        let (_, last): (Option<i64>, Option<i64>) = sqlx::query_as(statements(shelf).span)
            .bind(key(shelf, TIMES.start))
            .bind(key(shelf, TIMES.end))
            .fetch_one(&mut *connection)
            .await?;
        if let (Some(last), Some(host)) = (last, index.get_mut(host)) {
            host.note_rollup(shelf.place(time(last)));
        }
    }
    Ok(())
}
