//! Whether an engine keeps what it took: what is older than its retention it may throw away and say
//! nothing.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use perfwatch_core::{MISSING, series::Pattern};
use tokio::time::Instant;

use super::{ExchangeError, number};
use crate::{ImportFrame, Selection, Store};

/// What an engine took is seen within this.
const PATIENCE: Duration = Duration::from_secs(20);

/// VictoriaMetrics shows new series after a second, but only after ten if it was asked before.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

const PAUSE: Duration = Duration::from_secs(1);

/// The oldest frame of each host, by its time and a series that it has.
#[derive(Default)]
pub(super) struct Oldest(BTreeMap<Arc<str>, (i64, Arc<str>)>);

impl Oldest {
    pub(super) fn note(&mut self, frame: &ImportFrame) {
        let known = self.0.get(&frame.host).map(|(time, _)| *time);
        if known.is_some_and(|known| known <= frame.timestamp_ms) {
            return;
        }
        if let Some(value) = frame.values.iter().find(|value| value.value != MISSING) {
            let oldest = (frame.timestamp_ms, Arc::clone(&value.path));
            self.0.insert(Arc::clone(&frame.host), oldest);
        }
    }

    /// Asks for them, where the store has a retention of its own.
    ///
    /// # Errors
    /// [`ExchangeError::NotKept`] if one is not there, or what the store ran into.
    pub(super) async fn is_kept(&self, store: &dyn Store) -> Result<(), ExchangeError> {
        if store.keeps_policy() || self.0.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(FIRST_PAUSE).await;
        let patience = Instant::now() + PATIENCE;
        for (host, (time, path)) in &self.0 {
            // Any name can be asked for; an import took it.
            let Ok(pattern) = Pattern::parse(path) else { continue };
            let selection = Selection {
                host: host.to_string(),
                patterns: vec![pattern],
                start_ms: *time,
                end_ms: time + 1,
            };
            while store.summary(&selection).await?.is_empty() {
                if Instant::now() >= patience {
                    let (host, time) = (host.to_string(), number::time(*time));
                    return Err(ExchangeError::NotKept { host, time });
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }
}
