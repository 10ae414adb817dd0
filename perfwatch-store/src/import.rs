//! Frames of another place.

use std::sync::Arc;

use crate::{SqliteStore, StoreError};

/// One frame, by the names of its series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportFrame {
    /// The host's name.
    pub host: Arc<str>,
    /// When it was measured, in milliseconds since 1970 (UTC).
    pub timestamp_ms: i64,
    /// Its values; what is missing is left out.
    pub values: Vec<ImportValue>,
}

/// One value: `value / 10^decimals`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportValue {
    /// The series' name, as [`perfwatch_core::series::push_segment`] writes it.
    pub path: Arc<str>,
    /// How many of the digits stand behind the point: at most 9.
    pub decimals: u8,
    /// The digits, as one integer.
    pub value: i64,
}

impl SqliteStore {
    /// Keeps frames of another place, all of them or, on an error, none; how many of them were not
    /// there yet. A (host, timestamp) that is there stays as it is. Frames may be of any age.
    ///
    /// # Errors
    /// As [`Store::append`](crate::Store::append), or [`StoreError::BadQuery`] for a name or a
    /// time that cannot be kept.
    pub async fn import(&self, frames: &[ImportFrame]) -> Result<u64, StoreError> {
        self.engine.import(frames).await
    }

    /// Packs the hours that an import made complete.
    ///
    /// # Errors
    /// As [`Store::append`](crate::Store::append); what was imported stays either way.
    pub async fn seal_imported(&self) -> Result<(), StoreError> {
        self.engine.seal_imported().await
    }
}
