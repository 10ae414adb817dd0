//! Retention: looks what is due first, so that hosts of which nothing is cost next to nothing.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;

use super::{
    PostgresStore,
    files::PostgresFiles,
    keep::TURNS,
    link::READ,
    names::number,
    partitions::{self, drop_unused},
};
use crate::{
    RetentionPolicy, RetentionReport, StoreError,
    archive::{Files, TIMES},
    engine::{Engine, Sealing},
    layout::{
        Index,
        slice::{DAY_MS, HOUR_MS},
    },
    retention::{self, Ages, newest_believed},
};

/// Where a host's frames lie: each slice at full resolution, each hour of those that are in none,
/// and each interval.
const STRETCHES: &str = "SELECT host_id, 0, first_ms, last_ms FROM slices WHERE interval_ms = 0 \
    UNION ALL SELECT host_id, 0, min(time_ms), max(time_ms) FROM frames \
        GROUP BY host_id, time_ms / 3600000 \
    UNION ALL SELECT host_id, interval_ms, min(first_ms), max(last_ms) FROM slices \
        WHERE interval_ms > 0 GROUP BY host_id, interval_ms";

/// The first and the last time of something.
type Stretch = (i64, i64);

/// Where a host's frames lie.
#[derive(Default)]
struct Held {
    full: Vec<Stretch>,
    /// With its interval.
    coarse: Vec<(i64, Stretch)>,
}

/// Where all frames lie.
#[derive(Default)]
struct Look(BTreeMap<u32, Held>);

impl Look {
    async fn read(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let rows: Vec<(i32, i32, i64, i64)> =
            sqlx::query_as(STRETCHES).fetch_all(connection).await?;
        let mut look = Self::default();
        for (host, interval_ms, first, last) in rows {
            let held = look.0.entry(number(host)).or_default();
            match interval_ms {
                0 => held.full.push((first, last)),
                _ => held.coarse.push((interval_ms.into(), (first, last))),
            }
        }
        Ok(look)
    }

    /// The newest time that is believed; nothing where that needs a closer look.
    fn believed(&self) -> Option<Option<i64>> {
        let believed = self.0.values().map(Held::believed);
        believed.collect::<Option<Vec<_>>>().map(|all| all.into_iter().max())
    }

    /// The hosts of which anything is due.
    fn due(&self, ages: &Ages) -> BTreeSet<u32> {
        let due = self.0.iter().filter(|(_, held)| held.is_due(ages));
        due.map(|(host, _)| *host).collect()
    }

    /// The days that have a frame at full resolution.
    fn days(&self) -> BTreeSet<i64> {
        let stretches = self.0.values().flat_map(|held| &held.full);
        stretches
            .flat_map(|(first, last)| first.div_euclid(DAY_MS)..=last.div_euclid(DAY_MS))
            .collect()
    }
}

impl Held {
    /// A slice at full resolution has no hole that counts; one of intervals may have.
    fn believed(&self) -> Option<i64> {
        let newest = self.full.iter().map(|(_, last)| *last).max()?;
        let believed = newest_believed(&self.full)?;
        let coarse = self.coarse.iter().map(|(_, (_, last))| *last).max();
        let Some(coarse) = coarse else { return Some(believed) };
        let is_old = self.full.iter().any(|(first, _)| *first < newest - HOUR_MS);
        (is_old && believed == newest && coarse <= newest).then_some(believed)
    }

    fn is_due(&self, ages: &Ages) -> bool {
        self.full.iter().any(|(first, _)| *first < ages.merged_before_ms())
            || self.coarse.iter().any(|(interval, (first, _))| *first < ages.gone_before(*interval))
    }
}

impl PostgresStore {
    pub(super) async fn retain(
        &self,
        policy: &RetentionPolicy,
        now_ms: i64,
    ) -> Result<RetentionReport, StoreError> {
        policy.validate()?;
        self.link.open()?;
        let Some(files) = self.keeper(TURNS).await? else {
            return Err(StoreError::unavailable("another daemon applies a policy now"));
        };
        // A machine whose clock is ahead must not make the frames of all others old: the server's
        // clock is everybody's.
        let now_ms = now_ms.min(self.read(server_clock_ms).await?);
        let mut look = self.read(Look::read).await?;
        let engine = Engine::new(files, Index::default(), Sealing::Never);
        let (believed, hosts) = self.load_due(&engine, &look, policy, now_ms).await?;
        let mut report =
            RetentionReport { note: retention::note(believed, now_ms), ..Default::default() };
        let Some(newest) = believed else { return Ok(report) };
        if !hosts.is_empty() {
            report = retention::apply_to(&engine, policy, (believed, now_ms), &hosts).await?;
            look = self.read(Look::read).await?;
        }
        // What no slice would go by, nothing else does.
        self.drop_old(&engine.files, &look, policy, now_ms.min(newest)).await;
        if let Err(error) = engine.files.release().await {
            tracing::debug!(%error, "whoever keeps slices next has to wait for this connection's end");
        }
        Ok(report)
    }

    /// The newest time that is believed, and the hosts that an engine was given: all of which
    /// anything may be due.
    async fn load_due(
        &self,
        engine: &Engine<PostgresFiles>,
        look: &Look,
        policy: &RetentionPolicy,
        now_ms: i64,
    ) -> Result<(Option<i64>, Vec<u32>), StoreError> {
        if let (Some(believed), None) = (look.believed(), policy.max_bytes) {
            let due = believed.map(|newest| look.due(&Ages::of(policy, now_ms.min(newest))));
            let due = due.unwrap_or_default();
            if !due.is_empty() {
                self.load(engine, policy, now_ms, Some(&due)).await?;
            }
            return Ok((believed, due.into_iter().collect()));
        }
        self.load(engine, policy, now_ms, None).await?;
        let hosts = engine.index().hosts().len() as u32;
        Ok((retention::newest(engine).await?, (0..hosts).collect()))
    }

    /// Gives an engine what there is of some hosts, or of all: frames that are merged with their
    /// values, of all others only the times.
    async fn load(
        &self,
        engine: &Engine<PostgresFiles>,
        policy: &RetentionPolicy,
        now_ms: i64,
        only: Option<&BTreeSet<u32>>,
    ) -> Result<(), StoreError> {
        let merged_days = match policy.max_bytes {
            Some(_) => policy.full_resolution_days.min(1),
            None => policy.full_resolution_days,
        };
        let until = now_ms.saturating_sub(i64::from(merged_days) * DAY_MS).max(TIMES.start);
        let hosts = match only {
            Some(hosts) => hosts.iter().copied().collect(),
            None => self.read(hosts).await?,
        };
        for id in hosts {
            self.load_head(engine, id, TIMES.start..until).await?;
            self.load_times(engine, id, until..TIMES.end).await?;
        }
        // After the frames: every number in them has a name by now.
        self.load_index(engine, only).await
    }

    /// Drops the partitions of days that nothing is asked from any more, and hours that are too old.
    /// What is in use is left for the next time: it keeps nothing else from going.
    async fn drop_old(
        &self,
        files: &PostgresFiles,
        look: &Look,
        policy: &RetentionPolicy,
        now_ms: i64,
    ) {
        let before_ms = Ages::of(policy, now_ms).gone_before(HOUR_MS);
        if let Err(error) = files.delete_hours(before_ms).await {
            tracing::warn!(%error, "old rows of metrics_hourly were not deleted; this is tried again");
        }
        let days = self.read(partitions::days).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "no partition was dropped; this is tried again");
            Vec::new()
        });
        let used = look.days();
        let is_over = |day: &i64| (day + 1) * DAY_MS <= now_ms;
        for day in days.into_iter().filter(|day| !used.contains(day)).filter(is_over) {
            match self.drop_day(day).await {
                Ok(true) => self.partitions.forget(),
                Ok(false) => {}
                Err(error) => tracing::warn!(
                    %error, partition = partitions::name(day), "it was not dropped; this is tried again"
                ),
            }
        }
    }

    async fn drop_day(&self, day: i64) -> Result<bool, StoreError> {
        self.by_writer(async |writer| drop_unused(writer, day).await).await
    }

    /// Does something by a connection that writes, and leaves no transaction behind.
    async fn by_writer<T>(
        &self,
        call: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        self.link
            .within(READ, async {
                let mut writer = self.link.writer().await?;
                let done = call(&mut writer).await;
                // What the server refused, it has answered.
                if done.as_ref().err().is_none_or(|error| error.as_database_error().is_some()) {
                    writer.keep();
                }
                done.map_err(self.link.explain())
            })
            .await
    }
}

/// The numbers of all hosts.
async fn hosts(connection: &mut PgConnection) -> Result<Vec<u32>, sqlx::Error> {
    let ids: Vec<i32> = sqlx::query_scalar("SELECT id FROM hosts").fetch_all(connection).await?;
    Ok(ids.into_iter().map(number).collect())
}

/// What the server takes for now, in milliseconds since 1970.
async fn server_clock_ms(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    let clock = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8";
    sqlx::query_scalar(clock).fetch_one(connection).await
}
