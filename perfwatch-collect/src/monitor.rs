//! What PerfWatch itself costs: the process, the schedule and each collector.
//!
//! These describe the reader, not the host, so they come from the reader's own `/proc/self`
//! wherever the host's trees are.

use std::time::Duration;

use perfwatch_core::{Block, Table, metric_table};

use crate::{
    Latest, Source, clock, granule,
    health::Health,
    parse::{number, words},
};

metric_table! {
    /// What PerfWatch itself uses.
    pub table host: monitor {
        /// CPU time of the process.
        cpu_time: Counter Microseconds,
        /// Memory of the process.
        resident: Gauge Bytes,
        /// Files and sockets that the process holds open.
        open_files: Gauge Count,
        /// How long after its deadline the last tick began.
        lateness: Gauge Milliseconds,
        /// Ticks left out because an earlier one took too long.
        missed_ticks: Counter Count,
    }
    derive {
        /// CPU use of the process, in percent of one core.
        cpu: Percent = [cpu_time] / second,
    }
}

metric_table! {
    /// What each collector costs.
    pub table collectors: monitor.collectors per collector {
        /// CPU time of the last run that was measured; after the first ticks each takes its turn.
        tick_cpu_time: Gauge Microseconds,
        /// Runs that failed.
        errors: Counter Count,
    }
}

/// How often memory and open files are looked at: both would cost a tick more than they tell it.
const INTERVAL: Duration = Duration::from_secs(5);

/// Fills the monitor's own tables.
pub(crate) struct Monitor {
    holdings: Option<Latest<Holdings>>,
    lateness: Option<Duration>,
    missed: u64,
}

impl Default for Monitor {
    fn default() -> Self {
        let mut statm = Source::new("/proc/self/statm");
        let read = move || Holdings::read(&mut statm);
        let holdings = Latest::spawn("perfwatch-self", INTERVAL, read).ok();
        Self { holdings, lateness: None, missed: 0 }
    }
}

/// What the process holds.
struct Holdings {
    resident: Option<u64>,
    open_files: Option<u64>,
}

impl Holdings {
    fn read(statm: &mut Source) -> Self {
        let pages = statm.read().ok().and_then(|text| words(text).nth(1)).and_then(number);
        // Since Linux 6.2 the size of this folder is the number of its entries; before, 0.
        let open = std::fs::metadata("/proc/self/fd").ok().map(|folder| folder.len());
        Self {
            resident: pages.map(|pages| pages.saturating_mul(granule::page_bytes())),
            open_files: open.filter(|&open| open > 0),
        }
    }
}

impl Monitor {
    pub(crate) const TABLES: &'static [&'static Table] = &[&host::TABLE, &collectors::TABLE];

    pub(crate) fn note_schedule(&mut self, lateness: Duration, missed: u64) {
        self.lateness = Some(lateness);
        self.missed = missed;
    }

    pub(crate) fn collect<'a>(
        &mut self,
        blocks: &mut [Block],
        costs: impl Iterator<Item = (&'static str, &'a Health)>,
    ) {
        let [host, collectors] = blocks else { return };
        let now = clock::monotonic_ns();
        host.set_read_at(now);
        collectors.set_read_at(now);
        self.process(host);
        for (name, health) in costs {
            let mut row = collectors.push_row(name);
            if let Some(time) = health.cpu_time_ns {
                row.set_f64(collectors::tick_cpu_time, time as f64 / 1e3);
            }
            row.set(collectors::errors, health.errors);
        }
    }

    fn process(&self, host: &mut Block) {
        let mut row = host.host_row();
        row.set(host::cpu_time, clock::process_cpu_ns() / 1000);
        row.set(host::missed_ticks, self.missed);
        if let Some(lateness) = self.lateness {
            row.set_f64(host::lateness, lateness.as_secs_f64() * 1e3);
        }
        if let Some(holdings) = &self.holdings {
            holdings.with(|holdings| {
                row.set_opt(host::resident, holdings.resident);
                row.set_opt(host::open_files, holdings.open_files);
            });
        }
    }

    pub(crate) fn settled(&self) -> bool {
        self.holdings.as_ref().is_none_or(Latest::is_there)
    }
}
