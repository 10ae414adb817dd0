//! A frame as people read it.
//!
//! The one place where counters become rates: every table goes through [`View::update`]. A first
//! frame, a reset counter, a row that just appeared, a clock that stood still and a suspend give
//! no rate; the value is then [`MISSING`].

use crate::{
    Block, Column, Decimal, FieldId, Frame, Keys, MISSING, Per, Source, Table, Unit, growth,
};

/// How far two readings of the suspend clock may differ without a suspend between them.
const SUSPEND_TOLERANCE_NS: u64 = 100_000_000;

/// The rows of one table in a view: one integer per column, in the column's decimals.
#[derive(Clone, Debug)]
pub struct ViewBlock {
    table: &'static Table,
    keys: Keys,
    values: Vec<i64>,
}

impl ViewBlock {
    fn new(table: &'static Table) -> Self {
        Self { table, keys: Keys::default(), values: Vec::new() }
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
            if let Some(found) = found {
                hint = found + 1;
            }
            let change = Change {
                table: self.table,
                now: current.row(row).unwrap_or_default(),
                before: previous.zip(found).and_then(|(before, found)| before.row(found)),
                seconds: elapsed as f64 / 1e9,
            };
            let cpu_time = change.cpu_time();
            self.values
                .extend(self.table.columns.iter().map(|column| change.view(column, cpu_time)));
        }
    }
}

/// One row at two moments.
struct Change<'a> {
    table: &'static Table,
    now: &'a [i64],
    before: Option<&'a [i64]>,
    seconds: f64,
}

impl Change<'_> {
    fn view(&self, column: &Column, cpu_time: Option<f64>) -> i64 {
        let value = match column.source {
            Source::Level(id) => return self.now.get(id.0).copied().unwrap_or(MISSING),
            Source::Rate(id) => self.growth(id).map(|growth| growth / self.seconds),
            Source::Share(id) => cpu_time.and_then(|whole| Some(100.0 * self.growth(id)? / whole)),
            Source::Formula(index) => self.formula(index).map(|value| {
                let value = column.unit.from_base(value);
                // Sources read a moment apart may exceed the whole by a rounding.
                if column.unit == Unit::Percent { value.clamp(0.0, 100.0) } else { value }
            }),
        };
        value.map_or(MISSING, |value| Decimal::round(value, column.unit))
    }

    fn formula(&self, index: usize) -> Option<f64> {
        let formula = self.table.derived.get(index)?;
        let sum = self.sum(formula.sum)?;
        let per = match &formula.per {
            Per::Second => self.before.map(|_| self.seconds)?,
            Per::Fields(fields) => self.sum(fields)?,
        };
        (per > 0.0).then(|| sum / per)
    }

    /// The sum of the fields in base units; nothing if one is missing.
    fn sum(&self, fields: &[FieldId]) -> Option<f64> {
        fields.iter().try_fold(0.0, |sum, &id| {
            let field = self.table.fields.get(id.0)?;
            let value = if field.kind.is_counter() {
                self.growth(id)?
            } else {
                let value = *self.now.get(id.0)?;
                Decimal { value, decimals: field.unit.decimals() }.get()?
            };
            Some(sum + field.unit.to_base(value))
        })
    }

    /// How much a counter grew, in its own unit.
    fn growth(&self, id: FieldId) -> Option<f64> {
        growth(self.table, self.before?, self.now, id).map(|growth| growth as f64)
    }

    /// All CPU time of the row that passed; nothing if none did or the CPU started anew.
    fn cpu_time(&self) -> Option<f64> {
        let mut whole = 0.0;
        for (index, field) in self.table.fields.iter().enumerate() {
            if field.unit == Unit::CpuTime {
                whole += self.growth(FieldId(index))?;
            }
        }
        (whole > 0.0).then_some(whole)
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
