//! Which numbers of a host an answer is about.

use perfwatch_core::series::Pattern;

use super::{HostIndex, host::SeriesInfo};

/// The series of an answer, and which numbers in a body belong to them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selected {
    /// What the answer calls them, by path.
    pub(crate) series: Vec<SeriesInfo>,
    /// For each number: the place in `series`, and by what to multiply to get its decimals.
    slots: Vec<Option<(usize, i64)>>,
}

impl Selected {
    /// The place of a number in the answer, and its factor.
    pub(crate) fn slot(&self, series: u32) -> Option<(usize, i64)> {
        self.slots.get(series as usize).copied().flatten()
    }

    /// Whether no number from this one on is selected.
    pub(crate) fn ends_before(&self, series: u32) -> bool {
        self.slots.len() <= series as usize
    }

    fn add(&mut self, number: u32, info: &SeriesInfo) {
        if self.series.last().is_none_or(|last| last.path != info.path) {
            self.series.push(info.clone());
        }
        let finer = self.series.last().map_or(0, |last| last.decimals - info.decimals);
        let place = number as usize;
        if self.slots.len() <= place {
            self.slots.resize(place + 1, None);
        }
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = Some((self.series.len() - 1, 10_i64.saturating_pow(u32::from(finer))));
        }
    }
}

impl HostIndex {
    /// The series that the patterns name.
    pub(crate) fn select(&self, patterns: &[Pattern]) -> Selected {
        let mut selected = Selected::default();
        let mut chosen: Vec<(u32, &SeriesInfo)> = (0..)
            .zip(self.series())
            .filter(|(_, info)| patterns.iter().any(|pattern| pattern.matches(&info.segments)))
            .collect();
        // Of two series with one path, the finer comes first: the answer has its decimals.
        chosen.sort_by(|(_, a), (_, b)| (&a.path, b.decimals).cmp(&(&b.path, a.decimals)));
        for (number, info) in chosen {
            selected.add(number, info);
        }
        selected
    }
}
