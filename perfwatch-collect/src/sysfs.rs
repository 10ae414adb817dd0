//! Attributes of devices below `/sys`, read once or on a slow thread.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The entries of a folder in the order of their numbers (`temp2` before `temp10`); none where
/// it is not there.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort_by(|a, b| (a.as_os_str().len(), a).cmp(&(b.as_os_str().len(), b)));
    paths
}

/// The last part of a path as text; empty where it is none.
pub(crate) fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// An attribute without its line end; nothing where it is empty or cannot be read.
pub(crate) fn read_line(path: &Path) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned()).filter(|line| !line.is_empty())
}

/// An attribute that is a number.
pub(crate) fn read_number(path: &Path) -> Option<f64> {
    read_line(path)?.parse().ok().filter(|number: &f64| number.is_finite())
}
