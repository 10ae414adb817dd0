//! The names of series: `network.interfaces["eth 0"].bytes_recv_per_sec`.
//!
//! A series path is the path of the value in the JSON of a view. A segment of letters, digits,
//! `_` and `-` stands plain behind a dot; any other is quoted in brackets, with JSON's escapes for
//! quotes, backslashes and control characters. A [`Pattern`] may hold `*` for one whole segment.

use std::fmt::Write;

use crate::{Column, Table, View};

/// Why a series pattern cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is not a series name: {reason} at character {at}")]
pub struct PatternError {
    /// What was given.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: &'static str,
    /// Where, in characters from 1.
    pub at: usize,
}

/// Appends one segment to a path.
pub fn push_segment(path: &mut String, segment: &str) {
    if is_plain(segment) {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(segment);
        return;
    }
    path.push_str("[\"");
    for c in segment.chars() {
        // Writing to a string cannot fail.
        let _ = match c {
            '"' | '\\' => write!(path, "\\{c}"),
            c if c.is_control() => write!(path, "\\u{:04x}", c as u32),
            c => write!(path, "{c}"),
        };
    }
    path.push_str("\"]");
}

fn is_plain(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

/// The path of one value: table, row (empty for a table about the host) and column.
pub fn path(table: &Table, key: &str, column: &Column) -> String {
    let mut path = table.name.to_owned();
    if table.row.is_some() {
        push_segment(&mut path, key);
    }
    push_segment(&mut path, column.name);
    path
}

/// The segments of a path, such as `["cpu", "cores", "0", "usage_percent"]`.
///
/// # Errors
/// [`PatternError`] if the text is not a path.
pub fn segments(path: &str) -> Result<Vec<String>, PatternError> {
    Ok(Pattern::parse(path)?.0.into_iter().map(|part| part.unwrap_or_else(|| "*".into())).collect())
}

/// The column that a series with these segments is of; nothing where none of the tables has it.
pub fn column_of(tables: &[&'static Table], segments: &[String]) -> Option<&'static Column> {
    let name = segments.last()?;
    table_of(tables, segments)?.columns.iter().find(|column| column.name == name)
}

/// The table that a series with these segments is of; where several could have it, the one that has
/// its column. A column that no version of today knows may still belong to a table.
pub fn table_of(tables: &[&'static Table], segments: &[String]) -> Option<&'static Table> {
    let has_column = |table: &Table| {
        segments.last().is_some_and(|name| table.columns.iter().any(|it| it.name == name))
    };
    let fitting = || tables.iter().copied().filter(|table| is_in(table, segments));
    fitting().find(|table| has_column(table)).or_else(|| fitting().next())
}

/// Whether a series with these segments belongs to the table.
fn is_in(table: &Table, segments: &[String]) -> bool {
    let names = table.name.split('.');
    let row = usize::from(table.row.is_some());
    segments.len() == names.clone().count() + row + 1
        && names.zip(segments).all(|(name, segment)| name == segment)
}

/// A series name in which `*` stands for one whole segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Option<String>>);

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`] naming the place of the first character that does not fit.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let mut reader = Reader { text, rest: text };
        let mut parts = Vec::new();
        loop {
            parts.push(reader.segment(parts.is_empty())?);
            if reader.rest.is_empty() {
                return Ok(Self(parts));
            }
        }
    }

    /// The pattern below another name: `usage_percent` below `cpu` is `cpu.usage_percent`.
    pub fn below(&self, segment: &str) -> Self {
        Self(std::iter::once(Some(segment.to_owned())).chain(self.0.iter().cloned()).collect())
    }

    /// Its segments, `None` for a star.
    pub fn parts(&self) -> impl Iterator<Item = Option<&str>> {
        self.0.iter().map(Option::as_deref)
    }

    /// The one path that this names; nothing where it names any number of them.
    pub fn as_path(&self) -> Option<String> {
        let segments = self.0.iter().map(Option::as_deref).collect::<Option<Vec<_>>>()?;
        let mut path = String::new();
        segments.iter().for_each(|segment| push_segment(&mut path, segment));
        Some(path)
    }

    /// Whether a path, given as its segments, is named by this pattern.
    pub fn matches<S: AsRef<str>>(&self, segments: &[S]) -> bool {
        self.0.len() == segments.len()
            && self
                .0
                .iter()
                .zip(segments)
                .all(|(part, segment)| part.as_ref().is_none_or(|part| part == segment.as_ref()))
    }

    /// Whether a column of this table could be named by this pattern, whatever its rows are.
    pub fn could_match(&self, table: &Table, column: &Column) -> bool {
        let named = table.name.split('.').map(Some);
        let row = table.row.map(|_| None);
        let names = named.chain(row).chain([Some(column.name)]);
        self.0.len() == names.clone().count()
            && self.0.iter().zip(names).all(|(part, name)| match (part, name) {
                (Some(part), Some(name)) => part == name,
                _ => true,
            })
    }
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Reader<'_> {
    fn error(&self, reason: &'static str) -> PatternError {
        let read = self.text.len() - self.rest.len();
        let at = self.text.get(..read).unwrap_or_default().chars().count() + 1;
        PatternError { pattern: self.text.to_owned(), reason, at }
    }

    fn segment(&mut self, first: bool) -> Result<Option<String>, PatternError> {
        if let Some(rest) = self.rest.strip_prefix("[\"") {
            self.rest = rest;
            return self.quoted().map(Some);
        }
        if !first {
            self.rest = self.rest.strip_prefix('.').ok_or_else(|| self.error("expected `.`"))?;
        }
        if let Some(rest) = self.rest.strip_prefix('*') {
            self.rest = rest;
            return Ok(None);
        }
        let end = self.rest.find(['.', '[']).unwrap_or(self.rest.len());
        let (segment, rest) = self.rest.split_at(end);
        if !is_plain(segment) {
            return Err(self.error("expected a name of letters, digits, `_` and `-`"));
        }
        self.rest = rest;
        Ok(Some(segment.to_owned()))
    }

    fn quoted(&mut self) -> Result<String, PatternError> {
        let mut segment = String::new();
        let mut chars = self.rest.chars();
        loop {
            let c = chars.next().ok_or_else(|| self.error("the quote is not closed"))?;
            match c {
                '"' => break,
                '\\' => {
                    let c = escaped(&mut chars).ok_or_else(|| self.error("unknown escape"))?;
                    segment.push(c);
                }
                c => segment.push(c),
            }
            self.rest = chars.as_str();
        }
        self.rest = chars
            .as_str()
            .strip_prefix(']')
            .ok_or_else(|| self.error("expected `]` behind the quote"))?;
        Ok(segment)
    }
}

fn escaped(chars: &mut std::str::Chars<'_>) -> Option<char> {
    match chars.next()? {
        c @ ('"' | '\\') => Some(c),
        'u' => {
            let (code, rest) = chars.as_str().split_at_checked(4)?;
            *chars = rest.chars();
            char::from_u32(u32::from_str_radix(code, 16).ok()?)
        }
        _ => None,
    }
}

impl View {
    /// Calls `each` with the table, the row name and the values (one per column) of every row.
    pub fn for_each_row(&self, mut each: impl FnMut(&'static Table, &str, &[i64])) {
        for block in &self.blocks {
            block.rows().for_each(|(key, values)| each(block.table(), key, values));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn join(segments: &[String]) -> String {
        segments.iter().fold(String::new(), |mut path, segment| {
            push_segment(&mut path, segment);
            path
        })
    }

    #[test]
    fn plain_names_need_no_brackets() {
        let segments = ["network", "interfaces", "eth 0", "bytes"].map(String::from);
        assert_eq!(join(&segments), r#"network.interfaces["eth 0"].bytes"#);
        assert_eq!(join(&segments[..2]), "network.interfaces");
    }

    #[test]
    fn a_star_is_one_whole_segment() {
        let pattern = Pattern::parse("cpu.cores.*.usage_percent").unwrap();
        assert!(pattern.matches(&["cpu", "cores", "17", "usage_percent"]));
        assert!(!pattern.matches(&["cpu", "cores", "usage_percent"]));
        assert!(Pattern::parse("*").unwrap().below("cpu").matches(&["cpu", "load_1m"]));
    }

    #[test]
    fn what_is_no_name_is_refused_with_its_place() {
        for (text, at) in
            [("", 1), ("cpu.", 5), ("a..b", 3), ("a[\"x", 5), ("a[\"x\"b", 5), ("a b", 1)]
        {
            let error = Pattern::parse(text).unwrap_err();
            assert_eq!((error.pattern.as_str(), error.at), (text, at), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_names_survive_the_way_there_and_back(
            names in proptest::collection::vec(any::<String>(), 1..5)
        ) {
            // A path starts with a plain name: the metric type.
            let mut path = vec!["cpu".to_owned()];
            path.extend(names);
            prop_assert_eq!(segments(&join(&path)).unwrap(), path);
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = Pattern::parse(&text);
        }
    }
}
