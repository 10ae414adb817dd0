//! Where history lies if nobody says where.

use std::path::PathBuf;

use crate::StoreError;

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
/// [`StoreError::NotAFile`] if it names none.
pub fn file_of(text: &str) -> Result<PathBuf, StoreError> {
    let none = |reason| Err(StoreError::NotAFile { reason });
    match text.strip_prefix("sqlite:") {
        Some(rest) => match sqlite_path(rest) {
            Some(path) => Ok(PathBuf::from(path)),
            None => none("`sqlite:` needs the path of a file"),
        },
        None if text.starts_with("memory:") => {
            none("what is in `memory:` is gone with its process and has no file")
        }
        // Nothing of it is repeated: it may hold a password.
        None if is_server(text) => none("what is kept by a server has no file here"),
        None => Ok(PathBuf::from(text)),
    }
}

/// Whether a URL names a server, or what only looks like one: no file at least.
pub fn is_server(text: &str) -> bool {
    !text.starts_with("sqlite:") && text.contains("://")
        || ["postgres:", "postgresql:", "prometheus+"].iter().any(|it| text.starts_with(it))
}

/// The path behind `sqlite:`.
pub(crate) fn sqlite_path(rest: &str) -> Option<&str> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    (!path.is_empty() && !path.starts_with(':')).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_path_or_a_url() {
        for text in ["/var/lib/x.db", "sqlite:/var/lib/x.db", "sqlite:///var/lib/x.db"] {
            assert_eq!(file_of(text).unwrap(), PathBuf::from("/var/lib/x.db"), "{text}");
        }
        let servers = ["postgres://me:s3cret@db/watch", "prometheus+http://me:s3cret@vm:8428"];
        let odd = ["postgres:me:s3cret@db", "redis://me:s3cret@db"];
        assert!(servers.iter().chain(&odd).all(|text| is_server(text)));
        assert!(!is_server("sqlite:///var/lib/x.db") && !is_server("a/b.db"));
        let servers = servers.into_iter().chain(odd);
        for text in ["memory:", "sqlite:", "sqlite::memory:"].into_iter().chain(servers) {
            let error = file_of(text).unwrap_err();
            assert!(matches!(error, StoreError::NotAFile { .. }), "{text}");
            assert!(!format!("{error} {error:?}").contains("s3cret"));
        }
    }
}
