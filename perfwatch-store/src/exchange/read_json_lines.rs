//! Frames out of JSON lines, also those that `perfwatch snapshot --format json` writes.
//!
//! Numbers are taken as they are written; no float is made of them.

use std::{
    collections::HashMap,
    fmt,
    io::{BufRead, Read},
    sync::Arc,
};

use perfwatch_core::series::push_segment;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    ExchangeError, number,
    reader::{FrameReader, Names, check_path},
};
use crate::{ImportFrame, ImportValue};

/// Longer lines are none of ours.
const LONGEST: u64 = 256 << 20;

/// Objects do not lie deeper in one another.
const DEEPEST: usize = 16;

/// Reads lines.
pub(super) struct JsonLinesReader<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    done: u64,
    hosts: Names,
    /// The series that were seen, each allocated and checked once.
    paths: HashMap<String, Arc<str>>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    timestamp_ms: Option<&'a RawValue>,
    timestamp: Option<String>,
    host: String,
    #[serde(borrow)]
    data: Object<'a>,
}

impl<R: BufRead> JsonLinesReader<R> {
    pub(super) fn new(input: R) -> Self {
        let (hosts, paths) = (Names::default(), HashMap::new());
        Self { input, line: Vec::new(), number: 0, done: 0, hosts, paths }
    }
}

impl<R: BufRead> FrameReader for JsonLinesReader<R> {
    fn next(&mut self) -> Result<Option<ImportFrame>, ExchangeError> {
        loop {
            self.line.clear();
            let mut limited = self.input.by_ref().take(LONGEST);
            let length = limited.read_until(b'\n', &mut self.line).map_err(ExchangeError::Read)?;
            if length == 0 {
                return Ok(None);
            }
            self.done += length as u64;
            self.number += 1;
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        let Self { line, number, hosts, paths, .. } = self;
        let frame = read(line, hosts, paths);
        frame
            .map(Some)
            .map_err(|(at, reason)| ExchangeError::input(format!("line {number}{at}"), reason))
    }

    fn done(&self) -> u64 {
        self.done
    }
}

/// Where in a line something is wrong, and what.
type Wrong = (String, String);

fn read(
    line: &[u8],
    hosts: &mut Names,
    paths: &mut HashMap<String, Arc<str>>,
) -> Result<ImportFrame, Wrong> {
    let line: Line<'_> = serde_json::from_slice(line).map_err(|error| not_json(&error))?;
    let time = |reason| (", `timestamp`".to_owned(), reason);
    let timestamp_ms = match (&line.timestamp_ms, &line.timestamp) {
        (Some(ms), _) => ms.get().parse().map_err(|_| {
            time(format!("`{}` is no whole number of milliseconds", number::shorten(ms.get())))
        })?,
        (None, Some(text)) => number::read_time(text).map_err(time)?,
        (None, None) => return Err(time("neither it nor `timestamp_ms` is there".to_owned())),
    };
    if line.host.is_empty() {
        return Err((", `host`".to_owned(), "it is empty; name the host".to_owned()));
    }
    let mut values = Vec::new();
    flatten(&line.data, &mut String::new(), DEEPEST, paths, &mut values)?;
    Ok(ImportFrame { host: hosts.get(&line.host), timestamp_ms, values })
}

fn not_json(error: &serde_json::Error) -> Wrong {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or_default();
    let cut = if error.is_eof() { "; is the file cut off here?" } else { "" };
    let shape = "a line is {\"timestamp\": ..., \"host\": ..., \"data\": {...}}";
    (format!(", character {}", error.column()), format!("{reason}{cut}; {shape}"))
}

/// Appends the numbers of an object and of those in it.
fn flatten(
    object: &Object<'_>,
    path: &mut String,
    depth: usize,
    paths: &mut HashMap<String, Arc<str>>,
    values: &mut Vec<ImportValue>,
) -> Result<(), Wrong> {
    let length = path.len();
    for (name, value) in &object.0 {
        path.truncate(length);
        push_segment(path, name);
        let text = value.get().trim();
        let wrong = |reason: String| (format!(", `{}`", number::shorten(path)), reason);
        if text.starts_with('{') {
            let inner = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
            let depth = depth.checked_sub(1).ok_or_else(|| wrong("it lies too deep".to_owned()))?;
            flatten(&inner, path, depth, paths, values)?;
        } else if text != "null" {
            let (value, decimals) =
                number::read(text).map_err(|reason| wrong(format!("{reason}; missing is null")))?;
            if !paths.contains_key(path) {
                check_path(path).map_err(wrong)?;
                paths.insert(path.clone(), Arc::from(path.as_str()));
            }
            let known = paths.get(path).map(Arc::clone);
            values.extend(known.map(|path| ImportValue { path, decimals, value }));
        }
    }
    path.truncate(length);
    Ok(())
}

/// The members of an object in their order, unread.
struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of numbers and objects")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Members).map(Object)
    }
}
