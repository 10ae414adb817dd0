//! A file system whose power can be cut: ext4 in an image file.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// What is missing where a command cannot do its work.
const NEEDS: &str = "a power cut needs root, ext4, a free loop device (/dev/loop-control), and the \
                     programs mount, umount, mkfs.ext4 and python3: run the tests as root on a \
                     machine or in a container that may mount (docker run --privileged)";

/// Waits for a line, then throws away what was not written, as a power cut does:
/// `EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH` (Linux, fs/ext4/ext4.h).
const CUT: &str = "import fcntl, os, struct, sys
disk = os.open(sys.argv[1], os.O_RDONLY)
print('ready', flush=True)
sys.stdin.readline()
fcntl.ioctl(disk, 0x8004587D, struct.pack('I', 2))";

/// An ext4 of its own, mounted.
pub(crate) struct Disk {
    directory: TempDir,
}

impl Disk {
    pub(crate) fn new() -> Self {
        let disk = Self { directory: tempfile::tempdir().unwrap() };
        std::fs::create_dir(disk.root()).unwrap();
        std::fs::File::create(disk.image()).unwrap().set_len(128 << 20).unwrap();
        run("mkfs.ext4", &["-q".as_ref(), "-F".as_ref(), &disk.image()]);
        disk.mount();
        disk
    }

    fn image(&self) -> PathBuf {
        self.directory.path().join("image")
    }

    /// Where it is mounted.
    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("disk")
    }

    fn mount(&self) {
        run("mount", &["-o".as_ref(), "loop".as_ref(), &self.image(), &self.root()]);
    }

    /// A hand at the switch, so that nothing takes time later.
    #[allow(clippy::disallowed_methods)] // There is no library for it.
    pub(crate) fn switch(&self) -> Switch {
        let mut python = Command::new("python3");
        python.args(["-c", CUT]).arg(self.root()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut python =
            python.spawn().unwrap_or_else(|error| panic!("cannot run python3: {error}; {NEEDS}"));
        let mut ready = String::new();
        BufReader::new(python.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n", "python3 cannot open the disk; {NEEDS}");
        Switch(python)
    }

    /// The machine starts again: nobody may have a file of it open.
    pub(crate) fn start_again(&self) {
        run("umount", &[&self.root()]);
        self.mount();
    }
}

/// What cuts the power.
pub(crate) struct Switch(Child);

impl Switch {
    /// Cuts it. Nothing can be written from now on.
    pub(crate) fn cut(mut self) {
        self.0.stdin.take().unwrap().write_all(b"\n").unwrap();
        let status = self.0.wait().unwrap();
        assert!(status.success(), "the file system cannot be shut down; {NEEDS}");
    }
}

impl Drop for Disk {
    #[allow(clippy::disallowed_methods)] // There is no library for it.
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.root()).output();
    }
}

#[allow(clippy::disallowed_methods)] // There is no library for it.
fn run(program: &str, arguments: &[&Path]) {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run {program}: {error}; {NEEDS}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} failed: {}; {NEEDS}", said.trim());
}
