//! What an engine says of values, as the numbers that answers are made of.

use std::collections::{BTreeMap, HashMap};

use super::{ask::Line, asked::Asked, eras::Eras, names};
use crate::{
    Aggregate,
    layout::{Selected, Stat, Wanted},
};

/// What is known of the values of one series in one row of an answer.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    count: Option<f64>,
    avg: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    last: Option<f64>,
}

impl Cell {
    fn set(&mut self, aggregate: Aggregate, value: f64) {
        let place = match aggregate {
            Aggregate::Count => &mut self.count,
            Aggregate::Avg => &mut self.avg,
            Aggregate::Min => &mut self.min,
            Aggregate::Max => &mut self.max,
            Aggregate::Last => &mut self.last,
        };
        place.get_or_insert(value);
    }

    /// In whole units of the series' last decimal. An engine's floats are near the exact numbers,
    /// which this finds again: its mean times its count is the sum, and that is whole.
    fn stat(&self, decimals: u8) -> Stat {
        let scale = 10_f64.powi(i32::from(decimals));
        let whole = |value: Option<f64>| (value.unwrap_or_default() * scale).round() as i64;
        let some = [self.avg, self.min, self.max, self.last].iter().any(Option::is_some);
        let count = self.count.unwrap_or(if some { 1.0 } else { 0.0 });
        Stat {
            count: count as u64,
            sum: (self.avg.unwrap_or_default() * scale * count).round() as i128,
            min: whole(self.min),
            max: whole(self.max),
            last: whole(self.last),
            last_ms: 0,
        }
    }
}

/// The cells of an answer: per series as the engine has it, and era, one per row.
pub(super) struct Cells {
    selected: Selected,
    places: HashMap<(String, u8), usize>,
    eras: Eras,
    columns: Vec<BTreeMap<usize, Vec<Cell>>>,
    rows: usize,
}

impl Cells {
    pub(super) fn new(asked: &Asked, eras: &Eras, rows: usize) -> Self {
        let places = asked.infos.iter().map(|info| (info.path.to_string(), info.decimals));
        Self {
            selected: asked.selected.clone(),
            places: places.zip(0..).collect(),
            eras: eras.clone(),
            columns: vec![BTreeMap::new(); asked.infos.len()],
            rows,
        }
    }

    /// Takes lines in; `row` says which row a time belongs to. Of copies the first counts, by their
    /// labels: engines answer in any order, and all figures of a row must be of the same.
    pub(super) fn take(
        &mut self,
        aggregates: &[Aggregate],
        lines: &[Line],
        row: impl Fn(i64) -> Option<usize>,
    ) {
        let mut lines: Vec<&Line> = lines.iter().collect();
        lines.sort_by(|one, other| one.metric.cmp(&other.metric));
        for line in lines {
            let info = names::series_of(&line.metric);
            let place = info.and_then(|i| self.places.get(&(i.path.to_string(), i.decimals)));
            let Some(column) = place.and_then(|&place| self.columns.get_mut(place)) else {
                continue;
            };
            let column = column.entry(self.eras.era(&line.metric)).or_default();
            column.resize(self.rows, Cell::default());
            for (time, value) in line.points() {
                let cell = row(time).and_then(|row| column.get_mut(row));
                let Some(cell) = cell else { continue };
                aggregates.iter().for_each(|&aggregate| match aggregate {
                    Aggregate::Count if aggregates.len() > 1 => cell.set(aggregate, 1.0),
                    _ => cell.set(aggregate, value),
                });
            }
        }
    }

    /// The rows of a series of the answer. Of two with its path, the finer is the newer.
    pub(super) fn stats(&self, slot: usize) -> Vec<Stat> {
        let mut stats = vec![Stat::default(); self.rows];
        let wanted = self.selected.wanted.iter().filter(|wanted| wanted.slot == slot);
        let mut wanted: Vec<&Wanted> = wanted.collect();
        wanted.sort_by_key(|wanted| std::cmp::Reverse(wanted.factor));
        let decimals = self.selected.series.get(slot).map_or(0, |info| info.decimals);
        for Wanted { series, factor, .. } in wanted {
            let coarser = factor.checked_ilog10().unwrap_or(0) as u8;
            // In order of time: the last of them is the last.
            let eras = self.columns.get(*series as usize).into_iter().flat_map(BTreeMap::values);
            for cells in eras {
                for (stat, cell) in stats.iter_mut().zip(cells) {
                    stat.merge(&cell.stat(decimals.saturating_sub(coarser)).scaled(*factor));
                }
            }
        }
        stats
    }
}
