//! From stored bodies to an answer, the same for every backend.

mod accumulate;
mod fold;
mod merge;
mod spacing;
mod step;

use std::sync::Arc;

use accumulate::Accumulator;
use fold::Fold;
pub use step::nice_step;
use step::{Extent, fit, limit_for, step_for};

use crate::{
    HostInfo, RangeAnswer, RangeQuery, Selection, SeriesSummary, StoreError,
    layout::{Index, Place, Selected},
    shelf::{Reader, Shelf, TIMES, shelves_of, span_of},
};

type Range = std::ops::Range<i64>;

/// An answer, and the bodies that were left out of it because they are damaged.
pub(crate) type Found<T> = (T, Vec<Place>);

/// What is asked for, in numbers.
pub(crate) struct Asked {
    /// Where the bodies lie.
    shelves: Vec<Shelf>,
    /// The part of the asked range in which anything can lie.
    range: Range,
    selected: Selected,
}

impl Asked {
    /// Looks names up. What is not known is nothing, not an error.
    pub(crate) fn new(selection: &Selection, index: &Index) -> Self {
        let host = index.host(&selection.host).and_then(|host| Some((host, index.get(host)?)));
        let selected = host.map(|(_, host)| host.select(&selection.patterns)).unwrap_or_default();
        // Without a series there is nothing to read for.
        let shelves = host
            .filter(|_| !selected.series.is_empty())
            .map(|(number, host)| shelves_of(number, host.intervals_ms.iter().copied()))
            .unwrap_or_default();
        let range = selection.start_ms.max(TIMES.start)..selection.end_ms.min(TIMES.end);
        Self { shelves, range, selected }
    }

    /// What lies in the range. More frames than `limit` are not counted.
    async fn extent(&self, reader: &mut dyn Reader, limit: usize) -> Result<Extent, StoreError> {
        let mut extent = Extent::default();
        for &shelf in &self.shelves {
            let Some((first, last)) = reader.span(shelf, self.range.clone()).await? else {
                continue;
            };
            let (from, until) = extent.times.unwrap_or((first, last));
            extent.times = Some((from.min(first), until.max(last)));
            if shelf.interval_ms > 0 {
                extent.intervals_ms.push(shelf.interval_ms);
            }
            extent.frames += reader.count(shelf, self.range.clone(), limit + 1).await?;
        }
        Ok(extent)
    }
}

/// Answers a question about points.
pub(crate) async fn range(
    reader: &mut dyn Reader,
    asked: Asked,
    query: &RangeQuery,
) -> Result<Found<RangeAnswer>, StoreError> {
    let limit = limit_for(query, asked.selected.series.len());
    let extent = asked.extent(reader, limit).await?;
    let found = points(reader, &asked, query, step_for(query.step, &extent, limit)).await?;
    if found.0.timestamps_ms.len() <= limit {
        return Ok(found);
    }
    // Rows of nulls inside holes made it too long: only points as stored have these.
    points(reader, &asked, query, fit(1, &extent, limit)).await
}

async fn points(
    reader: &mut dyn Reader,
    asked: &Asked,
    query: &RangeQuery,
    step_ms: i64,
) -> Result<Found<RangeAnswer>, StoreError> {
    let mut fold = Fold::new(asked.selected.clone(), step_ms, &query.aggregates);
    merge::for_each(reader, &asked.shelves, &asked.range, |body| {
        fold.push(body.place, &body.bytes);
    })
    .await?;
    let damaged = fold.damaged().to_vec();
    Ok((fold.finish(), damaged))
}

/// Answers a question about whole ranges.
pub(crate) async fn summary(
    reader: &mut dyn Reader,
    asked: Asked,
) -> Result<Found<Vec<SeriesSummary>>, StoreError> {
    let Asked { shelves, range, selected } = asked;
    let mut sum = Accumulator::new(selected);
    merge::for_each(reader, &shelves, &range, |body| sum.add_body(body.place, &body.bytes)).await?;
    Ok((sum.summaries(), sum.damaged().to_vec()))
}

/// The hosts of which anything is stored, by name.
pub(crate) async fn hosts(
    reader: &mut dyn Reader,
    known: Vec<(Arc<str>, Vec<Shelf>)>,
) -> Result<Vec<HostInfo>, StoreError> {
    let mut hosts = Vec::with_capacity(known.len());
    for (name, shelves) in known {
        if let Some((first_seen_ms, last_seen_ms)) = span_of(reader, &shelves, TIMES).await? {
            hosts.push(HostInfo { name: name.to_string(), first_seen_ms, last_seen_ms });
        }
    }
    hosts.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(hosts)
}
