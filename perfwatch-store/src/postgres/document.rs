//! A frame as JSON, one document per metric type, for whoever reads SQL.
//!
//! The documents are what the live JSON shows, but for values that are missing: these are left out.
//! Numbers are written as decimal digits, so that none of them passes through a float.

use std::{collections::BTreeMap, fmt::Write};

use perfwatch_core::Decimal;

use crate::Record;

/// JSON in PostgreSQL cannot hold a NUL. It is written as this character and a 0, the character
/// itself as it and a 1.
const ESCAPE: char = '\u{2400}';

/// An object, or a number.
enum Node {
    Object(Tree),
    Number(Decimal),
}

/// An object with its members.
#[derive(Default)]
pub(super) struct Tree(BTreeMap<String, Node>);

impl Tree {
    /// Puts a number where these names lead. Of two numbers of one name, the first counts.
    pub(super) fn put(&mut self, names: impl Iterator<Item = impl AsRef<str>>, number: Decimal) {
        let mut tree = self;
        let mut names = names.peekable();
        while let Some(name) = names.next() {
            let name = key(name.as_ref());
            if names.peek().is_none() {
                tree.0.entry(name).or_insert(Node::Number(number));
                return;
            }
            let below = tree.0.entry(name).or_insert_with(|| Node::Object(Self::default()));
            let Node::Object(below) = below else { return };
            tree = below;
        }
    }

    /// Its members, each a document.
    pub(super) fn documents(self) -> Vec<(String, String)> {
        self.0.into_iter().map(|(name, node)| (name, text(&node))).collect()
    }
}

/// The documents of a frame by metric type.
pub(super) fn documents(record: &Record) -> Vec<(String, String)> {
    let mut types = Tree::default();
    record.for_each_point(|point| {
        types.put(point.segments(), point.value);
    });
    types.documents()
}

/// A name as it stands in a document.
fn key(name: &str) -> String {
    if !name.contains(['\0', ESCAPE]) {
        return name.to_owned();
    }
    name.replace(ESCAPE, "\u{2400}1").replace('\0', "\u{2400}0")
}

fn text(node: &Node) -> String {
    let mut out = String::new();
    write_node(&mut out, node);
    out
}

fn write_node(out: &mut String, node: &Node) {
    let members = match node {
        Node::Number(number) => return write_number(out, *number),
        Node::Object(Tree(members)) => members,
    };
    out.push('{');
    for (at, (name, node)) in members.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_string(out, name);
        out.push(':');
        write_node(out, node);
    }
    out.push('}');
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        // Writing to a string cannot fail.
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            c if c.is_control() => write!(out, "\\u{:04x}", c as u32),
            c => write!(out, "{c}"),
        };
    }
    out.push('"');
}

/// All digits, without the zeros at the end but for the first behind the point.
fn write_number(out: &mut String, number: Decimal) {
    let scale = 10_u64.pow(u32::from(number.decimals));
    let sign = if number.value < 0 { "-" } else { "" };
    let (whole, rest) = (number.value.unsigned_abs() / scale, number.value.unsigned_abs() % scale);
    let _ = write!(out, "{sign}{whole}");
    if number.decimals > 0 {
        let digits = format!("{rest:0width$}", width = usize::from(number.decimals));
        let digits = digits.trim_end_matches('0');
        let _ = write!(out, ".{}", if digits.is_empty() { "0" } else { digits });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_all_its_digits() {
        let text = |value, decimals| {
            let mut text = String::new();
            write_number(&mut text, Decimal { value, decimals });
            text
        };
        for (value, decimals, expected) in [
            (1234, 2, "12.34"),
            (30, 2, "0.3"),
            (-5, 1, "-0.5"),
            (500, 2, "5.0"),
            (7, 0, "7"),
            (i64::MAX, 3, "9223372036854775.807"),
            (i64::MIN + 1, 0, "-9223372036854775807"),
        ] {
            assert_eq!(text(value, decimals), expected);
        }
    }

    #[test]
    fn names_stay_apart_without_a_nul() {
        let names = ["", "a.b", "\0", "\u{2400}", "\u{2400}0", "\0\u{2400}1\u{2400}0"].map(key);
        assert!(names.iter().all(|name| !name.contains('\0')));
        assert_eq!(std::collections::BTreeSet::from_iter(&names).len(), names.len());
    }
}
