//! Gives frames to a store that may be far away, busy, or not take every one of them.

use std::time::Duration;

use perfwatch_core::Table;

use super::{ExchangeError, number};
use crate::{ImportFrame, Store, StoreError};

/// So often a store that says "later" is asked again for one batch: with a pause that doubles, about
/// two minutes, or longer where it says for how long.
const TRIES: u32 = 8;

const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// So many frames are given first: a store that does not manage a full batch in time gets no more
/// than it does.
const FIRST: usize = 16;

/// Gives frames to a store.
pub(super) struct Deliverer<'a> {
    store: &'a dyn Store,
    tables: &'a [&'static Table],
    /// So many frames are given at once: a few more each time that the store manages, half where it
    /// does not.
    most: usize,
    /// Whether the store took anything yet: before, what is wrong is told at once.
    took_some: bool,
}

impl<'a> Deliverer<'a> {
    pub(super) fn new(store: &'a dyn Store, tables: &'a [&'static Table]) -> Self {
        Self { store, tables, most: FIRST, took_some: false }
    }

    /// Gives these frames, in smaller batches where the store does not manage or take all at once;
    /// how many were new, where it tells.
    pub(super) async fn deliver(
        &mut self,
        mut frames: &[ImportFrame],
    ) -> Result<Option<u64>, ExchangeError> {
        let (mut new, mut tries) = (Some(0), 0);
        while !frames.is_empty() {
            let (batch, behind) = frames.split_at(self.most.min(frames.len()));
            match self.store.import(batch, self.tables).await {
                Ok(count) => {
                    new = new.zip(count).map(|(known, new)| known + new);
                    (frames, tries, self.took_some) = (behind, 0, true);
                    let more = self.most + self.most / 4 + 1;
                    self.most = more.min(self.store.import_size().max(1));
                }
                Err(error) => {
                    let pause = self.pause(&error, tries);
                    if error.is_of_a_frame() && batch.len() > 1 {
                        // By halves, so that the one that is not taken can be named.
                    } else if let Some(pause) = pause {
                        tokio::time::sleep(pause).await;
                        tries += 1;
                    } else {
                        return Err(explained(batch, error));
                    }
                    self.most = batch.len().div_ceil(2);
                }
            }
        }
        Ok(new)
    }

    /// How long to wait before it is tried again; nothing where that would not help.
    fn pause(&self, error: &StoreError, tries: u32) -> Option<Duration> {
        let pause = FIRST_PAUSE * (1 << tries.min(TRIES));
        match error {
            _ if tries >= TRIES => None,
            StoreError::Unavailable { .. } if self.took_some => Some(pause),
            _ => error.asked_pause().map(|asked| pause.max(asked)),
        }
    }
}

fn explained(batch: &[ImportFrame], error: StoreError) -> ExchangeError {
    match batch {
        [frame] if error.is_of_a_frame() => ExchangeError::Frame {
            host: frame.host.to_string(),
            time: number::time(frame.timestamp_ms),
            error,
        },
        _ => error.into(),
    }
}
