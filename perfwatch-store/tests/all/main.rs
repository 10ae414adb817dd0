//! All tests of the store's public face, in one program: linking is what they wait for.

// Helpers beside the tests are tests too, which the lint does not see.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod changes;
mod cluster;
mod contract;
mod crowded;
mod delivered;
mod documented;
mod engine;
mod engine_faults;
mod equal;
mod exchange;
mod fixture;
mod history_file;
mod in_order;
mod moody;
mod moved;
mod postgres_links;
mod postgres_process;
mod postgres_server;
mod postgres_tables;
mod postgres_tls;
mod process;
mod spooled;
mod sqlite;
mod writer;

contract::suite!(memory);
contract::suite!(postgres);
contract::suite!(sqlite_file);
contract::suite!(sqlite_sealed);
contract::engine_suite!(victoria_metrics);
contract::engine_suite!(prometheus);
