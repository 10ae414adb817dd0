//! What a collector is.

use perfwatch_core::{Block, Table};

use crate::{CollectError, Gap};

/// One source of numbers. It may fill several tables from one read, so that all describe the
/// same instant.
///
/// The runner times, counts, logs and classifies; a collector only collects. To add one: write
/// its table and its file, and add a line to the list of `built_in` (or hand it to
/// [`crate::MetricsAggregator::push`] from outside).
pub trait BaseCollector: Send {
    /// The metric type it answers for, such as `cpu`.
    fn name(&self) -> &'static str;

    /// The tables it fills, always the same.
    fn tables(&self) -> &'static [&'static Table];

    /// Fills the blocks, which are empty and stand in the order of [`Self::tables`]. Runs on the
    /// sampling thread: it must not block, and must not allocate once warm.
    ///
    /// # Errors
    /// [`CollectError`] if the source cannot be read; all its values are then missing.
    fn collect(&mut self, blocks: &mut [Block]) -> Result<(), CollectError>;

    /// What this host lacks of the source, as far as known.
    fn gaps(&self) -> &[Gap] {
        &[]
    }

    /// Whether sources with a thread of their own have answered for the first time.
    fn settled(&self) -> bool {
        true
    }
}

/// The blocks as an array, to be taken apart by name.
///
/// # Errors
/// [`CollectError::WrongTables`] if there are not `N`.
pub fn blocks_of<const N: usize>(blocks: &mut [Block]) -> Result<&mut [Block; N], CollectError> {
    blocks.try_into().map_err(|_| CollectError::WrongTables)
}
