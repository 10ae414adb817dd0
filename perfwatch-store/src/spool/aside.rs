//! Frames that the store refused, as JSON lines that `perfwatch store import` reads.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::{
    Record,
    text::{json, push_number},
};

/// Appends a frame and why it was refused, unless the file would have more bytes than this then;
/// says whether it did.
pub(super) fn put(path: &Path, record: &Record, reason: &str, most: u64) -> io::Result<bool> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let line = line(record, reason);
    if file.metadata()?.len() + line.len() as u64 > most {
        return Ok(false);
    }
    file.write_all(line.as_bytes())?;
    Ok(true)
}

fn line(record: &Record, reason: &str) -> String {
    let mut values = values(record);
    values.sort();
    let mut line = format!(
        "{{\"timestamp_ms\":{},\"host\":{},\"reason\":{},\"data\":{{",
        record.timestamp_ms(),
        json(&record.host),
        json(reason),
    );
    let mut open: &[String] = &[];
    let mut is_first = true;
    for (path, value) in &values {
        let Some((leaf, above)) = path.split_last() else { continue };
        let common = open.iter().zip(above).take_while(|(a, b)| a == b).count();
        line.extend(std::iter::repeat_n('}', open.len() - common));
        if !is_first {
            line.push(',');
        }
        above.iter().skip(common).for_each(|name| line.push_str(&format!("{name}:{{")));
        line.push_str(&format!("{leaf}:{value}"));
        (open, is_first) = (above, false);
    }
    line.extend(std::iter::repeat_n('}', open.len() + 2));
    line.push('\n');
    line
}

/// Each value behind the names that lead to it, all as JSON.
fn values(record: &Record) -> Vec<(Vec<String>, String)> {
    let mut values = Vec::new();
    record.for_each_point(|point| {
        let path = point.segments().map(|name| json(&name)).collect();
        let mut value = String::new();
        push_number(point.value.value, point.value.decimals, &mut value);
        values.push((path, value));
    });
    values
}
