//! How much of `metrics_hourly` is in use, and what takes its oldest hours away.
//!
//! Rows that are deleted leave room in their table, which newer ones fill: the size of the table says
//! what it once held. So the room is written down in `config`, by the file that the table is in: one
//! that is rewritten, as by `VACUUM FULL`, or restored, has none.

use sqlx::{Executor, PgConnection};

/// Where the room is written down. A macro, since it is a part of statements.
macro_rules! key {
    () => {
        "('metrics_hourly_room_' || pg_relation_filenode('metrics_hourly'))"
    };
}

/// About what a row takes: its documents, and its head and its places in table and index.
macro_rules! row_bytes {
    () => {
        "(pg_column_size(metric_avg) + pg_column_size(metric_min) + pg_column_size(metric_max) + 96)"
    };
}

/// The bytes in use, as a part of a statement.
macro_rules! hourly_bytes {
    () => {
        concat!(
            "greatest(pg_total_relation_size('metrics_hourly') - coalesce(\
                (SELECT value::bigint FROM config WHERE key = ",
            $crate::postgres::room::key!(),
            "), 0), 0)"
        )
    };
}

pub(super) use {hourly_bytes, key};

/// The first row of each host's metric types, found by the key: the table may be large.
const OLDEST: &str = "WITH RECURSIVE oldest AS (\
    (SELECT host, metric_type, hour FROM metrics_hourly ORDER BY host, metric_type, hour LIMIT 1) \
    UNION ALL SELECT next.* FROM oldest, LATERAL (\
        SELECT host, metric_type, hour FROM metrics_hourly h \
        WHERE (h.host, h.metric_type) > (oldest.host, oldest.metric_type) \
        ORDER BY host, metric_type, hour LIMIT 1) next) \
    SELECT (extract(epoch FROM min(hour)) * 1000)::bigint FROM oldest";

const DELETE: &str = concat!(
    "WITH gone AS (DELETE FROM metrics_hourly \
        WHERE hour < timestamptz 'epoch' + $1 * interval '1 millisecond' RETURNING ",
    row_bytes!(),
    " AS bytes), room AS (SELECT sum(bytes) AS bytes FROM gone HAVING count(*) > 0) \
    INSERT INTO config AS known SELECT ",
    key!(),
    ", bytes::text FROM room ON CONFLICT (key) DO UPDATE \
        SET value = (known.value::bigint + excluded.value::bigint)::text"
);

/// However many dead rows it has: an empty table is all room.
const EMPTY: &str = concat!(
    "UPDATE config SET value = pg_total_relation_size('metrics_hourly')::text WHERE key = ",
    key!(),
    " AND NOT EXISTS (SELECT FROM metrics_hourly)"
);

const HELD: &str = concat!(
    "SELECT coalesce(sum(",
    row_bytes!(),
    "), 0)::bigint FROM metrics_hourly \
        JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS row (host, type, at) \
        ON metrics_hourly.host = row.host AND metric_type = row.type \
        AND hour = timestamptz 'epoch' + row.at * interval '1 millisecond'"
);

const FILL: &str =
    concat!("UPDATE config SET value = greatest(value::bigint - $1, 0)::text WHERE key = ", key!());

/// When the oldest hour that has a row begins.
pub(super) async fn oldest_hour(connection: &mut PgConnection) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(OLDEST).fetch_one(connection).await
}

/// Takes all rows of hours before a time away. Nobody else does, nor adds any, meanwhile.
pub(super) async fn delete_hours(
    connection: &mut PgConnection,
    before_ms: i64,
) -> Result<(), sqlx::Error> {
    let delete = sqlx::query(DELETE).bind(before_ms.max(0)).execute(&mut *connection);
    if delete.await?.rows_affected() > 0 {
        connection.execute(EMPTY).await?;
    }
    Ok(())
}

/// The bytes of some rows, by host, metric type and hour.
pub(super) async fn held(
    connection: &mut PgConnection,
    (hosts, types, hours): (&[String], &[String], &[i64]),
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(HELD).bind(hosts).bind(types).bind(hours).fetch_one(connection).await
}

/// So many bytes more are in use.
pub(super) async fn fill(connection: &mut PgConnection, bytes: i64) -> Result<(), sqlx::Error> {
    sqlx::query(FILL).bind(bytes).execute(connection).await.map(drop)
}
