//! What an older file has, in the form of a newer one.
//!
//! Version 1 had downsampled frames one by one: the times of the frames merged, and a [`Stat`] per
//! series. They become slices, one at a time, each in one transaction. Its frames at full
//! resolution are what the head is, and are sealed when the file is loaded.

use std::collections::BTreeMap;

use sqlx::{Connection, Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    files::{delete_slice, put_slice},
    key::{slice_key, slice_place},
};
use crate::layout::{
    Place, Stat, host_check, name_check,
    rollup::{self, Rollup},
    slice::{Builder, Slice, span_ms},
};

/// Copies the names of version 1, each with its checksum.
pub(super) async fn names(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let hosts: Vec<(i64, String)> =
        sqlx::query_as("SELECT id, name FROM old_hosts").fetch_all(&mut *connection).await?;
    for (id, name) in hosts {
        sqlx::query("INSERT INTO hosts (id, name, name_check) VALUES (?, ?, ?)")
            .bind(id)
            .bind(&name)
            .bind(i64::from(host_check(id, &name)))
            .execute(&mut *connection)
            .await?;
        let series: Vec<(i64, String, u8)> =
            sqlx::query_as("SELECT id, path, decimals FROM old_series WHERE host_id = ?")
                .bind(id)
                .fetch_all(&mut *connection)
                .await?;
        for (number, path, decimals) in series {
            let insert = "INSERT INTO series (host_id, id, path, decimals, name_check) \
                          VALUES (?, ?, ?, ?, ?)";
            let check = i64::from(name_check(&name, &path, decimals));
            let query = sqlx::query(insert).bind(id).bind(number).bind(path).bind(decimals);
            query.bind(check).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// Makes slices of all downsampled frames of version 1.
pub(super) async fn downsampled(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let names: Vec<(i64, i64, i64)> = sqlx::query_as("SELECT host_id, id, name_check FROM series")
        .fetch_all(&mut *connection)
        .await?;
    let names: BTreeMap<(i64, i64), u32> = names
        .into_iter()
        .filter_map(|(host, id, check)| Some(((host, id), u32::try_from(check).ok()?)))
        .collect();
    loop {
        let first: Option<i64> =
            sqlx::query_scalar("SELECT min(key) FROM rollups").fetch_one(&mut *connection).await?;
        let Some(first) = first.map(slice_place) else { return Ok(()) };
        let span = span_ms(first.interval_ms);
        let start = first.timestamp_ms - first.timestamp_ms.rem_euclid(span);
        let place = Place { timestamp_ms: start, ..first };
        let end = slice_key(Place { timestamp_ms: start + span, ..place });
        let rows = sqlx::query("SELECT key, body FROM rollups WHERE key < ? ORDER BY key")
            .bind(end)
            .fetch_all(&mut *connection)
            .await?;
        let rollups = rows.iter().filter_map(read).collect();
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        if let Some(slice) = slice(place, rollups, &names) {
            delete_slice(&mut transaction, place).await?;
            put_slice(&mut transaction, &slice).await?;
        }
        sqlx::query("DELETE FROM rollups WHERE key < ?")
            .bind(end)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
    }
}

fn read(row: &SqliteRow) -> Option<(i64, Rollup)> {
    let place = slice_place(row.try_get(0).ok()?);
    let rollup = rollup::unseal_rollup(place, row.try_get(1).ok()?);
    if rollup.is_none() {
        tracing::error!(
            timestamp_ms = place.timestamp_ms,
            "a stored frame is damaged and left out"
        );
    }
    Some((place.timestamp_ms, rollup?))
}

fn slice(
    place: Place,
    rollups: Vec<(i64, Rollup)>,
    names: &BTreeMap<(i64, i64), u32>,
) -> Option<Slice> {
    let times: Vec<i64> = rollups.iter().flat_map(|(_, rollup)| rollup.times.clone()).collect();
    if times.is_empty() || !times.is_sorted() {
        return None;
    }
    let mut builder = Builder::new(place, times);
    let starts: Vec<i64> = builder.page_starts().collect();
    let mut series: BTreeMap<u32, Vec<Stat>> = BTreeMap::new();
    for (start, rollup) in rollups {
        let Ok(page) = starts.binary_search(&start) else { continue };
        for (number, stat) in rollup.stats {
            let stats = series.entry(number).or_insert_with(|| vec![Stat::default(); starts.len()]);
            if let Some(cell) = stats.get_mut(page) {
                *cell = stat;
            }
        }
    }
    for (number, stats) in series {
        if let Some(name) = names.get(&(i64::from(place.host), i64::from(number))) {
            builder.add_stats(number, *name, &stats);
        }
    }
    Some(builder.finish())
}
