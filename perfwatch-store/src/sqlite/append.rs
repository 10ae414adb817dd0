//! Writes frames: all of an append in one transaction.

use sqlx::{Connection, SqliteConnection};

use super::{
    SqliteStore,
    access::fetch_oldest,
    key::{key, key_of},
    totals::Totals,
};
use crate::{
    Record, StoreError,
    layout::{HostIndex, Place, rollup},
    shelf::{Body, Shelf},
};

/// What an append writes.
struct Batch {
    hosts: Vec<NewNames>,
    /// Each with the places where it would be if it had been downsampled already.
    bodies: Vec<(Body, Vec<Place>)>,
}

/// A host with names that are not in the file yet.
struct NewNames {
    host: u32,
    name: String,
    series: Vec<(i64, String, u8)>,
}

impl SqliteStore {
    pub(super) async fn append_records(&self, records: &[Record]) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        let batch = self.prepare(records)?;
        // Unknown again if this is cut off before it is known what was written.
        let added = writer.added.take();
        let new = write(&mut writer.connection, batch).await.map_err(self.explain())?;
        writer.added = added.map(|added| added + new);
        self.index().mark_saved();
        Ok(())
    }

    fn prepare(&self, records: &[Record]) -> Result<Batch, StoreError> {
        let mut index = self.index();
        let bodies = index.prepare(records)?;
        let merged = |place: Place| index.get(place.host).map(|host| host.merged_places(place));
        let bodies = bodies
            .into_iter()
            .map(|body| {
                let places = merged(body.place).unwrap_or_default();
                (body, places)
            })
            .collect();
        let hosts = (0..).zip(index.hosts()).filter_map(|(host, names)| new_names(host, names));
        Ok(Batch { hosts: hosts.collect(), bodies })
    }
}

fn new_names(host: u32, names: &HostIndex) -> Option<NewNames> {
    let series = names.unsaved().map(|(id, info)| (id, info.path.to_string(), info.decimals));
    let series: Vec<_> = series.collect();
    let name = names.name.to_string();
    (!names.saved || !series.is_empty()).then_some(NewNames { host, name, series })
}

/// Writes it all, and says how many frames are new.
async fn write(connection: &mut SqliteConnection, batch: Batch) -> Result<Totals, sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for names in batch.hosts {
        write_names(&mut transaction, names).await?;
    }
    let mut new = Totals::default();
    for (body, places) in batch.bodies {
        if !was_merged(&mut transaction, body.place.timestamp_ms, places).await? {
            new.frames += write_frame(&mut transaction, body).await?;
        }
    }
    transaction.commit().await?;
    Ok(new)
}

async fn write_frame(connection: &mut SqliteConnection, body: Body) -> Result<i64, sqlx::Error> {
    let insert = "INSERT INTO frames (key, body) VALUES (?, ?) ON CONFLICT DO NOTHING";
    let result =
        sqlx::query(insert).bind(key_of(body.place)).bind(body.bytes).execute(connection).await?;
    Ok(i64::from(result.rows_affected() > 0))
}

/// An append that failed after its commit leaves names that are there already.
async fn write_names(
    connection: &mut SqliteConnection,
    names: NewNames,
) -> Result<(), sqlx::Error> {
    let host = i64::from(names.host);
    sqlx::query("INSERT INTO hosts (id, name) VALUES (?, ?) ON CONFLICT DO NOTHING")
        .bind(host)
        .bind(names.name)
        .execute(&mut *connection)
        .await?;
    let insert = "INSERT INTO series (host_id, id, path, decimals) VALUES (?, ?, ?, ?) \
                  ON CONFLICT DO NOTHING";
    for (id, path, decimals) in names.series {
        let query = sqlx::query(insert).bind(host).bind(id).bind(path).bind(decimals);
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Whether a frame of this time is part of a downsampled one.
async fn was_merged(
    connection: &mut SqliteConnection,
    timestamp_ms: i64,
    places: Vec<Place>,
) -> Result<bool, sqlx::Error> {
    for place in places {
        let shelf = Shelf { host: place.host, interval_ms: place.interval_ms };
        let first = key(shelf, place.timestamp_ms);
        let found = fetch_oldest(connection, shelf, first..first + 1, 1).await?;
        if found.iter().any(|body| rollup::holds(body, timestamp_ms)) {
            return Ok(true);
        }
    }
    Ok(false)
}
