//! What PostgreSQL's errors mean.

use std::{fmt, io};

use sqlx::postgres::PgDatabaseError;

use crate::StoreError;

/// The error by its meaning; `place` says where the database is, without credentials.
pub(super) fn explain(place: &str, error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::PoolTimedOut => StoreError::unavailable("too many queries are running"),
        sqlx::Error::PoolClosed => StoreError::closed(),
        sqlx::Error::Io(reason) if is_distrust(reason) => untrusted(place, reason),
        sqlx::Error::Io(reason) => {
            StoreError::unavailable(format!("cannot reach {place}: {reason}"))
        }
        sqlx::Error::Protocol(reason) => {
            StoreError::unavailable(format!("the connection to {place} broke: {reason}"))
        }
        sqlx::Error::Tls(reason) => untrusted(place, reason),
        sqlx::Error::Database(database) => {
            let message = database.message().to_owned();
            let code = database.code().unwrap_or_default().into_owned();
            by_code(place, &code, message).unwrap_or_else(|| StoreError::Backend(error.into()))
        }
        _ => StoreError::Backend(error.into()),
    }
}

/// The same for a step that no frame is a part of, such as the way into a database: whatever is wrong
/// with it, frames wait.
pub(super) fn explain_step(place: &str, error: sqlx::Error) -> StoreError {
    let message = error.to_string();
    match explain(place, error) {
        StoreError::Backend(_) | StoreError::Refused { .. } => {
            StoreError::unavailable(format!("{place}: {message}"))
        }
        error => error,
    }
}

/// Codes and classes: <https://www.postgresql.org/docs/15/errcodes-appendix.html>.
fn by_code(place: &str, code: &str, message: String) -> Option<StoreError> {
    let unavailable = || StoreError::unavailable(format!("{place}: {message}"));
    Some(match (code, code.get(..2).unwrap_or_default()) {
        ("28P01" | "28000", _) => denied(format!(
            "{place} does not let this user in: {message}; check the user and the password in \
             --store, and pg_hba.conf on the server"
        )),
        ("3D000", _) => denied(format!(
            "there is no such database ({place}); make it with `createdb --owner USER DATABASE`"
        )),
        ("42501", _) => denied(format!(
            "{place}: {message}; make this user the owner of the database, or grant it CREATE on \
             the schema and all rights on PerfWatch's tables"
        )),
        ("3F000", _) => denied(format!(
            "{place}: {message}; make the schema that search_path names, with \
             `CREATE SCHEMA NAME AUTHORIZATION USER`"
        )),
        // The frames are not at fault: they wait.
        ("42P01", _) => StoreError::unavailable(format!(
            "{place} has lost its tables: {message}; restore them, or start PerfWatch again, which \
             makes new ones"
        )),
        ("25006", _) => StoreError::unavailable(format!("{place} only reads now: {message}")),
        ("26000" | "42P05", _) => StoreError::unavailable(format!(
            "{place}: {message}; a pooler between must pool sessions, not transactions"
        )),
        ("55P03" | "57014", _) => unavailable(),
        // Lost connections, transactions that were ended, resources, a shutdown, deadlocks, a
        // failing disk.
        (_, "08" | "25" | "53" | "57" | "40" | "58") => unavailable(),
        (_, "22") => StoreError::Refused { reason: message },
        _ => return None,
    })
}

/// A certificate that does not hold ends the handshake, which is told as a failed reading.
fn is_distrust(error: &io::Error) -> bool {
    let reason = error.get_ref().and_then(|reason| reason.downcast_ref());
    matches!(reason, Some(rustls::Error::InvalidCertificate(_)))
}

fn untrusted(place: &str, reason: &impl fmt::Display) -> StoreError {
    denied(format!(
        "cannot trust {place}: {reason}; give sslrootcert=FILE with the authority that signed its \
         certificate, or sslmode=disable where the network itself is trusted"
    ))
}

fn denied(reason: String) -> StoreError {
    StoreError::Denied { reason }
}

/// Whether a row has no partition to go to.
pub(super) fn is_without_partition(error: &sqlx::Error) -> bool {
    let error = error.as_database_error().and_then(|error| error.try_downcast_ref());
    error.is_some_and(|error: &PgDatabaseError| error.code() == "23514")
}

/// Whether a table of this name is there already.
pub(super) fn is_duplicate(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code == "42P07")
}
