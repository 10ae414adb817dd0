//! What all formats write: some frames of one host, by column.

use std::sync::Arc;

use super::ExchangeError;

/// One column of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// What it is called.
    pub(super) name: Arc<str>,
    /// Where its values lie in an object.
    pub(super) segments: Vec<String>,
    /// How many decimals its values have.
    pub(super) decimals: u8,
}

/// Frames of one host.
pub(super) struct Table<'a> {
    pub(super) host: &'a str,
    /// When each was measured, in milliseconds since 1970, in order.
    pub(super) times: &'a [i64],
    /// The values of a column by its number, one per time; nothing where all are missing.
    pub(super) column: &'a mut dyn FnMut(usize) -> Option<Vec<i64>>,
}

/// Writes tables into one file.
pub(super) trait TableWriter {
    /// How many bytes of packed values one table may stand for; nothing where it is written by
    /// row, and so should be short.
    fn most_bytes(&self) -> Option<usize> {
        None
    }

    /// Writes some frames.
    fn write(&mut self, table: &mut Table<'_>) -> Result<(), ExchangeError>;

    /// Ends the file.
    fn finish(self: Box<Self>) -> Result<(), ExchangeError>;
}
