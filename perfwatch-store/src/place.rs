//! Where history lies if nobody says where.

use std::path::PathBuf;

use crate::{StoreError, open};

/// What a store's file is called in its directory.
pub const FILE_NAME: &str = "perfwatch.db";

/// Where this user's data belong: what systemd gives, else the XDG base directories. `env` looks a
/// variable up.
pub fn data_directory(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let absolute = |name: &str| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
    // systemd separates several directories by colons; the first is the service's own.
    let state = env("STATE_DIRECTORY")
        .and_then(|list| list.split(':').next().map(PathBuf::from))
        .filter(|path| path.is_absolute());
    state
        .or_else(|| absolute("XDG_DATA_HOME").map(|path| path.join("perfwatch")))
        .or_else(|| absolute("HOME").map(|path| path.join(".local/share/perfwatch")))
}

/// The file that a path or an `sqlite:` URL names.
///
/// # Errors
/// [`StoreError::BadUrl`] if it names none.
pub fn file_of(text: &str) -> Result<PathBuf, StoreError> {
    match text.strip_prefix("sqlite:") {
        Some(rest) => open::sqlite_path(rest).map(PathBuf::from),
        None if text.starts_with("memory:") => {
            Err(open::bad_url("`memory:` is gone with its process and has no file"))
        }
        None => Ok(PathBuf::from(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_path_or_a_url() {
        for text in ["/var/lib/x.db", "sqlite:/var/lib/x.db", "sqlite:///var/lib/x.db"] {
            assert_eq!(file_of(text).unwrap(), PathBuf::from("/var/lib/x.db"), "{text}");
        }
        assert!(file_of("memory:").is_err() && file_of("sqlite:").is_err());
    }
}
