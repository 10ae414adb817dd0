//! What history costs: hosts that are made or recorded, and what a store does with their frames.
//!
//! A made host is the same at every run, value by value and millisecond by millisecond, so that a
//! store and its peers are given the same. Times lie in the past and start at midnight (UTC), so
//! that whole days are merged.

mod append;
mod ask;
mod content;
mod fill;
mod made;
mod noise;
mod process;
mod recording;
mod table;
mod tables;
mod year;

pub use append::{Appended, append};
pub use ask::{Asker, Paths, QUESTIONS, Took};
pub use content::{With, fill_whole, frames};
pub use fill::{Filled, Sheet, fill};
pub use made::{Kind, MadeHost};
pub use noise::{Chance, Wander};
pub use process::{Memory, written_bytes};
pub use recording::record;
pub use table::print_alone;
pub use year::Year;

/// What ticks are apart, in milliseconds.
pub const INTERVAL_MS: i64 = 5000;

/// 2023-11-14, at midnight (UTC).
pub const START_MS: i64 = 19_675 * DAY_MS;

/// An hour in milliseconds.
pub const HOUR_MS: i64 = 3_600_000;

/// A day in milliseconds.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// The name of the host whose frames are stored.
pub const HOST: &str = "busy";
