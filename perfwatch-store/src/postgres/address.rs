//! Where a database is, and as whom to ask it.

use std::{
    env, fmt, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    str::FromStr,
};

use sqlx::postgres::PgConnectOptions;
use tracing::subscriber::{NoSubscriber, with_default};

/// What a URL says. It may hold a password, so it is never shown.
pub(super) struct Address {
    url: String,
    options: PgConnectOptions,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").finish_non_exhaustive()
    }
}

impl Address {
    /// A URL, and what was made of it.
    pub(super) fn new(url: &str, options: PgConnectOptions) -> Self {
        Self { url: url.to_owned(), options }
    }

    /// How to connect now. The file of passwords that `PGPASSFILE` names may have another one by now,
    /// and the library reads it only with a URL.
    pub(super) fn options(&self) -> PgConnectOptions {
        let Ok(anew) = read(&self.url) else { return self.options.clone() };
        let options = anew.ssl_mode(self.options.get_ssl_mode());
        options.application_name(self.options.get_application_name().unwrap_or_default())
    }
}

/// What a URL says, with the password that a file has for it.
///
/// In silence: the library logs a line of that file that it cannot read, and whoever writes a
/// password alone into it would find it in the log.
pub(super) fn read(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    with_default(NoSubscriber::default(), || PgConnectOptions::from_str(url))
}

/// Says once what is wrong with the file of passwords.
pub(super) fn look_at_passwords() {
    let Some(path) = env::var_os("PGPASSFILE").map(PathBuf::from) else { return };
    if let Some(reason) = complaint(&path) {
        tracing::warn!(path = %path.display(), "PGPASSFILE: {reason}");
    }
}

/// Why a file of passwords, or a line of it, is ignored.
fn complaint(path: &Path) -> Option<String> {
    let read = fs::metadata(path).and_then(|data| Ok((data, fs::read_to_string(path)?)));
    let (data, text) = match read {
        Ok(read) => read,
        Err(error) => return Some(format!("it cannot be read: {error}")),
    };
    let mode = data.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Some(format!(
            "it is ignored, since others may read it; make it 0600, not {mode:o}"
        ));
    }
    let is_wrong = |line: &str| !line.is_empty() && !line.starts_with('#') && fields(line) < 5;
    let wrong = text.lines().position(is_wrong)? + 1;
    Some(format!("line {wrong} is ignored: it is not HOST:PORT:DATABASE:USER:PASSWORD"))
}

/// How many fields a line has; a colon behind a backslash parts none.
fn fields(line: &str) -> usize {
    let mut is_plain = true;
    let parts = line.chars().filter(|&letter| {
        let parts = is_plain && letter == ':';
        is_plain = !is_plain || letter != '\\';
        parts
    });
    parts.count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_of_passwords_is_told_without_them() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let complaint = |text: &str, mode: u32| {
            fs::write(file.path(), text).unwrap();
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            complaint(file.path()).unwrap_or_default()
        };
        let well = "# comment\n\n*:5432:watch:me:s3cret\nfe80\\:\\:1:1:watch:me:s3\\:cret\n";
        assert_eq!(complaint(well, 0o600), "");
        assert!(complaint(well, 0o640).contains("make it 0600, not 640"));
        for text in ["s3cret", "*:*:*:me\\:s3cret", "# comment\ns3cret"] {
            let told = complaint(text, 0o600);
            let line = text.lines().count();
            assert!(told.starts_with(&format!("line {line} is ignored")), "{told}");
            assert!(!told.contains("s3cret"), "{told}");
        }
    }
}
