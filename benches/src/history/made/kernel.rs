//! Processes, memory and pressure.

use perfwatch_core::Block;

use super::Moment;
use crate::history::tables::{memory, pressure, system};

const PAGE: f64 = 4096.0;
const TOTAL: f64 = 64.0 * 1024.0 * 1024.0 * 1024.0;

/// Kinds of memory that wander, in pages; the order of [`FIELDS`].
const KINDS: usize = 12;

const FIELDS: [perfwatch_core::FieldId; KINDS] = [
    memory::free,
    memory::buffers,
    memory::cached,
    memory::active,
    memory::inactive,
    memory::dirty,
    memory::slab,
    memory::shmem,
    memory::mapped,
    memory::anonymous,
    memory::page_tables,
    memory::available,
];

/// By how many pages each moves in a busy tick.
const STEPS: [f64; KINDS] =
    [900.0, 4.0, 350.0, 500.0, 300.0, 250.0, 40.0, 3.0, 30.0, 450.0, 6.0, 600.0];

pub(super) struct Kernel {
    load: [f64; 3],
    processes: f64,
    pages: [f64; KINDS],
}

impl Kernel {
    pub(super) fn new() -> Self {
        Self { load: [1.0; 3], processes: 310.0, pages: [1_000_000.0; KINDS] }
    }

    pub(super) fn tick(
        &mut self,
        moment: &mut Moment<'_>,
        used: f64,
        processes: &mut Block,
        memory: &mut Block,
        pressure: &mut Block,
    ) {
        self.processes(moment, used, processes);
        self.memory(moment, memory);
        waiting(moment, pressure);
    }

    fn processes(&mut self, moment: &mut Moment<'_>, used: f64, block: &mut Block) {
        let running = moment.count(12.0 * used);
        for (load, minutes) in self.load.iter_mut().zip([1.0, 5.0, 15.0]) {
            let keeps = (-5.0_f64 / (60.0 * minutes)).exp();
            *load = *load * keeps + running * (1.0 - keeps);
        }
        if moment.chance.happens(0.01 + 0.3 * moment.busy) {
            let drift = 0.02 * (310.0 - self.processes);
            self.processes = (self.processes + drift + 1.5 * moment.chance.normal()).round();
        }
        let mut row = block.host_row();
        for (field, load) in
            [system::load1, system::load5, system::load15].into_iter().zip(self.load)
        {
            row.set_f64(field, load);
        }
        row.set_f64(system::running, running + 1.0);
        row.set_f64(system::blocked, moment.count(0.2 * moment.busy));
        row.set_f64(system::processes, self.processes);
        row.set_f64(system::threads, (self.processes * 2.5).round());
        let busy = moment.busy;
        row.set_f64(system::switches, moment.rate(40.0 + 30_000.0 * busy));
        row.set_f64(system::interrupts, moment.rate(30.0 + 16_000.0 * busy));
        row.set_f64(system::forks, moment.rate(0.2 + 12.0 * busy));
        row.set_f64(system::softirqs, moment.rate(20.0 + 9000.0 * busy));
        row.set_f64(system::faults, moment.rate(10.0 + 5000.0 * busy));
        row.set_f64(system::major_faults, moment.rate(0.02 * busy));
        row.set_f64(system::swapped_in, 0.0);
        row.set_f64(system::swapped_out, 0.0);
    }

    fn memory(&mut self, moment: &mut Moment<'_>, block: &mut Block) {
        let mut row = block.host_row();
        for ((pages, step), field) in self.pages.iter_mut().zip(STEPS).zip(FIELDS) {
            // At rest, most kinds stay as they are for a while.
            if !moment.quiet || moment.chance.happens(0.08) {
                let home = 0.0005 * (1_000_000.0 - *pages);
                *pages += (home + step * moment.busy * moment.chance.normal()).round();
            }
            row.set_f64(field, *pages * PAGE);
        }
        row.set_f64(memory::total, TOTAL);
        row.set_f64(memory::writeback, moment.count(0.5 * moment.busy) * PAGE);
        row.set_f64(memory::swap_total, TOTAL / 8.0);
        row.set_f64(memory::swap_free, TOTAL / 8.0 - 77.0 * PAGE);
        let free = self.pages.last().copied().unwrap_or(0.0) * PAGE;
        row.set_f64(memory::used, 100.0 * (1.0 - free / TOTAL));
    }
}

/// Somebody waits where much is done; for memory hardly ever.
fn waiting(moment: &mut Moment<'_>, block: &mut Block) {
    for (resource, weight) in [("cpu", 0.3), ("io", 0.08), ("memory", 0.0)] {
        let wanted = weight * (moment.busy - 0.15).max(0.0);
        let some = 100.0 * wanted * (1.0 + 0.3 * moment.chance.normal()).max(0.0);
        let mut row = block.push_row(resource);
        row.set_f64(pressure::some, some);
        row.set_f64(pressure::full, if resource == "io" { some * 0.6 } else { 0.0 });
    }
}
