//! The frames that are in no slice yet: their times from `frames`, their values from the documents.

use std::{collections::BTreeMap, ops::Range};

use perfwatch_core::MISSING;
use sqlx::{AssertSqlSafe, PgConnection};

use super::{
    document::{for_each_number, key, read_number},
    names::Names,
};
use crate::{
    head::HeadRows,
    layout::{Frame, Place, Selected, slice::HOUR_MS},
};

/// More stretches of time than this are read as one.
const MOST_STRETCHES: usize = 8;

/// Up to so many values of a document are taken out by the database; more are taken out here.
const FEW: usize = 32;

/// The time of a document.
const TIME: &str = "(extract(epoch FROM timestamp) * 1000)::bigint";

/// The documents of one metric type in a stretch of time.
const WITHIN: &str = "FROM metrics_snapshots WHERE host = $1 AND metric_type = $2 \
    AND timestamp >= timestamptz 'epoch' + $3 * interval '1 millisecond' \
    AND timestamp < timestamptz 'epoch' + $4 * interval '1 millisecond'";

/// A host by number and name.
#[derive(Clone, Copy)]
pub(super) struct Host<'a> {
    pub(super) id: u32,
    pub(super) name: &'a str,
}

/// Where a value of the head goes: its column and its decimals.
type Target = (usize, u8);

/// The times of a host's frames in a range, in order.
pub(super) async fn times(
    connection: &mut PgConnection,
    host: u32,
    range: &Range<i64>,
) -> Result<Vec<i64>, sqlx::Error> {
    let select = "SELECT time_ms FROM frames \
                  WHERE host_id = $1 AND time_ms >= $2 AND time_ms < $3 ORDER BY time_ms";
    let query = sqlx::query_scalar(select).bind(host as i32).bind(range.start).bind(range.end);
    query.fetch_all(connection).await
}

/// The selected series within a range.
pub(super) async fn rows(
    connection: &mut PgConnection,
    host: Host<'_>,
    range: &Range<i64>,
    selected: &Selected,
) -> Result<HeadRows, sqlx::Error> {
    let times = times(connection, host.id, range).await?;
    let mut columns = vec![Vec::new(); selected.wanted.len()];
    columns.iter_mut().for_each(|column| column.resize(times.len(), MISSING));
    for (metric_type, targets) in by_type(selected) {
        for stretch in stretches(&times) {
            let mut put = |time: i64, (column, decimals): Target, digits: &str| {
                let column = columns.get_mut(column);
                if let (Ok(at), Some(column)) = (times.binary_search(&time), column)
                    && let Some(cell) = column.get_mut(at)
                {
                    *cell = read_number(digits, decimals);
                }
            };
            read(connection, host, &metric_type, stretch, &targets, &mut put).await?;
        }
    }
    Ok(HeadRows { times, columns, lost: Vec::new() })
}

/// Of each metric type: the segments of the series, and where they go. Where numbers of several
/// decimals are one series, the finest takes all: a document does not say which it was.
fn by_type(selected: &Selected) -> BTreeMap<String, Vec<(Vec<String>, Target)>> {
    let mut types: BTreeMap<String, Vec<(Vec<String>, Target)>> = BTreeMap::new();
    for (column, wanted) in selected.wanted.iter().enumerate() {
        let Some(info) = selected.series.get(wanted.slot).filter(|_| wanted.factor == 1) else {
            continue;
        };
        if let Some((metric_type, rest)) = info.segments.split_first() {
            let target = (column, info.decimals);
            types.entry(metric_type.clone()).or_default().push((rest.to_vec(), target));
        }
    }
    types
}

/// Stretches of time that hold all of these times, which are in order, and little else.
fn stretches(times: &[i64]) -> Vec<Range<i64>> {
    let mut stretches: Vec<Range<i64>> = Vec::new();
    for &time in times {
        match stretches.last_mut() {
            Some(last) if time - last.end <= HOUR_MS => last.end = time + 1,
            _ => stretches.push(time..time + 1),
        }
    }
    match (stretches.first(), stretches.last()) {
        (Some(first), Some(last)) if stretches.len() > MOST_STRETCHES => {
            std::iter::once(first.start..last.end).collect()
        }
        _ => stretches,
    }
}

async fn read(
    connection: &mut PgConnection,
    host: Host<'_>,
    metric_type: &str,
    stretch: Range<i64>,
    targets: &[(Vec<String>, Target)],
    put: &mut impl FnMut(i64, Target, &str),
) -> Result<(), sqlx::Error> {
    if targets.len() <= FEW {
        return read_few(connection, host, metric_type, stretch, targets, put).await;
    }
    let by_path: BTreeMap<String, Target> = targets
        .iter()
        .map(|(segments, target)| {
            let mut path = metric_type.to_owned();
            segments.iter().for_each(|name| perfwatch_core::series::push_segment(&mut path, name));
            (path, *target)
        })
        .collect();
    for (time, document) in documents(connection, host, metric_type, stretch).await? {
        for_each_number(&key(metric_type), &document, &mut |path, digits| {
            if let Some(&target) = by_path.get(path) {
                put(time, target, digits);
            }
        });
    }
    Ok(())
}

/// Has the database take the values out of its documents.
async fn read_few(
    connection: &mut PgConnection,
    host: Host<'_>,
    metric_type: &str,
    stretch: Range<i64>,
    targets: &[(Vec<String>, Target)],
    put: &mut impl FnMut(i64, Target, &str),
) -> Result<(), sqlx::Error> {
    let values: Vec<String> =
        (5..5 + targets.len()).map(|number| format!("metric_data #>> ${number}")).collect();
    let select = format!("SELECT {TIME}, ARRAY[{}] {WITHIN}", values.join(", "));
    let mut query = sqlx::query_as(AssertSqlSafe(select))
        .bind(host.name)
        .bind(key(metric_type))
        .bind(stretch.start)
        .bind(stretch.end);
    for (segments, _) in targets {
        query = query.bind(segments.iter().map(|name| key(name)).collect::<Vec<_>>());
    }
    let rows: Vec<(i64, Vec<Option<String>>)> = query.fetch_all(connection).await?;
    for (time, values) in rows {
        for ((_, target), digits) in targets.iter().zip(values) {
            if let Some(digits) = digits {
                put(time, *target, &digits);
            }
        }
    }
    Ok(())
}

async fn documents(
    connection: &mut PgConnection,
    host: Host<'_>,
    metric_type: &str,
    stretch: Range<i64>,
) -> Result<Vec<(i64, String)>, sqlx::Error> {
    let select = format!("SELECT {TIME}, metric_data::text {WITHIN}");
    sqlx::query_as(AssertSqlSafe(select))
        .bind(host.name)
        .bind(key(metric_type))
        .bind(stretch.start)
        .bind(stretch.end)
        .fetch_all(connection)
        .await
}

/// The frames of a host in a range, with all their values.
pub(super) async fn frames(
    connection: &mut PgConnection,
    names: &Names,
    host: Host<'_>,
    range: &Range<i64>,
) -> Result<Vec<Frame>, sqlx::Error> {
    let times = times(connection, host.id, range).await?;
    let frame = |&timestamp_ms: &i64| {
        let place = Place { host: host.id, interval_ms: 0, timestamp_ms };
        Frame { place, values: Vec::new() }
    };
    let mut frames: Vec<Frame> = times.iter().map(frame).collect();
    for stretch in stretches(&times) {
        let select = format!(
            "SELECT {TIME}, metric_type, metric_data::text FROM metrics_snapshots \
             WHERE host = $1 AND timestamp >= timestamptz 'epoch' + $2 * interval '1 millisecond' \
             AND timestamp < timestamptz 'epoch' + $3 * interval '1 millisecond'"
        );
        let query = sqlx::query_as(AssertSqlSafe(select)).bind(host.name);
        let query = query.bind(stretch.start).bind(stretch.end);
        let rows: Vec<(i64, String, String)> = query.fetch_all(&mut *connection).await?;
        for (at, (time, metric_type, document)) in rows.into_iter().enumerate() {
            // Others get their turn: there are thousands.
            if at % 64 == 0 {
                tokio::task::yield_now().await;
            }
            let known = names.known();
            let frame = times.binary_search(&time).ok().and_then(|at| frames.get_mut(at));
            let Some(frame) = frame else { continue };
            for_each_number(&metric_type, &document, &mut |path, digits| {
                if let Some((decimals, number)) = known.finest(host.id, path) {
                    frame.values.push((number, read_number(digits, decimals)));
                }
            });
        }
    }
    for frame in &mut frames {
        frame.values.retain(|(_, value)| *value != MISSING);
        frame.values.sort_unstable();
        frame.values.dedup_by_key(|(series, _)| *series);
    }
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_far_apart_are_read_apart() {
        assert_eq!(stretches(&[]), []);
        let hours = |hours: &[i64]| hours.iter().map(|hour| hour * HOUR_MS).collect::<Vec<_>>();
        let found = stretches(&hours(&[0, 1, 2, 9, 10]));
        assert_eq!(found, [0..2 * HOUR_MS + 1, 9 * HOUR_MS..10 * HOUR_MS + 1]);
        let many: Vec<i64> = (0..100).map(|n| n * 2).collect();
        let found = stretches(&hours(&many));
        assert_eq!((found.len(), found.first()), (1, Some(&(0..198 * HOUR_MS + 1))));
    }
}
