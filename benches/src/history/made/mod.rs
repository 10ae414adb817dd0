//! A host that is made: 200 series shaped as those of real ones.
//!
//! What makes real numbers hard to pack is in it: CPU time counted in ticks of 10 ms and divided by
//! an interval that is never quite 5 s, traffic in bursts that packets and bytes share, memory that
//! wanders by pages. So is what makes them easy: idle disks, counters of errors that stay 0, sizes
//! that never change.

mod devices;
mod kernel;
mod processor;

use perfwatch_core::{Frame, View};

use self::{devices::Devices, kernel::Kernel, processor::Processor};
use super::{
    INTERVAL_MS, START_MS,
    noise::{Chance, Wander},
    tables::TABLES,
};

const TICKS_A_DAY: f64 = 17_280.0;

/// What a made host does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Serves by day and less by night, in bursts.
    Busy,
    /// Waits; a job an hour.
    Quiet,
}

/// Its frames, one each 5 s, without an end.
pub struct MadeHost {
    kind: Kind,
    chance: Chance,
    tick: i64,
    hours: Wander,
    minutes: Wander,
    burst: u32,
    late_ms: i64,
    processor: Processor,
    kernel: Kernel,
    devices: Devices,
    frame: Frame,
}

/// What the parts of the host are to know of a tick.
struct Moment<'a> {
    chance: &'a mut Chance,
    /// How much of what it could do the host does, from 0 to 1.
    busy: f64,
    /// The time since the tick before, in seconds.
    elapsed_s: f64,
    quiet: bool,
}

impl MadeHost {
    /// The same host each time.
    pub fn new(kind: Kind) -> Self {
        Self::seeded(kind, 4)
    }

    /// One of many hosts, each the same each time.
    pub fn seeded(kind: Kind, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        Self {
            kind,
            tick: 0,
            hours: Wander::over(1500.0),
            minutes: Wander::over(30.0),
            burst: 0,
            late_ms: 0,
            processor: Processor::new(),
            kernel: Kernel::new(),
            devices: Devices::new(&mut chance),
            frame: Frame::new(&TABLES),
            chance,
        }
    }

    fn busy(&mut self) -> f64 {
        if self.kind == Kind::Quiet {
            // A job at each full hour.
            return if self.tick % 720 < 3 { 0.15 } else { 0.002 };
        }
        let day = (self.tick as f64 / TICKS_A_DAY * std::f64::consts::TAU).sin();
        let wander =
            0.08 * self.hours.next(&mut self.chance) + 0.05 * self.minutes.next(&mut self.chance);
        if self.chance.happens(0.002) {
            self.burst = 6 + (60.0 * self.chance.share()) as u32;
        }
        self.burst = self.burst.saturating_sub(1);
        let burst = if self.burst > 0 { 0.25 } else { 0.0 };
        (0.38 - 0.2 * day + wander + burst).clamp(0.02, 0.97)
    }

    /// How late a tick begins: a millisecond or two, rarely much more.
    fn lateness_ms(&mut self) -> i64 {
        let rare = if self.chance.happens(0.01) { 15.0 } else { 0.0 };
        (self.chance.wait() * (1.2 + rare)) as i64
    }
}

impl Iterator for MadeHost {
    type Item = View;

    fn next(&mut self) -> Option<View> {
        let late_ms = self.lateness_ms().min(INTERVAL_MS - 1);
        let elapsed_ms = (INTERVAL_MS + late_ms - self.late_ms).max(1);
        let busy = self.busy();
        let mut moment = Moment {
            busy,
            // Rates are divided by a time known to far less than a millisecond.
            elapsed_s: (elapsed_ms as f64 + self.chance.share()) / 1e3,
            quiet: self.kind == Kind::Quiet,
            chance: &mut self.chance,
        };
        self.frame.timestamp_ms = START_MS + self.tick * INTERVAL_MS + late_ms;
        self.frame.blocks.iter_mut().for_each(perfwatch_core::Block::clear);
        let [cpu, cores, system, memory, disks, filesystems, interfaces, tcp, pressure, sensors] =
            self.frame.blocks.as_mut_slice()
        else {
            return None;
        };
        let used = self.processor.tick(&mut moment, cpu, cores, sensors);
        self.devices.tick(&mut moment, disks, filesystems, interfaces, tcp);
        self.kernel.tick(&mut moment, used, system, memory, pressure);
        self.late_ms = late_ms;
        self.tick += 1;
        let mut view = View::default();
        view.update(None, &self.frame);
        Some(view)
    }
}

impl Moment<'_> {
    /// How often something happens that does so `mean` times in a tick, whole.
    fn count(&mut self, mean: f64) -> f64 {
        let count = mean + self.chance.normal() * mean.sqrt() + self.chance.share();
        count.floor().max(0.0)
    }

    /// Events per second, of which there are so many in a second on average.
    fn rate(&mut self, per_second: f64) -> f64 {
        self.count(per_second * self.elapsed_s) / self.elapsed_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(view: &View) -> Vec<i64> {
        let mut found = Vec::new();
        view.for_each_row(|_, _, values| found.extend_from_slice(values));
        found
    }

    #[test]
    fn a_host_has_200_series_and_is_the_same_again() {
        for kind in [Kind::Busy, Kind::Quiet] {
            let views: Vec<View> = MadeHost::new(kind).take(2000).collect();
            let again: Vec<View> = MadeHost::new(kind).take(2000).collect();
            assert!(views.iter().all(|view| values(view).len() == 200));
            assert!(views.is_sorted_by(|a, b| a.timestamp_ms < b.timestamp_ms));
            let whole = |views: &[View]| -> Vec<_> {
                views.iter().map(|view| (view.timestamp_ms, values(view))).collect()
            };
            assert!(whole(&views) == whole(&again));
            assert!(views.iter().any(|view| view.timestamp_ms % INTERVAL_MS != 0), "no jitter");
        }
    }

    #[test]
    fn a_quiet_host_changes_less() {
        let changed = |kind| {
            let views: Vec<Vec<i64>> =
                MadeHost::new(kind).take(500).map(|view| values(&view)).collect();
            let pairs = views.iter().zip(views.iter().skip(1));
            pairs.flat_map(|(a, b)| a.iter().zip(b)).filter(|(a, b)| a != b).count()
        };
        assert!(changed(Kind::Busy) > 2 * changed(Kind::Quiet));
    }
}
