//! One collector without the aggregator around it.

use perfwatch_collect::{BaseCollector, CollectError};
use perfwatch_core::{Block, MISSING};

/// A collector and the blocks it fills.
pub struct Alone {
    collector: Box<dyn BaseCollector>,
    blocks: Vec<Block>,
}

impl Alone {
    /// Puts a collector on its own.
    pub fn new(collector: Box<dyn BaseCollector>) -> Self {
        let blocks = collector.tables().iter().map(|table| Block::new(table)).collect();
        Self { collector, blocks }
    }

    /// The collector's name.
    pub fn name(&self) -> &'static str {
        self.collector.name()
    }

    /// Runs the collector once; says how many values it read, so that none can be left out.
    ///
    /// # Errors
    /// Whatever the collector says.
    pub fn collect(&mut self) -> Result<usize, CollectError> {
        self.blocks.iter_mut().for_each(Block::clear);
        self.collector.collect(&mut self.blocks)?;
        Ok(self.blocks.iter().map(|block| block.keys().len()).sum())
    }

    /// How many values there are after the last run.
    pub fn values(&self) -> usize {
        let rows = self
            .blocks
            .iter()
            .flat_map(|block| (0..block.keys().len()).filter_map(|row| block.row(row)));
        rows.flatten().filter(|&&value| value != MISSING).count()
    }
}
