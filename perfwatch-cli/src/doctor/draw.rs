//! The findings as text.

use super::report::{Collector, Host, Missing, Report, Rows, Sees};
use crate::{format, screen::Ink, text};

pub(super) fn page(report: &Report, width: usize, ink: Ink) -> String {
    let mut lines = vec![ink.bold(&text::escape(&report.host.name))];
    lines.extend(
        facts(&report.host).into_iter().flat_map(|(name, value)| {
            indented(&format!("{name:<11}"), &text::escape(&value), width)
        }),
    );
    lines.extend([String::new(), ink.bold("collectors")]);
    for collector in &report.collectors {
        lines.push(status(collector, ink));
        lines.extend(missing(collector, report.host.virtual_machine, width));
    }
    lines.extend([String::new(), ink.bold("limits")]);
    for limit in &report.limits {
        let value = format!("{}: {}", limit.value, limit.meaning);
        lines.extend(indented(&format!("{:<21}", limit.name), &value, width));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn facts(host: &Host) -> Vec<(&'static str, String)> {
    let os = host.os.clone().unwrap_or_else(|| "unknown system".to_owned());
    let kernel = host.kernel.as_deref().unwrap_or("of unknown version");
    let model = host.cpu_model.as_deref().unwrap_or("unknown model");
    let memory = host.memory_bytes.map(|memory| format::bytes(memory as f64));
    let virtual_machine = if host.virtual_machine { ", in a virtual machine" } else { "" };
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| format::MISSING.to_owned());
    vec![
        ("system", format!("{os}, Linux {kernel}, {}", host.architecture)),
        ("CPUs", format!("{} x {model}{}", host.cpu_count, virtual_machine)),
        ("memory", or_dash(memory)),
        ("booted", or_dash(host.boot_time.clone())),
        ("time zone", or_dash(host.timezone.clone())),
        ("perfwatch", env!("CARGO_PKG_VERSION").to_owned()),
    ]
}

fn status(collector: &Collector, ink: Ink) -> String {
    let cost = collector.tick_cpu_time_us.map(|cost| format!("{cost:.1} µs"));
    let cost = cost.unwrap_or_else(|| format::MISSING.to_owned());
    let status = text::pad_right(collector.status, 11);
    let status = match collector.status {
        "ok" => ink.green(&status),
        "failed" => ink.red(&status),
        _ => ink.yellow(&status),
    };
    let name = text::pad_right(collector.name, 17);
    let cost = text::pad_left(&cost, 10);
    format!("  {name} {status} {cost}  {}", seen(&collector.sees)).trim_end().to_owned()
}

/// What is missing and why. What virtual machines are seldom given is no fault of one: there it
/// is listed in short.
fn missing(collector: &Collector, virtual_machine: bool, width: usize) -> Vec<String> {
    let in_short = |gap: &&Missing| virtual_machine && gap.hardware;
    let (short, long): (Vec<_>, Vec<_>) = collector.gaps.iter().partition(in_short);
    let mut lines = Vec::new();
    let said = |reason: &String| collector.gaps.iter().any(|gap| gap.reason == *reason);
    if let Some(reason) = collector.reason.as_ref().filter(|reason| !said(reason)) {
        lines.extend(explained("why", reason, collector.cure.as_deref(), width));
    }
    for alike in long.chunk_by(|a, b| (&a.reason, &a.cure) == (&b.reason, &b.cure)) {
        let [gap, ..] = alike else { continue };
        let whats: Vec<_> = alike.iter().map(|gap| gap.what.as_str()).collect();
        let missing = format!("{}: {}", whats.join("; "), gap.reason);
        lines.extend(explained("missing", &missing, gap.cure.as_deref(), width));
    }
    if !short.is_empty() {
        let names = format!("as in most virtual machines: {}", names(&short));
        lines.extend(explained("missing", &names, None, width));
    }
    let mut cures: Vec<_> = short.iter().filter_map(|gap| gap.cure.as_deref()).collect();
    cures.dedup();
    lines.extend(cures.into_iter().flat_map(|cure| indented("  cure    ", cure, width)));
    lines
}

/// What the gaps are called, without a list of all that belongs to each.
fn names(gaps: &[&Missing]) -> String {
    let name = |gap: &&Missing| gap.what.split(':').next().unwrap_or_default().to_owned();
    gaps.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn explained(word: &str, reason: &str, cure: Option<&str>, width: usize) -> Vec<String> {
    let mut lines = indented(&format!("  {word:<8}"), &text::escape(reason), width);
    if let Some(cure) = cure {
        lines.extend(indented("  cure    ", &text::escape(cure), width));
    }
    lines
}

fn seen(sees: &Sees) -> String {
    let some = |rows: &Rows| match (rows.count, rows.row.strip_suffix('y')) {
        (1, _) => format!("1 {}", rows.row),
        (count, Some(stem)) => format!("{count} {stem}ies"),
        (count, None) => format!("{count} {}s", rows.row),
    };
    let rows = sees.rows.iter().filter(|rows| rows.count > 0).map(some);
    let values = (sees.of > 0).then(|| format!("{} of {} values", sees.values, sees.of));
    rows.chain(values).collect::<Vec<_>>().join(", ")
}

/// Text behind a name, its further lines below its first.
fn indented(name: &str, value: &str, width: usize) -> Vec<String> {
    let indent = 2 + text::width(name) + 1;
    let lines = text::wrap(value, width.saturating_sub(indent).max(20));
    let mut lines = lines.into_iter();
    let first = format!("  {name} {}", lines.next().unwrap_or_default());
    let rest = lines.map(|line| format!("{}{line}", " ".repeat(indent)));
    std::iter::once(first).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(what: &str, reason: &str, cure: &str, hardware: bool) -> Missing {
        let (what, reason, cure) = (what.to_owned(), reason.to_owned(), Some(cure.to_owned()));
        Missing { what, reason, cure, hardware }
    }

    fn shown(virtual_machine: bool) -> String {
        let collector = Collector {
            name: "engine",
            status: "unavailable",
            reason: Some("no steam".to_owned()),
            cure: Some("heat it".to_owned()),
            tick_cpu_time_us: None,
            errors: 0,
            sees: Sees::default(),
            gaps: vec![
                gap("wheels: left, right", "no steam", "heat it", true),
                gap("whistle", "no steam", "heat it", true),
                gap("map", "not printed", "print it", false),
            ],
        };
        missing(&collector, virtual_machine, 80).join("\n")
    }

    #[test]
    fn what_virtual_machines_lack_is_said_in_short_there() {
        insta::assert_snapshot!(shown(true), @"
            missing  map: not printed
            cure     print it
            missing  as in most virtual machines: wheels, whistle
            cure     heat it
        ");
    }

    #[test]
    fn elsewhere_every_gap_has_its_reason_and_none_stands_twice() {
        insta::assert_snapshot!(shown(false), @"
            missing  wheels: left, right; whistle: no steam
            cure     heat it
            missing  map: not printed
            cure     print it
        ");
    }

    #[test]
    fn rows_are_counted_where_there_are_some() {
        let rows = |row, count| Rows { row, count };
        let rows = vec![rows("core", 2), rows("zone", 0), rows("supply", 2), rows("disk", 1)];
        assert_eq!(
            seen(&Sees { values: 3, of: 4, rows }),
            "2 cores, 2 supplies, 1 disk, 3 of 4 values"
        );
        assert_eq!(seen(&Sees::default()), "");
    }
}
