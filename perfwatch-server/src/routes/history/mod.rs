//! `/api/history`: what was stored.

mod metrics;
mod types;

pub(crate) use metrics::*;
pub(crate) use types::*;
