//! The `perfwatch` binary.

use std::process::ExitCode;

use clap::Parser;
use perfwatch_cli::{Cli, Screen, exit_code, run};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = run(&cli, &mut Screen::stdout());
    if let Err(error) = &outcome
        && exit_code(&outcome) != 0
    {
        Screen::complain(error);
    }
    ExitCode::from(exit_code(&outcome))
}
