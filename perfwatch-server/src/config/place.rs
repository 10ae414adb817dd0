//! What a store's URL says of where history is.

use std::path::PathBuf;

/// Where history is, for people: a URL without the credentials and parameters that it may hold.
pub fn shown_place(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

/// The file that a store's URL names, if it names one.
pub fn data_file(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    Some(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))
}
