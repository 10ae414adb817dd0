//! Retention: looks what is due first, so that hosts of which nothing is cost next to nothing.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{Executor, PgConnection};

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
    archive::TIMES,
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

    fn newest(&self) -> i64 {
        let all = |held: &Held| {
            let coarse = held.coarse.iter().map(|(_, stretch)| stretch.1);
            held.full.iter().map(|stretch| stretch.1).chain(coarse).max()
        };
        self.0.values().filter_map(all).max().unwrap_or_default()
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
        let mut look = self.read(Look::read).await?;
        let mut report = RetentionReport::default();
        let engine = Engine::new(files, Index::default(), Sealing::Never);
        match (look.believed(), policy.max_bytes) {
            (Some(believed), None) => {
                report.note = retention::note(believed, now_ms);
                let Some(newest) = believed else { return Ok(report) };
                let hosts = look.due(&Ages::of(policy, now_ms.min(newest)));
                if !hosts.is_empty() {
                    self.load(&engine, policy, now_ms, Some(&hosts)).await?;
                    let hosts = hosts.into_iter().collect::<Vec<_>>();
                    report =
                        retention::apply_to(&engine, policy, (believed, now_ms), &hosts).await?;
                    look = self.read(Look::read).await?;
                }
            }
            _ => {
                self.load(&engine, policy, now_ms, None).await?;
                report = retention::apply(&engine, policy, now_ms).await?;
                look = self.read(Look::read).await?;
            }
        }
        let ages = Ages::of(policy, now_ms.min(look.newest()));
        self.drop_old(&look, ages.gone_before(HOUR_MS)).await?;
        engine.files.release().await?;
        Ok(report)
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
        self.read(async |connection| self.names.learn_hosts(connection).await).await?;
        let hosts = self.names.known().index.hosts().len() as u32;
        for id in (0..hosts).filter(|id| only.is_none_or(|only| only.contains(id))) {
            self.load_head(engine, id, TIMES.start..until).await?;
            self.load_times(engine, id, until..TIMES.end).await?;
        }
        // After the frames: every number in them has a name by now.
        self.load_index(engine, only).await
    }

    /// Drops the partitions of days that nothing is asked from any more, and hours that are too old.
    /// A partition that is in use is left for the next time.
    async fn drop_old(&self, look: &Look, before_ms: i64) -> Result<(), StoreError> {
        let delete = "DELETE FROM metrics_hourly \
                      WHERE hour < timestamptz 'epoch' + $1 * interval '1 millisecond'";
        let used = look.days();
        self.link
            .within(READ, async {
                let mut writer = self.link.writer().await?;
                let explain = self.link.explain();
                let query = sqlx::query(delete).bind(before_ms.max(0));
                writer.execute(query).await.map_err(&explain)?;
                let days = partitions::days(&mut writer).await.map_err(&explain)?;
                let is_over = |day: &i64| (day + 1) * DAY_MS <= look.newest();
                for day in days.into_iter().filter(|day| !used.contains(day)).filter(is_over) {
                    if drop_unused(&mut writer, day).await.map_err(&explain)? {
                        self.partitions.forget();
                    }
                }
                writer.keep();
                Ok(())
            })
            .await
    }
}
