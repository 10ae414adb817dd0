//! Slices in a database, as everything that is written once needs them.
//!
//! An engine over these files lives as long as one sealing or one run of retention, of which there
//! is one at a time in all daemons ([`Keeper`](super::keep)). Its head is what `frames` names.

use std::{
    collections::{BTreeMap, HashMap},
    ops::{DerefMut, Range},
    sync::Arc,
};

use async_trait::async_trait;
use sqlx::{Executor, PgConnection, Postgres, postgres::PgArguments, query::QueryAs};
use tokio::sync::Mutex as AsyncMutex;

use super::{
    hourly::Hours,
    link::{Link, READ},
    names::Names,
    pool::Held,
    room, usage,
};
use crate::{
    StoreError,
    archive::{Change, Files, Moment, NewNames, Sheet, Shelf, Totals},
    layout::{
        Frame, Place,
        slice::{DAY_MS, Directory, Slice},
    },
    registry::Machine,
};

/// The slices of a database, and the one connection that changes them.
#[derive(Debug)]
pub(super) struct PostgresFiles {
    pub(super) link: Arc<Link>,
    /// Holds the lock that says who keeps slices: should it be lost, nothing is changed any more.
    keeper: AsyncMutex<Held>,
    /// Names, where hours are written down for plain SQL as they are sealed.
    names: Option<Arc<Names>>,
}

impl PostgresFiles {
    pub(super) fn new(link: Arc<Link>, keeper: Held) -> Self {
        Self { link, keeper: AsyncMutex::new(keeper), names: None }
    }

    /// Lets the next keeper have its turn. The server would notice a dropped connection only later.
    pub(super) async fn release(self) -> Result<(), StoreError> {
        let mut keeper = self.keeper.into_inner();
        let unlock = async {
            let unlock = keeper.execute("SELECT pg_advisory_unlock(7308609, 4)");
            unlock.await.map_err(self.link.explain())
        };
        self.link.within(READ, unlock).await?;
        keeper.keep();
        Ok(())
    }

    /// Frames that join slices are also written down by the hour.
    pub(super) fn with_hours(self, names: Arc<Names>) -> Self {
        Self { names: Some(names), ..self }
    }
}

#[async_trait]
impl Files for PostgresFiles {
    fn keeps_frames(&self) -> bool {
        true
    }

    async fn moment(&self) -> Result<Box<dyn Moment + '_>, StoreError> {
        Ok(Box::new(moment(&self.link).await?))
    }

    /// Frames come by [`PostgresStore`](super::PostgresStore) alone.
    async fn append(&self, _: Vec<NewNames>, _: &[Frame]) -> Result<(), StoreError> {
        Err(StoreError::closed())
    }

    /// As frames do.
    async fn register(&self, _: &str, _: &Machine) -> Result<(), StoreError> {
        Err(StoreError::closed())
    }

    /// The head was put in its place before.
    async fn frames(
        &self,
        _: Option<Place>,
        _: usize,
    ) -> Result<Vec<(Place, Option<Frame>)>, StoreError> {
        Ok(Vec::new())
    }

    async fn change(&self, change: &Change) -> Result<(), StoreError> {
        let mut keeper = self.keeper.lock().await;
        let hours = self.names.as_ref().map(|names| Hours::of(change, &names.known()));
        let written = write_change(&mut keeper, change, hours.unwrap_or_default());
        let explain = self.link.explain();
        self.link.within(READ, async { written.await.map_err(explain) }).await
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        moment(&self.link).await?.ask(usage::totals).await
    }

    async fn bytes(&self) -> Result<(u64, u64), StoreError> {
        moment(&self.link).await?.ask(usage::bytes).await
    }

    async fn oldest_hour(&self) -> Result<Option<i64>, StoreError> {
        moment(&self.link).await?.ask(room::oldest_hour).await
    }

    async fn delete_hours(&self, before_ms: i64) -> Result<(), StoreError> {
        let mut keeper = self.keeper.lock().await;
        let deleted = room::delete_hours(&mut keeper, before_ms);
        let explain = self.link.explain();
        self.link.within(READ, async { deleted.await.map_err(explain) }).await
    }

    async fn shrink(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn check(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }
}

/// What is there now, and stays as it is until this is dropped.
pub(super) async fn moment(link: &Arc<Link>) -> Result<Reading<'_, Ending>, StoreError> {
    let reader = link.within(READ, async {
        let mut reader = link.reader().await?;
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        reader.execute(begin).await.map_err(link.explain())?;
        Ok(reader)
    });
    Ok(Reading::new(
        Ending { held: Some(reader.await?), link: Arc::clone(link), is_well: true },
        link,
    ))
}

/// A connection whose transaction is ended when nobody needs it any more.
pub(super) struct Ending {
    held: Option<Held>,
    link: Arc<Link>,
    /// Whether each question was answered.
    is_well: bool,
}

impl std::ops::Deref for Ending {
    type Target = PgConnection;

    #[allow(clippy::expect_used)] // Only the drop takes it.
    fn deref(&self) -> &PgConnection {
        self.held.as_ref().expect("a connection is held")
    }
}

impl DerefMut for Ending {
    #[allow(clippy::expect_used)] // Only the drop takes it.
    fn deref_mut(&mut self) -> &mut PgConnection {
        // Until the question is answered, nothing is known of the connection.
        self.is_well = false;
        self.held.as_mut().expect("a connection is held")
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let Some(mut held) = self.held.take().filter(|_| self.is_well) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let link = Arc::clone(&self.link);
        runtime.spawn(async move {
            let rollback = async { held.execute("ROLLBACK").await.map_err(link.explain()) };
            if link.within(READ, rollback).await.is_ok() {
                held.keep();
            }
        });
    }
}

/// What a connection may be when a question was answered.
pub(super) trait Answered {
    fn answered(&mut self) {}
}

impl Answered for &mut PgConnection {}

impl Answered for Ending {
    fn answered(&mut self) {
        self.is_well = true;
    }
}

/// Reads slices by a connection.
pub(super) struct Reading<'a, C> {
    by: C,
    link: &'a Link,
}

impl<'a, C: DerefMut<Target = PgConnection> + Answered + Send> Reading<'a, C> {
    pub(super) fn new(by: C, link: &'a Link) -> Self {
        Self { by, link }
    }

    /// Asks by the connection, for so long at most.
    pub(super) async fn ask<T>(
        &mut self,
        call: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let link = self.link;
        let by = &mut self.by;
        let answer =
            link.within(READ, async { call(&mut *by).await.map_err(link.explain()) }).await?;
        self.by.answered();
        Ok(answer)
    }

    async fn fetch(&mut self, query: Bodies<'_>) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
        self.ask(async |connection| query.fetch_all(connection).await).await
    }
}

/// A question about bodies, each behind a number.
type Bodies<'q> = QueryAs<'q, Postgres, (i64, Vec<u8>), PgArguments>;

#[async_trait]
impl<C: DerefMut<Target = PgConnection> + Answered + Send> Moment for Reading<'_, C> {
    async fn sheets(
        &mut self,
        shelf: Shelf,
        starts: Range<i64>,
        limit: usize,
    ) -> Result<Vec<Sheet>, StoreError> {
        let select = "SELECT start_ms, directory FROM slices WHERE host_id = $1 \
            AND interval_ms = $2 AND start_ms >= $3 AND start_ms < $4 ORDER BY start_ms LIMIT $5";
        let query = sqlx::query_as(select)
            .bind(shelf.host as i32)
            .bind(shelf.interval_ms as i32)
            .bind(starts.start)
            .bind(starts.end)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.fetch(query).await?.into_iter();
        Ok(rows.map(|(start, body)| (shelf.place(start), body)).collect())
    }

    async fn newest(&mut self, shelf: Shelf) -> Result<Option<Sheet>, StoreError> {
        let select = "SELECT start_ms, directory FROM slices WHERE host_id = $1 \
            AND interval_ms = $2 ORDER BY start_ms DESC LIMIT 1";
        let query = sqlx::query_as(select).bind(shelf.host as i32).bind(shelf.interval_ms as i32);
        let row = self.fetch(query).await?.pop();
        Ok(row.map(|(start, body)| (shelf.place(start), body)))
    }

    async fn parts(&mut self, wanted: &[(Place, u32)]) -> Result<Vec<Vec<u8>>, StoreError> {
        let select = "SELECT w.at, p.body \
            FROM unnest($1::int[], $2::int[], $3::bigint[], $4::int[]) WITH ORDINALITY \
            AS w (host_id, interval_ms, start_ms, part, at) \
            JOIN parts p USING (host_id, interval_ms, start_ms, part)";
        let places = || wanted.iter().map(|(place, _)| place);
        let query = sqlx::query_as(select)
            .bind(places().map(|place| place.host as i32).collect::<Vec<_>>())
            .bind(places().map(|place| place.interval_ms as i32).collect::<Vec<_>>())
            .bind(places().map(|place| place.timestamp_ms).collect::<Vec<_>>())
            .bind(wanted.iter().map(|(_, part)| *part as i32).collect::<Vec<_>>());
        let mut rows: HashMap<i64, Vec<u8>> = self.fetch(query).await?.into_iter().collect();
        Ok((1..).zip(wanted).map(|(at, _)| rows.remove(&at).unwrap_or_default()).collect())
    }
}

/// One transaction. Nobody appends to these hosts meanwhile.
async fn write_change(
    connection: &mut PgConnection,
    change: &Change,
    hours: Hours,
) -> Result<(), sqlx::Error> {
    let places = change.delete.iter().chain(&change.frames);
    let hosts = places.chain(change.put.iter().map(|slice| &slice.place)).map(|place| place.host);
    let hosts: Vec<i32> =
        BTreeMap::from_iter(hosts.map(|host| (host as i32, ()))).into_keys().collect();
    connection.execute("BEGIN").await?;
    sqlx::query("SELECT FROM hosts WHERE id = ANY($1) ORDER BY name FOR UPDATE")
        .bind(&hosts)
        .execute(&mut *connection)
        .await?;
    let mut left = BTreeMap::new();
    for place in &change.frames {
        *left.entry(place.timestamp_ms.div_euclid(DAY_MS)).or_default() += 1;
    }
    for place in change.delete.iter().chain(change.put.iter().map(|slice| &slice.place)) {
        if let Some((day, frames)) = delete_slice(connection, *place).await? {
            *left.entry(day).or_default() += frames;
        }
    }
    for slice in &change.put {
        put_slice(connection, slice).await?;
        if slice.place.interval_ms == 0 {
            let day = slice.place.timestamp_ms.div_euclid(DAY_MS);
            *left.entry(day).or_default() -= i64::try_from(slice.frames).unwrap_or(i64::MAX);
        }
    }
    delete_frames(connection, &change.frames).await?;
    note_gone(connection, &left).await?;
    hours.write(connection).await?;
    connection.execute("COMMIT").await.map(drop)
}

/// Its day and how many frames it had, if they were at full resolution.
async fn delete_slice(
    connection: &mut PgConnection,
    place: Place,
) -> Result<Option<(i64, i64)>, sqlx::Error> {
    let delete = "WITH gone AS (\
        DELETE FROM parts WHERE host_id = $1 AND interval_ms = $2 AND start_ms = $3) \
        DELETE FROM slices WHERE host_id = $1 AND interval_ms = $2 AND start_ms = $3 \
        RETURNING frames";
    let frames: Option<i64> = sqlx::query_scalar(delete)
        .bind(place.host as i32)
        .bind(place.interval_ms as i32)
        .bind(place.timestamp_ms)
        .fetch_optional(connection)
        .await?;
    let day = place.timestamp_ms.div_euclid(DAY_MS);
    Ok(frames.filter(|_| place.interval_ms == 0).map(|frames| (day, frames)))
}

async fn put_slice(connection: &mut PgConnection, slice: &Slice) -> Result<(), sqlx::Error> {
    let place = slice.place;
    let Some(directory) = Directory::open(place, slice.directory.clone()) else { return Ok(()) };
    let (first, last) = (directory.pages().next(), directory.pages().next_back());
    let (Some(first), Some(last)) = (first, last) else { return Ok(()) };
    // What is downsampled lies where it begins.
    let (first_ms, last_ms) = match place.interval_ms {
        0 => (first.first_ms, last.last_ms),
        _ => (first.start_ms, last.start_ms),
    };
    let insert = "WITH shelf AS (INSERT INTO shelves VALUES ($1, $2) ON CONFLICT DO NOTHING), \
        host AS (UPDATE hosts SET sliced_until_ms = $9 WHERE id = $1 AND sliced_until_ms < $9), \
        part AS (INSERT INTO parts (host_id, interval_ms, start_ms, part, body) \
            SELECT $1, $2, $3, row.at - 1, row.body \
            FROM unnest($10::bytea[]) WITH ORDINALITY AS row (body, at)) \
        INSERT INTO slices VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    sqlx::query(insert)
        .bind(place.host as i32)
        .bind(place.interval_ms as i32)
        .bind(place.timestamp_ms)
        .bind(i64::try_from(slice.frames).unwrap_or(i64::MAX))
        .bind(i64::try_from(slice.bytes()).unwrap_or(i64::MAX))
        .bind(first_ms)
        .bind(last_ms)
        .bind(slice.directory.as_slice())
        .bind(last.last_ms + 1)
        .bind(&slice.parts)
        .execute(connection)
        .await
        .map(drop)
}

async fn delete_frames(connection: &mut PgConnection, frames: &[Place]) -> Result<(), sqlx::Error> {
    if frames.is_empty() {
        return Ok(());
    }
    let delete = "DELETE FROM frames USING unnest($1::int[], $2::bigint[]) AS gone (host, time) \
        WHERE host_id = gone.host AND time_ms = gone.time";
    sqlx::query(delete)
        .bind(frames.iter().map(|place| place.host as i32).collect::<Vec<_>>())
        .bind(frames.iter().map(|place| place.timestamp_ms).collect::<Vec<_>>())
        .execute(connection)
        .await
        .map(drop)
}

/// Counts the frames that are gone while their documents are there until the end of the day.
async fn note_gone(
    connection: &mut PgConnection,
    left: &BTreeMap<i64, i64>,
) -> Result<(), sqlx::Error> {
    for (day, frames) in left.iter().filter(|(_, frames)| **frames > 0) {
        sqlx::query("UPDATE partitions SET gone_frames = gone_frames + $2 WHERE day = $1")
            .bind(*day as i32)
            .bind(frames)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
