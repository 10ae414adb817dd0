//! What it costs to keep a tick.

use std::{path::Path, sync::Arc, thread, time::Duration};

use anyhow::{Result, ensure};
use perfwatch_core::View;
use perfwatch_store::{Record, Store, open};

use super::{HOST, fill::tidy, process::written_bytes};
use crate::process_cpu_ns;

/// What appending cost, per tick.
#[derive(Clone, Debug)]
pub struct Appended {
    /// How many ticks.
    pub ticks: usize,
    /// CPU time of the process in microseconds, everything counted in: also what seals and merges.
    pub cpu_us: f64,
    /// The median of the CPU time of the process while one append was running.
    pub median_us: f64,
    /// Bytes given to the file system, everything counted in.
    pub written: f64,
}

/// Appends one frame after the other, each durable before the next, with a pause between.
///
/// # Errors
/// What the store ran into.
pub async fn append(
    path: &Path,
    views: impl Iterator<Item = View>,
    pause: Duration,
) -> Result<Appended> {
    // Made before, so that making them is not counted.
    let record = |view| Record::new(HOST, Arc::new(view));
    let records: Vec<Record> = views.map(record).collect();
    ensure!(!records.is_empty(), "no ticks to append");
    let store = open(&format!("sqlite:{}", path.display())).await?.store;
    let mut costs = Vec::with_capacity(records.len());
    let (cpu, written) = (process_cpu_ns()?, written_bytes()?);
    for record in &records {
        let before = process_cpu_ns()?;
        store.append(std::slice::from_ref(record)).await?;
        costs.push(process_cpu_ns()? - before);
        if !pause.is_zero() {
            thread::sleep(pause);
        }
    }
    // Sealing that has begun is to be counted.
    tidy(&*store, records.last().map_or(0, |record| record.timestamp_ms())).await?;
    check(&*store, &records).await?;
    store.close().await;
    let each = |sum: u64| sum as f64 / records.len() as f64;
    costs.sort_unstable();
    Ok(Appended {
        ticks: records.len(),
        cpu_us: each(process_cpu_ns()? - cpu) / 1e3,
        median_us: costs.get(costs.len() / 2).copied().unwrap_or(0) as f64 / 1e3,
        written: each(written_bytes()? - written),
    })
}

/// Everything that was appended must be there.
async fn check(store: &dyn Store, records: &[Record]) -> Result<()> {
    let usage = store.usage().await?;
    ensure!(usage.frames >= records.len() as u64, "of {} frames: {usage:?}", records.len());
    Ok(())
}
