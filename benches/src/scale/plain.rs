//! The plainest layout: one row of JSONB per metric type in one table, nothing beside it, averages
//! in SQL over all rows.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use perfwatch_core::series;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use crate::history::HOST;

/// The same frames as `metrics_snapshots` has, in the plain table: documents are written anew, so that
/// they are packed no better than that table packs them.
const MAKE: [&str; 5] = [
    "CREATE TABLE plain_snapshots (id bigserial PRIMARY KEY, timestamp timestamptz NOT NULL, \
     host text NOT NULL, metric_type text NOT NULL, metric_data jsonb NOT NULL)",
    "INSERT INTO plain_snapshots (timestamp, host, metric_type, metric_data) \
     SELECT timestamp, host, metric_type, metric_data::text::jsonb FROM metrics_snapshots ORDER BY timestamp",
    "CREATE INDEX idx_plain_timestamp ON plain_snapshots (timestamp)",
    "CREATE INDEX idx_plain_type_timestamp ON plain_snapshots (metric_type, timestamp)",
    "VACUUM ANALYZE plain_snapshots",
];

/// The plain table, through a connection of its own.
pub(super) struct Plain {
    connection: PgConnection,
}

impl Plain {
    pub(super) async fn connect(url: &str) -> Result<Self> {
        let connection = PgConnection::connect(url).await.context("PostgreSQL is not there")?;
        Ok(Self { connection })
    }

    /// Copies all frames.
    pub(super) async fn fill(&mut self) -> Result<()> {
        for statement in MAKE {
            self.connection.execute(statement).await?;
        }
        Ok(())
    }

    /// Gives the room of dead rows to what comes.
    pub(super) async fn vacuum(&mut self) -> Result<()> {
        self.connection.execute("VACUUM").await?;
        Ok(())
    }

    /// The bytes of the whole database, once what is in memory and dead is away.
    pub(super) async fn database_bytes(&mut self) -> Result<u64> {
        self.vacuum().await?;
        self.connection.execute("CHECKPOINT").await?;
        self.number("SELECT pg_database_size(current_database())").await
    }

    /// The bytes of the plain table with its indexes.
    pub(super) async fn table_bytes(&mut self) -> Result<u64> {
        self.number("SELECT pg_total_relation_size('plain_snapshots')").await
    }

    async fn number(&mut self, sql: &'static str) -> Result<u64> {
        let number: i64 = sqlx::query_scalar(sql).fetch_one(&mut self.connection).await?;
        Ok(number.unsigned_abs())
    }

    /// Averages of series over buckets: how long it took, and how many rows came.
    pub(super) async fn averages(
        &mut self,
        paths: &[String],
        (start_ms, end_ms): (i64, i64),
        step_ms: i64,
    ) -> Result<(Duration, usize)> {
        let start = Instant::now();
        let mut rows = 0;
        for (metric_type, columns) in by_type(paths)? {
            let sql = format!(
                "SELECT floor(extract(epoch FROM timestamp) * 1000 / {step_ms})::bigint AS bucket, \
                 {columns} FROM plain_snapshots WHERE host = $1 AND metric_type = $2 \
                 AND timestamp >= to_timestamp({start_ms} / 1000.0) \
                 AND timestamp < to_timestamp({end_ms} / 1000.0) GROUP BY bucket ORDER BY bucket"
            );
            let query = sqlx::query(AssertSqlSafe(sql)).bind(HOST).bind(metric_type);
            let found = query.fetch_all(&mut self.connection).await?;
            rows = rows.max(found.iter().filter(|row| !row.columns().is_empty()).count());
        }
        Ok((start.elapsed(), rows))
    }

    /// Deletes what is older than a time, and gives its room to what comes.
    pub(super) async fn delete_before(&mut self, time_ms: i64) -> Result<Duration> {
        let start = Instant::now();
        sqlx::query("DELETE FROM plain_snapshots WHERE timestamp < to_timestamp($1 / 1000.0)")
            .bind(time_ms as f64)
            .execute(&mut self.connection)
            .await?;
        self.connection.execute("VACUUM plain_snapshots").await?;
        Ok(start.elapsed())
    }
}

/// Per metric type, the averages of its series as columns of SQL.
fn by_type(paths: &[String]) -> Result<BTreeMap<String, String>> {
    let mut types: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in paths {
        let mut segments = series::segments(path)?;
        let metric_type = segments.remove(0);
        // The names are those of a made host: letters, digits and little else.
        let place = segments.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
        types
            .entry(metric_type)
            .or_default()
            .push(format!("avg((metric_data #>> '{{{place}}}')::numeric)"));
    }
    Ok(types.into_iter().map(|(name, columns)| (name, columns.join(", "))).collect())
}
