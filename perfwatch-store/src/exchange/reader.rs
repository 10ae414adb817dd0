//! What the readers of all formats share.

use std::{collections::HashMap, sync::Arc};

use perfwatch_core::series;

use super::ExchangeError;
use crate::ImportFrame;

/// Reads frames.
pub(super) trait FrameReader {
    /// The next frame; nothing behind the last.
    fn next(&mut self) -> Result<Option<ImportFrame>, ExchangeError>;

    /// How much of the input was read, in its own unit.
    fn done(&self) -> u64;
}

/// Names of hosts, each allocated once.
#[derive(Default)]
pub(super) struct Names(HashMap<String, Arc<str>>);

impl Names {
    pub(super) fn get(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(name);
        self.0.insert(name.to_owned(), Arc::clone(&new));
        new
    }
}

/// Makes sure that a name is a series'.
///
/// # Errors
/// What is wrong with it, and what would be accepted.
pub(super) fn check_path(path: &str) -> Result<(), String> {
    let like = "a series is written like cpu.usage_percent or disk.devices[\"sd a\"].reads_per_sec";
    if let Some((name, aggregate)) = path.rsplit_once(':')
        && ["avg", "min", "max", "last", "count"].contains(&aggregate)
    {
        return Err(format!(
            "`{name}` was exported by `--interval` as one {aggregate} per bucket, which is no \
             single value: export without `--interval`"
        ));
    }
    let segments = series::segments(path).map_err(|error| format!("{error}; {like}"))?;
    let mut written = String::new();
    segments.iter().for_each(|segment| series::push_segment(&mut written, segment));
    if written != path {
        return Err(format!("`{path}` is written `{written}`; {like}"));
    }
    match segments.len() {
        1 => Err(format!("`{path}` has one part only; {like}")),
        _ => Ok(()),
    }
}
