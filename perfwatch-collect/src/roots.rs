//! Where the host's `/proc`, `/sys` and `/` are.

use std::path::{Path, PathBuf};

use nix::sys::statfs::{SYSFS_MAGIC, statfs};

/// The three trees that collectors read. A container mounts the host's elsewhere; a test gives a
/// fixture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots {
    /// The host's `/proc`.
    pub procfs: PathBuf,
    /// The host's `/sys`.
    pub sysfs: PathBuf,
    /// The host's `/`, for the sizes of its file systems.
    pub rootfs: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self { procfs: "/proc".into(), sysfs: "/sys".into(), rootfs: "/".into() }
    }
}

impl Roots {
    /// A path below `/proc`.
    pub fn proc(&self, path: &str) -> PathBuf {
        self.procfs.join(path)
    }

    /// A path below `/sys`.
    pub fn sys(&self, path: &str) -> PathBuf {
        self.sysfs.join(path)
    }

    /// A path below `net` of `/proc`.
    pub fn net(&self, path: &str) -> PathBuf {
        self.init_process().join("net").join(path)
    }

    /// The mounts of the host's first process.
    pub fn mountinfo(&self) -> PathBuf {
        if self.procfs == Path::new("/proc") {
            return self.proc("self/mountinfo");
        }
        self.init_process().join("mountinfo")
    }

    /// Whether `/sys` is the running kernel's, wherever it is mounted, and no copy of another's:
    /// only then are the CPUs and counters that it names those of `perf_event_open`.
    pub(crate) fn is_running_kernel(&self) -> bool {
        statfs(&self.sysfs).is_ok_and(|tree| tree.filesystem_type() == SYSFS_MAGIC)
    }

    /// Another host's `/proc/net` and `/proc/self` are links to the reader itself, so its first
    /// process stands for it, also where that one cannot be seen: the reader's own numbers would
    /// be wrong. A copied tree without processes is read as it is.
    fn init_process(&self) -> PathBuf {
        let init = self.proc("1");
        let copied = !init.exists() && !self.proc("self").exists();
        if self.procfs == Path::new("/proc") || copied { self.procfs.clone() } else { init }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_sys_is_not_the_running_kernels() {
        assert!(Roots::default().is_running_kernel());
        let copy = Roots { sysfs: env!("CARGO_MANIFEST_DIR").into(), ..Roots::default() };
        assert!(!copy.is_running_kernel());
    }
}
