//! The file of passwords that `PGPASSFILE` names.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Says once what is wrong with the file of passwords.
pub(super) fn look() {
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
