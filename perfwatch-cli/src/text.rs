//! Text as a terminal shows it: escaped, measured, padded and wrapped.

use std::borrow::Cow;

pub(crate) use perfwatch_core::text::escape;
use perfwatch_core::text::is_treacherous;
use unicode_width::UnicodeWidthStr;

/// A JSON document on one line, with such characters in JSON's own escapes: it stays the same
/// document. They only occur inside strings, except for line ends between the tokens.
pub(crate) fn json_line(document: &str) -> String {
    let mut line = String::with_capacity(document.len() + 1);
    for c in document.trim().chars() {
        match c {
            '\n' | '\r' | '\t' => {}
            c if is_treacherous(c) => line.push_str(&format!("\\u{:04x}", c as u32)),
            c => line.push(c),
        }
    }
    line.push('\n');
    line
}

/// How many columns the text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

pub(crate) fn pad_right(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

pub(crate) fn pad_left(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// The text in at most so many columns: what does not fit is left out of the middle, because names
/// that begin alike (mounts, virtual interfaces) differ at their end.
pub(crate) fn shorten(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let half = columns.saturating_sub(1) / 2;
    let head = fitting(text.chars(), columns.saturating_sub(1) - half);
    let tail: String = fitting(text.chars().rev(), half).chars().rev().collect();
    Cow::Owned(format!("{head}…{tail}"))
}

fn fitting(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut text = String::new();
    for c in chars {
        text.push(c);
        if width(&text) > columns {
            text.pop();
            break;
        }
    }
    text
}

/// The text in lines of at most so many columns, broken between words.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if width(line) + 1 + width(word) <= columns {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Names as people order them: `cpu2` before `cpu10`.
pub(crate) fn natural_key(name: &str) -> Vec<(u64, String)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(letters);
        let digits = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        let (number, tail) = tail.split_at(digits);
        parts.push((0, word.to_owned()));
        parts.push((number.parse().unwrap_or(u64::MAX), number.to_owned()));
        rest = tail;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_the_same_document_on_one_line() {
        let document = "{\n  \"a\u{9b}b\": \"\u{202e}\\n\"\n}\n";
        let line = json_line(document);
        assert_eq!(line, "{  \"a\\u009bb\": \"\\u202e\\n\"}\n");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&line), value(document));
    }

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(shorten("/var/lib/containers/7f3a", 12), "/var/l…/7f3a");
        assert!(width(&shorten("字字字字字字字字", 8)) <= 8);
        assert_eq!(shorten("short", 12), "short");
    }

    #[test]
    fn names_are_ordered_by_their_numbers() {
        let mut names = ["10", "9", "eth10", "eth2", "lo", "0"];
        names.sort_by_key(|name| natural_key(name));
        assert_eq!(names, ["0", "9", "10", "eth2", "eth10", "lo"]);
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("", 8), [""]);
    }
}
