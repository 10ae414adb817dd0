//! Adds up the values of runs of frames.

use perfwatch_core::MISSING;

use super::plan::Run;
use crate::layout::Stat;

/// Adds values, one per frame, to the stats of the rows that the runs belong to. The stats are in
/// units finer by a factor. `time` is that of a frame.
pub(super) fn add_runs(
    runs: &[Run],
    values: &[i64],
    factor: i64,
    stats: &mut [Stat],
    time: impl Fn(usize) -> i64,
) {
    for run in runs {
        let (Some(values), Some(stat)) = (values.get(run.from..run.until), stats.get_mut(run.row))
        else {
            continue;
        };
        let time = |at: usize| time(run.from + at);
        stat.merge(&stat_of(values, run.last_ms, time).scaled(factor));
    }
}

/// Neighbouring values. A time is only looked up where the newest is missing: a frame that came late
/// may lie elsewhere, behind the newest that is there.
fn stat_of(values: &[i64], last_ms: i64, time: impl Fn(usize) -> i64) -> Stat {
    let mut stat = Stat { min: i64::MAX, max: i64::MIN, last_ms, ..Stat::default() };
    // The sum in 64 bits is right as long as none is longer than 31.
    let (mut sum, mut long) = (0_i64, 0_u64);
    for &value in values.iter().filter(|&&value| value != MISSING) {
        stat.count += 1;
        sum = sum.wrapping_add(value);
        long |= value.unsigned_abs();
        stat.min = stat.min.min(value);
        stat.max = stat.max.max(value);
        stat.last = value;
    }
    if values.last() == Some(&MISSING)
        && let Some(last) = values.iter().rposition(|&value| value != MISSING)
    {
        stat.last_ms = time(last);
    }
    stat.sum = match long >> 31 == 0 && values.len() >> 31 == 0 {
        true => i128::from(sum),
        false => values.iter().filter(|&&value| value != MISSING).map(|&v| i128::from(v)).sum(),
    };
    stat
}
