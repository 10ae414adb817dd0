//! What a database holds, and how much it takes.

use sqlx::PgConnection;

use super::room::hourly_bytes;
use crate::{HostInfo, TierUsage, Usage, archive::Totals, layout::slice::DAY_MS};

/// What lies in slices.
pub(super) async fn totals(connection: &mut PgConnection) -> Result<Totals, sqlx::Error> {
    let select = "SELECT coalesce(sum(frames) FILTER (WHERE interval_ms = 0), 0)::bigint, \
        coalesce(sum(bytes) FILTER (WHERE interval_ms = 0), 0)::bigint, \
        coalesce(sum(frames) FILTER (WHERE interval_ms > 0), 0)::bigint, \
        coalesce(sum(bytes) FILTER (WHERE interval_ms > 0), 0)::bigint FROM slices";
    let (frames, bytes, rollups, rollup_bytes): (i64, i64, i64, i64) =
        sqlx::query_as(select).fetch_one(connection).await?;
    let total = |frames: i64, bytes: i64| TierUsage {
        frames: frames.unsigned_abs(),
        bytes: bytes.unsigned_abs(),
    };
    Ok(Totals { frames: total(frames, bytes), rollups: total(rollups, rollup_bytes) })
}

/// The bytes of all that is held but of names, and those of names. Of a day that is partly gone,
/// documents count by their share: the database gives their space back when the whole day goes.
const BYTES: &str = concat!(
    "WITH live AS (\
        SELECT day, sum(frames) AS frames FROM (\
            SELECT start_ms / $1 AS day, frames FROM slices WHERE interval_ms = 0 \
            UNION ALL SELECT time_ms / $1, 1 FROM frames) AS each GROUP BY day), \
        sizes AS (\
        SELECT (size * coalesce(live.frames, 0) \
            / greatest(coalesce(live.frames, 0) + p.gone_frames, 1)) AS bytes \
        FROM partitions p LEFT JOIN live ON live.day = p.day, \
        LATERAL (SELECT pg_total_relation_size(to_regclass('metrics_snapshots_' || \
            to_char(timestamptz 'epoch' + p.day * interval '1 day', 'YYYYMMDD')))) AS of (size)) \
        SELECT (coalesce((SELECT sum(bytes) FROM sizes), 0) \
            + coalesce((SELECT sum(bytes) FROM slices), 0) \
            + coalesce((SELECT sum(length(body)) FROM frames), 0) + ",
    hourly_bytes!(),
    ")::bigint, pg_total_relation_size('series') + pg_total_relation_size('hosts')"
);

/// The bytes of all that is held, and those of them that retention can take away.
pub(super) async fn bytes(connection: &mut PgConnection) -> Result<(u64, u64), sqlx::Error> {
    let (history, names): (i64, i64) =
        sqlx::query_as(BYTES).bind(DAY_MS).fetch_one(connection).await?;
    Ok(((history + names).unsigned_abs(), history.unsigned_abs()))
}

/// A host as [`hosts`] reads it.
type HostRow = (String, i64, i64, Option<String>, Option<i64>, Option<String>);

/// All hosts that frames are held of.
pub(super) async fn hosts(connection: &mut PgConnection) -> Result<Vec<HostInfo>, sqlx::Error> {
    let select = "WITH spans AS (\
        SELECT host_id, min(first_ms) AS first, max(last_ms) AS last FROM slices GROUP BY host_id \
        UNION ALL SELECT host_id, min(time_ms), max(time_ms) FROM frames GROUP BY host_id) \
        SELECT h.name, min(first), max(last), h.machine_id, h.interval_ms, h.version \
        FROM spans JOIN hosts h ON h.id = host_id GROUP BY h.id ORDER BY h.name";
    let rows: Vec<HostRow> = sqlx::query_as(select).fetch_all(connection).await?;
    let host = |(name, first_seen_ms, last_seen_ms, id, interval_ms, version): HostRow| HostInfo {
        name,
        first_seen_ms,
        last_seen_ms,
        id,
        interval_ms: interval_ms.map(i64::unsigned_abs),
        version,
    };
    Ok(rows.into_iter().map(host).collect())
}

/// Everything that is held, counted: by one moment, since frames may move meanwhile.
pub(super) async fn usage(connection: &mut PgConnection) -> Result<Usage, sqlx::Error> {
    let totals = totals(&mut *connection).await?;
    let hosts = hosts(&mut *connection).await?;
    let frames: i64 =
        sqlx::query_scalar("SELECT count(*) FROM frames").fetch_one(&mut *connection).await?;
    Ok(Usage {
        bytes: bytes(connection).await?.0,
        frames: totals.frames.frames + frames.unsigned_abs(),
        downsampled_frames: totals.rollups.frames,
        packed: totals.frames,
        packed_downsampled: totals.rollups,
        oldest_ms: hosts.iter().map(|host| host.first_seen_ms).min(),
        newest_ms: hosts.iter().map(|host| host.last_seen_ms).max(),
        damaged: 0,
    })
}
