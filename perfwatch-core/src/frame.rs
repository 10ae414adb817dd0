//! All blocks of one host at one moment.

use crate::{Block, Table};

/// What one tick read.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// Wall-clock time of the tick, in milliseconds since 1970 (UTC). A label: rates never use it.
    pub timestamp_ms: i64,
    /// How long the machine had been suspended since boot, in nanoseconds. Two frames with a
    /// suspend between them have no rate.
    pub suspended_ns: u64,
    /// One block per table, in the order of the collectors.
    pub blocks: Vec<Block>,
}

impl Frame {
    /// A frame with one empty block per table.
    pub fn new<'a>(tables: impl IntoIterator<Item = &'a &'static Table>) -> Self {
        let blocks = tables.into_iter().map(|table| Block::new(table)).collect();
        Self { blocks, ..Self::default() }
    }

    /// The block of a table, by the table's name.
    pub fn block(&self, table: &str) -> Option<&Block> {
        self.blocks.iter().find(|block| block.table().name == table)
    }
}
