//! The findings as text.

use super::report::{Collector, Host, Report, Rows, Sees};
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
        lines.extend(about(collector, width, ink));
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
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| format::MISSING.to_owned());
    vec![
        ("system", format!("{os}, Linux {kernel}, {}", host.architecture)),
        ("CPUs", format!("{} x {model}", host.cpu_count)),
        ("memory", or_dash(memory)),
        ("booted", or_dash(host.boot_time.clone())),
        ("time zone", or_dash(host.timezone.clone())),
        ("perfwatch", env!("CARGO_PKG_VERSION").to_owned()),
    ]
}

fn about(collector: &Collector, width: usize, ink: Ink) -> Vec<String> {
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
    let mut lines = vec![format!("  {name} {status} {cost}  {}", seen(&collector.sees))];
    if let Some(reason) = &collector.reason {
        lines.extend(explained("why", reason, collector.cure.as_deref(), width));
    }
    for gap in &collector.gaps {
        let missing = format!("{}: {}", gap.what, gap.reason);
        lines.extend(explained("missing", &missing, gap.cure.as_deref(), width));
    }
    lines
}

fn explained(word: &str, reason: &str, cure: Option<&str>, width: usize) -> Vec<String> {
    let mut lines = indented(&format!("  {word:<8}"), &text::escape(reason), width);
    if let Some(cure) = cure {
        lines.extend(indented("  cure    ", &text::escape(cure), width));
    }
    lines
}

fn seen(sees: &Sees) -> String {
    let some = |rows: &Rows| match rows.count {
        1 => format!("1 {}", rows.row),
        count => format!("{count} {}s", rows.row),
    };
    let rows = sees.rows.iter().map(some);
    let values = format!("{} of {} values", sees.values, sees.of);
    rows.chain([values]).collect::<Vec<_>>().join(", ")
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
