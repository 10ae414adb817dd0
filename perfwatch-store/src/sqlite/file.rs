//! The file itself: whose it is, who has it open, and what it may look like before SQLite sees it.
//!
//! A file that is not ours is recognised by its header, read as plain bytes: already opening it as
//! a database could change it.

use std::{
    ffi::OsString,
    fs::{DirBuilder, File},
    io::{self, Read},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use super::schema::{APPLICATION_ID, VERSION};
use crate::{StoreError, lock};

/// What every SQLite file begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Where the header holds the schema version and the application's number.
const USER_VERSION_AT: usize = 60;
const APPLICATION_ID_AT: usize = 68;

/// A file that this process alone may use, as long as this lives.
#[derive(Debug)]
pub(super) struct Claimed {
    /// Lets go of the file when dropped, also by a crash.
    _lock: lock::Lock,
    /// Whether there is nothing in it yet.
    pub(super) is_new: bool,
}

/// Makes sure that the file is there, ours and free.
pub(super) fn claim(path: &Path) -> Result<Claimed, StoreError> {
    let unwritable = |at: &Path| {
        let path = at.to_owned();
        move |reason| StoreError::Unwritable { path, reason }
    };
    let directory = directory_of(path);
    // Directories that are there already keep their mode.
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(unwritable(directory))?;
    if path.exists()
        && let Err(refused) = check_header(path)
    {
        // A file that another process is making has no name yet.
        return Err(lock::holder(path, &lock_path(path)).unwrap_or(refused));
    }
    let lock = lock::take(path, &lock_path(path))?;
    let file = lock::private().open(path).map_err(unwritable(path))?;
    let is_new = file.metadata().map_err(unwritable(path))?.len() == 0;
    if is_new {
        // SQLite syncs what it writes, but not the name of a file that it found.
        File::open(directory).and_then(|dir| dir.sync_all()).map_err(unwritable(directory))?;
    }
    Ok(Claimed { _lock: lock, is_new })
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The file beside a database that its user holds locked. It is never deleted: whoever had it open
/// would hold a lock that nobody else can see.
fn lock_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".lock");
    name.into()
}

/// Makes sure that the file is there and ours, without touching it.
pub(super) fn check_readable(path: &Path) -> Result<(), StoreError> {
    let path = path.to_owned();
    match File::open(&path).and_then(|file| file.metadata()) {
        Ok(metadata) if metadata.is_dir() => {
            Err(StoreError::Foreign { path, reason: "it is a directory" })
        }
        Ok(metadata) if metadata.len() == 0 => {
            Err(StoreError::Foreign { path, reason: "it is empty" })
        }
        Ok(_) => check_header(&path),
        Err(reason) if reason.kind() == io::ErrorKind::NotFound => Err(StoreError::NoFile { path }),
        Err(reason) => Err(StoreError::Unreadable { path, reason }),
    }
}

/// Refuses what is not ours; an empty file is ours to fill.
fn check_header(path: &Path) -> Result<(), StoreError> {
    let unreadable = |reason| StoreError::Unwritable { path: path.to_owned(), reason };
    let mut header = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(100).read_to_end(&mut header).map_err(unreadable)?;
    if header.is_empty() {
        return Ok(());
    }
    let foreign = |reason| StoreError::Foreign { path: path.to_owned(), reason };
    if !header.starts_with(MAGIC) {
        return Err(foreign("it is no SQLite database"));
    }
    if number_at(&header, APPLICATION_ID_AT) != Some(APPLICATION_ID) {
        return Err(foreign("it is the database of another program"));
    }
    let found = number_at(&header, USER_VERSION_AT).map_or(0, i64::from);
    if found > VERSION {
        let path = path.to_owned();
        return Err(StoreError::Newer { path, found, supported: VERSION });
    }
    Ok(())
}

fn number_at(header: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_be_bytes(*header.get(at..)?.first_chunk()?))
}
