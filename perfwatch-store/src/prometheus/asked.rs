//! What a question is about, and the single windows that answers are made of.

use std::{
    collections::BTreeSet,
    ops::Range,
    sync::PoisonError,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use perfwatch_core::series::Pattern;

use super::{
    PrometheusStore,
    ask::{EPOCH_MS, Line, horizon_ms},
    cells::Cells,
    eras::Eras,
    names,
    promql::{Selector, Windows, duration},
};
use crate::{
    Aggregate, Selection, StoreError,
    answer::Extent,
    layout::{Selected, SeriesInfo},
};

/// An engine may be replaced by a newer one while this runs.
const TRUSTED: Duration = Duration::from_secs(600);

/// The series that a question is about, and how the engine is asked for them.
pub(super) struct Asked {
    pub(super) host: String,
    pub(super) selector: Selector,
    pub(super) infos: Vec<SeriesInfo>,
    pub(super) selected: Selected,
    pub(super) range: Range<i64>,
    pub(super) windows: Windows,
    /// Whether one of them has more than one set of labels.
    pub(super) is_split: bool,
}

impl PrometheusStore {
    /// Looks names up; nothing if there are none, or no frames.
    pub(super) async fn asked(&self, selection: &Selection) -> Result<Option<Asked>, StoreError> {
        let range = selection.start_ms.max(EPOCH_MS)..selection.end_ms.min(horizon_ms());
        if range.is_empty() || selection.patterns.is_empty() {
            return Ok(None);
        }
        let host = selection.host.clone();
        let frames = self.of_host(names::FRAME, &host).text();
        let Some(windows) = self.windows(&frames, &range).await? else { return Ok(None) };
        let selector = Selector::series(self.of_host("", &host), &selection.patterns);
        let labels = self.client.labels(&selector.text(), &range).await?;
        let (infos, is_split) =
            named(labels.iter().filter_map(names::series_of), &selection.patterns);
        let selected = Selected::of(&infos);
        let asked = Asked { host, selector, infos, selected, range, windows, is_split };
        Ok((!asked.infos.is_empty()).then_some(asked))
    }

    /// Which milliseconds a window covers here, found out at one of these frames of the range, if
    /// there is one.
    pub(super) async fn windows(
        &self,
        frames: &str,
        range: &Range<i64>,
    ) -> Result<Option<Windows>, StoreError> {
        let known = *self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, windows)) = known.filter(|(since, _)| since.elapsed() < TRUSTED) {
            return Ok(Some(windows));
        }
        let window = duration(range.end - range.start + 1);
        let newest = format!("max_over_time({frames}[{window}])");
        let newest = self.client.instant(&newest, range.end).await?;
        let Some(frame) = newest.iter().filter_map(Line::value_ms).max() else { return Ok(None) };
        let around = format!("min_over_time({frames}[1ms])");
        let around = self.client.instant(&around, frame + 1).await?;
        let closed = around.iter().any(|line| line.value_ms() == Some(frame));
        let windows = if closed { Windows::Closed } else { Windows::LeftOpen };
        let known = Some((Instant::now(), windows));
        *self.windows.lock().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(Some(windows))
    }

    /// The first and the last frame of the range, how many there are, and under which labels.
    pub(super) async fn extent(&self, asked: &Asked) -> Result<(Extent, Eras), StoreError> {
        let mut extent = Extent::default();
        let length = asked.range.end - asked.range.start;
        if length == 1 {
            let frames = self.frame_times(asked, &asked.range).await?;
            frames.iter().for_each(|&time| extent.add(time, time, 1));
            return Ok((extent, Eras::default()));
        }
        let window = asked.windows.of(length);
        let frames = self.of_host(names::FRAME, &asked.host).text();
        let functions = ["min_over_time", "max_over_time", "count_over_time"];
        let queries = functions.map(|function| format!("{function}({frames}[{window}])"));
        let ask =
            |query: String| async move { self.client.instant(&query, asked.range.end - 1).await };
        let found = try_join_all(queries.map(ask)).await?;
        let [first, last, count] = found.as_slice() else { return Ok(Default::default()) };
        let eras = Eras::of(first, last, count);
        Ok((eras.extent(), eras))
    }

    /// The samples of a range as they are, and those of the millisecond behind it: VictoriaMetrics
    /// does not find what lies at midnight when asked up to midnight.
    pub(super) async fn samples(
        &self,
        selector: &str,
        windows: Windows,
        range: &Range<i64>,
    ) -> Result<Vec<Line>, StoreError> {
        let window = windows.of(range.end - range.start + 1);
        self.client.instant(&format!("{selector}[{window}]"), range.end).await
    }

    pub(super) async fn frame_times(
        &self,
        asked: &Asked,
        range: &Range<i64>,
    ) -> Result<BTreeSet<i64>, StoreError> {
        let frames = self.of_host(names::FRAME, &asked.host).text();
        let lines = self.samples(&frames, asked.windows, range).await?;
        let times = lines.iter().flat_map(Line::points).map(|(time, _)| time);
        Ok(times.filter(|time| range.contains(time)).collect())
    }

    /// One row: the values of one window.
    pub(super) async fn window(
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
    /// Whether a line is of a series that was asked for.
    pub(super) fn knows(&self, line: &Line) -> bool {
        names::series_of(&line.metric)
            .is_some_and(|info| self.infos.iter().any(|known| known.path == info.path))
    }
}

/// The series that patterns name, each once, and whether any was there more often.
fn named(infos: impl Iterator<Item = SeriesInfo>, patterns: &[Pattern]) -> (Vec<SeriesInfo>, bool) {
    let mut infos: Vec<SeriesInfo> = infos
        .filter(|info| patterns.iter().any(|pattern| pattern.matches(&info.segments)))
        .collect();
    let all = infos.len();
    infos.sort_by(|a, b| (&a.path, a.decimals).cmp(&(&b.path, b.decimals)));
    infos.dedup_by(|a, b| (&a.path, a.decimals) == (&b.path, b.decimals));
    let is_split = infos.len() < all;
    (infos, is_split)
}

/// A function of the engine.
pub(super) fn function(aggregate: Aggregate, of: &str) -> String {
    format!("{}_over_time({of})", aggregate.name())
}
