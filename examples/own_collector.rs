//! Adds a collector of one's own, with its own table, to the built-in ones.
//!
//! Everything else follows from the table: the field's name and unit in JSON, the rate, the
//! Prometheus text, and history, if the view is stored.
//!
//! `cargo run --example own_collector`

use std::{error::Error, io::Write, thread, time::Duration};

use perfwatch_collect::{
    BaseCollector, CollectError, MetricsAggregator, Roots, Source, blocks_of,
    parse::{ParseError, decimal, words},
};
use perfwatch_core::{Block, Table, metric_table, prometheus};

metric_table! {
    /// How long the host has been up, and how much of that its CPUs did nothing.
    pub table host: uptime {
        /// Time since the host was booted.
        up: Gauge Seconds,
        /// Time that all CPUs together did nothing.
        idle_time: Counter Milliseconds,
    }
    derive {
        /// How many CPUs did nothing, on average.
        idle_cpus: Average = [idle_time] / second,
    }
}

static TABLES: [&Table; 1] = [&host::TABLE];

/// Reads `/proc/uptime`: `350735.47 234388.90`.
struct Uptime {
    file: Source,
}

impl BaseCollector for Uptime {
    fn name(&self) -> &'static str {
        "uptime"
    }

    fn tables(&self) -> &'static [&'static Table] {
        &TABLES
    }

    fn collect(&mut self, blocks: &mut [Block]) -> Result<(), CollectError> {
        let [block] = blocks_of(blocks)?;
        self.file.parse(|bytes| parse(bytes, block))?;
        // Rates divide by the time between two readings of this very file.
        block.set_read_at(self.file.read_at());
        Ok(())
    }
}

/// A pure function over the bytes, so that a test needs no file.
fn parse(bytes: &[u8], block: &mut Block) -> Result<(), ParseError> {
    let mut numbers = words(bytes.trim_ascii_end()).map(decimal);
    let (Some(Some(up)), Some(Some(idle))) = (numbers.next(), numbers.next()) else {
        return Err(ParseError::at(0, "expected two numbers of seconds"));
    };
    let mut row = block.host_row();
    row.set_f64(host::up, up);
    row.set_f64(host::idle_time, idle * 1e3);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let roots = Roots::default();
    let mut metrics = MetricsAggregator::new(&roots);
    metrics.push(Box::new(Uptime { file: Source::new(roots.proc("uptime")) }));
    metrics.collect_all();
    thread::sleep(Duration::from_millis(500));
    metrics.collect_all();

    // The view as JSON: here only the own part of it.
    let view = serde_json::to_value(metrics.view())?;
    let own = view.get("uptime").ok_or("the collector's table is not in the view")?;
    // The raw readings as Prometheus text.
    let mut text = String::new();
    let block = metrics.frame().block("uptime").ok_or("the table is not in the frame")?;
    prometheus::write_block(block, &mut text);
    write!(std::io::stdout(), "{own:#}\n{text}")?;
    Ok(())
}
