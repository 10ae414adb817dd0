//! Numbers with their units, as people read them.
//!
//! Shown numbers are rounded to what the eye can compare; JSON has them exactly.

use crate::catalog::FieldEntry;

/// What stands for a number that is not there.
pub(crate) const MISSING: &str = "-";

/// No unit has more decimals; a daemon that says otherwise is not to widen the page.
const MOST_DECIMALS: u8 = 6;

/// A value with its unit.
pub(crate) fn value(value: Option<f64>, field: &FieldEntry) -> String {
    let Some(value) = value else { return MISSING.to_owned() };
    let code = field.codes.iter().find(|code| code.value as f64 == value);
    if let Some(code) = code {
        return code.word.clone();
    }
    let decimals = usize::from(field.decimals.min(MOST_DECIMALS));
    match field.unit.as_str() {
        "percent" => format!("{value:.1}%"),
        "bytes" => bytes(value),
        "bytes_per_second" => format!("{}/s", bytes(value)),
        "events_per_second" => format!("{}/s", thousands(value, 1)),
        "count" => thousands(value, 0),
        "flag" => if value == 0.0 { "no" } else { "yes" }.to_owned(),
        _ => format!("{value:.decimals$} {}", field.symbol).trim_end().to_owned(),
    }
}

/// Bytes in powers of 1024.
pub(crate) fn bytes(value: f64) -> String {
    let (scaled, unit) = scale(value, 1024.0, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"]);
    let decimals = usize::from(unit != "B");
    format!("{scaled:.decimals$} {unit}")
}

/// A number in powers of 1000, once it is too long to be read at a glance.
pub(crate) fn thousands(value: f64, decimals: usize) -> String {
    let (scaled, unit) = scale(value, 10_000.0, 1000.0, &["", "k", "M", "G", "T"]);
    let decimals = if unit.is_empty() { decimals } else { 1 };
    format!("{scaled:.decimals$}{unit}")
}

/// Divides by `step` until the number is small: below `bound` as it is, below `step` afterwards.
fn scale<'a>(value: f64, bound: f64, step: f64, units: &[&'a str]) -> (f64, &'a str) {
    let mut units = units.iter().copied();
    let mut scaled = (value, units.next().unwrap_or_default());
    // What would be shown as 1024.0 KiB is 1.0 MiB.
    let rounding = 0.05;
    let mut limit = bound;
    for unit in units {
        if scaled.0.abs() + rounding < limit {
            break;
        }
        scaled = (scaled.0 / step, unit);
        limit = step;
    }
    scaled
}

/// What a field is called above its values, which show the unit themselves.
pub(crate) fn label(name: &str) -> String {
    let plain = name.strip_suffix("_per_sec").unwrap_or(name);
    let units =
        ["_percent", "_bytes", "_celsius", "_mhz", "_ms", "_us", "_seconds", "_watts", "_wh"];
    let plain = units.iter().find_map(|unit| plain.strip_suffix(unit)).unwrap_or(plain);
    plain.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{Catalog, all_tables, catalog::CodeEntry};

    fn shown(number: f64, unit: &str, symbol: &str, decimals: u8) -> String {
        value(Some(number), &field(unit, symbol, decimals))
    }

    fn field(unit: &str, symbol: &str, decimals: u8) -> FieldEntry {
        FieldEntry {
            name: String::new(),
            unit: unit.to_owned(),
            symbol: symbol.to_owned(),
            decimals,
            help: String::new(),
            codes: Vec::new(),
        }
    }

    #[test]
    fn a_code_is_shown_as_its_word() {
        let mut kind = field("count", "", 0);
        kind.codes = vec![CodeEntry { value: 3, word: "bond".to_owned() }];
        assert_eq!(value(Some(3.0), &kind), "bond");
        assert_eq!(value(Some(9.0), &kind), "9", "a code of the future");
    }

    #[test]
    fn numbers_are_short_and_carry_their_unit() {
        assert_eq!(shown(12.34, "percent", "%", 2), "12.3%");
        assert_eq!(shown(0.0, "bytes", "B", 0), "0 B");
        assert_eq!(shown(1536.0, "bytes", "B", 0), "1.5 KiB");
        assert_eq!(shown(1_048_570.0, "bytes_per_second", "B/s", 0), "1.0 MiB/s");
        assert_eq!(shown(9876.5, "events_per_second", "/s", 1), "9876.5/s");
        assert_eq!(shown(12_345.6, "events_per_second", "/s", 1), "12.3k/s");
        assert_eq!(shown(999_999.0, "count", "", 0), "1.0M");
        assert_eq!(shown(1.0, "flag", "", 0), "yes");
        assert_eq!(shown(2400.0, "megahertz", "MHz", 0), "2400 MHz");
        assert_eq!(shown(0.52, "average", "", 2), "0.52");
        assert_eq!(shown(1.0, "a unit of the future", "x", 200), "1.000000 x");
    }

    #[test]
    fn labels_are_unique_in_their_table() {
        for table in Catalog::of(&all_tables()).metric_types.iter().flat_map(|it| &it.tables) {
            let mut seen = HashSet::new();
            for field in &table.fields {
                let label = label(&field.name);
                assert!(seen.insert(label.clone()), "{label} is there twice in {}", table.name);
            }
        }
    }
}
