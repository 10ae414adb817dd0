//! The list of mounts, read again only when it changed.

use std::{
    fs::{self, File},
    io,
    os::{fd::AsFd, unix::fs::FileExt},
    path::PathBuf,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::statfs::{PROC_SUPER_MAGIC, fstatfs},
};

use super::mounts::{Mount, select};

/// A list that did not change is read again after this many times all the same: a file system
/// that turns read-only after an error does not count as a change.
const PATIENCE: u32 = 6;

/// The list of mounts, kept open and read again only when the kernel says that it changed
/// (proc_pid_mounts(5)).
pub(super) struct MountList {
    mountinfo: PathBuf,
    kinds: PathBuf,
    file: Option<File>,
    mounts: Vec<Mount>,
    /// How often the list was taken for unchanged.
    unchanged: u32,
}

impl MountList {
    /// Reads `mountinfo`; `kinds` is `/proc/filesystems`.
    pub(super) fn new(mountinfo: PathBuf, kinds: PathBuf) -> Self {
        Self { mountinfo, kinds, file: None, mounts: Vec::new(), unchanged: 0 }
    }

    /// The file that is read, for messages.
    pub(super) fn path(&self) -> &PathBuf {
        &self.mountinfo
    }

    /// The mounts of real file systems: one per device, the shortest of its whole mounts.
    pub(super) fn mounts(&mut self) -> io::Result<&[Mount]> {
        let unchanged = self.unchanged < PATIENCE && self.file.as_ref().is_some_and(is_unchanged);
        if unchanged {
            self.unchanged += 1;
        } else {
            // Should reading fail, the next turn opens it anew.
            let file = match self.file.take() {
                Some(file) => file,
                None => File::open(&self.mountinfo)?,
            };
            let text = read_all(&file)?;
            let kinds = fs::read_to_string(&self.kinds).unwrap_or_default();
            self.mounts = select(&String::from_utf8_lossy(&text), &kinds);
            (self.file, self.unchanged) = (Some(file), 0);
        }
        Ok(&self.mounts)
    }
}

/// Whether the kernel says that the mounts are those of the last time it was asked. An ordinary
/// file, as a copied tree has it, tells nothing.
fn is_unchanged(file: &File) -> bool {
    if fstatfs(file).is_ok_and(|it| it.filesystem_type() == PROC_SUPER_MAGIC) {
        let mut asked = [PollFd::new(file.as_fd(), PollFlags::POLLPRI)];
        return poll(&mut asked, PollTimeout::ZERO) == Ok(0);
    }
    false
}

fn read_all(file: &File) -> io::Result<Vec<u8>> {
    let mut text = vec![0; 1 << 14];
    let mut filled = 0;
    loop {
        if filled == text.len() {
            text.resize(2 * filled, 0);
        }
        match file.read_at(text.get_mut(filled..).unwrap_or_default(), filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    text.truncate(filled);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_the_running_kernel_is_read_once_while_nothing_is_mounted() {
        let mut list = MountList::new("/proc/self/mountinfo".into(), "/proc/filesystems".into());
        let first = list.mounts().unwrap().to_vec();
        assert!(!first.is_empty());
        // What was read is marked, to see whether it is read again.
        list.mounts.clear();
        assert!((0..PATIENCE).all(|_| list.mounts().unwrap().is_empty()));
        assert_eq!(list.mounts().unwrap(), first, "it was trusted for too long");
    }

    #[test]
    fn an_ordinary_file_is_read_every_time() {
        let tree = tempfile::TempDir::new().unwrap();
        let (mountinfo, kinds) = (tree.path().join("mountinfo"), tree.path().join("filesystems"));
        let line = |point: &str| format!("27 1 254:0 / {point} rw - ext4 /dev/vda rw\n");
        fs::write(&kinds, "\text4\n").unwrap();
        let mut list = MountList::new(mountinfo.clone(), kinds);
        assert!(list.mounts().is_err());
        for point in ["/", "/data"] {
            fs::write(&mountinfo, line(point)).unwrap();
            assert_eq!(list.mounts().unwrap()[0].point, point);
        }
    }
}
