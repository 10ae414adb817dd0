//! Adds up what bodies hold of the selected series.

use perfwatch_core::Decimal;

use crate::{
    SeriesSummary,
    layout::{
        Place, Selected, Stat,
        frame::{self, Next},
        rollup, unseal,
    },
};

/// The selected series, added up.
pub(crate) struct Accumulator {
    selected: Selected,
    stats: Vec<Stat>,
    damaged: Vec<Place>,
}

impl Accumulator {
    pub(crate) fn new(selected: Selected) -> Self {
        let stats = vec![Stat::default(); selected.series.len()];
        Self { selected, stats, damaged: Vec::new() }
    }

    /// The selected series.
    pub(crate) fn selected(&self) -> &Selected {
        &self.selected
    }

    /// What was added, per selected series.
    pub(crate) fn stats(&self) -> &[Stat] {
        &self.stats
    }

    /// The bodies that were left out because they are damaged.
    pub(crate) fn damaged(&self) -> &[Place] {
        &self.damaged
    }

    /// Forgets what was added, but not what was damaged.
    pub(crate) fn clear(&mut self) {
        self.stats.fill(Stat::default());
    }

    /// Notes a damaged body.
    pub(crate) fn leave_out(&mut self, place: Place) {
        self.damaged.push(place);
    }

    /// Adds a body; a damaged one is left out and noted.
    pub(crate) fn add_body(&mut self, place: Place, body: &[u8]) {
        match unseal(place, body) {
            Some(payload) => self.add_payload(place, payload),
            None => self.leave_out(place),
        }
    }

    /// Adds what an undamaged body holds.
    pub(crate) fn add_payload(&mut self, place: Place, payload: &[u8]) {
        let at = place.timestamp_ms;
        let read = if place.interval_ms == 0 {
            frame::read(payload, |series, value| self.add(series, || Stat::of(value, at)))
        } else {
            rollup::read(place, payload, |series, stat| self.add(series, || *stat)).map(drop)
        };
        if read.is_none() {
            self.leave_out(place);
        }
    }

    fn add(&mut self, series: u32, stat: impl FnOnce() -> Stat) -> Next {
        if self.selected.ends_before(series) {
            return Next::Stop;
        }
        if let Some((slot, factor)) = self.selected.slot(series)
            && let Some(sum) = self.stats.get_mut(slot)
        {
            sum.merge(&stat().scaled(factor));
        }
        Next::More
    }

    /// One figure per aggregate of each series that has a value.
    pub(crate) fn summaries(&self) -> Vec<SeriesSummary> {
        let series = self.selected.series.iter().zip(&self.stats);
        series
            .filter_map(|(info, stat)| {
                let decimals = info.decimals;
                let number = |value| Decimal { value, decimals }.get();
                Some(SeriesSummary {
                    path: info.path.to_string(),
                    segments: info.segments.clone(),
                    decimals,
                    count: stat.count,
                    avg: number(stat.mean()?)?,
                    min: number(stat.min)?,
                    max: number(stat.max)?,
                    last: number(stat.last)?,
                })
            })
            .collect()
    }
}
