//! How the columns of a table are computed, looked up once instead of for every row.
//!
//! Inside a row all numbers are floats in base units, and what is not known is NaN: it makes every
//! result that it enters NaN, which rounds to [`MISSING`].

use crate::{Decimal, FieldId, MISSING, MOST_FIELDS, Per, Source, Table, Unit, growth};

/// The columns of one table, ready to be computed row after row.
#[derive(Debug)]
pub(crate) struct Plan {
    table: &'static Table,
    fields: Vec<FieldPlan>,
    columns: Vec<ColumnPlan>,
}

#[derive(Debug)]
struct FieldPlan {
    counts: bool,
    cpu_time: bool,
    /// Whether a rate or a formula asks for it; a mere level is shown as it is.
    wanted: bool,
    /// The base unit is the field's times the first over the second.
    base: (f64, f64),
}

#[derive(Debug)]
struct ColumnPlan {
    source: Source,
    base: (f64, f64),
    scale: f64,
    /// The most that it can be.
    most: f64,
}

impl Plan {
    pub(crate) fn new(table: &'static Table) -> Self {
        let in_formula =
            |id| table.derived.iter().any(|formula| formula.fields().any(|at| at == id));
        let fields = table.fields.iter().enumerate().map(|(index, field)| FieldPlan {
            counts: field.kind.is_counter(),
            cpu_time: field.unit == Unit::CpuTime,
            wanted: field.kind.is_counter() || in_formula(FieldId(index)),
            base: field.base(),
        });
        let columns = table.columns.iter().map(|column| ColumnPlan {
            source: column.source,
            base: column.unit.base(),
            scale: column.unit.scale() as f64,
            // Sources read a moment apart may exceed the whole by a rounding.
            most: if column.unit == Unit::Percent { 100.0 } else { f64::INFINITY },
        });
        Self { table, fields: fields.collect(), columns: columns.collect() }
    }

    /// Appends the columns of a row that was `before` and is `now`, `seconds` later.
    pub(crate) fn compute(
        &self,
        before: Option<&[i64]>,
        now: &[i64],
        seconds: f64,
        values: &mut Vec<i64>,
    ) {
        let mut changes = [f64::NAN; MOST_FIELDS];
        let cpu_time = self.changes(before.unwrap_or_default(), now, &mut changes);
        let row = Row { table: self.table, changes: &changes, cpu_time, seconds };
        values.extend(self.columns.iter().map(|plan| match plan.source {
            Source::Level(id) => now.get(id.0).copied().unwrap_or(MISSING),
            _ => Decimal::nearest(row.compute(plan) * plan.scale),
        }));
    }

    /// Writes what each field has to say, a counter its growth and a gauge its level; returns all
    /// CPU time of the row.
    fn changes(&self, before: &[i64], now: &[i64], changes: &mut [f64; MOST_FIELDS]) -> f64 {
        let mut cpu_time = 0.0;
        let fields = self.fields.iter().zip(now).enumerate();
        for ((index, (field, &level)), slot) in fields.zip(changes) {
            if !field.wanted {
                continue;
            }
            let change = if field.counts {
                growth(self.table, before, now, FieldId(index))
            } else {
                (level != MISSING).then_some(level)
            };
            let (multiply, divide) = field.base;
            *slot = change.map_or(f64::NAN, |change| change as f64 * multiply / divide);
            if field.cpu_time {
                cpu_time += *slot;
            }
        }
        cpu_time
    }
}

/// One row at hand.
struct Row<'a> {
    table: &'static Table,
    changes: &'a [f64],
    cpu_time: f64,
    seconds: f64,
}

impl Row<'_> {
    /// The value of a column in its unit.
    fn compute(&self, plan: &ColumnPlan) -> f64 {
        match plan.source {
            Source::Level(id) => self.of(id),
            Source::Rate(id) => self.of(id) / self.seconds,
            Source::Share(id) => ratio(100.0 * self.of(id), self.cpu_time),
            Source::Formula(index) => {
                let Some(formula) = self.table.derived.get(index) else { return f64::NAN };
                let per = match formula.per {
                    Per::Second => self.seconds,
                    Per::Fields(fields) => self.sum(fields),
                };
                // NaN stays: only a number is cut to what it can be.
                let value = ratio(self.sum(formula.sum), per) * plan.base.1 / plan.base.0;
                if value > plan.most { plan.most } else { value }
            }
        }
    }

    fn of(&self, id: FieldId) -> f64 {
        self.changes.get(id.0).copied().unwrap_or(f64::NAN)
    }

    fn sum(&self, fields: &[FieldId]) -> f64 {
        fields.iter().map(|&id| self.of(id)).sum()
    }
}

/// Nothing is a share of nothing.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { f64::NAN }
}
