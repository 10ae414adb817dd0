//! What a fleet cost, as a table in Markdown.

use std::io::Write;

use anyhow::Result;

use super::{
    fleet::{Fleet, Stretch},
    receiver::Received,
};

/// What a row shows of a stretch.
type Cell = fn(&Stretch) -> String;

const ROWS: [(&str, Cell); 12] = [
    ("seconds", |s| format!("{:.0}", s.seconds)),
    ("frames acknowledged", |s| s.frames.to_string()),
    ("values a second", |s| format!("{:.0}", s.values() / s.seconds)),
    ("lag, ms: half / 99 of 100 / slowest", |s| {
        let [half, most, slowest] = s.lag_ms;
        format!("{half} / {most} / {slowest}")
    }),
    ("sender, % of a core", |s| format!("{:.1}", 100.0 * s.sender_cpu_s / s.seconds)),
    ("sender, µs of CPU per value", |s| format!("{:.2}", 1e6 * s.sender_cpu_s / s.values())),
    ("all else on the machine, % of a core", |s| {
        format!("{:.1}", 100.0 * s.others_cpu_s / s.seconds)
    }),
    ("wire, bytes per value", |s| said(s, |it| format!("{:.2}", it.wire / s.values()))),
    ("connections made", |s| said(s, |it| format!("{:.0}", it.connections))),
    ("receiver, % of a core", |s| said(s, |it| format!("{:.1}", 100.0 * it.cpu_s / s.seconds))),
    ("receiver, µs of CPU per value", |s| {
        said(s, |it| format!("{:.2}", 1e6 * it.cpu_s / s.values()))
    }),
    ("receiver, MiB resident at the end", |s| {
        said(s, |it| format!("{:.0}", it.resident / f64::from(1 << 20)))
    }),
];

/// What an engine says of itself; PostgreSQL says nothing.
fn said(stretch: &Stretch, show: impl Fn(&Received) -> String) -> String {
    stretch.received.as_ref().map_or_else(|| "-".to_owned(), show)
}

impl Fleet {
    /// Prints it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn print(&self, out: &mut impl Write) -> Result<()> {
        writeln!(out, "| {} hosts of 200 series | first frames | then |", self.hosts)?;
        writeln!(out, "|---|---:|---:|")?;
        for (name, cell) in ROWS {
            writeln!(out, "| {name} | {} | {} |", cell(&self.first), cell(&self.steady))?;
        }
        let per_host = self.sender_bytes as f64 / 1024.0 / self.hosts.max(1) as f64;
        let [before, after] = &self.load;
        writeln!(out, "| sender, KiB of memory per host | | {per_host:.0} |")?;
        if let Some(disk) = self.disk {
            writeln!(out, "| disk after so short a time, bytes per value | | {disk:.2} |")?;
        }
        writeln!(out, "| overview of all hosts, ms | | {:.0} |", self.overview_ms)?;
        writeln!(out, "| frames given up | | {} |", self.dropped)?;
        writeln!(out, "| load average, before and after | {before} | {after} |")?;
        Ok(())
    }
}
