//! What an export will write: its columns, and where their values are.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::Range,
    sync::Arc,
};

use super::{Column, ExchangeError, ExportQuery};
use crate::{
    HistoryFile, StoreError,
    archive::{Shelf, TIMES},
    layout::{Selected, SeriesInfo, Wanted},
};

/// What is exported of one host.
pub(super) struct HostPlan {
    pub(super) name: String,
    pub(super) number: u32,
    /// The numbers of its series, by column: several where a series got more decimals over time.
    pub(super) columns: BTreeMap<usize, Vec<Wanted>>,
    /// The days that have frames, and about how many.
    pub(super) days: Vec<(i64, u64)>,
}

pub(super) struct Plan {
    /// All columns, ordered by their segments.
    pub(super) columns: Vec<Column>,
    /// The hosts by name.
    pub(super) hosts: Vec<HostPlan>,
    pub(super) range_ms: Range<i64>,
    /// Frames in the range that were downsampled.
    pub(super) left_out: u64,
}

impl Plan {
    pub(super) async fn new(
        file: &HistoryFile,
        query: &ExportQuery,
    ) -> Result<Self, ExchangeError> {
        let hosts = file.hosts().await?;
        for name in &query.hosts {
            if !hosts.iter().any(|host| host.name == *name) {
                let reason = format!("there is no history of `{name}`");
                return Err(StoreError::bad_query("host", reason).into());
            }
        }
        // What a daemon adds meanwhile is not known by name.
        let last = hosts.iter().map(|host| host.last_seen_ms).max().unwrap_or(0);
        let end = query.range_ms.end.min(last + 1).min(TIMES.end);
        let range_ms = query.range_ms.start.max(TIMES.start)..end;
        let mut plan = Self { columns: Vec::new(), hosts: Vec::new(), range_ms, left_out: 0 };
        let mut chosen = Vec::new();
        for host in hosts {
            if query.hosts.is_empty() || query.hosts.contains(&host.name) {
                chosen.push(plan.add_host(file, query, &host.name).await?);
            }
        }
        plan.columns = columns(chosen.iter().flat_map(|(_, selected)| &selected.series));
        for (host, selected) in chosen {
            let columns = plan.place(&selected);
            plan.hosts.push(HostPlan { columns, ..host });
        }
        Ok(plan)
    }

    async fn add_host(
        &mut self,
        file: &HistoryFile,
        query: &ExportQuery,
        name: &str,
    ) -> Result<(HostPlan, Selected), ExchangeError> {
        let engine = &file.engine;
        let number = engine.index().host(name).unwrap_or(u32::MAX);
        let intervals: Vec<i64> = engine
            .index()
            .get(number)
            .map_or_else(Vec::new, |host| host.intervals_ms.iter().copied().collect());
        let mut extent =
            engine.extent(Shelf { host: number, interval_ms: 0 }, &self.range_ms).await?;
        for interval_ms in intervals {
            let shelf = Shelf { host: number, interval_ms };
            let downsampled = engine.extent(shelf, &self.range_ms).await?;
            self.left_out += downsampled.days.values().sum::<u64>();
            if query.interval.is_some() {
                extent.days.extend(downsampled.days);
                extent.series.extend(downsampled.series);
            }
        }
        let meant = |number: u32, info: &SeriesInfo| {
            let patterns = &query.patterns;
            extent.series.contains(&number)
                && (patterns.is_empty() || patterns.iter().any(|it| it.matches(&info.segments)))
        };
        let selected = engine.index().get(number).map(|host| host.select_by(meant));
        let days = extent.days.into_iter().collect();
        let host = HostPlan { name: name.to_owned(), number, columns: BTreeMap::new(), days };
        Ok((host, selected.unwrap_or_default()))
    }

    /// Which numbers belong to which column, and by what to multiply their values.
    fn place(&self, selected: &Selected) -> BTreeMap<usize, Vec<Wanted>> {
        let mut placed: BTreeMap<usize, Vec<Wanted>> = BTreeMap::new();
        for wanted in &selected.wanted {
            let Some(info) = selected.series.get(wanted.slot) else { continue };
            let by = |column: &Column| column.segments.cmp(&info.segments);
            let Ok(at) = self.columns.binary_search_by(by) else { continue };
            let finer = self.columns.get(at).map_or(0, |column| column.decimals - info.decimals);
            let factor = wanted.factor.saturating_mul(10_i64.saturating_pow(finer.into()));
            placed.entry(at).or_default().push(Wanted { slot: at, factor, ..*wanted });
        }
        placed
    }
}

/// One column per path, with the most decimals that any host has.
fn columns<'a>(series: impl Iterator<Item = &'a SeriesInfo>) -> Vec<Column> {
    let mut columns: BTreeMap<&[String], Column> = BTreeMap::new();
    for info in series {
        match columns.entry(&info.segments) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.decimals = known.decimals.max(info.decimals);
            }
            Entry::Vacant(new) => {
                new.insert(Column {
                    name: Arc::clone(&info.path),
                    segments: info.segments.clone(),
                    decimals: info.decimals,
                });
            }
        }
    }
    columns.into_values().collect()
}
