//! Series as an engine names them, and back.
//!
//! `cpu.cores.0.usage_percent` of host `a` is `perfwatch_cpu_cores_usage_percent{core="0",
//! decimals="2",host="a",series="cpu.cores.0.usage_percent"}`. The metric's name and the row's label
//! are for people and their queries. They do not say enough to come back (a `_` may have been a
//! dot, a long name is cut), so two more labels do: the exact path, and how many decimals its
//! values have. They stay with the samples, so that nothing has to be remembered anywhere else.

use std::{collections::BTreeMap, sync::Arc};

use perfwatch_core::series;

use crate::{Point, layout::SeriesInfo};

/// One sample per frame: when it was measured, in seconds.
pub(super) const FRAME: &str = "perfwatch_frame_timestamp_seconds";

/// One sample per host and hour, of its oldest frame: what long ranges are asked of.
pub(super) const SEEN: &str = "perfwatch_seen_timestamp_seconds";

/// When somebody wrote under a host's name, with who it was.
pub(super) const REGISTERED: &str = "perfwatch_registered_timestamp_seconds";

/// Engines cut or refuse label values beyond about 2 KiB; a character is at most 4 bytes.
pub(super) const PIECE: usize = 500;

/// So much of a row's name, or of a metric's, is enough for people.
const ROW: usize = 200;

/// Labels by name, as an engine wants them.
pub(super) type Labels = BTreeMap<String, String>;

/// The labels of the series that a point belongs to.
pub(super) fn labels_of(host: &str, point: &Point<'_>) -> Labels {
    let (mut path, mut labels) = (String::new(), Labels::new());
    point.write_path(&mut path);
    if let Some((kind, row)) = point.row {
        labels.insert(row_label(kind), row.chars().take(ROW).collect());
    }
    labels.insert("__name__".into(), metric(point));
    labels.insert("host".into(), host.into());
    labels.insert("decimals".into(), point.value.decimals.to_string());
    let mut rest = path.chars().peekable();
    for piece in 0.. {
        labels.insert(piece_label(piece), rest.by_ref().take(PIECE).collect());
        if rest.peek().is_none() {
            break;
        }
    }
    // To an engine, an empty label is none.
    labels.retain(|_, value| !value.is_empty());
    labels
}

/// A sample's own labels come before the row's.
fn row_label(kind: &str) -> String {
    let taken = ["host", "decimals", "series"].contains(&kind) || kind.starts_with("series_");
    legal(if taken { format!("row_{kind}") } else { kind.to_owned() })
}

/// A series that no table has may have any name: a long one is cut, and the three that are about
/// hosts are none of a value.
fn metric(point: &Point<'_>) -> String {
    let name = legal(format!("perfwatch_{}_{}", point.table, point.column));
    let mut name: String = name.chars().take(ROW).collect();
    if [FRAME, SEEN, REGISTERED].contains(&name.as_str()) {
        name.push('_');
    }
    name
}

fn legal(name: String) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

fn piece_label(piece: usize) -> String {
    if piece == 0 { "series".into() } else { format!("series_{piece}") }
}

/// The series that these labels name, if it is one of PerfWatch's.
pub(super) fn series_of(labels: &Labels) -> Option<SeriesInfo> {
    let pieces = (0..).map_while(|piece| labels.get(&piece_label(piece)));
    let path: String = pieces.map(String::as_str).collect();
    let decimals = labels.get("decimals")?.parse().ok().filter(|decimals| *decimals <= 18)?;
    let segments = series::segments(&path).ok()?;
    Some(SeriesInfo { path: Arc::from(path), segments, decimals, check: 0 })
}

#[cfg(test)]
mod tests {
    use perfwatch_core::Decimal;

    use super::*;

    fn point<'a>(row: Option<(&'a str, &'a str)>) -> Point<'a> {
        let value = Decimal { value: 1, decimals: 1 };
        Point { table: "app.parts", row, column: "heat_celsius", value }
    }

    #[test]
    fn a_series_is_named_by_the_exporters_conventions() {
        let labels = labels_of("a", &point(Some(("part", "eth 0"))));
        let shown: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let expected = [
            "__name__=perfwatch_app_parts_heat_celsius",
            "decimals=1",
            "host=a",
            "part=eth 0",
            "series=app.parts[\"eth 0\"].heat_celsius",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn any_name_comes_back() {
        let long = "ü\n\"".repeat(3000);
        for row in ["", "a.b", "*", "\n\0", &long] {
            for kind in ["part", "host", "series", "series_1"] {
                let labels = labels_of("a", &point(Some((kind, row))));
                assert_eq!(labels.get("host").map(String::as_str), Some("a"));
                assert!(labels.values().all(|value| value.len() <= 2000));
                let found = series_of(&labels).unwrap();
                assert_eq!(found.segments, ["app", "parts", row, "heat_celsius"]);
            }
        }
    }
}
