//! Samples this host once a second and prints each view as a line of JSON.
//!
//! `cargo run --example sample_in_a_loop -- 5` prints five lines.

use std::{error::Error, io::Write, thread, time::Duration};

use perfwatch_collect::{MetricsAggregator, Roots};

fn main() -> Result<(), Box<dyn Error>> {
    let rounds: usize = std::env::args().nth(1).map_or(Ok(10), |rounds| rounds.parse())?;
    let mut host = MetricsAggregator::new(&Roots::default());
    // The first frame has levels only: a rate needs two readings.
    host.collect_all();
    for _ in 0..rounds {
        thread::sleep(Duration::from_secs(1));
        host.collect_all();
        let mut out = std::io::stdout().lock();
        serde_json::to_writer(&mut out, host.view())?;
        writeln!(out)?;
    }
    Ok(())
}
