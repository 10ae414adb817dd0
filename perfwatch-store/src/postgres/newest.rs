//! The newest values of all hosts, by one statement per series: from the documents, whose key finds
//! a host's newest first.

use std::collections::{BTreeMap, BTreeSet};

use perfwatch_core::series::{Pattern, push_segment, segments};
use sqlx::PgConnection;

use super::{PostgresStore, document::key, files::moment};
use crate::{HostNewest, NewestValue, StoreError};

const NEWEST: &str = "SELECT h.name, v.digits FROM hosts h, LATERAL (\
    SELECT metric_data #>> $2 AS digits FROM metrics_snapshots \
    WHERE host = h.name AND metric_type = $1 \
    AND timestamp >= timestamptz 'epoch' + $3 * interval '1 millisecond' \
    AND metric_data #>> $2 IS NOT NULL ORDER BY timestamp DESC LIMIT 1) v";

impl PostgresStore {
    pub(super) async fn ask_newest(
        &self,
        patterns: &[Pattern],
        since_ms: i64,
    ) -> Result<Vec<HostNewest>, StoreError> {
        self.link.open()?;
        let mut moment = moment(&self.link).await?;
        let paths = moment.ask(async |connection| paths(connection, patterns).await).await?;
        let mut hosts: BTreeMap<String, Vec<NewestValue>> = BTreeMap::new();
        for path in paths {
            let rows =
                moment.ask(async |connection| newest(connection, &path, since_ms).await).await?;
            for (host, digits) in rows {
                let Ok(value) = digits.parse() else { continue };
                hosts.entry(host).or_default().push(NewestValue { path: path.clone(), value });
            }
        }
        Ok(hosts.into_iter().map(|(host, values)| HostNewest { host, values }).collect())
    }
}

/// The series that the patterns name, in order. Only for a `*` all names are looked through.
async fn paths(
    connection: &mut PgConnection,
    patterns: &[Pattern],
) -> Result<BTreeSet<String>, sqlx::Error> {
    let mut paths: BTreeSet<String> = patterns.iter().filter_map(path_of).collect();
    if patterns.iter().any(|pattern| path_of(pattern).is_none()) {
        let known: Vec<String> =
            sqlx::query_scalar("SELECT DISTINCT path FROM series").fetch_all(connection).await?;
        paths.extend(known.into_iter().filter(|path| {
            segments(path)
                .is_ok_and(|segments| patterns.iter().any(|pattern| pattern.matches(&segments)))
        }));
    }
    Ok(paths)
}

/// The one path that a pattern names; nothing where it names any number of them.
fn path_of(pattern: &Pattern) -> Option<String> {
    let segments = pattern.parts().collect::<Option<Vec<_>>>()?;
    let mut path = String::new();
    segments.iter().for_each(|segment| push_segment(&mut path, segment));
    Some(path)
}

async fn newest(
    connection: &mut PgConnection,
    path: &str,
    since_ms: i64,
) -> Result<Vec<(String, String)>, sqlx::Error> {
    let segments = segments(path).unwrap_or_default();
    let Some((metric_type, rest)) = segments.split_first() else { return Ok(Vec::new()) };
    sqlx::query_as(NEWEST)
        .bind(key(metric_type))
        .bind(rest.iter().map(|name| key(name)).collect::<Vec<_>>())
        .bind(since_ms.max(0))
        .fetch_all(connection)
        .await
}
