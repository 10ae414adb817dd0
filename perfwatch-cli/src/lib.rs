//! The `perfwatch` command: a host's metrics on a terminal, in a pipe or from a daemon.
//!
//! [`run`] does what a parsed [`Cli`] says and writes to a [`Screen`]; `main` only parses and turns
//! the outcome into an exit code. One renderer draws a table of any origin: it walks a [`Catalog`]
//! and the JSON of a view, and knows no metric by name. Row names come from the host (an interface
//! or a mount may be called anything), so nothing reaches a terminal before [`text`] escaped it.
//! This crate knows the daemon by its HTTP routes only.

mod args;
mod catalog;
mod changes;
mod daemon;
mod doctor;
mod environment;
mod failure;
mod format;
mod history_file;
mod hosts;
mod message;
mod metrics;
mod render;
mod screen;
mod snapshot;
mod store;
mod text;
mod window;

use anyhow::Result;
use clap::CommandFactory;

pub use args::Cli;
pub use catalog::Catalog;
pub use failure::{Failure, exit_code};
pub use metrics::{all_tables, markdown};
pub use screen::Screen;

use args::Command;

/// Does what the command line says.
///
/// # Errors
/// Whatever kept it from doing so; [`exit_code`] says how the process should end.
pub fn run(cli: &Cli, screen: &mut Screen) -> Result<()> {
    match &cli.command {
        Command::Snapshot(args) => snapshot::run(args, screen),
        Command::Doctor(args) => doctor::run(args, screen),
        Command::Changes(args) => changes::run(args, screen).map_err(failure::trouble),
        Command::Hosts(args) => hosts::run(args, screen),
        Command::Store(command) => store::run(command, screen),
        Command::Metrics(args) => metrics::run(args, screen),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "perfwatch", &mut script);
            screen.write(&String::from_utf8(script)?)
        }
    }
}
