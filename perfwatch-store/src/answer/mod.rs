//! From slices and frames to an answer, the same for every backend.

mod fold;
mod plan;
mod portion;
mod sources;
mod spacing;
mod step;
mod sums;

pub(crate) use fold::Fold;
use portion::{Adding, weight};
use sources::Sources;
pub(crate) use step::{Extent, fit, limit_for, step_for};
pub use step::{MAX_VALUES, nice_step};

use crate::{
    Aggregate, RangeAnswer, RangeQuery, Selection, SeriesSummary, Step, StoreError,
    archive::{Moment, Shelf, TIMES, shelves_of},
    damage::Damaged,
    head::{Head, HeadRows},
    layout::{Index, Selected},
};

type Range = std::ops::Range<i64>;

/// An answer, and what was left out of it because it is damaged.
pub(crate) type Found<T> = (T, Vec<Damaged>);

/// What is asked for, in numbers.
pub(crate) struct Asked {
    /// Where the slices lie.
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

    /// The same with the intervals that are known by now: what left the head since may be there.
    pub(crate) fn with_new_shelves(self, selection: &Selection, index: &Index) -> Self {
        if self.shelves.is_empty() {
            return self;
        }
        Self { shelves: Self::new(selection, index).shelves, ..self }
    }

    /// Whether anything can be found at all.
    pub(crate) fn is_about_something(&self) -> bool {
        !self.shelves.is_empty() && self.range.start < self.range.end
    }

    /// The part of the asked range in which anything can lie.
    pub(crate) fn range(&self) -> &Range {
        &self.range
    }

    /// The series.
    pub(crate) fn selected(&self) -> &Selected {
        &self.selected
    }

    /// What the head has of it.
    pub(crate) fn rows(&self, head: &Head) -> HeadRows {
        let host = self.shelves.first().map(|shelf| shelf.host);
        host.map(|host| head.rows(host, &self.range, &self.selected)).unwrap_or_default()
    }
}

/// Answers a question about points.
pub(crate) async fn range(
    moment: &mut dyn Moment,
    asked: Asked,
    head: HeadRows,
    query: &RangeQuery,
) -> Result<Found<RangeAnswer>, StoreError> {
    let limit = limit_for(query, asked.selected.series.len());
    let exact = !matches!(query.step, Step::Every(_));
    let mut sources = Sources::read(moment, &asked, head, exact).await?;
    let extent = sources.extent(&asked);
    let mut step_ms = step_for(query.step, &extent, limit);
    let known = sources.damaged.clone();
    loop {
        let fold = add_up(moment, &asked, &mut sources, step_ms, &query.aggregates).await?;
        let answer = fold.finish(sources.damaged.len() as u64);
        // Rows of nulls inside holes may make it too long: only points as stored have these.
        if answer.timestamps_ms.len() <= limit || step_ms > 0 {
            return Ok((answer, sources.damaged));
        }
        step_ms = fit(1, &extent, limit);
        sources.damaged.clone_from(&known);
    }
}

/// Answers a question about whole ranges.
pub(crate) async fn summary(
    moment: &mut dyn Moment,
    asked: Asked,
    head: HeadRows,
) -> Result<Found<Vec<SeriesSummary>>, StoreError> {
    let mut sources = Sources::read(moment, &asked, head, false).await?;
    let fold = add_up(moment, &asked, &mut sources, i64::MAX, &[] as &[Aggregate]).await?;
    Ok((fold.summaries(), sources.damaged))
}

/// Adds everything up, one portion of time after the other; others get their turn between.
async fn add_up(
    moment: &mut dyn Moment,
    asked: &Asked,
    sources: &mut Sources,
    step_ms: i64,
    aggregates: &[Aggregate],
) -> Result<Fold, StoreError> {
    let mut fold = Fold::new(asked.selected.clone(), step_ms, aggregates);
    for portion in sources.portions(|slice| weight(&fold, asked, slice)) {
        Adding::new(asked, &mut fold).add(moment, sources, &portion).await?;
        tokio::task::yield_now().await;
    }
    Ok(fold)
}
