//! Bodies of several shelves in one order of time.

use std::{collections::VecDeque, ops::Range};

use crate::{
    StoreError,
    shelf::{Body, Reader, Shelf},
};

/// How many bodies are in memory per shelf: the other queries of a runtime get their turn between.
const CHUNK: usize = 512;

/// One shelf being read.
struct Source {
    shelf: Shelf,
    rest: Range<i64>,
    bodies: VecDeque<Body>,
}

impl Source {
    async fn refill(&mut self, reader: &mut dyn Reader) -> Result<(), StoreError> {
        if !self.bodies.is_empty() || self.rest.is_empty() {
            return Ok(());
        }
        self.bodies = reader.oldest(self.shelf, self.rest.clone(), CHUNK).await?.into();
        self.rest.start = match self.bodies.back() {
            Some(last) if self.bodies.len() == CHUNK => last.place.timestamp_ms + 1,
            _ => self.rest.end,
        };
        Ok(())
    }

    fn head_ms(&self) -> Option<i64> {
        self.bodies.front().map(|body| body.place.timestamp_ms)
    }
}

/// Calls `each` with all bodies of these shelves in order of time.
pub(super) async fn for_each(
    reader: &mut dyn Reader,
    shelves: &[Shelf],
    range: &Range<i64>,
    mut each: impl FnMut(Body) + Send,
) -> Result<(), StoreError> {
    let source = |&shelf| Source { shelf, rest: range.clone(), bodies: VecDeque::new() };
    let mut sources: Vec<Source> = shelves.iter().map(source).collect();
    loop {
        for source in &mut sources {
            source.refill(reader).await?;
        }
        sources.retain(|source| !source.bodies.is_empty());
        sources.sort_by_key(Source::head_ms);
        let until = sources.get(1).and_then(Source::head_ms).unwrap_or(i64::MAX);
        let Some(first) = sources.first_mut() else { return Ok(()) };
        while let Some(body) = first.bodies.pop_front_if(|body| body.place.timestamp_ms <= until) {
            each(body);
        }
        tokio::task::yield_now().await;
    }
}
