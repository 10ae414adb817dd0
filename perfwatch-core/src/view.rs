//! A frame as people read it.
//!
//! The one place where counters become rates: every table goes through [`View::update`]. A first
//! frame, a reset counter, a row that just appeared, a clock that stood still and a suspend give
//! no rate; the value is then [`crate::MISSING`].

use std::sync::Arc;

use crate::{Block, Decimal, Frame, Keys, Table, plan::Plan};

/// How far two readings of the suspend clock may differ without a suspend between them.
const SUSPEND_TOLERANCE_NS: u64 = 100_000_000;

/// The rows of one table in a view: one integer per column, in the column's decimals.
#[derive(Clone, Debug)]
pub struct ViewBlock {
    table: &'static Table,
    keys: Keys,
    values: Vec<i64>,
    plan: Arc<Plan>,
}

impl ViewBlock {
    fn new(table: &'static Table) -> Self {
        Self { table, keys: Keys::default(), values: Vec::new(), plan: Arc::new(Plan::new(table)) }
    }

    /// The table whose rows these are.
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// The row names, in order.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// All rows: name and one value per column of the table.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &[i64])> {
        self.keys.iter().zip(self.values.chunks_exact(self.table.columns.len().max(1)))
    }

    /// One value by row and column name.
    pub fn get(&self, key: &str, column: &str) -> Option<Decimal> {
        let at = self.table.columns.iter().position(|candidate| candidate.name == column)?;
        let (_, values) = self.rows().find(|(name, _)| *name == key)?;
        let decimals = self.table.columns.get(at)?.unit.decimals();
        Some(Decimal { value: *values.get(at)?, decimals })
    }

    fn update(&mut self, previous: Option<&Block>, current: &Block) {
        self.keys.copy_from(current.keys());
        self.values.clear();
        let elapsed =
            previous.map_or(0, |before| current.read_at().saturating_sub(before.read_at()));
        let previous = previous.filter(|before| elapsed > 0 && before.read_at() > 0);
        let mut hint = 0;
        for (row, key) in current.keys().iter().enumerate() {
            let found = previous.and_then(|before| before.keys().find(key, hint));
            hint = found.map_or(hint, |found| found + 1);
            let before = previous.zip(found).and_then(|(before, found)| before.row(found));
            let now = current.row(row).unwrap_or_default();
            self.plan.compute(before, now, elapsed as f64 / 1e9, &mut self.values);
        }
    }
}

/// All metrics of one host at one moment as people read them.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Wall-clock time, in milliseconds since 1970 (UTC).
    pub timestamp_ms: i64,
    /// One block per table, in the order of the collectors.
    pub blocks: Vec<ViewBlock>,
}

impl View {
    /// Makes this the view of `current`, given the frame before it. Reuses all memory: with the
    /// same tables and no new rows, nothing is allocated.
    pub fn update(&mut self, previous: Option<&Frame>, current: &Frame) {
        self.timestamp_ms = current.timestamp_ms;
        let previous = previous.filter(|before| {
            before.suspended_ns.abs_diff(current.suspended_ns) < SUSPEND_TOLERANCE_NS
        });
        let same_tables = self.blocks.len() == current.blocks.len()
            && self
                .blocks
                .iter()
                .zip(&current.blocks)
                .all(|(mine, block)| std::ptr::eq(mine.table, block.table()));
        if !same_tables {
            self.blocks =
                current.blocks.iter().map(|block| ViewBlock::new(block.table())).collect();
        }
        for (index, (mine, block)) in self.blocks.iter_mut().zip(&current.blocks).enumerate() {
            let before = previous
                .and_then(|frame| frame.blocks.get(index))
                .filter(|before| std::ptr::eq(before.table(), block.table()));
            mine.update(before, block);
        }
    }

    /// The block of a table, by the table's name.
    pub fn block(&self, table: &str) -> Option<&ViewBlock> {
        self.blocks.iter().find(|block| block.table.name == table)
    }
}
