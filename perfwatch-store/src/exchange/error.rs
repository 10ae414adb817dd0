//! What can go wrong with an export or an import.

use std::io;

use crate::StoreError;

/// Why history did not get out or in.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The history file, or another store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output cannot be written.
    #[error(transparent)]
    Write(io::Error),
    /// The output cannot be written, said by the library that makes it.
    #[error("the Parquet file cannot be written: {0}")]
    Parquet(#[source] parquet::errors::ParquetError),
    /// The input cannot be read.
    #[error("it cannot be read: {0}")]
    Read(io::Error),
    /// Something in the input cannot be taken. What stands before it was taken.
    #[error("{at}: {reason}")]
    Input {
        /// Where: line or row, and column.
        at: String,
        /// What is wrong there, and what would be accepted.
        reason: String,
    },
    /// The store does not take a frame. What stands before it was taken.
    #[error("the frame of host `{host}` at {time}: {error}")]
    Frame {
        /// The host.
        host: String,
        /// When it was measured.
        time: String,
        /// Why not.
        error: StoreError,
    },
    /// An engine took frames, and does not have them.
    #[error(
        "the engine took all frames and shows none of host `{host}` at {time}: it keeps nothing that \
         old. Make its retention longer (VictoriaMetrics: -retentionPeriod) and import again"
    )]
    NotKept {
        /// The host.
        host: String,
        /// The time of its oldest frame.
        time: String,
    },
}

impl ExchangeError {
    pub(super) fn input(at: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Input { at: at.into(), reason: reason.into() }
    }

    /// What a library that writes Parquet ran into.
    pub(super) fn parquet(error: parquet::errors::ParquetError) -> Self {
        match error {
            parquet::errors::ParquetError::External(source) => match source.downcast() {
                Ok(error) => Self::Write(*error),
                Err(source) => Self::Parquet(parquet::errors::ParquetError::External(source)),
            },
            error => Self::Parquet(error),
        }
    }
}
