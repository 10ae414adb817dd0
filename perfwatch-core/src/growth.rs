//! How much a counter grew between two readings of its row.

use crate::{FieldId, Kind, MISSING, Table, Unit};

/// CPU time may step back a little (idle and iowait are estimates, proc(5)); falling back by this
/// much (3 s in microseconds) means that the CPU was plugged in anew.
const CPU_TIME_RESTART_US: i64 = 3_000_000;

/// How much a counter of a row grew, in the field's unit; nothing where one of the two values is
/// missing or the counter started anew in between. `before` and `now` hold one value per field.
#[inline]
pub fn growth(table: &Table, before: &[i64], now: &[i64], id: FieldId) -> Option<i64> {
    let field = table.fields.get(id.0)?;
    let growth = difference(before, now, id)?;
    if growth >= 0 {
        return Some(growth);
    }
    match (field.kind, field.unit) {
        (_, Unit::CpuTime) if growth > -CPU_TIME_RESTART_US => Some(0),
        // It wrapped, unless the row's other counters say that the thing itself is a new one.
        (Kind::Counter32, _) if !restarted(table, before, now) => growth.checked_add(1 << 32),
        _ => None,
    }
}

fn difference(before: &[i64], now: &[i64], id: FieldId) -> Option<i64> {
    let (before, now) = (*before.get(id.0)?, *now.get(id.0)?);
    if before == MISSING || now == MISSING { None } else { now.checked_sub(before) }
}

/// Whether a counter that cannot wrap went back.
fn restarted(table: &Table, before: &[i64], now: &[i64]) -> bool {
    (0..).map(FieldId).zip(table.fields).any(|(id, field)| {
        field.kind == Kind::Counter && difference(before, now, id).is_some_and(|growth| growth < 0)
    })
}
