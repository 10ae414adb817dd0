//! The secret that signs tokens: 256 random bits, kept beside the database for its owner only. What
//! else is random and has to stay is kept in the same way.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use rand::RngExt;

const FILE: &str = "token.secret";

/// The secret's bytes.
pub(crate) type SigningSecret = [u8; 32];

/// A new secret.
pub(crate) fn random() -> SigningSecret {
    rand::rng().random()
}

/// The secret kept in this directory; made at the first call.
///
/// # Errors
/// One line naming the file and the cure.
pub(crate) fn load_or_create(directory: &Path) -> Result<SigningSecret, String> {
    keep(&directory.join(FILE), "everybody has to log in again")
}

/// The 256 bits kept in this file; made at the first call. `loss` is what it costs to remove it.
///
/// # Errors
/// One line naming the file and the cure.
pub(crate) fn keep(path: &Path, loss: &str) -> Result<SigningSecret, String> {
    let shown = path.display();
    match create(path) {
        Ok(secret) => return Ok(secret),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(format!("cannot write {shown}: {error}; check who owns it")),
    }
    let failed = |error: io::Error| format!("cannot read {shown}: {error}; check who owns it");
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(format!("others may read {shown}: run chmod 600 {shown}, or remove it"));
    }
    let bytes = fs::read(path).map_err(failed)?;
    bytes.try_into().map_err(|_| format!("{shown} does not hold 32 bytes: remove it ({loss})"))
}

/// Writes a new secret under another name first, so that a crash leaves no half of one.
fn create(path: &Path) -> io::Result<SigningSecret> {
    if path.try_exists()? {
        return Err(ErrorKind::AlreadyExists.into());
    }
    if let Some(directory) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let secret = random();
    let unfinished = path.with_extension("new");
    let _ = fs::remove_file(&unfinished);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(&secret)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let secret = load_or_create(directory.path()).unwrap();
        assert_eq!(load_or_create(directory.path()).unwrap(), secret);
        let path = directory.path().join(FILE);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        assert!(load_or_create(directory.path()).unwrap_err().contains("chmod 600"));
    }

    #[test]
    fn a_secret_cut_short_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        load_or_create(directory.path()).unwrap();
        fs::write(directory.path().join(FILE), "short").unwrap();
        assert!(load_or_create(directory.path()).unwrap_err().contains("32 bytes"));
    }
}
