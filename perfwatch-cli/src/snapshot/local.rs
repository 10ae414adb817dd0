//! This host, read by the collectors.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use perfwatch_collect::{CollectorState, MetricsAggregator, Roots, Status, host_facts};
use perfwatch_core::prometheus;

use crate::{
    args::SnapshotFormat,
    catalog::Catalog,
    message::Message,
    render::{self, Note, Page},
    screen::Screen,
    text,
};

/// A mount that does not answer is given up after 5 s; everything else is there at once.
const PATIENCE: Duration = Duration::from_secs(6);

pub(super) struct LocalHost {
    name: String,
    aggregator: MetricsAggregator,
    read_at: Instant,
}

impl LocalHost {
    /// Reads the host for the first time.
    pub(super) fn open(roots: &Roots) -> Self {
        let mut aggregator = MetricsAggregator::new(roots);
        aggregator.settle(PATIENCE);
        let read_at = Instant::now();
        aggregator.collect_all();
        Self { name: host_facts(roots).name, aggregator, read_at }
    }

    pub(super) fn read_at(&self) -> Instant {
        self.read_at
    }

    /// Reads the host again and shows it.
    pub(super) fn show(&mut self, format: SnapshotFormat, screen: &mut Screen) -> Result<()> {
        let before = std::mem::replace(&mut self.read_at, Instant::now());
        self.aggregator.collect_all();
        let states = self.aggregator.states();
        if !states.iter().any(works) {
            bail!(
                "nothing can be read; check --path.procfs and --path.sysfs: {}",
                reasons(&states)
            );
        }
        let interval = (self.read_at.duration_since(before).as_secs_f64() * 1e3).round();
        let view = self.aggregator.view();
        let message = Message::new(&self.name, interval as u64, view);
        match format {
            SnapshotFormat::Json => {
                screen.write(&text::json_line(&serde_json::to_string(&message)?))
            }
            SnapshotFormat::Prometheus => {
                let mut exposition = String::new();
                prometheus::write_frame(self.aggregator.frame(), &mut exposition);
                screen.write_foreign(&exposition)
            }
            SnapshotFormat::Table => {
                let message = serde_json::from_value(serde_json::to_value(&message)?)?;
                let catalog = Catalog::of(&self.aggregator.tables());
                let page = Page { width: screen.width(), ink: screen.ink() };
                screen.write(&render::page(&catalog, &message, &notes(&states), page))
            }
        }
    }
}

fn works(state: &CollectorState) -> bool {
    matches!(state.status, Status::Ok | Status::Partial)
}

fn reasons(states: &[CollectorState]) -> String {
    let reason = |state: &CollectorState| {
        format!("{}: {}", state.name, state.reason.as_deref().unwrap_or("not read yet"))
    };
    states.iter().map(reason).collect::<Vec<_>>().join("; ")
}

fn notes(states: &[CollectorState]) -> Vec<Note> {
    let note = |state: &CollectorState| {
        let (reason, cure) = (state.reason.as_deref(), state.cure.as_deref());
        Note::new(state.name, state.status.name(), reason, cure)
    };
    states.iter().filter(|state| !works(state)).map(note).collect()
}
