//! Reads the index of a file at its opening.
//!
//! A name whose checksum is wrong, or whose row is gone, leaves a number without a name: what is
//! stored under it is not shown, and the number is not given again.

use std::{path::Path, sync::Arc};

use sqlx::SqliteConnection;

use super::{error::explain, key::slice_place};
use crate::{
    StoreError,
    layout::{HostIndex, Index, name_check},
};

/// All hosts and series.
pub(super) async fn index(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<Index, StoreError> {
    let mut index = Index::default();
    let names: Vec<(i64, String, i64)> =
        sqlx::query_as("SELECT id, name, name_check FROM hosts ORDER BY id")
            .fetch_all(&mut *connection)
            .await
            .map_err(|error| explain(path, error))?;
    for (id, name, check) in names {
        while (index.hosts().len() as i64) < id {
            index.add_unknown_host();
        }
        let host = match check == i64::from(name_check(&name, "", 0)) && !name.is_empty() {
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
    let rows: Vec<(i64, String, i64, i64)> =
        sqlx::query_as(sql).bind(i64::from(host)).fetch_all(connection).await?;
    let Some(host) = index.get_mut(host) else { return Ok(()) };
    host.saved = true;
    for (id, path, decimals, check) in rows {
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
    let key: i64 = sqlx::query_scalar(sql).fetch_one(connection).await?;
    Ok((key > 0).then(|| slice_place(key).host).filter(|&host| host < 1 << 15))
}
