//! Runs every collector and keeps the last two frames and their view.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use perfwatch_core::{Block, Frame, Table, View};

use crate::{
    BaseCollector, CollectorState, Roots, clock, collectors, health::Health, monitor::Monitor,
};

/// How many ticks measure every collector, so that a short run knows what each costs.
const MEASURED_TICKS: usize = 8;

struct Slot {
    collector: Box<dyn BaseCollector>,
    blocks: Range<usize>,
    health: Health,
}

/// All collectors of a host, run together.
pub struct MetricsAggregator {
    slots: Vec<Slot>,
    monitor: Monitor,
    ticks: usize,
    before: Frame,
    now: Frame,
    view: View,
}

impl MetricsAggregator {
    /// All built-in collectors, reading the given trees.
    pub fn new(roots: &Roots) -> Self {
        Self::with_collectors(collectors::built_in(roots))
    }

    /// These collectors, in this order.
    pub fn with_collectors(collectors: Vec<Box<dyn BaseCollector>>) -> Self {
        let mut aggregator = Self {
            slots: Vec::new(),
            monitor: Monitor::default(),
            ticks: 0,
            before: Frame::default(),
            now: Frame::default(),
            view: View::default(),
        };
        collectors.into_iter().for_each(|collector| aggregator.push(collector));
        aggregator
    }

    /// Adds a collector behind the others. Rates start anew.
    pub fn push(&mut self, collector: Box<dyn BaseCollector>) {
        let start = self.slots.last().map_or(0, |slot| slot.blocks.end);
        let blocks = start..start + collector.tables().len();
        self.slots.push(Slot { collector, blocks, health: Health::default() });
        let tables = self.tables();
        self.now = Frame::new(&tables);
        self.before = Frame::new(&tables);
    }

    /// All tables, in the order of the frame's blocks.
    pub fn tables(&self) -> Vec<&'static Table> {
        let collected = self.slots.iter().flat_map(|slot| slot.collector.tables());
        collected.chain(Monitor::TABLES).copied().collect()
    }

    /// Runs every collector once and returns the frame. A collector that fails leaves its blocks
    /// empty and says why in [`Self::states`]; the others go on.
    pub fn collect_all(&mut self) -> &Frame {
        std::mem::swap(&mut self.before, &mut self.now);
        let frame = &mut self.now;
        frame.timestamp_ms = clock::wall_ms();
        frame.suspended_ns = clock::suspended_ns();
        frame.blocks.iter_mut().for_each(Block::clear);
        // The clock of a thread's CPU time is a system call: the first ticks measure every
        // collector, later ones take turns.
        let turn = self.ticks % self.slots.len().max(1);
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let measured = self.ticks < MEASURED_TICKS || index == turn;
            let blocks = frame.blocks.get_mut(slot.blocks.clone()).unwrap_or_default();
            slot.run(blocks, measured);
        }
        self.ticks = self.ticks.wrapping_add(1);
        let collected = self.slots.last().map_or(0, |slot| slot.blocks.end);
        let costs = self.slots.iter().map(|slot| (slot.collector.name(), &slot.health));
        self.monitor.collect(frame.blocks.get_mut(collected..).unwrap_or_default(), costs);
        self.view.update(Some(&self.before), &self.now);
        &self.now
    }

    /// Waits until every source with a thread of its own has answered once, at most this long.
    /// For one-shot use; a daemon just sees them appear.
    pub fn settle(&self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        let settled =
            || self.monitor.settled() && self.slots.iter().all(|slot| slot.collector.settled());
        while !settled() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The frame of the last [`Self::collect_all`].
    pub fn frame(&self) -> &Frame {
        &self.now
    }

    /// The last frame as people read it.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// How each collector is doing.
    pub fn states(&self) -> Vec<CollectorState> {
        let state = |slot: &Slot| slot.health.state(slot.collector.name(), slot.collector.gaps());
        self.slots.iter().map(state).collect()
    }

    /// Tells the monitor's own table how well the schedule is kept.
    pub(crate) fn note_schedule(&mut self, lateness: Duration, missed: u64) {
        self.monitor.note_schedule(lateness, missed);
    }
}

impl Slot {
    /// Runs the collector if it is due.
    fn run(&mut self, blocks: &mut [Block], measured: bool) {
        if !self.health.due() {
            return;
        }
        let started = measured.then(clock::thread_cpu_ns);
        // A collector that panicked is run again later; its blocks are cleared before.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.collector.collect(blocks)));
        let cost = started.map(|started| clock::thread_cpu_ns().saturating_sub(started));
        let name = self.collector.name();
        match outcome {
            Ok(Ok(())) => return self.health.succeeded(name, cost),
            Ok(Err(error)) => self.health.failed(name, &error),
            Err(panic) => self.health.panicked(name, panic.as_ref()),
        }
        blocks.iter_mut().for_each(Block::clear);
    }
}
