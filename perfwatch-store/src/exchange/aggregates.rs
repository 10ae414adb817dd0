//! Average, lowest, highest and count of each bucket, also where only downsampled frames are left.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use perfwatch_core::{MISSING, series::Pattern};

use super::{
    Column, ExchangeError,
    plan::{HostPlan, Plan},
    table::{Table, TableWriter},
};
use crate::{
    Aggregate, HistoryFile, Progress, RangeQuery, Selection, Step, StoreError,
    layout::slice::DAY_MS,
};

/// What is said of a bucket.
const AGGREGATES: [Aggregate; 4] =
    [Aggregate::Avg, Aggregate::Min, Aggregate::Max, Aggregate::Count];

/// One answer has at most so many values: fewer than would make its step grow.
const VALUES: usize = 500_000;

/// The columns of each series: `app.load:avg` and so on.
pub(super) fn columns(series: &[Column]) -> Vec<Column> {
    let column = |column: &Column, aggregate: Aggregate| Column {
        name: Arc::from(format!("{}:{}", column.name, aggregate.name())),
        segments: [&column.segments[..], &[aggregate.name().to_owned()]].concat(),
        decimals: if aggregate == Aggregate::Count { 0 } else { column.decimals },
    };
    series.iter().flat_map(|it| AGGREGATES.map(|aggregate| column(it, aggregate))).collect()
}

/// Writes all buckets of the plan; how many there were.
pub(super) async fn write(
    file: &HistoryFile,
    plan: &Plan,
    step: Duration,
    writer: &mut dyn TableWriter,
    tell: &(dyn Fn(Progress) + Send + Sync),
) -> Result<u64, ExchangeError> {
    let step_ms = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
    if step_ms < 1000 || (DAY_MS % step_ms != 0 && step_ms % DAY_MS != 0) {
        let reason = "it must be 1 s or more and divide a day, or be whole days";
        return Err(StoreError::bad_query("interval", reason).into());
    }
    let span_ms = step_ms.max(DAY_MS);
    let total = plan.hosts.iter().map(|host| host.days.len() as u64).sum();
    let (mut written, mut done) = (0, 0);
    for host in &plan.hosts {
        let mut until = i64::MIN;
        for (day, _) in &host.days {
            done += 1;
            if *day < until {
                continue;
            }
            let start = day - day.rem_euclid(span_ms);
            until = start + span_ms;
            written += write_span(file, plan, host, start..until, step, writer).await?;
            tell(Progress { done, total });
        }
    }
    Ok(written)
}

async fn write_span(
    file: &HistoryFile,
    plan: &Plan,
    host: &HostPlan,
    span: std::ops::Range<i64>,
    step: Duration,
    writer: &mut dyn TableWriter,
) -> Result<u64, ExchangeError> {
    let points = (span.end - span.start) / step.as_millis() as i64;
    let at_once = (VALUES / (points.max(1) as usize * AGGREGATES.len())).max(1);
    let mut found: BTreeMap<i64, usize> = BTreeMap::new();
    let mut values: BTreeMap<usize, Vec<(i64, i64)>> = BTreeMap::new();
    let numbers: Vec<usize> = host.columns.keys().copied().collect();
    for numbers in numbers.chunks(at_once) {
        let query = question(plan, host, &span, step, numbers)?;
        let answer = file.range(&query).await?;
        for series in answer.series {
            let by = |column: &Column| column.segments.cmp(&series.segments);
            let Ok(at) = plan.columns.binary_search_by(by) else { continue };
            let Some(aggregate) = AGGREGATES.iter().position(|it| *it == series.aggregate) else {
                continue;
            };
            let column = plan.columns.get(at).map_or(0, |column| column.decimals);
            let decimals = if series.aggregate == Aggregate::Count { 0 } else { column };
            let scale = 10_f64.powi(decimals.into());
            let there = answer.timestamps_ms.iter().zip(&series.values);
            let there = there.filter_map(|(time, value)| Some((*time, (*value)?)));
            let there: Vec<_> =
                there.map(|(time, it)| (time, (it * scale).round() as i64)).collect();
            found.extend(there.iter().map(|(time, _)| (*time, 0)));
            values.insert(at * AGGREGATES.len() + aggregate, there);
        }
    }
    let times: Vec<i64> = found.into_keys().collect();
    let mut column = |at: usize| {
        let mut there = values.get(&at)?.iter().peekable();
        let value = |time: &i64| there.next_if(|(at, _)| at == time).map_or(MISSING, |it| it.1);
        Some(times.iter().map(value).collect())
    };
    if !times.is_empty() {
        writer.write(&mut Table { host: &host.name, times: &times, column: &mut column })?;
    }
    Ok(times.len() as u64)
}

fn question(
    plan: &Plan,
    host: &HostPlan,
    span: &std::ops::Range<i64>,
    step: Duration,
    numbers: &[usize],
) -> Result<RangeQuery, ExchangeError> {
    let paths = numbers.iter().filter_map(|at| plan.columns.get(*at));
    let patterns: Result<Vec<_>, _> = paths.map(|column| Pattern::parse(&column.name)).collect();
    let patterns = patterns.map_err(|error| StoreError::bad_query("fields", error.to_string()))?;
    Ok(RangeQuery {
        selection: Selection {
            host: host.name.clone(),
            patterns,
            start_ms: span.start.max(plan.range_ms.start),
            end_ms: span.end.min(plan.range_ms.end),
        },
        step: Step::Every(step),
        limit: usize::MAX,
        aggregates: AGGREGATES.to_vec(),
    })
}
