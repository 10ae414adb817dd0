//! Appending: one transaction for a batch, one statement for all its rows.
//!
//! Whoever writes for a host holds its row in `hosts` meanwhile, and so does whoever puts its frames
//! into slices: a frame that is sent again is found where it is.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use sqlx::{Connection, Executor, PgConnection, Row};

use super::{
    PostgresStore,
    document::{documents, write_path},
    error::is_without_partition,
    files::Reading,
    link::WRITE,
    names::number,
};
use crate::{
    Record, StoreError,
    archive::{Shelf, TIMES},
    engine::Late,
};

/// As many series as a host has at most.
const MOST_SERIES: usize = 1 << 20;

/// The frames that are new, and then their documents. A time that is `epoch + ms` is exact.
const INSERT: &str = "WITH new AS (\
    INSERT INTO frames (host_id, time_ms) SELECT $1, time_ms FROM unnest($2::bigint[]) AS time_ms \
    ON CONFLICT DO NOTHING RETURNING time_ms) \
    INSERT INTO metrics_snapshots (timestamp, host, metric_type, metric_data) \
    SELECT timestamptz 'epoch' + row.time_ms * interval '1 millisecond', $3, row.type, row.data::jsonb \
    FROM unnest($4::bigint[], $5::text[], $6::text[]) AS row (time_ms, type, data) \
    JOIN new USING (time_ms) ON CONFLICT DO NOTHING";

/// The frames of one host, ready to be written.
#[derive(Default)]
struct Batch {
    /// By time: metric types with their documents.
    frames: BTreeMap<i64, Vec<(String, String)>>,
    /// By decimals.
    series: BTreeMap<u8, HashSet<String>>,
}

impl Batch {
    fn add(&mut self, record: &Record) {
        let mut path = String::new();
        record.for_each_point(|point| {
            write_path(&mut path, &point);
            let series = self.series.entry(point.value.decimals).or_default();
            if !series.contains(path.as_str()) {
                series.insert(path.clone());
            }
        });
        self.frames.insert(record.timestamp_ms(), documents(record));
    }
}

/// What is known of a host while its row is held.
struct HeldHost {
    id: i32,
    series: i32,
    sliced_until_ms: i64,
}

impl PostgresStore {
    pub(super) async fn append_records(&self, records: &[Record]) -> Result<(), StoreError> {
        self.link.open()?;
        // Without a row that others wait for, and outside the deadline.
        let batches = batches(records)?;
        if batches.is_empty() {
            return Ok(());
        }
        self.link.within(WRITE, self.append_batches(&batches)).await?;
        for (host, batch) in &batches {
            if let Some(newest) = batch.frames.keys().next_back() {
                self.seal_if_due(host, *newest);
            }
        }
        Ok(())
    }

    async fn append_batches(&self, batches: &BTreeMap<&str, Batch>) -> Result<(), StoreError> {
        let mut writer = self.link.writer().await?;
        let times = || batches.values().flat_map(|batch| batch.frames.keys().copied());
        let explain = self.link.explain();
        self.partitions.prepare(&mut writer, times()).await.map_err(&explain)?;
        for name in batches.keys() {
            if self.names.known().index.host(name).is_none() {
                add_host(&mut writer, name).await.map_err(&explain)?;
            }
        }
        let written = self.write(&mut writer, batches).await;
        if !written.as_ref().is_err_and(is_gone) {
            written?;
            writer.keep();
            return Ok(());
        }
        // A partition went since this process last looked.
        self.partitions.forget();
        let mut writer = self.link.writer().await?;
        self.partitions.prepare(&mut writer, times()).await.map_err(&explain)?;
        self.write(&mut writer, batches).await?;
        writer.keep();
        Ok(())
    }

    async fn write(
        &self,
        connection: &mut PgConnection,
        batches: &BTreeMap<&str, Batch>,
    ) -> Result<(), StoreError> {
        let explain = self.link.explain();
        connection.execute("BEGIN").await.map_err(&explain)?;
        // By name: two daemons that hold several hosts hold them in one order.
        for (name, batch) in batches {
            self.write_host(connection, name, batch).await?;
        }
        connection.execute("COMMIT").await.map(drop).map_err(&explain)
    }

    async fn write_host(
        &self,
        connection: &mut PgConnection,
        name: &str,
        batch: &Batch,
    ) -> Result<(), StoreError> {
        let explain = self.link.explain();
        let host = hold(connection, name).await.map_err(&explain)?;
        let (id, series) = (number(host.id), number(host.series) as usize);
        self.names.learn(connection, id, series).await.map_err(&explain)?;
        self.add_series(connection, &host, batch).await.map_err(&explain)?;
        let new = self.not_sliced(connection, &host, batch).await?;
        let (mut times, mut types, mut documents_of) = (Vec::new(), Vec::new(), Vec::new());
        for (time, documents) in batch.frames.iter().filter(|(time, _)| new.contains(time)) {
            for (metric_type, document) in documents {
                times.push(*time);
                types.push(metric_type.as_str());
                documents_of.push(document.as_str());
            }
        }
        let insert = sqlx::query(INSERT).bind(host.id).bind(Vec::from_iter(new)).bind(name);
        let insert = insert.bind(times).bind(types).bind(documents_of);
        insert
            .execute(connection)
            .await
            .map(drop)
            .map_err(|error| if is_without_partition(&error) { gone() } else { explain(error) })
    }

    /// Gives series that are new their numbers.
    async fn add_series(
        &self,
        connection: &mut PgConnection,
        host: &HeldHost,
        batch: &Batch,
    ) -> Result<(), sqlx::Error> {
        let (mut paths, mut decimals) = (Vec::new(), Vec::new());
        {
            let known = self.names.known();
            for (&digits, series) in &batch.series {
                for path in series.iter().filter(|path| !known.holds(number(host.id), path, digits))
                {
                    paths.push(path.as_str());
                    decimals.push(i32::from(digits));
                }
            }
        }
        if paths.is_empty() || number(host.series) as usize + paths.len() > MOST_SERIES {
            return Ok(());
        }
        let insert = "WITH counted AS (UPDATE hosts SET series = series + $3 WHERE id = $1) \
            INSERT INTO series (host_id, number, path, decimals) \
            SELECT $1, $2 + row.at - 1, row.path, row.decimals \
            FROM unnest($4::text[], $5::int[]) WITH ORDINALITY AS row (path, decimals, at)";
        sqlx::query(insert)
            .bind(host.id)
            .bind(host.series)
            .bind(paths.len() as i32)
            .bind(paths)
            .bind(decimals)
            .execute(connection)
            .await
            .map(drop)
    }

    /// The times of which no frame is in a slice.
    async fn not_sliced(
        &self,
        connection: &mut PgConnection,
        host: &HeldHost,
        batch: &Batch,
    ) -> Result<BTreeSet<i64>, StoreError> {
        let mut new: BTreeSet<i64> = batch.frames.keys().copied().collect();
        if new.first().is_none_or(|&time| time >= host.sliced_until_ms) {
            return Ok(new);
        }
        let select = "SELECT interval_ms FROM shelves WHERE host_id = $1 AND interval_ms > 0";
        let intervals: Result<Vec<i32>, _> =
            sqlx::query_scalar(select).bind(host.id).fetch_all(&mut *connection).await;
        let intervals = intervals.map_err(self.link.explain())?;
        let shelf = Shelf { host: number(host.id), interval_ms: 0 };
        let mut late = Late::new(Box::new(Reading::new(connection, &self.link)));
        for &time in batch.frames.keys().take_while(|&&time| time < host.sliced_until_ms) {
            let intervals = intervals.iter().map(|&interval| i64::from(interval));
            if late.is_sliced(shelf.place(time), intervals).await? {
                new.remove(&time);
            }
        }
        Ok(new)
    }
}

/// The records by host, each time once: the first counts.
fn batches(records: &[Record]) -> Result<BTreeMap<&str, Batch>, StoreError> {
    let mut batches: BTreeMap<&str, Batch> = BTreeMap::new();
    for record in records {
        let time = record.timestamp_ms();
        if !TIMES.contains(&time) {
            let reason = format!("{time} ms is not between the years 1970 and 2527");
            return Err(StoreError::bad_query("timestamp", reason));
        }
        if record.host.contains('\0') {
            return Err(StoreError::bad_query("host", "a name cannot hold a NUL character"));
        }
        let batch = batches.entry(&record.host).or_default();
        if !batch.frames.contains_key(&time) {
            batch.add(record);
        }
    }
    Ok(batches)
}

/// The row of a host, which nobody else has until the transaction ends.
async fn hold(connection: &mut PgConnection, name: &str) -> Result<HeldHost, sqlx::Error> {
    let select = "SELECT id, series, sliced_until_ms FROM hosts WHERE name = $1 FOR UPDATE";
    let row = sqlx::query(select).bind(name).fetch_one(connection).await?;
    Ok(HeldHost { id: row.try_get(0)?, series: row.try_get(1)?, sliced_until_ms: row.try_get(2)? })
}

/// Adds a host where it is missing, by a transaction of its own: a number is never taken back.
/// Numbers are without gaps, so only one at a time is given.
pub(super) async fn add_host(connection: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    transaction.execute("SELECT pg_advisory_xact_lock(7308609, 3)").await?;
    let insert = "INSERT INTO hosts (id, name) SELECT coalesce(max(id) + 1, 0), $1 FROM hosts \
                  ON CONFLICT (name) DO NOTHING";
    sqlx::query(insert).bind(name).execute(&mut *transaction).await?;
    transaction.commit().await
}

const GONE: &str = "the partition of a day is gone";

fn gone() -> StoreError {
    StoreError::unavailable(GONE)
}

fn is_gone(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { reason } if reason == GONE)
}
