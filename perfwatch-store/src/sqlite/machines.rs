//! Which machine writes under which name, in an SQLite file.
//!
//! A row whose checksum is wrong is none: the next machine that registers the name has it.

use std::sync::Arc;

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::error::is_corrupt;
use crate::registry::{Machine, Registry};

/// All machines that can be read.
pub(super) async fn read(connection: &mut SqliteConnection) -> Result<Registry, sqlx::Error> {
    let select = "SELECT name, machine, interval_ms, version, row_check FROM machines";
    let rows = match sqlx::query(select).fetch_all(connection).await {
        Err(error) if is_corrupt(&error) => Vec::new(),
        rows => rows?,
    };
    let mut registry = Registry::default();
    for row in &rows {
        match machine(row) {
            Some((name, machine)) => registry.insert(name, machine),
            None => tracing::error!("a stored machine is damaged; it registers again"),
        }
    }
    Ok(registry)
}

/// Nothing if the row is not as it was written.
fn machine(row: &SqliteRow) -> Option<(Arc<str>, Machine)> {
    let text = |column| row.try_get::<String, _>(column).ok().map(Arc::from);
    let name: Arc<str> = text(0)?;
    let interval_ms = u64::try_from(row.try_get::<i64, _>(2).ok()?).ok()?;
    let machine = Machine { id: text(1)?, interval_ms, version: text(3)? };
    let check: i64 = row.try_get(4).ok()?;
    (check == i64::from(machine.check(&name))).then_some((name, machine))
}

pub(super) async fn write(
    connection: &mut SqliteConnection,
    name: &str,
    machine: &Machine,
) -> Result<(), sqlx::Error> {
    let insert = "INSERT OR REPLACE INTO machines (name, machine, interval_ms, version, row_check) \
                  VALUES (?, ?, ?, ?, ?)";
    sqlx::query(insert)
        .bind(name)
        .bind(&*machine.id)
        .bind(i64::try_from(machine.interval_ms).unwrap_or(i64::MAX))
        .bind(&*machine.version)
        .bind(i64::from(machine.check(name)))
        .execute(connection)
        .await
        .map(drop)
}
