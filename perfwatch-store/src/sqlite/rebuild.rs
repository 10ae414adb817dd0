//! Makes small tables anew whose pages are damaged, so that the store starts and takes frames.
//!
//! What can be read of a damaged table is copied; the table itself is kept beside it under another
//! name, so that nothing is lost that somebody might still want. Slices and their parts stay as they
//! are: they are large, and read around what is damaged.

use std::collections::{BTreeMap, HashSet};

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use super::{
    error::{is_constraint, is_corrupt},
    schema,
};

/// A table that is read whole at the opening, or written all the time.
struct Small {
    name: &'static str,
    /// The columns by which its rows are in order.
    key: &'static [&'static str],
    /// The others that are stored.
    rest: &'static str,
}

const TABLES: [Small; 8] = [
    Small { name: "hosts", key: &["id"], rest: "name, name_check" },
    Small { name: "series", key: &["host_id", "id"], rest: "path, decimals, name_check" },
    Small { name: "frames", key: &["key"], rest: "body" },
    Small { name: "machines", key: &["name"], rest: "machine, interval_ms, version, row_check" },
    Small { name: "users", key: &["name"], rest: "password_hash, created_at_ms, generation" },
    Small { name: "revoked_sessions", key: &["id"], rest: "expires_at_ms" },
    Small { name: "config", key: &["key"], rest: "value, updated_at_ms" },
    Small {
        name: "archive_policies",
        key: &["name"],
        rest: "full_resolution_days, downsample_interval_ms, downsampled_days, max_bytes, \
               updated_at_ms, row_check",
    },
];

/// Rebuilds what needs it. A file whose schema is damaged is left as it is: nothing can be written.
pub(super) async fn damaged(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    for table in &TABLES {
        let Some(reason) = check(connection, table.name).await? else { continue };
        let Some(create) = creation(connection, table.name).await? else { continue };
        let rows = match rebuild(connection, table, create).await {
            Err(error) if is_corrupt(&error) => {
                tracing::error!(table = table.name, reason, "a table of the store is damaged");
                continue;
            }
            rows => rows?,
        };
        tracing::error!(
            table = table.name,
            reason,
            rows,
            "a table of the store is damaged: what can be read of it was copied, the rest is lost; \
             the damaged one is kept under another name"
        );
    }
    Ok(())
}

/// The statement that makes a table, if the schema has not suffered: each table is described as in
/// a new file, and begins at a page of its own among the first, as in any file that can shrink.
async fn creation(
    connection: &mut SqliteConnection,
    table: &str,
) -> Result<Option<String>, sqlx::Error> {
    let roots = "SELECT count(*) = count(DISTINCT rootpage) AND max(rootpage) <= count(*) + 2 \
                 FROM sqlite_schema WHERE rootpage > 0";
    let are_sound = match sqlx::query_scalar(roots).fetch_one(&mut *connection).await {
        Err(error) if is_corrupt(&error) => false,
        are_sound => are_sound?,
    };
    if !are_sound {
        return Ok(None);
    }
    let mut new = SqliteConnection::connect("sqlite::memory:").await?;
    schema::migrate(&mut new).await?;
    let tables =
        "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'damaged\\_%' ESCAPE '\\'";
    let expected: BTreeMap<String, String> =
        sqlx::query_as(tables).fetch_all(&mut new).await?.into_iter().collect();
    let found: Vec<(String, String)> = sqlx::query_as(tables).fetch_all(connection).await?;
    let is_sound = found.into_iter().collect::<BTreeMap<_, _>>() == expected;
    Ok(expected.get(table).filter(|_| is_sound).cloned())
}

/// What SQLite finds wrong with a table.
async fn check(
    connection: &mut SqliteConnection,
    table: &str,
) -> Result<Option<String>, sqlx::Error> {
    let check = AssertSqlSafe(format!("PRAGMA quick_check({table})"));
    let said: Result<Vec<String>, _> = sqlx::query_scalar(check).fetch_all(connection).await;
    match said {
        Err(error) if is_corrupt(&error) => Ok(Some(error.to_string())),
        said => Ok(Some(said?.join("; ").replace('\n', " ")).filter(|said| said != "ok")),
    }
}

/// Puts a copy in the place of a table; how many rows it has.
async fn rebuild(
    connection: &mut SqliteConnection,
    table: &Small,
    create: String,
) -> Result<u64, sqlx::Error> {
    let name = table.name;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let kept = free_name(&mut transaction, name).await?;
    let rename = format!("ALTER TABLE {name} RENAME TO {kept}");
    sqlx::query(AssertSqlSafe(rename)).execute(&mut *transaction).await?;
    sqlx::query(AssertSqlSafe(create)).execute(&mut *transaction).await?;
    let mut rows = 0;
    for (direction, compare) in [("ASC", ">"), ("DESC", "<")] {
        rows += copy(&mut transaction, table, &kept, direction, compare).await?;
    }
    transaction.commit().await?;
    Ok(rows)
}

async fn free_name(connection: &mut SqliteConnection, name: &str) -> Result<String, sqlx::Error> {
    let pattern = format!("damaged_{name}_%");
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name LIKE ?")
        .bind(pattern)
        .fetch_one(connection)
        .await?;
    Ok(format!("damaged_{name}_{}", count + 1))
}

/// Copies row by row in one direction, until there is no more or SQLite meets the damage.
async fn copy(
    connection: &mut SqliteConnection,
    table: &Small,
    kept: &str,
    direction: &str,
    compare: &str,
) -> Result<u64, sqlx::Error> {
    let Small { name, key, rest } = table;
    let keys = key.join(", ");
    let order: Vec<String> = key.iter().map(|column| format!("{column} {direction}")).collect();
    let literals: Vec<String> = key.iter().map(|column| format!("quote({column})")).collect();
    let (order, literals) = (order.join(", "), literals.join(" || ', ' || "));
    let all = rest.split(", ").map(|column| format!("quote({column})"));
    let all = all.fold(literals.clone(), |all, column| format!("{all} || ', ' || {column}"));
    let (mut seen, mut rows, mut beyond) = (HashSet::new(), 0, String::new());
    loop {
        let next = format!("SELECT {literals} FROM {kept} {beyond} ORDER BY {order} LIMIT 1");
        // A key that comes again is damage too.
        let next = match read(connection, next).await? {
            Some(next) => next.filter(|next| seen.insert(next.clone())),
            None => {
                note_loss(connection, table, &beyond).await?;
                None
            }
        };
        let Some(next) = next else { return Ok(rows) };
        let values = format!("SELECT {all} FROM {kept} WHERE ({keys}) = ({next})");
        // A statement that writes must not meet the damage: its transaction could not be ended.
        if let Some(Some(values)) = read(connection, values).await? {
            let insert = format!("INSERT OR IGNORE INTO {name} ({keys}, {rest}) VALUES ({values})");
            match sqlx::query(AssertSqlSafe(insert)).execute(&mut *connection).await {
                Err(error) if is_constraint(&error) => {}
                done => rows += done?.rows_affected(),
            }
        }
        beyond = format!("WHERE ({keys}) {compare} ({next})");
    }
}

/// Leaves a frame without a body where frames are lost, so that answers say that something is.
async fn note_loss(
    connection: &mut SqliteConnection,
    table: &Small,
    last: &str,
) -> Result<(), sqlx::Error> {
    let Some(key) = last.strip_prefix("WHERE (key) > ").filter(|_| table.name == "frames") else {
        return Ok(());
    };
    let insert = format!("INSERT OR IGNORE INTO frames (key, body) VALUES ({key} + 1, x'')");
    sqlx::query(AssertSqlSafe(insert)).execute(connection).await.map(drop)
}

/// One text, if there is a row; nothing where it cannot be read.
async fn read(
    connection: &mut SqliteConnection,
    sql: String,
) -> Result<Option<Option<String>>, sqlx::Error> {
    let text = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_optional(connection).await;
    match text {
        Err(error) if is_corrupt(&error) => Ok(None),
        text => Ok(Some(text?.flatten())),
    }
}
