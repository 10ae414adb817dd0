//! `perfwatch doctor`: what this host offers, what is missing, why, and what would help.

mod draw;
mod limits;
mod report;

use anyhow::Result;

use crate::{
    args::{DoctorArgs, DoctorFormat},
    failure::Failure,
    screen::Screen,
    text,
};
use report::Report;

pub(crate) fn run(args: &DoctorArgs, screen: &mut Screen) -> Result<()> {
    let report = Report::examine(&args.paths.roots());
    match args.format {
        DoctorFormat::Json => screen.write(&text::json_line(&serde_json::to_string(&report)?))?,
        DoctorFormat::Table => screen.write(&draw::page(&report, screen.width(), screen.ink()))?,
    }
    if report.something_failed() {
        return Err(Failure::Told.into());
    }
    Ok(())
}
