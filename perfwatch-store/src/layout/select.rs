//! Which numbers of a host an answer is about.

use perfwatch_core::series::Pattern;

use super::{HostIndex, host::SeriesInfo};

/// One number of a host that an answer is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The number.
    pub(crate) series: u32,
    /// The checksum of its name.
    pub(crate) check: u32,
    /// The place of its series in the answer.
    pub(crate) slot: usize,
    /// By what to multiply to get the series' decimals.
    pub(crate) factor: i64,
}

/// The series of an answer, and which numbers belong to them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selected {
    /// What the answer calls them, by path.
    pub(crate) series: Vec<SeriesInfo>,
    /// The numbers, by slot.
    pub(crate) wanted: Vec<Wanted>,
}

impl Selected {
    /// All of these; their number is their place. Of several with one path, all belong to one
    /// series of the answer.
    pub(crate) fn of(infos: &[SeriesInfo]) -> Self {
        Self::chosen((0..).zip(infos).collect())
    }

    fn chosen(mut chosen: Vec<(u32, &SeriesInfo)>) -> Self {
        let mut selected = Self::default();
        // Of two series with one path, the finer comes first: the answer has its decimals.
        chosen.sort_by(|(_, a), (_, b)| (&a.path, b.decimals).cmp(&(&b.path, a.decimals)));
        for (number, info) in chosen {
            selected.add(number, info);
        }
        selected
    }

    fn add(&mut self, number: u32, info: &SeriesInfo) {
        if self.series.last().is_none_or(|last| last.path != info.path) {
            self.series.push(info.clone());
        }
        let finer = self.series.last().map_or(0, |last| last.decimals - info.decimals);
        let factor = 10_i64.saturating_pow(u32::from(finer));
        let slot = self.series.len() - 1;
        self.wanted.push(Wanted { series: number, check: info.check, slot, factor });
    }
}

impl HostIndex {
    /// The series that the patterns name.
    pub(crate) fn select(&self, patterns: &[Pattern]) -> Selected {
        self.select_by(|_, info| patterns.iter().any(|pattern| pattern.matches(&info.segments)))
    }

    /// The series of which this says so, by number and name.
    pub(crate) fn select_by(&self, is_meant: impl Fn(u32, &SeriesInfo) -> bool) -> Selected {
        let chosen = (0..)
            .zip(self.series())
            .filter(|(_, info)| info.is_known())
            .filter(|(number, info)| is_meant(*number, info));
        Selected::chosen(chosen.collect())
    }
}
