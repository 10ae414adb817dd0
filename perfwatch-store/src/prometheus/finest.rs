//! How many decimals the series of an import have: never fewer than before.
//!
//! The decimals are a label, so a value with others is of another series, and of two series with one
//! path the finer counts as the newer. So it is where a table's unit gets finer. Where another place
//! wrote each value with the digits it needs (1.25, then 2), it would not be.

use std::{collections::HashMap, sync::Arc};

use perfwatch_core::MISSING;

use crate::{ImportFrame, ImportValue, import::MOST_DECIMALS, layout::SeriesInfo};

/// The most decimals of each series of the hosts that are imported.
#[derive(Debug, Default)]
pub(super) struct Finest(HashMap<Arc<str>, HashMap<Arc<str>, u8>>);

impl Finest {
    /// Whether it was learned what the engine has of a host.
    pub(super) fn knows(&self, host: &str) -> bool {
        self.0.contains_key(host)
    }

    /// The engine has these series of a host.
    pub(super) fn learn(&mut self, host: &Arc<str>, infos: impl Iterator<Item = SeriesInfo>) {
        let series = self.0.entry(Arc::clone(host)).or_default();
        for info in infos.filter(|info| info.decimals <= MOST_DECIMALS) {
            let finest = series.entry(info.path).or_default();
            *finest = info.decimals.max(*finest);
        }
    }

    /// The frame in decimals that do not get fewer. A value that has no room for more stays as it is.
    pub(super) fn refined(&mut self, frame: &ImportFrame) -> ImportFrame {
        let series = self.0.entry(Arc::clone(&frame.host)).or_default();
        let refined = |value: &ImportValue| {
            let finest = series.entry(Arc::clone(&value.path)).or_default();
            *finest = value.decimals.min(MOST_DECIMALS).max(*finest);
            let factor = 10_i64.checked_pow(finest.saturating_sub(value.decimals).into());
            let digits = factor.and_then(|factor| value.value.checked_mul(factor));
            let is_refined = value.value != MISSING && value.decimals < *finest;
            match digits.filter(|_| is_refined) {
                Some(digits) => {
                    ImportValue { path: Arc::clone(&value.path), decimals: *finest, value: digits }
                }
                None => value.clone(),
            }
        };
        let values = frame.values.iter().map(refined).collect();
        ImportFrame { host: Arc::clone(&frame.host), timestamp_ms: frame.timestamp_ms, values }
    }
}
