//! Many rows as one.
//!
//! Each row is handed from SQLite's thread to the one that waits for it, and that costs more than
//! reading it does. So keys and lengths come as one text, and all bodies as one blob.

use sqlx::{
    Row as _, Sqlite, SqliteConnection,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::salvage::Row;

/// Slices with a key in `?1..?2`, at most `?3`.
pub(super) const SLICES: &str = "SELECT group_concat(key || ' ' || coalesce(octet_length(body), 0)), \
     CAST(group_concat(body, '') AS BLOB) \
     FROM (SELECT key, body FROM slices WHERE key >= ? AND key < ? ORDER BY key LIMIT ?)";

/// Parts by a list of keys in JSON.
pub(super) const PARTS: &str = "SELECT group_concat(key || ' ' || coalesce(octet_length(body), 0)), \
     CAST(group_concat(body, '') AS BLOB) \
     FROM parts WHERE key IN (SELECT value FROM json_each(?))";

/// The rows in order of their keys; nothing if the answer does not fit together.
pub(super) async fn rows(
    connection: &mut SqliteConnection,
    query: Query<'_, Sqlite, SqliteArguments>,
) -> Result<Option<Vec<Row>>, sqlx::Error> {
    let row = query.fetch_one(connection).await?;
    let mut rows = taken_apart(&row);
    if let Some(rows) = &mut rows {
        rows.sort_unstable_by_key(|(key, _)| *key);
    }
    Ok(rows)
}

fn taken_apart(row: &SqliteRow) -> Option<Vec<Row>> {
    let Some(list) = row.try_get::<Option<&str>, _>(0).ok()? else { return Some(Vec::new()) };
    let mut rest = row.try_get::<Option<&[u8]>, _>(1).ok()?.unwrap_or_default();
    let mut rows = Vec::new();
    for entry in list.split(',') {
        let (key, length) = entry.split_once(' ')?;
        let (body, others) = rest.split_at_checked(length.parse().ok()?)?;
        rows.push((key.parse().ok()?, body.to_vec()));
        rest = others;
    }
    rest.is_empty().then_some(rows)
}
