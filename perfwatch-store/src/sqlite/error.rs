//! What SQLite's errors mean.

use std::{io, path::Path};

use crate::StoreError;

/// Primary result codes, <https://sqlite.org/rescode.html>.
const ERROR: i32 = 1;
const PERM: i32 = 3;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READONLY: i32 = 8;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const CONSTRAINT: i32 = 19;
const NOTADB: i32 = 26;

/// The error by its meaning, with the file's name.
pub(super) fn explain(path: &Path, error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::PoolTimedOut => StoreError::unavailable("too many queries are running"),
        sqlx::Error::PoolClosed => StoreError::closed(),
        sqlx::Error::WorkerCrashed => StoreError::unavailable("its thread is gone"),
        sqlx::Error::Database(database) => {
            let message = database.message().to_owned();
            by_code(path, code(&error).unwrap_or(0), message)
                .unwrap_or_else(|| StoreError::Backend(error.into()))
        }
        _ => StoreError::Backend(error.into()),
    }
}

/// Whether the file itself is damaged. Every statement here is one that SQLite understands, so what
/// it does not understand is the schema of a damaged file.
pub(super) fn is_corrupt(error: &sqlx::Error) -> bool {
    matches!(code(error), Some(ERROR | CORRUPT | NOTADB))
}

/// Whether a row is not one of its table.
pub(super) fn is_constraint(error: &sqlx::Error) -> bool {
    code(error) == Some(CONSTRAINT)
}

/// The primary result code.
fn code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error()?.code()?.parse::<i32>().ok()?;
    Some(code & 0xff)
}

fn by_code(path: &Path, code: i32, message: String) -> Option<StoreError> {
    let path = path.to_owned();
    Some(match code {
        // PerfWatch's own connections wait for each other, so it is somebody else's lock.
        BUSY => StoreError::Locked { path, owner: None },
        LOCKED | IOERR => StoreError::unavailable(message),
        PERM | READONLY | CANTOPEN => {
            StoreError::Unwritable { path, reason: io::Error::other(message) }
        }
        ERROR | CORRUPT | NOTADB => StoreError::Corrupt { path, reason: message },
        FULL => StoreError::Full { path },
        _ => return None,
    })
}
