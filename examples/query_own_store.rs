//! Keeps samples in a store of one's own and asks it for a range.
//!
//! `cargo run --example query_own_store` keeps them in memory;
//! `cargo run --example query_own_store -- sqlite:/tmp/samples.db` keeps them in a file, where
//! they are found again by the next run.

use std::{error::Error, io::Write, sync::Arc, time::Duration};

use perfwatch_collect::{MetricsAggregator, Roots};
use perfwatch_core::series::Pattern;
use perfwatch_store::{Aggregate, RangeQuery, Record, Selection, Step, open};

const HOST: &str = "this-host";
const SAMPLES: u32 = 5;
const INTERVAL: Duration = Duration::from_millis(300);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "memory:".to_owned());
    let store = open(&url).await?.store;

    // A daemon samples on a thread of its own; waiting here between two readings will do as well.
    let mut metrics = MetricsAggregator::new(&Roots::default());
    metrics.collect_all();
    for _ in 0..SAMPLES {
        tokio::time::sleep(INTERVAL).await;
        metrics.collect_all();
        let view = Arc::new(metrics.view().clone());
        store.append(&[Record::new(HOST, view)]).await?;
    }

    // The use of every core (`*` stands for any one name) over the last minute.
    let end_ms = metrics.view().timestamp_ms + 1;
    let query = RangeQuery {
        selection: Selection {
            host: HOST.to_owned(),
            patterns: vec![Pattern::parse("cpu.cores.*.usage_percent")?],
            start_ms: end_ms - 60_000,
            end_ms,
        },
        step: Step::Raw,
        limit: 1000,
        aggregates: vec![Aggregate::Avg],
    };
    let answer = store.range(&query).await?;

    let mut out = std::io::stdout().lock();
    for series in &answer.series {
        for (time, value) in answer.timestamps_ms.iter().zip(&series.values) {
            let value = value.map_or_else(|| "not measured".to_owned(), |value| value.to_string());
            writeln!(out, "{} {time} {value}", series.path)?;
        }
    }
    store.close().await;
    Ok(())
}
