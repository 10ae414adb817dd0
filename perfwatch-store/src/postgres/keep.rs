//! Keeping slices: what is written once for all backends, run on a database.
//!
//! There is one keeper of slices at a time in all daemons: whoever holds the database's lock, by the
//! connection that changes slices too. It loads what it needs to know, does its work through an
//! engine of its own, and lets go of both.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use sqlx::PgConnection;

use super::{PostgresStore, files::PostgresFiles, head, link::READ};
use crate::{
    StoreError,
    archive::TIMES,
    damage::Damaged,
    engine::{Engine, Sealing, due_before},
    layout::{Frame, Index, Place},
};

/// Who holds this keeps slices.
const LOCK: &str = "SELECT pg_try_advisory_lock(7308609, 4)";

/// Who waits for another keeper waits so often, up to half a second each.
pub(super) const TURNS: usize = 60;

/// Up to which hour sealing was last begun, by host, and whether it runs.
#[derive(Debug, Default)]
pub(super) struct Due {
    until_ms: Mutex<HashMap<String, i64>>,
    running: Mutex<HashSet<String>>,
}

impl PostgresStore {
    /// Seals what is due of a host, if an hour is over that was not when this was last asked:
    /// without the caller.
    pub(super) fn seal_if_due(&self, host: &str, newest_ms: i64) {
        let until = due_before(newest_ms);
        let mut known = self.due.until_ms.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.entry(host.to_owned()).or_insert(i64::MIN);
        let mut running = self.due.running.lock().unwrap_or_else(PoisonError::into_inner);
        if *before >= until || !running.insert(host.to_owned()) {
            return;
        }
        let (store, host, before) =
            (self.clone(), host.to_owned(), std::mem::replace(before, until));
        tokio::spawn(async move {
            let sealed = store.seal(&host, 1).await;
            store.due.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&host);
            if sealed.unwrap_or_else(|error| {
                tracing::warn!(%error, "frames were not sealed; this is tried again");
                false
            }) {
                return;
            }
            // Another keeper is at work, or the server is away: the next frame asks again.
            let mut known = store.due.until_ms.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(host, before);
        });
    }

    /// Seals what is over of all hosts that frames were appended of here. What another daemon does
    /// not let it do within half a minute, that one does with its next frame.
    pub(super) async fn seal_appended(&self) -> Result<(), StoreError> {
        let hosts: Vec<String> = {
            let known = self.due.until_ms.lock().unwrap_or_else(PoisonError::into_inner);
            known.keys().cloned().collect()
        };
        for host in hosts {
            self.seal(&host, TURNS).await?;
        }
        Ok(())
    }

    /// Seals the hours of a host that are over; says whether it had its turn.
    async fn seal(&self, name: &str, turns: usize) -> Result<bool, StoreError> {
        let Some(files) = self.keeper(turns).await? else { return Ok(false) };
        let files = files.with_hours(Arc::clone(&self.names));
        let Some(id) = self.id(name).await? else { return Ok(true) };
        let engine = Engine::new(files, Index::default(), Sealing::Hourly);
        let newest = self.newest(id).await?;
        self.load_head(&engine, id, TIMES.start..due_before(newest)).await?;
        // After the frames: every number in them has a name by now.
        self.load_index(&engine, Some(&BTreeSet::from([id]))).await?;
        // Only hours that are over were loaded.
        engine.seal_host(id, Sealing::AtOnce).await?;
        engine.files.release().await?;
        Ok(true)
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
        let shelves = self
            .read(async |connection| {
                let select = "SELECT host_id, s.interval_ms, sliced_until_ms FROM shelves s \
                    JOIN hosts ON id = host_id WHERE $1::int[] IS NULL OR id = ANY ($1)";
                let query = sqlx::query_as(select).bind(ids);
                let rows: Vec<(i32, i32, i64)> = query.fetch_all(connection).await?;
                Ok(rows)
            })
            .await?;
        self.read(async |connection| match only {
            Some(hosts) => {
                for &host in hosts {
                    self.names.learn_series(&mut *connection, host).await?;
                }
                Ok(())
            }
            None => self.names.learn_all(connection).await,
        })
        .await?;
        let known = self.names.known();
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

    /// The newest frame of a host that is in no slice.
    async fn newest(&self, host: u32) -> Result<i64, StoreError> {
        let newest = self.read(async |connection| {
            let select = "SELECT max(time_ms) FROM frames WHERE host_id = $1";
            let newest: Option<i64> =
                sqlx::query_scalar(select).bind(host as i32).fetch_one(connection).await?;
            Ok(newest)
        });
        Ok(newest.await?.unwrap_or_default())
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
