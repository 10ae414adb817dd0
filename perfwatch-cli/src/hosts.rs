//! `perfwatch hosts`: all hosts of a daemon's store, those first that somebody should look at.

use anyhow::Result;
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    args::{HostsArgs, HostsFormat},
    daemon::{Credentials, Daemon},
    format::MISSING,
    screen::{Ink, Screen},
    text,
};

/// No name is shortened below this.
const LEAST_NAME: usize = 12;

const GAP: &str = "  ";

/// What is read of `/api/hosts`.
#[derive(Deserialize)]
struct Hosts {
    /// The paths of each host's percentages.
    vitals: Vec<String>,
    hosts: Vec<Host>,
}

#[derive(Deserialize)]
struct Host {
    name: String,
    current: bool,
    last_seen: Option<String>,
    version: Option<String>,
    state: String,
    vitals: Vec<Option<f64>>,
}

/// Asks a daemon and shows its answer.
pub(crate) fn run(args: &HostsArgs, screen: &mut Screen) -> Result<()> {
    let daemon = Daemon::find(&args.server, &args.access)?.ok_or_else(Credentials::absent)?;
    let json = daemon.get("/api/hosts")?;
    let hosts: Hosts = serde_json::from_str(&json).map_err(|_| daemon.stranger())?;
    match args.format {
        HostsFormat::Json => screen.write(&text::json_line(&json)),
        HostsFormat::Table => {
            let width = screen.is_terminal().then(|| screen.width());
            screen.write(&page(&hosts, Timestamp::now(), width, screen.ink()))
        }
    }
}

/// One line per host under a heading; names are shortened where `width` columns are too few.
fn page(answer: &Hosts, now: Timestamp, width: Option<usize>, ink: Ink) -> String {
    let rows: Vec<Vec<String>> = answer.hosts.iter().map(|host| cells(host, answer, now)).collect();
    let heading = heading(answer);
    let mut widths: Vec<usize> = heading.iter().map(|cell| text::width(cell)).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(text::width(cell));
        }
    }
    if let (Some(width), Some((name, others))) = (width, widths.split_first_mut()) {
        let taken: usize = others.iter().map(|other| other + GAP.len()).sum();
        *name = (*name).min(width.saturating_sub(taken).max(LEAST_NAME));
    }
    let mut page = ink.dim(&line(&heading, &widths)) + "\n";
    for (host, row) in answer.hosts.iter().zip(&rows) {
        let line = line(row, &widths);
        let inked = match host.state.as_str() {
            "live" => line,
            "late" => ink.yellow(&line),
            _ => ink.red(&line),
        };
        page.push_str(&inked);
        page.push('\n');
    }
    page
}

fn heading(answer: &Hosts) -> Vec<String> {
    let ends = |names: [&str; 2]| names.map(str::to_owned);
    // `pressure.io.some_avg10_percent` is the pressure io.
    let vital = |path: &String| {
        let place = path.rsplit_once('.').map_or(path.as_str(), |(place, _)| place);
        text::escape(&place.replace('.', " ")).into_owned()
    };
    let vitals = answer.vitals.iter().map(vital);
    ends(["host", "state"]).into_iter().chain(vitals).chain(ends(["seen", "version"])).collect()
}

fn cells(host: &Host, answer: &Hosts, now: Timestamp) -> Vec<String> {
    let mark = if host.current { " *" } else { "" };
    let percent = |at: usize| match host.vitals.get(at).copied().flatten() {
        Some(percent) => format!("{percent:.1}%"),
        None => MISSING.to_owned(),
    };
    let seen = host.last_seen.as_deref().and_then(|time| time.parse().ok());
    let mut cells =
        vec![text::escape(&host.name).into_owned() + mark, text::escape(&host.state).into_owned()];
    cells.extend((0..answer.vitals.len()).map(percent));
    cells.push(seen.map_or_else(|| MISSING.to_owned(), |seen| ago(seen, now)));
    cells.push(text::escape(host.version.as_deref().unwrap_or(MISSING)).into_owned());
    cells
}

/// How long ago, in the largest unit; a clock that is ahead says now.
fn ago(seen: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - seen.as_second();
    match seconds {
        ..1 => "now".to_owned(),
        1..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86_400 => format!("{} h ago", seconds / 3600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

/// Words to the left, numbers to the right.
fn line(cells: &[String], widths: &[usize]) -> String {
    let padded = cells.iter().zip(widths).enumerate().map(|(at, (cell, &width))| {
        let cell = text::shorten(cell, width);
        if at < 2 { text::pad_right(&cell, width) } else { text::pad_left(&cell, width) }
    });
    padded.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(width: Option<usize>) -> String {
        let host = |name: &str, state: &str, seen: Option<&str>, vitals: &[Option<f64>]| Host {
            name: name.to_owned(),
            current: name == "here",
            last_seen: seen.map(str::to_owned),
            version: (name == "here").then(|| "0.1.0".to_owned()),
            state: state.to_owned(),
            vitals: vitals.to_vec(),
        };
        let answer = Hosts {
            vitals: ["cpu.usage_percent", "pressure.io.some_avg10_percent"]
                .map(str::to_owned)
                .to_vec(),
            hosts: vec![
                host(
                    "a-\u{1b}[2J-very-long-name.example",
                    "gone",
                    Some("2026-11-22T05:00:00Z"),
                    &[None, None],
                ),
                host("here", "live", Some("2026-11-22T07:59:58.500Z"), &[Some(99.95), Some(0.0)]),
                host("new", "tired", None, &[]),
            ],
        };
        page(&answer, "2026-11-22T08:00:00Z".parse().unwrap(), width, Ink::PLAIN)
    }

    #[test]
    fn hosts_come_as_the_daemon_orders_them() {
        insta::assert_snapshot!(shown(None), @r"
        host                                state     cpu  pressure io     seen  version
        a-\u{1b}[2J-very-long-name.example  gone        -            -  3 h ago        -
        here *                              live   100.0%         0.0%  2 s ago    0.1.0
        new                                 tired       -            -        -        -
        ");
    }

    #[test]
    fn a_terminal_is_not_overfilled() {
        let page = shown(Some(60));
        assert!(page.lines().all(|line| text::width(line) <= 60), "{page}");
        assert!(page.contains('…'), "{page}");
    }
}
