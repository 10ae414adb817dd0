//! One process at a time: a lock that ends with its holder, also by a crash, and says who that is.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::Duration,
};

use crate::StoreError;

/// What was taken; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Drop for Lock {
    /// Closing the file would not do while a program is being started, which has all files of this
    /// process until it runs.
    fn drop(&mut self) {
        // Where that fails, the lock ends with the process.
        let _ = self.0.unlock();
    }
}

/// Opens for reading and writing; what is made can be read by its owner only.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options
}

/// Takes what lies at `path`, by the lock on a file beside it.
///
/// # Errors
/// [`StoreError::Locked`] naming the path and who has it, or [`StoreError::Unwritable`].
pub(crate) fn take(path: &Path, lock_path: &Path) -> Result<Lock, StoreError> {
    let unwritable = |reason| StoreError::Unwritable { path: lock_path.to_owned(), reason };
    let mut file = private().open(lock_path).map_err(unwritable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(StoreError::Locked { path: path.to_owned(), owner: owner(&mut file) });
        }
        Err(TryLockError::Error(reason)) => return Err(unwritable(reason)),
    }
    write_owner(&mut file).map_err(unwritable)?;
    Ok(Lock(file))
}

/// Whoever has it, as the error that says so. Nothing is made that is not there.
pub(crate) fn holder(path: &Path, lock_path: &Path) -> Option<StoreError> {
    let mut file = File::open(lock_path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            Some(StoreError::Locked { path: path.to_owned(), owner: owner(&mut file) })
        }
        _ => None,
    }
}

/// Who has the lock. It is written right behind the locking: whoever comes in between waits.
fn owner(file: &mut File) -> Option<u32> {
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(10));
        let mut text = String::new();
        file.rewind().ok()?;
        file.read_to_string(&mut text).ok()?;
        if let Ok(pid) = text.trim().parse() {
            return Some(pid);
        }
    }
    None
}

fn write_owner(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_is_free_though_a_program_is_being_started() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let lock = take(directory.path(), &path).unwrap();
        let StoreError::Locked { owner, .. } = take(directory.path(), &path).unwrap_err() else {
            panic!()
        };
        assert_eq!(owner, Some(std::process::id()));
        // As a child has it between fork and exec.
        let _inherited = lock.0.try_clone().unwrap();
        drop(lock);
        take(directory.path(), &path).unwrap();
    }
}
