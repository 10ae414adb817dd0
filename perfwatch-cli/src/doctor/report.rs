//! The findings, in the shape of their JSON.

use std::{thread, time::Duration};

use perfwatch_collect::{CollectorState, Gap, MetricsAggregator, Roots, Status, host_facts};
use perfwatch_core::{MISSING, View};
use serde::Serialize;

use super::limits::{self, Limit};
use crate::message::rfc3339;

/// Ticks to measure after the first, which opens everything.
const TICKS: usize = 5;
const BETWEEN_TICKS: Duration = Duration::from_millis(150);

/// A mount that does not answer is given up after 5 s; everything else is there at once.
const PATIENCE: Duration = Duration::from_secs(6);

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) version: &'static str,
    pub(super) host: Host,
    pub(super) collectors: Vec<Collector>,
    pub(super) limits: Vec<Limit>,
}

#[derive(Debug, Serialize)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) os: Option<String>,
    pub(super) kernel: Option<String>,
    pub(super) architecture: &'static str,
    pub(super) cpu_model: Option<String>,
    pub(super) cpu_count: usize,
    pub(super) virtual_machine: bool,
    pub(super) memory_bytes: Option<u64>,
    pub(super) boot_time: Option<String>,
    pub(super) timezone: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Collector {
    pub(super) name: &'static str,
    pub(super) status: &'static str,
    pub(super) reason: Option<String>,
    pub(super) cure: Option<String>,
    /// The median over a few ticks.
    pub(super) tick_cpu_time_us: Option<f64>,
    pub(super) errors: u64,
    pub(super) sees: Sees,
    pub(super) gaps: Vec<Missing>,
}

/// What a collector's tables hold.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Sees {
    /// Values that are there.
    pub(super) values: usize,
    /// Values that could be there, given the rows.
    pub(super) of: usize,
    pub(super) rows: Vec<Rows>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Rows {
    /// What one row is.
    pub(super) row: &'static str,
    pub(super) count: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Missing {
    pub(super) what: String,
    pub(super) reason: String,
    pub(super) cure: Option<String>,
    /// Whether it is hardware that virtual machines are seldom given.
    pub(super) hardware: bool,
}

impl Report {
    /// Reads the host a few times and says what was found.
    pub(super) fn examine(roots: &Roots) -> Self {
        let mut aggregator = MetricsAggregator::new(roots);
        aggregator.settle(PATIENCE);
        aggregator.collect_all();
        let ticks: Vec<Vec<CollectorState>> = (0..TICKS)
            .map(|_| {
                thread::sleep(BETWEEN_TICKS);
                aggregator.collect_all();
                aggregator.states()
            })
            .collect();
        let states = aggregator.states().into_iter().enumerate();
        let collectors = states.map(|(index, state)| {
            let costs = ticks.iter().filter_map(|tick| tick.get(index)?.tick_cpu_time_us);
            Collector::new(state, median(costs.collect()), aggregator.view())
        });
        Self {
            version: env!("CARGO_PKG_VERSION"),
            host: Host::read(roots),
            collectors: collectors.collect(),
            limits: limits::all(roots),
        }
    }

    pub(super) fn something_failed(&self) -> bool {
        self.collectors.iter().any(|collector| collector.status == Status::Failed.name())
    }
}

impl Host {
    fn read(roots: &Roots) -> Self {
        let facts = host_facts(roots);
        Self {
            name: facts.name,
            os: facts.os,
            kernel: facts.kernel,
            architecture: facts.architecture,
            cpu_model: facts.cpu_model,
            cpu_count: facts.cpu_count,
            virtual_machine: facts.virtual_machine,
            memory_bytes: facts.memory_bytes,
            boot_time: facts.boot_time_ms.map(rfc3339),
            timezone: facts.timezone,
        }
    }
}

impl Collector {
    fn new(state: CollectorState, cost: Option<f64>, view: &View) -> Self {
        let missing = |gap: Gap| {
            let Gap { what, reason, cure, hardware } = gap;
            Missing { what: what.into(), reason, cure, hardware }
        };
        Self {
            name: state.name,
            status: state.status.name(),
            reason: state.reason,
            cure: state.cure,
            tick_cpu_time_us: cost,
            errors: state.errors,
            sees: Sees::of(state.name, view),
            gaps: state.gaps.into_iter().map(missing).collect(),
        }
    }
}

impl Sees {
    fn of(metric_type: &str, view: &View) -> Self {
        let mut sees = Self::default();
        for block in view.blocks.iter().filter(|it| it.table().metric_type() == metric_type) {
            let count = block.keys().len();
            sees.rows.extend(block.table().row.map(|row| Rows { row, count }));
            for (_, values) in block.rows() {
                sees.of += values.len();
                sees.values += values.iter().filter(|&&value| value != MISSING).count();
            }
        }
        sees
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
