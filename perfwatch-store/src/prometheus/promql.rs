//! Questions in PromQL: selectors, windows, times.

use std::fmt::Write;

use perfwatch_core::series::{self, Pattern};

use super::names::PIECE;

/// Selectors may be refused beyond 16 KiB; one that asks for too much is filtered afterwards.
const LONGEST: usize = 8 * 1024;

/// Any one segment behind the first, as a path spells it.
const ANY_BEHIND: &str = r#"(\.[A-Za-z0-9_-]+|\["([^"\\]|\\.)*"\])"#;

/// Any one segment at the beginning of a path.
const ANY_FIRST: &str = r#"([A-Za-z0-9_-]+|\["([^"\\]|\\.)*"\])"#;

/// Asks for series by label; values are any text.
#[derive(Clone, Debug)]
pub(super) struct Selector {
    text: String,
}

impl Selector {
    /// All series of a metric; `extra` labels are what the store was told to ask for.
    pub(super) fn of(metric: &str, extra: &[(String, String)]) -> Self {
        let selector = Self { text: format!("{metric}{{") };
        extra.iter().fold(selector, |selector, (name, value)| selector.with(name, "=", value))
    }

    /// Adds a condition: `=`, `!=`, `=~` (the whole of it) or `!~`.
    pub(super) fn with(mut self, name: &str, operator: &str, value: &str) -> Self {
        if !self.text.ends_with('{') {
            self.text.push(',');
        }
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{name}{operator}\"{}\"", quoted(value));
        self
    }

    /// Of all these series, those that the patterns may name.
    pub(super) fn series(all: Self, patterns: &[Pattern]) -> Self {
        let paths: Vec<String> = patterns.iter().map(expression).collect();
        let expression = paths.join("|");
        if expression.len() > LONGEST {
            return all.with("series", "!=", "");
        }
        let is_exact = |pattern: &Pattern| pattern.parts().all(|part| part.is_some());
        if paths.iter().all(|path| path.len() < PIECE) && patterns.iter().all(is_exact) {
            // What engines look up instead of searching for it.
            return all.with("series", "=~", &expression);
        }
        // A long path stands in pieces; only the first is here.
        all.with("series", "=~", &format!("{expression}|(?s:.{{{PIECE}}})"))
    }

    /// As it is written.
    pub(super) fn text(&self) -> String {
        format!("{}}}", self.text)
    }
}

/// A pattern as a regular expression over paths.
fn expression(pattern: &Pattern) -> String {
    let mut expression = String::new();
    for part in pattern.parts() {
        match part {
            Some(name) => {
                let mut path = if expression.is_empty() { String::new() } else { "x".to_owned() };
                let from = path.len();
                series::push_segment(&mut path, name);
                expression.push_str(&escaped(path.get(from..).unwrap_or_default()));
            }
            None if expression.is_empty() => expression.push_str(ANY_FIRST),
            None => expression.push_str(ANY_BEHIND),
        }
    }
    expression
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Within double quotes.
fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for c in text.chars() {
        let _ = match c {
            '"' | '\\' => write!(quoted, "\\{c}"),
            c if c.is_control() => write!(quoted, "\\u{:04x}", c as u32),
            c => write!(quoted, "{c}"),
        };
    }
    quoted
}

/// A time in seconds. A fifth of a millisecond more keeps an engine that cuts instead of rounding
/// from the millisecond before.
pub(super) fn time(timestamp_ms: i64) -> String {
    format!("{}.{:03}2", timestamp_ms.div_euclid(1000), timestamp_ms.rem_euclid(1000))
}

/// Which milliseconds a window `[w]` at a time `t` covers. Prometheus before its third version
/// counts a sample at `t - w`, all others do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Windows {
    /// From `t - w` on.
    Closed,
    /// From the millisecond behind it on.
    LeftOpen,
}

impl Windows {
    /// The window that covers exactly so many milliseconds, at least 2: a closed one cannot cover
    /// a single one.
    pub(super) fn of(self, milliseconds: i64) -> String {
        match self {
            Self::Closed => duration(milliseconds - 1),
            Self::LeftOpen => duration(milliseconds),
        }
    }
}

/// A length of time.
pub(super) fn duration(milliseconds: i64) -> String {
    format!("{milliseconds}ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_holds_any_text() {
        let text = Selector::of("m", &[("team".into(), "x\"y".into())]).with("host", "=", "a\n\\");
        assert_eq!(text.text(), r#"m{team="x\"y",host="a\u000a\\"}"#);
        let series = |pattern: &str| {
            let host = Selector::of("", &[]).with("host", "=", "a");
            Selector::series(host, &[Pattern::parse(pattern).unwrap()]).text()
        };
        let any = series("cpu.*.x");
        assert!(any.starts_with(r#"{host="a",series=~"cpu("#) && any.contains("500"), "{any}");
        assert_eq!(series("a.b"), r#"{host="a",series=~"a\\.b"}"#);
        let long = series(&format!("a.{}", "b".repeat(PIECE)));
        assert!(long.ends_with(r#"|(?s:.{500})"}"#), "{long}");
    }

    #[test]
    fn a_pattern_is_an_expression() {
        let text = |pattern| expression(&Pattern::parse(pattern).unwrap());
        assert_eq!(text("app.load"), r"app\.load");
        assert_eq!(text(r#"app["a.b"].x"#), r#"app\["a\.b"\]\.x"#);
        assert_eq!(text("*.load"), format!(r"{ANY_FIRST}\.load"));
    }

    #[test]
    fn a_time_is_the_same_cut_or_rounded() {
        assert_eq!(time(1_700_000_000_999), "1700000000.9992");
        assert_eq!(time(5), "0.0052");
    }
}
