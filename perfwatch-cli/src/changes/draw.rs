//! What changed, as text: the windows, one line per series, and how many were looked at.

use std::borrow::Cow;

use jiff::{Timestamp, tz::TimeZone};
use perfwatch_core::series::segments;

use super::report::{Moved, Report, Side};
use crate::{
    catalog::{Catalog, FieldEntry},
    format,
    screen::Ink,
    text,
};

/// How the page looks.
pub(super) struct Look<'a> {
    /// How many columns fit; nothing in a pipe, where names are never shortened.
    pub(super) width: Option<usize>,
    pub(super) ink: Ink,
    /// In which zone times are told.
    pub(super) zone: &'a TimeZone,
}

/// One line of the table.
struct Row {
    rank: String,
    series: String,
    /// `p95` where that figure moved, not the median.
    figure: &'static str,
    before: String,
    after: String,
    change: String,
    effect: String,
}

/// No name is shortened below this.
const LEAST_NAME: usize = 20;

pub(super) fn page(report: &Report, catalog: &Catalog, look: &Look) -> String {
    let mut lines = vec![look.ink.bold(&text::escape(&report.host))];
    for (name, side) in [("before", &report.before), ("after", &report.after)] {
        lines.push(format!("  {name:<6}  {}", window(side, look.zone)));
    }
    if !report.changes.is_empty() {
        lines.push(String::new());
        lines.extend(table(&report.changes, catalog, look));
    }
    for (what, paths) in [("appeared", &report.appeared), ("disappeared", &report.disappeared)] {
        lines.extend(listed(what, paths, look));
    }
    lines.extend([String::new(), summary(report, look), String::new()]);
    lines.join("\n")
}

fn window(side: &Side, zone: &TimeZone) -> String {
    let read = |text: &str| text.parse().ok().map(|it: Timestamp| it.to_zoned(zone.clone()));
    let (Some(start), Some(end)) = (read(&side.start_time), read(&side.end_time)) else {
        // A daemon that writes no times is one of another kind.
        return text::escape(&side.range()).into_owned();
    };
    let same_day = start.date() == end.date();
    let end = end.strftime(if same_day { "%H:%M:%S %Z" } else { "%Y-%m-%d %H:%M:%S %Z" });
    let points = if side.points == 1 { "1 point" } else { &format!("{} points", side.points) };
    format!("{} to {end}, {points}", start.strftime("%Y-%m-%d %H:%M:%S"))
}

fn table(changes: &[Moved], catalog: &Catalog, look: &Look) -> Vec<String> {
    let rows: Vec<Row> =
        changes.iter().zip(1..).map(|(moved, rank)| Row::new(moved, rank, catalog)).collect();
    let heading = Row::heading();
    let all = || std::iter::once(&heading).chain(&rows);
    let widest = |cell: fn(&Row) -> &str| all().map(|row| text::width(cell(row))).max();
    let width = |cell| widest(cell).unwrap_or_default();
    let widths = Widths {
        rank: width(|row| &row.rank),
        figure: width(|row| row.figure),
        before: width(|row| &row.before),
        after: width(|row| &row.after),
        change: width(|row| &row.change),
        effect: width(|row| &row.effect),
        series: width(|row| &row.series),
    };
    let widths = widths.within(look.width);
    let mut lines = vec![look.ink.dim(&widths.line(&heading))];
    lines.extend(rows.iter().map(|row| widths.line(row)));
    lines
}

/// How wide each column is.
struct Widths {
    rank: usize,
    series: usize,
    figure: usize,
    before: usize,
    after: usize,
    change: usize,
    effect: usize,
}

impl Widths {
    /// What does not fit is taken from the names.
    fn within(mut self, width: Option<usize>) -> Self {
        let Some(width) = width else { return self };
        let used = text::width(&self.line(&Row::heading())) - self.series;
        self.series = self.series.min(width.saturating_sub(used).max(LEAST_NAME));
        self
    }

    fn line(&self, row: &Row) -> String {
        // Most pages have no 95th percentile in them.
        let figure = match self.figure {
            0 => String::new(),
            width => format!("  {}", text::pad_right(row.figure, width)),
        };
        let arrow = if row.rank == "#" { " " } else { "→" };
        format!(
            "{}  {}{figure}  {} {arrow} {}  {}  {}",
            text::pad_left(&row.rank, self.rank),
            text::pad_right(&text::shorten(&row.series, self.series), self.series),
            text::pad_left(&row.before, self.before),
            text::pad_left(&row.after, self.after),
            text::pad_left(&row.change, self.change),
            text::pad_left(&row.effect, self.effect),
        )
    }
}

impl Row {
    fn heading() -> Self {
        let [rank, series, before, after, change, effect] =
            ["#", "series", "before", "after", "change", "effect"].map(str::to_owned);
        Self { rank, series, figure: "", before, after, change, effect }
    }

    fn new(moved: &Moved, rank: usize, catalog: &Catalog) -> Self {
        let (before, after) = moved.shift();
        let segments = segments(&moved.path).unwrap_or_default();
        let field = catalog.field(&segments).map_or_else(|| unknown(before, after), Cow::Borrowed);
        let shown = |value| text::escape(&format::value(value, &field)).into_owned();
        Self {
            rank: rank.to_string(),
            series: text::escape(&moved.path).into_owned(),
            figure: if moved.moved == "p95" { "p95" } else { "" },
            before: shown(before),
            after: shown(after),
            change: change(moved.change_percent, before, after),
            effect: signed(moved.effect),
        }
    }
}

/// A series that the catalog does not have: its numbers, with no unit.
fn unknown(before: Option<f64>, after: Option<f64>) -> Cow<'static, FieldEntry> {
    let whole = [before, after].into_iter().flatten().all(|value| value.fract() == 0.0);
    Cow::Owned(FieldEntry {
        name: String::new(),
        unit: String::new(),
        symbol: String::new(),
        decimals: if whole { 0 } else { 2 },
        help: String::new(),
        codes: Vec::new(),
    })
}

/// By how much: in percent, or as a factor where that is easier to grasp.
fn change(percent: Option<f64>, before: Option<f64>, after: Option<f64>) -> String {
    match (percent, before, after) {
        (Some(percent), Some(before), Some(after)) if percent >= 900.0 && before > 0.0 => {
            format!("x{}", short(after / before))
        }
        (Some(percent), ..) if percent.abs() < 9.95 => format!("{percent:+.1}%"),
        (Some(percent), ..) => format!("{percent:+.0}%"),
        (None, Some(_), _) => "from 0".to_owned(),
        _ => format::MISSING.to_owned(),
    }
}

fn signed(effect: f64) -> String {
    let sign = if effect < 0.0 { "-" } else { "+" };
    format!("{sign}{}", short(effect.abs()))
}

/// A number of three or four digits.
fn short(number: f64) -> String {
    let decimals = usize::from(number < 99.95);
    if number < 9999.5 { format!("{number:.decimals$}") } else { format::thousands(number, 1) }
}

fn listed(what: &str, paths: &[String], look: &Look) -> Vec<String> {
    if paths.is_empty() {
        return Vec::new();
    }
    let indent = what.len() + 2;
    let names: Vec<_> = paths.iter().map(|path| text::escape(path)).collect();
    let width = look.width.map_or(usize::MAX, |width| width.saturating_sub(indent));
    let lines = text::wrap(&names.join(" "), width);
    let name = |line: usize| if line == 0 { what } else { "" };
    let lines = lines.iter().enumerate().map(|(at, line)| format!("{:<indent$}{line}", name(at)));
    std::iter::once(String::new()).chain(lines).collect()
}

fn summary(report: &Report, look: &Look) -> String {
    let series = if report.series == 1 { "1 series" } else { &format!("{} series", report.series) };
    let beyond = report.changed - report.changes.len().min(report.changed);
    let beyond = if beyond > 0 { format!(" ({beyond} not shown)") } else { String::new() };
    let floor = report.min_effect;
    let text = format!(
        "{series}: {} changed{beyond}, {} moved by less than {floor} times their noise, \
         {} with too few points, {} appeared, {} disappeared",
        report.changed,
        report.below_floor,
        report.too_few_points,
        report.appeared.len(),
        report.disappeared.len(),
    );
    text::wrap(&text, look.width.unwrap_or(usize::MAX)).join("\n")
}
