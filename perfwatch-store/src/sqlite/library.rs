//! Which SQLite this build has.

use std::path::Path;

use sqlx::SqliteConnection;

use super::error::explain;
use crate::StoreError;

/// Older ones may damage a file with a write-ahead log that several connections use.
/// <https://sqlite.org/wal.html#walresetbug>
const OLDEST: [u32; 3] = [3, 51, 3];

/// Refuses to work with an SQLite that is too old.
pub(super) async fn check(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<(), StoreError> {
    let found = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(connection).await;
    let found: String = found.map_err(|error| explain(path, error))?;
    if is_recent(&found) { Ok(()) } else { Err(StoreError::OldLibrary { found, oldest: OLDEST }) }
}

fn is_recent(version: &str) -> bool {
    let parts: Result<Vec<u32>, _> = version.split('.').map(str::parse).collect();
    parts.is_ok_and(|parts| parts.as_slice() >= OLDEST.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, expected) in [
            ("3.51.3", true),
            ("3.51.10", true),
            ("3.52.0", true),
            ("4.0", true),
            ("3.51.2", false),
            ("3.9.99", false),
            ("", false),
            ("new", false),
        ] {
            assert_eq!(is_recent(version), expected, "{version}");
        }
        let error = StoreError::OldLibrary { found: "3.51.2".to_owned(), oldest: OLDEST };
        let expected = "this build's SQLite is 3.51.2, older than 3.51.3, and could damage the \
                        store; build perfwatch with a newer one";
        assert_eq!(error.to_string(), expected);
    }
}
