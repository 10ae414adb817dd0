//! Where the files of a spool lie, which one process has at a time.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use crate::{StoreError, lock};

/// Where the process that has the spool is named.
const LOCK: &str = "lock";

/// How the names of segments end.
pub(super) const SEGMENT: &str = ".spool";

/// A directory that is locked.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Held as long as the spool is.
    _lock: lock::Lock,
}

impl Directory {
    /// Takes a directory; makes it where it is missing.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process has it, or [`StoreError::Unwritable`].
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unwritable(path))?;
        let lock = lock::take(path, &path.join(LOCK))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Makes it once more, where somebody took it away.
    pub(super) fn open_again(&mut self) -> io::Result<()> {
        *self = Self::open(&self.path).map_err(io::Error::other)?;
        Ok(())
    }

    /// The files whose names are a number and this, by that number.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`] if they cannot be listed.
    pub(super) fn files(&self, suffix: &str) -> Result<BTreeMap<u64, PathBuf>, StoreError> {
        self.listed(suffix).map_err(unwritable(&self.path))
    }

    fn listed(&self, suffix: &str) -> io::Result<BTreeMap<u64, PathBuf>> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(suffix));
            let number = number.and_then(|number| number.parse::<u64>().ok());
            files.extend(number.map(|number| (number, entry.path())));
        }
        Ok(files)
    }

    /// Where a file lies.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Where a segment lies.
    pub(super) fn segment(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:010}{SEGMENT}"))
    }

    /// Waits until the names of new files are on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |reason| StoreError::Unwritable { path: path.to_owned(), reason }
}
