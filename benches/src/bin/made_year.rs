//! A daemon's store with a year in it, to look at in a browser: `made_year FILE [DAYS]`.
//!
//! The host is this one: its name, its tables, its rows. It is sampled for a second, and each value
//! then follows the hours of the day, the days of the week and chance around what was seen. The year
//! ends now, so that a daemon started on the file goes on where it ends.
#![allow(clippy::print_stdout, reason = "it says what it did")]

use std::{
    env,
    io::{IsTerminal, Write, stderr},
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use perfwatch_benches::history::{Chance, DAY_MS, HOUR_MS, INTERVAL_MS, Wander};
use perfwatch_collect::{MetricsAggregator, Roots, host_facts};
use perfwatch_core::{FieldId, Frame, Kind, MISSING, View};
use perfwatch_store::{Opened, Record, RetentionPolicyUpdate, open};

/// Tables of more rows are left out: a year of each core of a large host says no more.
const MOST_ROWS: usize = 4;

/// How many frames are stored at once.
const BATCH: usize = 720;

/// One value of the host and how it moves.
struct Value {
    field: FieldId,
    /// A gauge's value, or a counter's growth per second.
    usual: f64,
    /// What the counter shows now; a gauge keeps nothing.
    count: Option<f64>,
    /// The highest it gets: percentages have an end.
    most: f64,
    wander: Wander,
}

/// One row of a table.
struct Row {
    block: usize,
    key: String,
    values: Vec<Value>,
}

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let file = arguments.next().context("usage: made_year FILE [DAYS]")?;
    let days: i64 = arguments.next().map_or(Ok(365), |days| days.parse()).context("DAYS")?;
    ensure!(!Path::new(&file).exists(), "{file} is there already: name a new file");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(fill(&file, days))
}

async fn fill(file: &str, days: i64) -> Result<()> {
    let roots = Roots::default();
    let host: Arc<str> = Arc::from(host_facts(&roots).name);
    let Opened { store, accounts } = open(&format!("sqlite:{file}")).await?;
    // The daemon would downsample what is older than a month.
    let kept = u32::try_from(days + 35)?;
    let all = RetentionPolicyUpdate {
        full_resolution_days: Some(kept),
        downsampled_days: Some(kept),
        ..Default::default()
    };
    accounts.update_retention_policy(&all).await?;
    let (mut frame, mut rows) = sample(&roots);
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let ticks = days * DAY_MS / INTERVAL_MS;
    let mut chance = Chance::new(1);
    let (mut batch, mut before) = (Vec::with_capacity(BATCH), None);
    for tick in 0..ticks {
        let time_ms = now - (ticks - tick) * INTERVAL_MS + (chance.share() * 4.0) as i64;
        advance(&mut frame, &mut rows, time_ms, &mut chance);
        let mut view = View::default();
        view.update(before.as_ref(), &frame);
        before = Some(frame.clone());
        batch.push(Record::new(Arc::clone(&host), Arc::new(view)));
        if batch.len() == BATCH || tick + 1 == ticks {
            store.append(&batch).await?;
            batch.clear();
            if stderr().is_terminal() {
                write!(stderr(), "\r{} of {days} days", tick * INTERVAL_MS / DAY_MS)?;
            }
        }
    }
    let usage = store.usage().await?;
    store.close().await;
    println!("{file}: {} frames of {host}, {} bytes", usage.frames, usage.bytes);
    Ok(())
}

/// Looks at this host for a second: an empty frame of its tables, and how its values move.
fn sample(roots: &Roots) -> (Frame, Vec<Row>) {
    let mut aggregator = MetricsAggregator::new(roots);
    aggregator.collect_all();
    aggregator.settle(Duration::from_secs(5));
    let first = aggregator.frame().clone();
    thread::sleep(Duration::from_secs(1));
    let second = aggregator.collect_all();
    let mut rows = Vec::new();
    for (block, (old, new)) in first.blocks.iter().zip(&second.blocks).enumerate() {
        if new.keys().len() > MOST_ROWS {
            continue;
        }
        for (row, key) in new.keys().iter().enumerate() {
            let fields = (0..new.table().fields.len()).map(FieldId);
            let values = fields.filter_map(|field| {
                value(
                    new.table().fields.get(field.0)?,
                    field,
                    [old, new].map(|b| b.value(row, field)),
                )
            });
            rows.push(Row { block, key: key.to_owned(), values: values.collect() });
        }
    }
    (Frame::new(&second.blocks.iter().map(perfwatch_core::Block::table).collect::<Vec<_>>()), rows)
}

/// How a value moves that was seen twice within a second.
fn value(field: &perfwatch_core::Field, id: FieldId, [old, new]: [i64; 2]) -> Option<Value> {
    if old == MISSING || new == MISSING {
        return None;
    }
    let is_gauge = field.kind == Kind::Gauge;
    let scale = field.unit.scale() as f64;
    let usual = if is_gauge { new as f64 / scale } else { (new - old).max(0) as f64 };
    let most = if field.unit == perfwatch_core::Unit::Percent { 100.0 } else { f64::MAX };
    let wander = Wander::over(200.0);
    Some(Value { field: id, usual, count: (!is_gauge).then_some(new as f64), most, wander })
}

/// Makes the frame of the next tick.
fn advance(frame: &mut Frame, rows: &mut [Row], time_ms: i64, chance: &mut Chance) {
    let hour = (time_ms % DAY_MS) as f64 / HOUR_MS as f64;
    let weekend = if time_ms / DAY_MS % 7 > 4 { 0.5 } else { 1.0 };
    let day = weekend * (1.0 + 0.6 * ((hour - 9.0) / 24.0 * std::f64::consts::TAU).sin());
    frame.timestamp_ms = time_ms;
    let read_at = time_ms.unsigned_abs() * 1_000_000;
    frame.blocks.iter_mut().for_each(|block| {
        block.clear();
        block.set_read_at(read_at);
    });
    for row in rows {
        let Some(block) = frame.blocks.get_mut(row.block) else { continue };
        let mut cells = block.push_row(&row.key);
        for value in &mut row.values {
            let wander = (0.3 * value.wander.next(chance)).exp();
            let now = value.usual * day * wander;
            let shown = match &mut value.count {
                None if value.usual.fract() == 0.0 && value.usual < 64.0 => value.usual,
                None => now.min(value.most),
                Some(count) => {
                    *count += now * INTERVAL_MS as f64 / 1000.0;
                    count.floor()
                }
            };
            cells.set_f64(value.field, shown);
        }
    }
}
