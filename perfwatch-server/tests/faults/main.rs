//! What the daemon does when something breaks: a full disk, a file that is none, a second daemon,
//! a clock that is turned, a store that is away.
//!
//! As in the store's own faults, each runs in a short form with all other tests, and as often as it
//! takes to believe it in `make test-faults`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]
#![allow(clippy::indexing_slicing, clippy::print_stdout, reason = "these are tests")]

#[path = "../common/mod.rs"]
mod common;

mod absent;
mod away;
mod clock;
mod engine;
mod files;
mod full;
#[path = "../../../perfwatch-store/tests/faults/level.rs"]
mod level;
mod link;
mod outage;
mod postgres;
#[path = "../../../perfwatch-store/tests/all/postgres_process.rs"]
mod postgres_process;
#[path = "../../../perfwatch-store/tests/all/process.rs"]
mod process;
mod proxy;
mod two;
