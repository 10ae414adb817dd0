//! The newest frames, in memory and by column, so that what is asked most reads no disk.
//!
//! It mirrors the frames that a backend keeps one by one.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Range,
};

use perfwatch_core::MISSING;

use crate::layout::{Frame, Place, Selected, slice::HOUR_MS};

/// The newest frames of all hosts.
#[derive(Debug, Default)]
pub(crate) struct Head {
    hosts: HashMap<u32, HostHead>,
}

/// The newest frames of one host, in order of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostHead {
    pub(crate) times: Vec<i64>,
    /// By series; what is missing at the end of a column is missing.
    columns: Vec<Vec<i64>>,
    /// The times of frames that are damaged.
    lost: BTreeSet<i64>,
}

/// Some columns of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeadRows {
    pub(crate) times: Vec<i64>,
    /// One per number wanted, one value per time.
    pub(crate) columns: Vec<Vec<i64>>,
    /// The times of frames that are damaged.
    pub(crate) lost: Vec<i64>,
}

impl Head {
    /// Remembers a frame that is damaged.
    pub(crate) fn lose(&mut self, place: Place) {
        self.hosts.entry(place.host).or_default().lost.insert(place.timestamp_ms);
    }

    /// Adds a frame whose time is not there.
    pub(crate) fn insert(&mut self, frame: &Frame) {
        self.hosts.entry(frame.place.host).or_default().insert(frame);
    }

    /// Whether a frame of this time is there.
    pub(crate) fn holds(&self, host: u32, time_ms: i64) -> bool {
        self.host(host).is_some_and(|head| head.times.binary_search(&time_ms).is_ok())
    }

    /// How many frames there are.
    pub(crate) fn len(&self) -> usize {
        self.hosts.values().map(|head| head.times.len()).sum()
    }

    /// The frames of a host.
    pub(crate) fn host(&self, host: u32) -> Option<&HostHead> {
        self.hosts.get(&host)
    }

    /// The selected series of a host within a range.
    pub(crate) fn rows(&self, host: u32, range: &Range<i64>, selected: &Selected) -> HeadRows {
        let Some(head) = self.host(host) else { return HeadRows::default() };
        let rows = head.rows(range);
        let columns = selected.wanted.iter().map(|wanted| head.column(wanted.series, &rows));
        HeadRows {
            columns: columns.collect(),
            times: head.times.get(rows).unwrap_or_default().to_vec(),
            lost: head.lost.range(range.clone()).copied().collect(),
        }
    }

    /// Takes the oldest frames of all hosts away, at most so many; says whether there were any.
    pub(crate) fn remove_oldest(&mut self, most: usize) -> bool {
        let oldest = self.hosts.values_mut().filter(|head| !head.times.is_empty());
        let Some(head) = oldest.min_by_key(|head| head.times.first().copied()) else {
            return false;
        };
        let gone = head.times.iter().take(most).copied().collect();
        head.remove(&gone);
        true
    }

    /// The bytes that the frames take.
    pub(crate) fn bytes(&self) -> u64 {
        let columns = self.hosts.values().flat_map(|head| &head.columns);
        columns.map(|column| column.len() as u64 * 8).sum()
    }

    /// Takes frames of a host away.
    pub(crate) fn remove(&mut self, host: u32, times: &BTreeSet<i64>) {
        if let Some(head) = self.hosts.get_mut(&host) {
            head.remove(times);
        }
    }
}

impl HostHead {
    fn insert(&mut self, frame: &Frame) {
        let time = frame.place.timestamp_ms;
        let at = self.times.partition_point(|&other| other < time);
        self.times.insert(at, time);
        for column in &mut self.columns {
            if column.len() > at {
                column.insert(at, MISSING);
            }
        }
        for &(series, value) in &frame.values {
            let series = series as usize;
            if self.columns.len() <= series {
                self.columns.resize(series + 1, Vec::new());
            }
            let Some(column) = self.columns.get_mut(series) else { continue };
            if column.len() <= at {
                column.resize(at, MISSING);
                column.push(value);
            } else if let Some(cell) = column.get_mut(at) {
                *cell = value;
            }
        }
    }

    /// Which frames are in a range of time.
    pub(crate) fn rows(&self, range: &Range<i64>) -> Range<usize> {
        let before = |time: i64| self.times.partition_point(|&other| other < time);
        let start = before(range.start);
        start..before(range.end).max(start)
    }

    /// One value per frame.
    pub(crate) fn column(&self, series: u32, rows: &Range<usize>) -> Vec<i64> {
        let mut values = Vec::with_capacity(rows.len());
        if let Some(column) = self.columns.get(series as usize) {
            let end = rows.end.min(column.len());
            values.extend_from_slice(column.get(rows.start.min(end)..end).unwrap_or_default());
        }
        values.resize(rows.len(), MISSING);
        values
    }

    /// How many series ever had a value.
    pub(crate) fn series_count(&self) -> u32 {
        self.columns.len() as u32
    }

    /// How many values there are.
    pub(crate) fn values(&self) -> usize {
        let values = self.columns.iter().flatten();
        values.filter(|&&value| value != MISSING).count()
    }

    /// A copy of the frames in a range.
    pub(crate) fn copy(&self, range: &Range<i64>) -> Self {
        let rows = self.rows(range);
        Self {
            columns: (0..self.series_count()).map(|series| self.column(series, &rows)).collect(),
            times: self.times.get(rows).unwrap_or_default().to_vec(),
            lost: BTreeSet::new(),
        }
    }

    /// The hours that frames lie in.
    pub(crate) fn hours(&self) -> BTreeSet<i64> {
        self.times.iter().map(|time| time - time.rem_euclid(HOUR_MS)).collect()
    }

    fn remove(&mut self, gone: &BTreeSet<i64>) {
        let keep: Vec<bool> = self.times.iter().map(|time| !gone.contains(time)).collect();
        let kept = |values: &mut Vec<i64>| {
            let mut flags = keep.iter();
            values.retain(|_| flags.next().copied().unwrap_or(true));
            values.shrink_to(values.len() * 2);
        };
        kept(&mut self.times);
        self.columns.iter_mut().for_each(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(time: i64, values: &[(u32, i64)]) -> Frame {
        let place = Place { host: 0, interval_ms: 0, timestamp_ms: time };
        Frame { place, values: values.to_vec() }
    }

    #[test]
    fn frames_come_and_go_in_any_order() {
        let mut head = Head::default();
        for (time, values) in
            [(30, &[(0, 3), (2, 7)][..]), (10, &[(0, 1)]), (20, &[(1, 5)]), (40, &[(2, 8)])]
        {
            head.insert(&frame(time, values));
        }
        let column = |head: &Head, series| head.host(0).unwrap().column(series, &(0..head.len()));
        assert_eq!(head.host(0).unwrap().times, [10, 20, 30, 40]);
        assert_eq!(column(&head, 0), [1, MISSING, 3, MISSING]);
        assert_eq!(column(&head, 1), [MISSING, 5, MISSING, MISSING]);
        assert_eq!(column(&head, 2), [MISSING, MISSING, 7, 8]);
        head.remove(0, &BTreeSet::from([20, 30, 50]));
        assert_eq!(column(&head, 0), [1, MISSING]);
        assert_eq!(column(&head, 2), [MISSING, 8]);
        assert!(head.holds(0, 40) && !head.holds(0, 20) && !head.holds(1, 40));
    }
}
