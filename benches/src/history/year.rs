//! A year of few series.

use perfwatch_core::{Frame, Table, View, metric_table};

use super::{
    INTERVAL_MS, START_MS,
    noise::{Chance, Wander},
};

metric_table! {
    /// The parts of a host.
    table year: year per core {
        /// How busy it is.
        usage: Gauge Percent,
    }
}

const SERIES: usize = 8;

/// How late a tick begins at most, in milliseconds.
const LATE_MS: f64 = 4.0;

static TABLES: [&Table; 1] = [&year::TABLE];

/// Frames of 8 series, one each 5 s, without an end.
pub struct Year {
    chance: Chance,
    loads: [Wander; SERIES],
    names: [String; SERIES],
    frame: Frame,
    tick: i64,
}

impl Default for Year {
    fn default() -> Self {
        Self {
            chance: Chance::new(8),
            loads: std::array::from_fn(|_| Wander::over(100.0)),
            names: std::array::from_fn(|number| number.to_string()),
            frame: Frame::new(&TABLES),
            tick: 0,
        }
    }
}

impl Iterator for Year {
    type Item = View;

    fn next(&mut self) -> Option<View> {
        let late_ms = (self.chance.share() * LATE_MS) as i64;
        self.frame.timestamp_ms = START_MS + self.tick * INTERVAL_MS + late_ms;
        let block = self.frame.blocks.first_mut()?;
        block.clear();
        for (name, load) in self.names.iter().zip(&mut self.loads) {
            // CPU time in ticks of 10 ms.
            let ticks = (150.0 + 60.0 * load.next(&mut self.chance)).clamp(0.0, 500.0).round();
            block.push_row(name).set_f64(year::usage, ticks / 5.0);
        }
        self.tick += 1;
        let mut view = View::default();
        view.update(None, &self.frame);
        Some(view)
    }
}
