//! The partitions of `metrics_snapshots`: one per day (UTC).
//!
//! They are made ahead, and where frames come of a day that has none. A table is made by itself and
//! attached then: unlike `CREATE TABLE ... PARTITION OF`, this waits for no query that is running.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::link::Link;
use crate::{StoreError, layout::slice::DAY_MS};

/// Only one daemon at a time makes or drops partitions.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7308609, 2)";

/// The days that have a partition, as far as this process knows.
#[derive(Debug, Default)]
pub(super) struct Partitions(Mutex<BTreeSet<i64>>);

impl Partitions {
    fn known(&self) -> MutexGuard<'_, BTreeSet<i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what is known: somebody else dropped some.
    pub(super) fn forget(&self) {
        self.known().clear();
    }

    /// Makes what is missing for frames of these times, and the day behind the newest.
    pub(super) async fn prepare(
        &self,
        connection: &mut PgConnection,
        times: impl Iterator<Item = i64>,
        link: &Link,
    ) -> Result<(), StoreError> {
        let mut days: BTreeSet<i64> = times.map(|time| time.div_euclid(DAY_MS)).collect();
        days.extend(days.last().map(|day| day + 1));
        let unknown: Vec<i64> = days.difference(&self.known()).copied().collect();
        if unknown.is_empty() {
            return Ok(());
        }
        make(connection, &unknown, link).await?;
        self.known().extend(unknown);
        Ok(())
    }
}

/// What has the name of a partition. The table `partitions` cannot tell: whoever owns the database
/// may drop a partition by hand, or detach it to keep it elsewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Partition,
    /// A table that is no partition, where one would be made.
    Table,
    Nothing,
}

async fn find(connection: &mut PgConnection, name: &str) -> Result<Found, sqlx::Error> {
    let select = "SELECT EXISTS (SELECT FROM pg_inherits JOIN pg_class ON oid = inhrelid \
            WHERE inhparent = to_regclass('metrics_snapshots') AND relname = $1 \
            AND NOT inhdetachpending), \
        to_regclass(format('%I.%I', current_schema(), $1)) IS NOT NULL";
    let found: (bool, bool) = sqlx::query_as(select).bind(name).fetch_one(connection).await?;
    Ok(match found {
        (true, _) => Found::Partition,
        (false, true) => Found::Table,
        (false, false) => Found::Nothing,
    })
}

/// Makes the partitions that are missing. What was detached is attached again: its day is written to.
async fn make(connection: &mut PgConnection, days: &[i64], link: &Link) -> Result<(), StoreError> {
    let explain = link.explain_step();
    let mut transaction = connection.begin().await.map_err(&explain)?;
    transaction.execute(LOCK).await.map_err(&explain)?;
    for &day in days {
        let name = name(day);
        let found = find(&mut transaction, &name).await.map_err(&explain)?;
        if found == Found::Nothing {
            let create = format!(
                "CREATE TABLE {name} (LIKE metrics_snapshots INCLUDING DEFAULTS INCLUDING STORAGE)"
            );
            transaction.execute(AssertSqlSafe(create)).await.map_err(&explain)?;
        }
        if found != Found::Partition {
            attach(&mut transaction, day, link).await?;
        }
        let insert = "INSERT INTO partitions (day) VALUES ($1) ON CONFLICT DO NOTHING";
        let insert = sqlx::query(insert).bind(day as i32).execute(&mut *transaction);
        insert.await.map_err(&explain)?;
    }
    transaction.commit().await.map_err(explain)
}

async fn attach(connection: &mut PgConnection, day: i64, link: &Link) -> Result<(), StoreError> {
    let (name, from, until) = (name(day), start(day), start(day + 1));
    let attach = format!(
        "ALTER TABLE metrics_snapshots ATTACH PARTITION {name} FOR VALUES FROM ({from}) TO ({until})"
    );
    let done = connection.execute(AssertSqlSafe(attach)).await;
    done.map(drop).map_err(|error| {
        let message = error.as_database_error().map(|error| error.message().to_owned());
        match (link.explain()(error), message) {
            // The frames are not at fault: they wait.
            (StoreError::Backend(_), Some(message)) => StoreError::unavailable(format!(
                "{}: the table {name} cannot be attached to metrics_snapshots: {message}; attach it \
                 by hand, or give it another name",
                link.place()
            )),
            (error, _) => error,
        }
    })
}

/// Drops the partition of a day, if no frame of it is kept one by one or in a slice at full
/// resolution; says whether it went. What is no partition any more is left alone.
pub(super) async fn drop_unused(
    connection: &mut PgConnection,
    day: i64,
) -> Result<bool, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    match drop_in(&mut transaction, day).await {
        Ok(went) => transaction.commit().await.map(|()| went),
        Err(error) => {
            transaction.rollback().await?;
            Err(error)
        }
    }
}

async fn drop_in(transaction: &mut PgConnection, day: i64) -> Result<bool, sqlx::Error> {
    transaction.execute(LOCK).await?;
    let name = name(day);
    let found = find(transaction, &name).await?;
    if found == Found::Partition {
        // Nobody appends to it from here on.
        let lock =
            format!("SET LOCAL lock_timeout = '2s'; LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE");
        transaction.execute(AssertSqlSafe(lock)).await?;
    }
    let used = "SELECT EXISTS (SELECT FROM frames WHERE time_ms >= $1 AND time_ms < $2) \
                OR EXISTS (SELECT FROM slices WHERE interval_ms = 0 AND last_ms >= $1 AND first_ms < $2)";
    let used: bool = sqlx::query_scalar(used)
        .bind(day * DAY_MS)
        .bind((day + 1) * DAY_MS)
        .fetch_one(&mut *transaction)
        .await?;
    if used {
        return Ok(false);
    }
    if found == Found::Partition {
        let drop =
            format!("ALTER TABLE metrics_snapshots DETACH PARTITION {name}; DROP TABLE {name}");
        transaction.execute(AssertSqlSafe(drop)).await?;
    }
    let delete = sqlx::query("DELETE FROM partitions WHERE day = $1").bind(day as i32);
    delete.execute(transaction).await?;
    Ok(true)
}

/// The days that were given a partition.
pub(super) async fn days(connection: &mut PgConnection) -> Result<Vec<i64>, sqlx::Error> {
    let days: Vec<i32> =
        sqlx::query_scalar("SELECT day FROM partitions ORDER BY day").fetch_all(connection).await?;
    Ok(days.into_iter().map(i64::from).collect())
}

/// Days are counted from 1970, so that each has a name, also those that no calendar here knows.
pub(super) fn name(day: i64) -> String {
    let (year, month, day) = civil(day);
    format!("metrics_snapshots_{year:04}{month:02}{day:02}")
}

fn start(day: i64) -> String {
    let (year, month, day) = civil(day);
    format!("'{year:04}-{month:02}-{day:02} 00:00:00+00'")
}

/// Year, month and day of a day since 1970, in the calendar that PostgreSQL uses: months are counted
/// from March on, so that the day that only some years have is the last of its year.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, in_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year_of_era = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * in_year + 2) / 153;
    let in_month = in_year - (153 * month + 2) / 5 + 1;
    let calendar = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(calendar <= 2), calendar, in_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_called_by_its_day() {
        assert_eq!(name(0), "metrics_snapshots_19700101");
        assert_eq!(name(19_675), "metrics_snapshots_20231114");
        assert_eq!(name(19_782), "metrics_snapshots_20240229");
        assert_eq!(start(19_783), "'2024-03-01 00:00:00+00'");
        assert_eq!(civil((1_i64 << 44) / DAY_MS), (2527, 6, 23));
    }
}
