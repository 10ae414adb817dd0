//! Whose frames are held: names, machines, and what each host said last.

use std::sync::Arc;

use perfwatch_core::{Decimal, MISSING, series::Pattern};

use super::Engine;
use crate::{
    HostIdentity, HostInfo, HostNewest, NewestValue, Selection, StoreError,
    answer::Asked,
    archive::{Files, Moment, Shelf, TIMES, shelves_of},
    head::HeadRows,
    layout::{Selected, SeriesInfo, slice::Directory},
    query::LAST_MS,
    registry::Machine,
    store,
};

/// The first and the last time of something.
type Span = (i64, i64);

impl<F: Files> Engine<F> {
    /// The name that a machine's frames are to be kept under, once that is written down.
    pub(crate) async fn register(&self, host: &HostIdentity) -> Result<Arc<str>, StoreError> {
        let _turn = self.turn.lock().await;
        self.open()?;
        let machine = Machine::from(host);
        let name = {
            let registry = self.registry();
            let name = registry.name_for(host)?;
            if registry.get(&name) == Some(&machine) {
                return Ok(name);
            }
            name
        };
        self.files.register(&name, &machine).await?;
        self.registry().insert(Arc::clone(&name), machine);
        Ok(name)
    }

    pub(crate) async fn hosts(&self) -> Result<Vec<HostInfo>, StoreError> {
        self.open()?;
        let heads = self.head_spans();
        let mut moment = self.files.moment().await?;
        let mut hosts = Vec::new();
        for (host, (name, intervals, head)) in (0..).zip(heads) {
            let mut span = head;
            for shelf in shelves_of(host, intervals) {
                for (first, last) in edges(&mut *moment, shelf).await? {
                    let (from, until) = span.unwrap_or((first, last));
                    span = Some((from.min(first), until.max(last)));
                }
            }
            if let Some(span) = span.filter(|_| !name.is_empty()) {
                hosts.push(self.host_info(name, span));
            }
        }
        hosts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(hosts)
    }

    fn host_info(&self, name: String, (first_seen_ms, last_seen_ms): Span) -> HostInfo {
        let machine = self.registry().get(&name).cloned();
        HostInfo {
            name,
            first_seen_ms,
            last_seen_ms,
            id: machine.as_ref().map(|machine| machine.id.to_string()),
            interval_ms: machine.as_ref().map(|machine| machine.interval_ms),
            version: machine.map(|machine| machine.version.to_string()),
        }
    }

    /// Of each host: its name, its intervals, and the first and last time in the head.
    fn head_spans(&self) -> Vec<(String, Vec<i64>, Option<Span>)> {
        let index = self.index();
        let head = self.head();
        let spans = (0..).zip(index.hosts()).map(|(number, host)| {
            let times = head.host(number).map(|head| &head.times);
            let span = times.and_then(|times| Some((*times.first()?, *times.last()?)));
            (host.name.to_string(), host.intervals_ms.iter().copied().collect(), span)
        });
        spans.collect()
    }

    pub(crate) async fn newest(
        &self,
        patterns: &[Pattern],
        since_ms: i64,
    ) -> Result<Vec<HostNewest>, StoreError> {
        self.open()?;
        let hosts: Vec<String> =
            self.index().hosts().iter().map(|host| host.name.to_string()).collect();
        let mut newest = Vec::new();
        for host in hosts.into_iter().filter(|host| !host.is_empty()) {
            let (patterns, start_ms) = (patterns.to_vec(), since_ms.max(0));
            let selection = Selection { host, patterns, start_ms, end_ms: LAST_MS };
            let values = match self.newest_in_head(&selection) {
                Some(values) => values,
                None => store::newest_of(self.summary(&selection).await?),
            };
            if !values.is_empty() {
                newest.push(HostNewest { host: selection.host, values });
            }
        }
        newest.sort_by(|a, b| a.host.cmp(&b.host));
        Ok(newest)
    }

    /// What the head has; nothing if a slice may have more.
    fn newest_in_head(&self, selection: &Selection) -> Option<Vec<NewestValue>> {
        let index = self.index();
        let host = index.host(&selection.host).and_then(|host| index.get(host))?;
        if host.sliced_until_ms > selection.start_ms {
            return None;
        }
        let rows = Asked::new(selection, &index).rows(&self.head());
        let newest = newest_of_rows(&rows, host.select(&selection.patterns));
        Some(newest.into_iter().flatten().collect())
    }
}

/// The newest value of each selected series, where there is one.
pub(crate) fn newest_of_rows(rows: &HeadRows, selected: Selected) -> Vec<Option<NewestValue>> {
    // By slot: when, and what.
    let mut newest = vec![(i64::MIN, MISSING); selected.series.len()];
    for (wanted, column) in selected.wanted.iter().zip(&rows.columns) {
        let last = rows.times.iter().zip(column).rfind(|(_, value)| **value != MISSING);
        let (Some((&time, &value)), Some(cell)) = (last, newest.get_mut(wanted.slot)) else {
            continue;
        };
        *cell = (*cell).max((time, value.saturating_mul(wanted.factor)));
    }
    let value = |(series, (_, value)): (SeriesInfo, (i64, i64))| {
        let value = Decimal { value, decimals: series.decimals }.get()?;
        Some(NewestValue { path: series.path.to_string(), value })
    };
    selected.series.into_iter().zip(newest).map(value).collect()
}

/// The first and the last time of the first and of the last slice.
async fn edges(moment: &mut dyn Moment, shelf: Shelf) -> Result<Vec<Span>, StoreError> {
    let first = moment.sheets(shelf, TIMES, 1).await?.pop();
    let edge = |(place, bytes)| {
        let directory = Directory::open(place, bytes)?;
        let (first, last) = (directory.pages().next()?, directory.pages().next_back()?);
        // What is downsampled lies where it begins.
        Some(match shelf.interval_ms {
            0 => (first.first_ms, last.last_ms),
            _ => (first.start_ms, last.start_ms),
        })
    };
    Ok(first.into_iter().chain(moment.newest(shelf).await?).filter_map(edge).collect())
}
