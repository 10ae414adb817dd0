//! CPU time, clocks and heat.

use perfwatch_core::{Block, RowMut};

use super::Moment;
use crate::history::{
    noise::Wander,
    tables::{cores, cpu, sensors},
};

const CORES: usize = 12;

/// The kernel counts CPU time in ticks of 10 ms.
const TICKS_A_SECOND: f64 = 100.0;

pub(super) struct Processor {
    cores: Vec<Core>,
    heat: [f64; 6],
}

struct Core {
    name: String,
    wander: Wander,
    weight: f64,
}

/// Ticks of one core, by what they were spent on.
#[derive(Clone, Copy, Default)]
struct Ticks {
    user: f64,
    system: f64,
    iowait: f64,
    irq: f64,
    total: f64,
}

impl Processor {
    pub(super) fn new() -> Self {
        let core = |number: usize| Core {
            name: number.to_string(),
            wander: Wander::over(8.0),
            weight: 1.3 - 0.05 * number as f64,
        };
        Self { cores: (0..CORES).map(core).collect(), heat: [40.0; 6] }
    }

    /// Writes its tables; gives the share of CPU time that was used.
    pub(super) fn tick(
        &mut self,
        moment: &mut Moment<'_>,
        host: &mut Block,
        rows: &mut Block,
        heat: &mut Block,
    ) -> f64 {
        let mut sum = Ticks::default();
        for core in &mut self.cores {
            let ticks = core.tick(moment);
            ticks.write(&mut rows.push_row(&core.name));
            let frequency = if moment.quiet { 1200.0 } else { 2600.0 + 900.0 * moment.busy };
            let noise = if moment.quiet { 0.0 } else { 25.0 * moment.chance.normal() };
            let mut row = rows.row_mut(rows.keys().len() - 1);
            row.set_f64(cores::frequency, frequency + noise);
            sum = sum.plus(ticks);
        }
        self.host(moment, sum, host);
        self.heat(moment, heat);
        1.0 - sum.idle() / sum.total
    }

    fn host(&self, moment: &mut Moment<'_>, sum: Ticks, block: &mut Block) {
        let stolen = moment.count(0.3 * moment.busy);
        let share = |ticks: f64| 100.0 * ticks / sum.total;
        let mut row = block.host_row();
        row.set_f64(cpu::user, share(sum.user));
        row.set_f64(cpu::system, share(sum.system));
        row.set_f64(cpu::iowait, share(sum.iowait));
        row.set_f64(cpu::irq, 0.0);
        row.set_f64(cpu::softirq, share(sum.irq));
        row.set_f64(cpu::steal, share(stolen));
        row.set_f64(cpu::idle, share(sum.idle()));
        row.set_f64(cpu::usage, share(sum.total - sum.idle()));
    }

    /// Sensors tell whole degrees, and follow slowly.
    fn heat(&mut self, moment: &mut Moment<'_>, block: &mut Block) {
        for (number, heat) in self.heat.iter_mut().enumerate() {
            let aim = 38.0 + 35.0 * moment.busy + number as f64;
            *heat += 0.05 * (aim - *heat) + 0.1 * moment.chance.normal();
            block.push_row(&format!("core{number}")).set_f64(sensors::temperature, heat.round());
        }
    }
}

impl Core {
    fn tick(&mut self, moment: &mut Moment<'_>) -> Ticks {
        let total = (moment.elapsed_s * TICKS_A_SECOND + moment.chance.share()).floor();
        let noise = if moment.quiet { 0.0 } else { 0.04 * self.wander.next(moment.chance) };
        let used = (moment.busy * self.weight + noise).clamp(0.0005, 0.98) * total;
        let user = moment.count(0.72 * used);
        let system = moment.count(0.2 * used);
        let iowait = moment.count(0.015 * moment.busy * total);
        let irq = moment.count(0.02 * used);
        let scale = (total / (user + system + iowait + irq).max(1.0)).min(1.0);
        let whole = |ticks: f64| (ticks * scale).floor();
        Ticks {
            user: whole(user),
            system: whole(system),
            iowait: whole(iowait),
            irq: whole(irq),
            total,
        }
    }
}

impl Ticks {
    fn idle(self) -> f64 {
        self.total - self.user - self.system - self.iowait - self.irq
    }

    fn plus(self, other: Self) -> Self {
        Self {
            user: self.user + other.user,
            system: self.system + other.system,
            iowait: self.iowait + other.iowait,
            irq: self.irq + other.irq,
            total: self.total + other.total,
        }
    }

    fn write(self, row: &mut RowMut<'_>) {
        let share = |ticks: f64| 100.0 * ticks / self.total;
        row.set_f64(cores::user, share(self.user));
        row.set_f64(cores::system, share(self.system));
        row.set_f64(cores::iowait, share(self.iowait));
        row.set_f64(cores::irq, share(self.irq));
        row.set_f64(cores::idle, share(self.idle()));
        row.set_f64(cores::usage, share(self.total - self.idle()));
    }
}
