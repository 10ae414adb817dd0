//! `perfwatch changes`: which series moved between two windows of history, the farthest first.
//!
//! A file and a daemon give the same [`Report`]; the statistics are the store's.

mod draw;
mod local;
mod remote;
mod report;
#[cfg(test)]
mod tests;

use std::io;

use anyhow::{Error, Result, anyhow};
use jiff::Zoned;
use perfwatch_store::Window;

use crate::{
    args::{ChangesArgs, ChangesFormat},
    catalog::Catalog,
    failure::Failure,
    screen::Screen,
    text, window,
};
use report::Report;

/// What is asked of a file or a daemon.
struct Question<'a> {
    host: Option<&'a str>,
    before: Window,
    after: Window,
    min_effect: f64,
    limit: usize,
}

/// What is answered: the report as it is, the same for showing it, and what its names mean.
struct Answer {
    json: String,
    report: Report,
    catalog: Catalog,
}

/// Shows what changed; any failure of this one is for [`Failure::Trouble`], as 1 is an answer.
pub(crate) fn run(args: &ChangesArgs, screen: &mut Screen) -> Result<()> {
    let now = Zoned::now();
    let (before, after) = windows(args.first.as_deref(), args.second.as_deref(), &now)?;
    let (host, min_effect) = (args.host.as_deref(), args.min_effect);
    let question = Question { host, before, after, min_effect, limit: usize::from(args.limit) };
    let answer = match &args.server {
        Some(url) => remote::ask(url, &args.access, args.format, &question)?,
        None => local::ask(args.store.as_deref(), &question)?,
    };
    check(&answer.report)?;
    let written = match args.format {
        ChangesFormat::Json => screen.write(&text::json_line(&answer.json)),
        ChangesFormat::Table => {
            let look = draw::Look {
                width: screen.is_terminal().then(|| screen.width()),
                ink: screen.ink(),
                zone: now.time_zone(),
            };
            screen.write(&draw::page(&answer.report, &answer.catalog, &look))
        }
    };
    // A reader that closed the pipe has seen enough; whether something changed holds all the same.
    written.or_else(|error| if is_closed_pipe(&error) { Ok(()) } else { Err(error) })?;
    if answer.report.is_quiet() { Ok(()) } else { Err(Failure::Told.into()) }
}

/// The windows before and after.
fn windows(first: Option<&str>, second: Option<&str>, now: &Zoned) -> Result<(Window, Window)> {
    let read = |text: &str| window::parse(text, now).map_err(Failure::Usage);
    if let (Some(first), Some(second)) = (first, second) {
        return Ok((read(first)?, read(second)?));
    }
    let after = read(first.unwrap_or("-1h"))?;
    Ok((window::earlier(after), after))
}

/// Refuses a report that says nothing, so that a script never takes it for a quiet host.
fn check(report: &Report) -> Result<()> {
    if let Some(note) = &report.note {
        let (before, after) = (report.before.range(), report.after.range());
        return Err(anyhow!("{note} ({before}, then {after}); choose others, or another --host"));
    }
    if report.judged() == 0 && report.is_quiet() {
        return Err(anyhow!(
            "no series has enough points in both windows to be judged; choose longer windows"
        ));
    }
    Ok(())
}

fn is_closed_pipe(error: &Error) -> bool {
    let written = error.downcast_ref::<io::Error>();
    written.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
