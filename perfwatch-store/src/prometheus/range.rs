//! Ranges: the engine's own functions over windows that are exactly the buckets.

use std::{collections::BTreeSet, ops::Range};

use futures_util::future::try_join_all;
use perfwatch_core::series::Pattern;

use super::{
    PrometheusStore,
    ask::{EPOCH_MS, Line, horizon_ms},
    cells::Cells,
    names,
    promql::{Selector, Windows, duration},
};
use crate::{
    Aggregate, RangeAnswer, RangeQuery, Selection, SeriesSummary, StoreError,
    answer::{Extent, Fold, fit, limit_for, step_for},
    layout::{Selected, SeriesInfo},
};

/// How many of the newest frames say how far apart frames are.
const SPACING_FRAMES: usize = 5000;

/// The series that a question is about, and how the engine is asked for them.
struct Asked {
    host: String,
    selector: Selector,
    infos: Vec<SeriesInfo>,
    selected: Selected,
    range: Range<i64>,
    windows: Windows,
}

impl PrometheusStore {
    pub(super) async fn answer_range(&self, query: &RangeQuery) -> Result<RangeAnswer, StoreError> {
        let Some(asked) = self.asked(&query.selection).await? else { return Ok(nothing(query)) };
        let extent = self.extent(&asked).await?;
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
            Some(times) => self.buckets(&asked, times, &extent, step_ms, query).await,
            None => Ok(nothing(query)),
        }
    }

    pub(super) async fn answer_summary(
        &self,
        selection: &Selection,
    ) -> Result<Vec<SeriesSummary>, StoreError> {
        let Some(asked) = self.asked(selection).await? else { return Ok(Vec::new()) };
        let mut cells = Cells::new(&asked.selected, &asked.infos, 1);
        self.window(&asked, &asked.range, &Aggregate::ALL, &mut cells, 0).await?;
        Ok(folded(&asked, &cells, i64::MAX, &[], &[0], &[]).summaries())
    }

    /// Looks names up; nothing if there are none, or no frames.
    async fn asked(&self, selection: &Selection) -> Result<Option<Asked>, StoreError> {
        let range = selection.start_ms.max(EPOCH_MS)..selection.end_ms.min(horizon_ms());
        if range.is_empty() || selection.patterns.is_empty() {
            return Ok(None);
        }
        let Some(windows) = self.windows(&selection.host, &range).await? else { return Ok(None) };
        let host = selection.host.clone();
        let selector = Selector::series(&host, &selection.patterns, &self.client.address.labels);
        let labels = self.client.labels(&selector.text(), &range).await?;
        let infos = named(labels.iter().filter_map(names::series_of), &selection.patterns);
        let selected = Selected::of(&infos);
        let asked = Asked { host, selector, infos, selected, range, windows };
        Ok((!asked.infos.is_empty()).then_some(asked))
    }

    /// Which milliseconds a window covers here, found out at one frame of the range, if it has one.
    async fn windows(&self, host: &str, range: &Range<i64>) -> Result<Option<Windows>, StoreError> {
        if let Some(&windows) = self.windows.get() {
            return Ok(Some(windows));
        }
        let frames = self.of_host(names::FRAME, host).text();
        let window = duration(range.end - range.start + 1);
        let newest = format!("max_over_time({frames}[{window}])");
        let newest = self.client.instant(&newest, range.end).await?;
        let Some(frame) = newest.iter().filter_map(Line::value_ms).max() else { return Ok(None) };
        let around = format!("min_over_time({frames}[1ms])");
        let around = self.client.instant(&around, frame + 1).await?;
        let closed = around.iter().any(|line| line.value_ms() == Some(frame));
        let windows = if closed { Windows::Closed } else { Windows::LeftOpen };
        Ok(Some(*self.windows.get_or_init(|| windows)))
    }

    /// The first and the last frame of the range, and how many there are.
    async fn extent(&self, asked: &Asked) -> Result<Extent, StoreError> {
        let mut extent = Extent::default();
        let length = asked.range.end - asked.range.start;
        if length == 1 {
            let frames = self.frame_times(asked, &asked.range).await?;
            frames.iter().for_each(|&time| extent.add(time, time, 1));
            return Ok(extent);
        }
        let window = asked.windows.of(length);
        let frames = self.of_host(names::FRAME, &asked.host).text();
        let functions = ["min_over_time", "max_over_time", "count_over_time"];
        let queries = functions.map(|function| format!("{function}({frames}[{window}])"));
        let ask =
            |query: String| async move { self.client.instant(&query, asked.range.end - 1).await };
        let found = try_join_all(queries.map(ask)).await?;
        let value = |at: usize| found.get(at)?.first();
        let times = value(0).and_then(Line::value_ms).zip(value(1).and_then(Line::value_ms));
        if let Some(((first, last), count)) = times.zip(value(2).and_then(Line::value)) {
            extent.add(first, last, count as usize);
        }
        Ok(extent)
    }

    /// The samples of a range as they are, and those of the millisecond behind it: VictoriaMetrics
    /// does not find what lies at midnight when asked up to midnight.
    async fn samples(
        &self,
        selector: &str,
        windows: Windows,
        range: &Range<i64>,
    ) -> Result<Vec<Line>, StoreError> {
        let window = windows.of(range.end - range.start + 1);
        self.client.instant(&format!("{selector}[{window}]"), range.end).await
    }

    async fn frame_times(
        &self,
        asked: &Asked,
        range: &Range<i64>,
    ) -> Result<BTreeSet<i64>, StoreError> {
        let frames = self.of_host(names::FRAME, &asked.host).text();
        let lines = self.samples(&frames, asked.windows, range).await?;
        let times = lines.iter().flat_map(Line::points).map(|(time, _)| time);
        Ok(times.filter(|time| range.contains(time)).collect())
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
        let mut cells = Cells::new(&asked.selected, &asked.infos, times.len());
        cells.take(&Aggregate::ALL, &lines, |time| times.binary_search(&time).ok());
        Ok(folded(asked, &cells, step_ms, &query.aggregates, &times, &times).finish(0))
    }

    /// Points for buckets of a step. Those that the range cuts are asked for alone.
    async fn buckets(
        &self,
        asked: &Asked,
        (first, last): (i64, i64),
        extent: &Extent,
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
        let mut cells = Cells::new(&asked.selected, &asked.infos, rows.len());
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

    /// One row: the values of one window.
    async fn window(
        &self,
        asked: &Asked,
        range: &Range<i64>,
        aggregates: &[Aggregate],
        cells: &mut Cells,
        row: usize,
    ) -> Result<(), StoreError> {
        let selector = asked.selector.text();
        if range.end - range.start == 1 {
            let lines = self.samples(&selector, asked.windows, range).await?;
            cells.take(&Aggregate::ALL, &lines, |time| range.contains(&time).then_some(row));
            return Ok(());
        }
        let window = asked.windows.of(range.end - range.start);
        let ask = |aggregate: &Aggregate| {
            let query = function(*aggregate, &format!("{selector}[{window}]"));
            async move { self.client.instant(&query, range.end - 1).await }
        };
        let found = try_join_all(aggregates.iter().map(ask)).await?;
        for (aggregate, lines) in aggregates.iter().zip(&found) {
            cells.take(&[*aggregate], lines, |_| Some(row));
        }
        Ok(())
    }
}

impl Asked {
    fn knows(&self, line: &Line) -> bool {
        names::series_of(&line.metric)
            .is_some_and(|info| self.infos.iter().any(|known| known.path == info.path))
    }
}

/// The series that patterns name, each once.
fn named(infos: impl Iterator<Item = SeriesInfo>, patterns: &[Pattern]) -> Vec<SeriesInfo> {
    let mut infos: Vec<SeriesInfo> = infos
        .filter(|info| patterns.iter().any(|pattern| pattern.matches(&info.segments)))
        .collect();
    infos.sort_by(|a, b| (&a.path, a.decimals).cmp(&(&b.path, b.decimals)));
    infos.dedup_by(|a, b| (&a.path, a.decimals) == (&b.path, b.decimals));
    infos
}

/// The engine's functions behind an answer: a mean needs its count, to be exact.
fn needed(aggregates: &[Aggregate]) -> Vec<Aggregate> {
    let avg = aggregates.contains(&Aggregate::Avg);
    let is_needed = |a: &Aggregate| aggregates.contains(a) || (avg && *a == Aggregate::Count);
    Aggregate::ALL.into_iter().filter(is_needed).collect()
}

fn function(aggregate: Aggregate, of: &str) -> String {
    format!("{}_over_time({of})", aggregate.name())
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
