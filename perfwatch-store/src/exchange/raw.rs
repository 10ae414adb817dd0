//! Every value as it was stored.

use std::ops::Range;

use perfwatch_core::MISSING;

use super::{
    ExchangeError,
    number::scale,
    plan::{HostPlan, Plan},
    table::{Table, TableWriter},
};
use crate::{
    HistoryFile, Progress,
    archive::Shelf,
    compose::{Loaded, Material, Order},
    layout::{
        Wanted,
        slice::{DAY_MS, HOUR_MS},
    },
};

/// A table that is written by column has at most so many frames.
const MOST_FRAMES: u64 = 500_000;

/// Writes all frames of the plan; how many there were.
pub(super) async fn write(
    file: &HistoryFile,
    plan: &Plan,
    writer: &mut dyn TableWriter,
    tell: &(dyn Fn(Progress) + Send + Sync),
) -> Result<u64, ExchangeError> {
    let total = plan.hosts.iter().flat_map(|host| &host.days).map(|(_, frames)| frames).sum();
    let (mut told, mut written) = (0, 0);
    for host in &plan.hosts {
        let wanted: Vec<Wanted> = host.columns.values().flatten().copied().collect();
        let shelf = Shelf { host: host.number, interval_ms: 0 };
        let mut days = host.days.iter().peekable();
        while let Some(&(first, mut frames)) = days.next() {
            let mut slices = file.engine.load_some(shelf, first..first + DAY_MS, &wanted).await?;
            let mut end = first + DAY_MS;
            // What is written by column takes as many days as fit.
            while let Some((day, more)) = days.next_if(|(_, more)| {
                let most = writer.most_bytes();
                most.is_some_and(|most| bytes(&slices) < most && frames + more <= MOST_FRAMES)
            }) {
                end = day + DAY_MS;
                frames += more;
                slices.extend(file.engine.load_some(shelf, *day..end, &wanted).await?);
            }
            let range = first.max(plan.range_ms.start)..end.min(plan.range_ms.end);
            let mut material = file.engine.material(shelf, slices, None, &range);
            for range in tables(&range, writer.most_bytes().is_some()) {
                written += write_table(host, &mut material, &range, writer)?;
            }
            file.engine.note(&material.damaged);
            told += frames;
            tell(Progress { done: told, total });
        }
    }
    Ok(written)
}

fn bytes(slices: &[Loaded]) -> usize {
    slices.iter().flat_map(|slice| &slice.parts).map(Vec::len).sum()
}

/// By row, an hour is held unpacked at a time.
fn tables(range: &Range<i64>, by_column: bool) -> Vec<Range<i64>> {
    if by_column {
        return vec![range.clone()];
    }
    let first = range.start - range.start.rem_euclid(HOUR_MS);
    let starts = (first..range.end).step_by(HOUR_MS as usize);
    starts.map(|start| start.max(range.start)..(start + HOUR_MS).min(range.end)).collect()
}

fn write_table(
    host: &HostPlan,
    material: &mut Material,
    range: &Range<i64>,
    writer: &mut dyn TableWriter,
) -> Result<u64, ExchangeError> {
    let order = material.rows(range);
    if order.times.is_empty() {
        return Ok(0);
    }
    let mut column = |at: usize| values(host.columns.get(&at)?, material, &order);
    let mut table = Table { host: &host.name, times: &order.times, column: &mut column };
    writer.write(&mut table)?;
    Ok(order.times.len() as u64)
}

/// The values of one column; of several numbers of a series, each frame has one.
fn values(wanted: &[Wanted], material: &mut Material, order: &Order) -> Option<Vec<i64>> {
    let mut all: Option<Vec<i64>> = None;
    for wanted in wanted {
        let mut values = material.values(wanted.series, wanted.check, order);
        values.iter_mut().for_each(|value| *value = scale(*value, wanted.factor));
        all = Some(match all {
            None => values,
            Some(first) => first
                .into_iter()
                .zip(values)
                .map(|(first, other)| if first == MISSING { other } else { first })
                .collect(),
        });
    }
    all.filter(|values| values.iter().any(|&value| value != MISSING))
}
