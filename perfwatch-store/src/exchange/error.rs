//! What can go wrong with an export or an import.

use std::io;

use crate::StoreError;

/// Why history did not get out or in.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The history file.
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
