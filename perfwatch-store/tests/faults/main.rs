//! What the store does when something breaks: processes killed, power cut, bits flipped, files torn
//! or foreign, clocks turned.
//!
//! Each fault runs in a short form with all other tests; `make test-faults` runs all of them as
//! often as it takes to believe them, and prints the lines of [`level::report`] as a table.

// Helpers beside the tests are tests too, which the lint does not see.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(clippy::indexing_slicing, clippy::cast_precision_loss)]

mod clock;
mod disk;
mod judge;
mod kill;
mod level;
mod old;
mod power;
mod rot;
mod truth;
mod writer;
