//! Appending: one transaction for a batch, one statement for all rows of a host.
//!
//! PostgreSQL packs values only in rows of more than 2 KiB, and documents are shorter. So they first
//! go into a temporary table, with a filling that makes its rows long enough, and from there as they
//! are: packed, they take half.
//!
//! Whoever writes for a host holds its row in `hosts` meanwhile, and so does whoever puts its frames
//! into slices: a frame that is sent again is found where it is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::{Connection, Executor, PgConnection};

use super::{
    PostgresStore,
    document::documents,
    error::is_without_partition,
    files::Reading,
    link::WRITE,
    names::{HostRow, number},
};
use crate::{
    Record, StoreError,
    archive::{Shelf, TIMES},
    engine::Late,
    layout::{Frame, MOST_SERIES, Place},
};

/// Packs documents.
const FILL: &str = "INSERT INTO perfwatch_staged \
    SELECT $1, row.time_ms, row.type, row.data::jsonb, repeat('-', 2048) \
    FROM unnest($2::bigint[], $3::text[], $4::text[]) AS row (time_ms, type, data)";

/// The frames that are new, and then their documents. A time that is `epoch + ms` is exact. Late
/// frames that retention took away may have documents until their day goes.
const INSERT: &str = "WITH new AS (\
    INSERT INTO frames (host_id, time_ms, body) \
    SELECT $1, time_ms, body FROM unnest($2::bigint[], $3::bytea[]) AS row (time_ms, body) \
    ON CONFLICT DO NOTHING \
    RETURNING time_ms, timestamptz 'epoch' + time_ms * interval '1 millisecond' AS timestamp) \
    INSERT INTO metrics_snapshots (timestamp, host, metric_type, metric_data) \
    SELECT new.timestamp, $4, row.metric_type, row.metric_data \
    FROM perfwatch_staged row JOIN new USING (time_ms) WHERE row.host_id = $1 \
    AND (new.time_ms >= $5 OR NOT EXISTS (SELECT FROM metrics_snapshots old \
        WHERE old.metric_type = row.metric_type AND old.timestamp = new.timestamp \
        AND old.host = $4))";

/// The frames of one host, ready to be written.
#[derive(Default)]
struct Batch {
    frames: BTreeMap<i64, Prepared>,
    /// Paths and decimals.
    series: Vec<(String, u8)>,
    /// Of each path, where it is among the series.
    places: HashMap<String, Vec<usize>>,
}

/// One of them.
struct Prepared {
    /// Metric types with their documents.
    documents: Vec<(String, String)>,
    /// By the place of their series in the batch.
    values: Vec<(usize, i64)>,
}

/// Why a batch was not written.
enum Failure {
    /// A partition or a host went since this process last looked.
    Gone,
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Gone => Self::unavailable("the partition of a day, or a host, is gone"),
            Failure::Store(error) => error,
        }
    }
}

impl Batch {
    fn add(&mut self, record: &Record) {
        let (mut path, mut values) = (String::new(), Vec::new());
        record.for_each_point(|point| {
            point.write_path(&mut path);
            values.push((self.place(&path, point.value.decimals), point.value.value));
        });
        let documents = documents(record);
        self.frames.insert(record.timestamp_ms(), Prepared { documents, values });
    }

    /// How many values have a series without a number.
    fn left_out(&self, numbers: &[Option<u32>]) -> u64 {
        let values = self.frames.values().flat_map(|frame| frame.numbered(numbers));
        values.filter(Option::is_none).count() as u64
    }

    /// Where a series is in the batch.
    fn place(&mut self, path: &str, decimals: u8) -> usize {
        let known = self.places.get(path).into_iter().flatten();
        let is_it = |&&place: &&usize| self.series.get(place).is_some_and(|it| it.1 == decimals);
        if let Some(place) = known.copied().find(|place| is_it(&place)) {
            return place;
        }
        let place = self.series.len();
        self.series.push((path.to_owned(), decimals));
        self.places.entry(path.to_owned()).or_default().push(place);
        place
    }
}

impl Prepared {
    /// Its values, by the numbers of the batch's series; nothing for those that have none.
    fn numbered(&self, numbers: &[Option<u32>]) -> impl Iterator<Item = Option<(u32, i64)>> {
        let number = |series: usize| numbers.get(series).copied().flatten();
        self.values.iter().map(move |&(series, value)| Some((number(series)?, value)))
    }

    /// As it is kept; `numbers` are those of the batch's series.
    fn seal(&self, place: Place, numbers: &[Option<u32>]) -> Vec<u8> {
        let mut values: Vec<(u32, i64)> = self.numbered(numbers).flatten().collect();
        // Of two values of one series, the first counts.
        values.sort_by_key(|(series, _)| *series);
        values.dedup_by_key(|(series, _)| *series);
        Frame { place, values }.seal()
    }
}

/// What is known of a host while its row is held.
struct HeldHost {
    row: HostRow,
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
        let left_out = self.link.within(WRITE, self.append_batches(&batches)).await?;
        for (host, batch) in &batches {
            if let Some(newest) = batch.frames.keys().next_back() {
                self.seal_if_due(host, *newest);
            }
        }
        left_out.map_or(Ok(()), Err)
    }

    /// Writes them; says what was left out.
    async fn append_batches(
        &self,
        batches: &BTreeMap<&str, Batch>,
    ) -> Result<Option<StoreError>, StoreError> {
        match self.try_batches(batches).await {
            Err(Failure::Gone) => {
                self.partitions.forget();
                self.names.forget();
                self.try_batches(batches).await.map_err(StoreError::from)
            }
            done => done.map_err(StoreError::from),
        }
    }

    async fn try_batches(
        &self,
        batches: &BTreeMap<&str, Batch>,
    ) -> Result<Option<StoreError>, Failure> {
        let mut writer = self.link.writer().await?;
        let times = batches.values().flat_map(|batch| batch.frames.keys().copied());
        let explain = self.link.explain();
        self.partitions.prepare(&mut writer, times, &self.link).await?;
        for name in batches.keys() {
            if self.names.known().index.host(name).is_none() {
                add_host(&mut writer, name).await.map_err(&explain)?;
            }
        }
        let left_out = self.write(&mut writer, batches).await?;
        writer.keep();
        Ok(left_out)
    }

    async fn write(
        &self,
        connection: &mut PgConnection,
        batches: &BTreeMap<&str, Batch>,
    ) -> Result<Option<StoreError>, Failure> {
        let explain = self.link.explain_step();
        let mut first = None;
        connection.execute("BEGIN").await.map_err(&explain)?;
        // By name: two daemons that hold several hosts hold them in one order.
        for (name, batch) in batches {
            let left_out = self.write_host(connection, name, batch).await?;
            if left_out > 0 {
                let host = (*name).to_owned();
                first.get_or_insert(StoreError::TooManySeries { host, left_out });
            }
        }
        connection.execute("COMMIT").await.map_err(explain)?;
        Ok(first)
    }

    /// Writes the frames of a host; says how many values were left out.
    async fn write_host(
        &self,
        connection: &mut PgConnection,
        name: &str,
        batch: &Batch,
    ) -> Result<u64, Failure> {
        let explain = self.link.explain();
        let host = hold(connection, name).await.map_err(&explain)?.ok_or(Failure::Gone)?;
        self.names.forget_if_fewer(host.row);
        self.names.learn(connection, host.row).await.map_err(&explain)?;
        let numbers = self.numbers(connection, host.row, batch).await?;
        let new = self.not_sliced(connection, &host, batch).await?;
        let shelf = Shelf { host: number(host.row.id), interval_ms: 0 };
        let (mut bodies, mut times, mut types, mut data) = (Vec::new(), vec![], vec![], vec![]);
        for (&time, frame) in batch.frames.iter().filter(|(time, _)| new.contains(time)) {
            bodies.push(frame.seal(shelf.place(time), &numbers));
            for (metric_type, document) in &frame.documents {
                times.push(time);
                types.push(metric_type.as_str());
                data.push(document.as_str());
            }
        }
        let fill = sqlx::query(FILL).bind(host.row.id).bind(times).bind(types).bind(data);
        fill.execute(&mut *connection).await.map_err(&explain)?;
        let insert = sqlx::query(INSERT).bind(host.row.id).bind(Vec::from_iter(new)).bind(bodies);
        let done = insert.bind(name).bind(host.sliced_until_ms).execute(connection).await;
        done.map(|_| batch.left_out(&numbers)).map_err(|error| match is_without_partition(&error) {
            true => Failure::Gone,
            false => Failure::Store(explain(error)),
        })
    }

    /// The numbers of a batch's series; those that are new are given one.
    async fn numbers(
        &self,
        connection: &mut PgConnection,
        host: HostRow,
        batch: &Batch,
    ) -> Result<Vec<Option<u32>>, StoreError> {
        let mut numbers: Vec<Option<u32>> = {
            let known = self.names.known();
            let id = number(host.id);
            // A series that is not known by its number would get another.
            if known.series_count(id) != number(host.series) as usize {
                let reason = "its table `series` lacks rows that `hosts` counts; restore it";
                return Err(StoreError::unavailable(format!("{}: {reason}", self.link.place())));
            }
            let series = batch.series.iter();
            series.map(|(path, decimals)| known.number(id, path, *decimals)).collect()
        };
        let (mut paths, mut decimals) = (Vec::new(), Vec::new());
        let unknown = numbers.iter_mut().zip(&batch.series).filter(|(number, _)| number.is_none());
        // Nobody else learns of these before the transaction has ended well.
        for ((number, (path, digits)), next) in unknown.zip(host.series..MOST_SERIES as i32) {
            *number = u32::try_from(next).ok();
            paths.push(path.as_str());
            decimals.push(i32::from(*digits));
        }
        if !paths.is_empty() {
            let added = add_series(connection, host, paths, decimals).await;
            added.map_err(self.link.explain())?;
        }
        Ok(numbers)
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
            sqlx::query_scalar(select).bind(host.row.id).fetch_all(&mut *connection).await;
        let intervals = intervals.map_err(self.link.explain())?;
        let shelf = Shelf { host: number(host.row.id), interval_ms: 0 };
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

async fn add_series(
    connection: &mut PgConnection,
    host: HostRow,
    paths: Vec<&str>,
    decimals: Vec<i32>,
) -> Result<(), sqlx::Error> {
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

/// The row of a host, which nobody else has until the transaction ends.
async fn hold(connection: &mut PgConnection, name: &str) -> Result<Option<HeldHost>, sqlx::Error> {
    let select = "SELECT tableoid::int8, id, series, sliced_until_ms FROM hosts \
                  WHERE name = $1 FOR UPDATE";
    let row: Option<(i64, i32, i32, i64)> =
        sqlx::query_as(select).bind(name).fetch_optional(connection).await?;
    Ok(row.map(|(table, id, series, sliced_until_ms)| HeldHost {
        row: HostRow { table, id, series },
        sliced_until_ms,
    }))
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
