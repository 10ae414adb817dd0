//! Keeping slices: what is written once for all backends, run on a database.
//!
//! There is one keeper of slices at a time in all daemons: whoever holds the database's lock, by the
//! connection that changes slices too. It loads what it needs to know, does its work through an
//! engine of its own, and lets go of both.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use sqlx::PgConnection;
use tokio::time::Instant;

use super::{PostgresStore, files::PostgresFiles, head, link::READ};
use crate::{
    StoreError,
    archive::TIMES,
    damage::Damaged,
    engine::{Engine, Sealing, due_before},
    layout::{Frame, Index, Place, slice::HOUR_MS},
};

/// Who holds this keeps slices.
const LOCK: &str = "SELECT pg_try_advisory_lock(7308609, 4)";

/// So much is read and sealed in one turn.
const TURN_MS: i64 = 3 * HOUR_MS;

/// Who waits for another keeper waits so often, up to half a second each.
pub(super) const TURNS: usize = 60;

impl PostgresStore {
    /// Seals what is due of a host, if an hour is over that was not when this was last asked:
    /// without the caller.
    pub(super) fn seal_if_due(&self, host: &str, newest_ms: i64) {
        let until_ms = due_before(newest_ms);
        let mut next = self.due.begin(host, until_ms, Instant::now());
        if next.is_none() {
            return;
        }
        let (store, host) = (self.clone(), host.to_owned());
        tokio::spawn(async move {
            while let Some(until_ms) = next {
                let sealed = store.seal(&host, until_ms, 1).await;
                let is_done = sealed.unwrap_or_else(|error| {
                    tracing::warn!(%error, "frames were not sealed; this is tried again");
                    false
                });
                // Else another keeper is at work, or the server is away.
                next = store.due.end(&host, is_done, Instant::now());
            }
        });
    }

    /// Seals what is over of all hosts that frames were appended of here. What another daemon does
    /// not let it do within half a minute, that one does with its next frame.
    pub(super) async fn seal_appended(&self) -> Result<(), StoreError> {
        for (host, until_ms) in self.due.begun() {
            self.seal(&host, until_ms, TURNS).await?;
        }
        Ok(())
    }

    /// Seals the hours of a host up to one; says whether it had its turns. After each, which is a
    /// few hours, others have as much time for theirs: a server may have been away for days.
    async fn seal(&self, name: &str, until_ms: i64, turns: usize) -> Result<bool, StoreError> {
        let mut range = TIMES.start..until_ms;
        loop {
            let Some(files) = self.keeper(turns).await? else { return Ok(false) };
            let begun = Instant::now();
            match self.seal_some(files, name, &range).await? {
                Some(next_ms) => range.start = next_ms,
                None => return Ok(true),
            }
            tokio::time::sleep(begun.elapsed()).await;
        }
    }

    /// Seals some hours of a range, from the oldest frame on; says where to go on, which is behind
    /// frames that are damaged and stay.
    async fn seal_some(
        &self,
        files: PostgresFiles,
        name: &str,
        range: &Range<i64>,
    ) -> Result<Option<i64>, StoreError> {
        let files = files.with_hours(Arc::clone(&self.names));
        let engine = Engine::new(files, Index::default(), Sealing::Hourly);
        let Some(id) = self.id(name).await? else { return Ok(None) };
        let oldest = self.oldest(id, range).await?.unwrap_or(range.end);
        let end_ms = range.end.min(oldest - oldest.rem_euclid(HOUR_MS) + TURN_MS);
        self.load_head(&engine, id, range.start..end_ms).await?;
        // After the frames: every number in them has a name by now.
        self.load_index(&engine, Some(&BTreeSet::from([id]))).await?;
        // Only hours that are over were loaded.
        engine.seal_host(id, Sealing::AtOnce).await?;
        engine.files.release().await?;
        Ok((end_ms < range.end).then_some(end_ms))
    }

    /// The files, once it is this one's turn; nothing if another daemon has it.
    pub(super) async fn keeper(&self, turns: usize) -> Result<Option<PostgresFiles>, StoreError> {
        for turn in 0..turns {
            if turn > 0 {
                let pause = std::time::Duration::from_millis(500.min(10 << turn.min(6)));
                tokio::time::sleep(pause).await;
            }
            let keeper = self.link.within(READ, async {
                let mut keeper = self.link.writer().await?;
                let locked: Result<bool, _> =
                    sqlx::query_scalar(LOCK).fetch_one(&mut *keeper).await;
                let locked = locked.map_err(self.link.explain())?;
                if locked {
                    return Ok(Some(keeper));
                }
                keeper.keep();
                Ok(None)
            });
            if let Some(keeper) = keeper.await? {
                return Ok(Some(PostgresFiles::new(Arc::clone(&self.link), keeper)));
            }
        }
        Ok(None)
    }

    /// Gives an engine the names of all hosts, or of some.
    pub(super) async fn load_index(
        &self,
        engine: &Engine<PostgresFiles>,
        only: Option<&BTreeSet<u32>>,
    ) -> Result<(), StoreError> {
        let ids = only.map(|only| only.iter().map(|&id| id as i32).collect::<Vec<_>>());
        let (rows, shelves) = self
            .read(async |connection| {
                let rows = self.names.learn_all(connection, ids.as_deref()).await?;
                let select = "SELECT host_id, s.interval_ms, sliced_until_ms FROM shelves s \
                    JOIN hosts ON id = host_id WHERE $1::int[] IS NULL OR id = ANY ($1)";
                let query = sqlx::query_as(select).bind(ids.as_deref());
                let shelves: Vec<(i32, i32, i64)> = query.fetch_all(connection).await?;
                Ok((rows, shelves))
            })
            .await?;
        let known = self.names.known();
        // A slice has no place for values without a name: they would be gone.
        let is_whole = only.is_none_or(|only| only.len() == rows.len());
        if !is_whole || !rows.iter().all(|row| known.knows(row)) {
            return Err(StoreError::unavailable("not all names of its series are known"));
        }
        let mut index = engine.index();
        for (id, host) in (0..).zip(known.index.hosts()) {
            if only.is_some_and(|only| !only.contains(&id)) {
                index.add_unknown_host();
                continue;
            }
            index.add_host(Arc::clone(&host.name));
            let Some(copy) = index.get_mut(id) else { continue };
            for series in host.series() {
                if copy.add_saved(&series.path, series.decimals).is_none() {
                    copy.add_unknown();
                }
            }
        }
        for (host, interval_ms, until_ms) in shelves {
            if let Some(host) = index.get_mut(host.unsigned_abs()) {
                host.note_slice(interval_ms.into(), until_ms);
            }
        }
        Ok(())
    }

    /// Gives an engine the frames of a host in a range. What is damaged stays where it is.
    pub(super) async fn load_head(
        &self,
        engine: &Engine<PostgresFiles>,
        host: u32,
        range: Range<i64>,
    ) -> Result<(), StoreError> {
        let mut damaged = Vec::new();
        self.read(async |connection| {
            let put = |place, frame: Option<Frame>| match frame {
                Some(frame) => engine.head().insert(&frame),
                None => damaged.push(Damaged::all(place)),
            };
            head::for_each(connection, host, &range, put).await
        })
        .await?;
        self.damage.note(&damaged, &self.names.known().index);
        Ok(())
    }

    /// The same without their values.
    pub(super) async fn load_times(
        &self,
        engine: &Engine<PostgresFiles>,
        host: u32,
        range: Range<i64>,
    ) -> Result<(), StoreError> {
        let times =
            self.read(async |connection| head::times(connection, host, &range).await).await?;
        let mut head = engine.head();
        for timestamp_ms in times {
            let place = Place { host, interval_ms: 0, timestamp_ms };
            head.insert(&Frame { place, values: Vec::new() });
        }
        Ok(())
    }

    /// The number of a host.
    async fn id(&self, name: &str) -> Result<Option<u32>, StoreError> {
        if let Some(id) = self.names.known().index.host(name) {
            return Ok(Some(id));
        }
        self.read(async |connection| self.names.learn_hosts(connection).await).await?;
        Ok(self.names.known().index.host(name))
    }

    /// The oldest frame of a host in a range that is in no slice.
    async fn oldest(&self, host: u32, range: &Range<i64>) -> Result<Option<i64>, StoreError> {
        self.read(async |connection| {
            let select = "SELECT min(time_ms) FROM frames \
                WHERE host_id = $1 AND time_ms >= $2 AND time_ms < $3";
            let query = sqlx::query_scalar(select).bind(host as i32);
            query.bind(range.start).bind(range.end).fetch_one(connection).await
        })
        .await
    }

    /// Asks by a connection of its own.
    pub(super) async fn read<T>(
        &self,
        call: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        self.link
            .within(READ, async {
                let mut reader = self.link.reader().await?;
                let answer = call(&mut reader).await.map_err(self.link.explain())?;
                reader.keep();
                Ok(answer)
            })
            .await
    }
}
