//! Ranges: the engine's own functions over windows that are exactly the buckets.

use std::ops::Range;

use futures_util::future::try_join_all;

use super::{
    PrometheusStore,
    ask::Line,
    asked::{Asked, function},
    cells::Cells,
    eras::Eras,
};
use crate::{
    Aggregate, RangeAnswer, RangeQuery, Selection, SeriesSummary, StoreError,
    answer::{Extent, Fold, fit, limit_for, step_for},
    layout::Selected,
};

/// How many of the newest frames say how far apart frames are.
const SPACING_FRAMES: usize = 5000;

impl PrometheusStore {
    pub(super) async fn answer_range(&self, query: &RangeQuery) -> Result<RangeAnswer, StoreError> {
        let Some(asked) = self.asked(&query.selection).await? else { return Ok(nothing(query)) };
        let (extent, eras) = self.extent(&asked).await?;
        let limit = limit_for(query, asked.selected.series.len());
        let mut step_ms = step_for(query.step, &extent, limit);
        if step_ms <= 1 && extent.frames > 0 {
            let answer = self.raw(&asked, step_ms, query).await?;
            // Rows of nulls inside holes may make it too long.
            if answer.timestamps_ms.len() <= limit {
                return Ok(answer);
            }
            step_ms = fit(2, &extent, limit);
        }
        match extent.times {
            Some(times) => self.buckets(&asked, times, &(extent, eras), step_ms, query).await,
            None => Ok(nothing(query)),
        }
    }

    pub(super) async fn answer_summary(
        &self,
        selection: &Selection,
    ) -> Result<Vec<SeriesSummary>, StoreError> {
        let Some(asked) = self.asked(selection).await? else { return Ok(Vec::new()) };
        let eras = if asked.is_split { self.extent(&asked).await?.1 } else { Eras::default() };
        let mut cells = Cells::new(&asked, &eras, 1);
        self.window(&asked, &asked.range, &Aggregate::ALL, &mut cells, 0).await?;
        Ok(folded(&asked, &cells, i64::MAX, &[], &[0], &[]).summaries())
    }

    /// Points as they are stored.
    async fn raw(
        &self,
        asked: &Asked,
        step_ms: i64,
        query: &RangeQuery,
    ) -> Result<RangeAnswer, StoreError> {
        let selector = asked.selector.text();
        let (mut times, lines) = tokio::try_join!(
            self.frame_times(asked, &asked.range),
            self.samples(&selector, asked.windows, &asked.range),
        )?;
        let known = |line: &&Line| asked.knows(line);
        let sampled = lines.iter().filter(known).flat_map(Line::points).map(|(time, _)| time);
        times.extend(sampled.filter(|time| asked.range.contains(time)));
        let times: Vec<i64> = times.into_iter().collect();
        let mut cells = Cells::new(asked, &Eras::default(), times.len());
        cells.take(&Aggregate::ALL, &lines, |time| times.binary_search(&time).ok());
        Ok(folded(asked, &cells, step_ms, &query.aggregates, &times, &times).finish(0))
    }

    /// Points for buckets of a step. Those that the range cuts are asked for alone.
    async fn buckets(
        &self,
        asked: &Asked,
        (first, last): (i64, i64),
        (extent, eras): &(Extent, Eras),
        step_ms: i64,
        query: &RangeQuery,
    ) -> Result<RangeAnswer, StoreError> {
        let start = |time: i64| time - time.rem_euclid(step_ms);
        let rows: Vec<i64> =
            std::iter::successors(Some(start(first)), |row| row.checked_add(step_ms))
                .take_while(|row| *row <= last)
                .collect();
        let end = |row: i64| row.saturating_add(step_ms);
        let whole = |row: &&i64| **row >= asked.range.start && end(**row) <= asked.range.end;
        let mut cells = Cells::new(asked, eras, rows.len());
        let needed = needed(&query.aggregates);
        for (at, row) in rows.iter().enumerate().filter(|(_, row)| !whole(row)) {
            let part = (*row).max(asked.range.start)..end(*row).min(asked.range.end);
            self.window(asked, &part, &needed, &mut cells, at).await?;
        }
        let place = |time: i64| rows.binary_search(&start(time)).ok();
        if let (Some(from), Some(until)) = (rows.iter().find(whole), rows.iter().rfind(whole)) {
            let steps = (end(*from) - 1, end(*until) - 1, step_ms);
            let window = asked.windows.of(step_ms);
            let ask = |aggregate: &Aggregate| {
                let function = function(*aggregate, &format!("{}[]", asked.selector.text()));
                let window = window.clone();
                async move { self.client.stepped(&function, &window, steps).await }
            };
            let found = try_join_all(needed.iter().map(ask)).await?;
            for (aggregate, lines) in needed.iter().zip(&found) {
                cells.take(&[*aggregate], lines, place);
            }
        }
        let newest = self.frame_times(asked, &newest(&asked.range, (first, last), extent)).await?;
        let newest: Vec<i64> = newest.into_iter().collect();
        Ok(folded(asked, &cells, step_ms, &query.aggregates, &rows, &newest).finish(0))
    }
}

/// The engine's functions behind an answer: a mean needs its count, to be exact.
fn needed(aggregates: &[Aggregate]) -> Vec<Aggregate> {
    let avg = aggregates.contains(&Aggregate::Avg);
    let is_needed = |a: &Aggregate| aggregates.contains(a) || (avg && *a == Aggregate::Count);
    Aggregate::ALL.into_iter().filter(is_needed).collect()
}

/// Where the newest frames lie that say how far apart frames are.
fn newest(range: &Range<i64>, (first, last): (i64, i64), extent: &Extent) -> Range<i64> {
    if extent.frames <= SPACING_FRAMES {
        return first..range.end;
    }
    let share = SPACING_FRAMES as f64 / extent.frames as f64;
    let length = ((last - first) as f64 * share) as i64;
    last - length..last + 1
}

/// Puts rows together.
fn folded(
    asked: &Asked,
    cells: &Cells,
    step_ms: i64,
    aggregates: &[Aggregate],
    rows: &[i64],
    frames: &[i64],
) -> Fold {
    let mut fold = Fold::new(asked.selected.clone(), step_ms, aggregates);
    frames.iter().for_each(|&time| fold.spacing.add(time));
    let rows: Vec<(i64, i64)> = rows.iter().map(|&row| (row, 0)).collect();
    let stretch = fold.begin(&rows);
    for slot in 0..asked.selected.series.len() {
        fold.add(slot, &stretch, &cells.stats(slot));
    }
    fold
}

/// An answer without a point.
fn nothing(query: &RangeQuery) -> RangeAnswer {
    let step_ms = step_for(query.step, &Extent::default(), query.limit);
    Fold::new(Selected::default(), step_ms, &[]).finish(0)
}
