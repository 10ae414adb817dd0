//! Averages, lowest and highest values by the hour, for whoever asks for months by plain SQL.
//!
//! They are written as an hour is sealed, out of the figures that its slice has, and again when late
//! frames join it. An hour of which retention has taken frames stays as it was.

use std::collections::{BTreeMap, BTreeSet};

use perfwatch_core::Decimal;
use sqlx::PgConnection;

use super::{document::Tree, names::Known, room};
use crate::{
    archive::Change,
    layout::{
        Stat,
        slice::{Directory, Entry, HOUR_MS, Slice},
    },
};

const INSERT: &str = "INSERT INTO metrics_hourly AS old \
    SELECT row.host, row.type, timestamptz 'epoch' + row.hour * interval '1 millisecond', \
        row.avg::jsonb, row.min::jsonb, row.max::jsonb, row.frames \
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::int[]) \
        AS row (host, type, hour, avg, min, max, frames) \
    ON CONFLICT (host, metric_type, hour) DO UPDATE SET metric_avg = excluded.metric_avg, \
        metric_min = excluded.metric_min, metric_max = excluded.metric_max, \
        frames = excluded.frames WHERE excluded.frames >= old.frames";

/// Rows of the table, column by column.
#[derive(Default)]
pub(super) struct Hours {
    hosts: Vec<String>,
    types: Vec<String>,
    hours: Vec<i64>,
    /// Averages, lowest and highest values.
    figures: [Vec<String>; 3],
    frames: Vec<i32>,
}

/// Of each metric type, a document for each of the three figures.
type Documents = [Tree; 3];

impl Hours {
    /// The hours that frames join by a change.
    pub(super) fn of(change: &Change, known: &Known) -> Self {
        let mut hours = Self::default();
        let hour = |time: i64| time - time.rem_euclid(HOUR_MS);
        let joined: BTreeSet<(u32, i64)> =
            change.frames.iter().map(|place| (place.host, hour(place.timestamp_ms))).collect();
        for slice in change.put.iter().filter(|slice| slice.place.interval_ms == 0) {
            let Some(directory) = Directory::open(slice.place, slice.directory.clone()) else {
                continue;
            };
            for (page, info) in directory.pages().enumerate() {
                if joined.contains(&(slice.place.host, info.start_ms)) {
                    let stats = stats(slice, &directory, page, known);
                    hours.add(slice.place.host, (info.start_ms, info.frames), &stats, known);
                }
            }
        }
        hours
    }

    fn add(&mut self, host: u32, (hour, frames): (i64, usize), stats: &Stats<'_>, known: &Known) {
        let Some(host) = known.index.get(host).filter(|host| !host.name.is_empty()) else { return };
        let mut documents = Documents::default();
        for (&segments, (decimals, stat)) in stats {
            let Some(mean) = stat.mean() else { continue };
            for (document, value) in documents.iter_mut().zip([mean, stat.min, stat.max]) {
                document.put(segments.iter(), Decimal { value, decimals: *decimals });
            }
        }
        let [averages, lowest, highest] = documents.map(Tree::documents);
        for (((metric_type, average), (_, low)), (_, high)) in
            averages.into_iter().zip(lowest).zip(highest)
        {
            self.hosts.push(host.name.to_string());
            self.types.push(metric_type);
            self.hours.push(hour);
            for (column, text) in self.figures.iter_mut().zip([average, low, high]) {
                column.push(text);
            }
            self.frames.push(i32::try_from(frames).unwrap_or(i32::MAX));
        }
    }

    pub(super) async fn write(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.hosts.is_empty() {
            return Ok(());
        }
        let rows = (&self.hosts[..], &self.types[..], &self.hours[..]);
        let before = room::held(connection, rows).await?;
        let [averages, lowest, highest] = &self.figures;
        let query = sqlx::query(INSERT).bind(&self.hosts).bind(&self.types).bind(&self.hours);
        let query = query.bind(averages).bind(lowest).bind(highest).bind(&self.frames);
        query.execute(&mut *connection).await?;
        let now = room::held(connection, rows).await?;
        room::fill(connection, now - before).await
    }
}

/// By a series' segments: its decimals, and what a page has of it.
type Stats<'a> = BTreeMap<&'a [String], (u8, Stat)>;

/// What a page has of each series. Of numbers with one name, the finest decimals count.
fn stats<'a>(slice: &Slice, directory: &Directory, page: usize, known: &'a Known) -> Stats<'a> {
    let mut stats = Stats::new();
    let Some(host) = known.index.get(slice.place.host) else { return stats };
    for (at, series) in directory.all_series().enumerate() {
        let Some(info) = host.series().get(series as usize) else { continue };
        let part = slice.parts.get(directory.entry(at).part as usize);
        let entry = Entry::read(directory, at, info.check, part.map_or(&[], Vec::as_slice));
        let Some(found) = entry.as_ref().and_then(|entry| entry.pages.get(page)) else { continue };
        if found.stat.count == 0 || info.segments.is_empty() {
            continue;
        }
        let (decimals, stat) =
            stats.entry(&info.segments).or_insert((info.decimals, Stat::default()));
        let finest = info.decimals.max(*decimals);
        let scale = |from: u8| 10_i64.saturating_pow(u32::from(finest - from));
        *stat = stat.scaled(scale(*decimals));
        stat.merge(&found.stat.scaled(scale(info.decimals)));
        *decimals = finest;
    }
    stats
}
