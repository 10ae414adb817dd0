//! Which names of `/proc/diskstats` are whole disks, and which of them are physical.

use std::{fs, path::PathBuf};

use crate::Roots;

/// A whole disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Disk {
    /// Not made of other devices, and not in memory. Of an NVMe disk with several paths that is
    /// each path (`nvme0c1n1`, which sysfs calls hidden) and not the disk above (`nvme0n1`): only
    /// since Linux 6.4 does the kernel count that one's transfers, and never alone.
    pub(super) physical: bool,
}

/// Asks `/sys/block` once per name, at its first sight.
pub(super) struct Topology {
    folder: PathBuf,
    /// In the order of the file, so that the next name is mostly the next entry.
    known: Vec<(String, Option<Disk>)>,
    next: usize,
}

impl Topology {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { folder: roots.sys("block"), known: Vec::new(), next: 0 }
    }

    /// The disk of this name; nothing for a partition.
    pub(super) fn disk(&mut self, name: &str) -> Option<Disk> {
        let at = |index: usize| self.known.get(index).filter(|(known, _)| known == name);
        let found = match at(self.next) {
            Some(_) => Some(self.next),
            None => self.known.iter().position(|(known, _)| known == name),
        };
        let index = found.unwrap_or_else(|| {
            self.known.push((name.to_owned(), self.ask(name)));
            self.known.len() - 1
        });
        self.next = (index + 1) % self.known.len().max(1);
        self.known.get(index)?.1
    }

    /// Whole disks stand directly in `/sys/block`; a slash of the name is `!` there.
    fn ask(&self, name: &str) -> Option<Disk> {
        let target = fs::read_link(self.folder.join(name.replace('/', "!"))).ok()?;
        Some(Disk { physical: !target.to_string_lossy().contains("/virtual/") })
    }
}
