//! The space of mounted file systems, asked off the sampling thread.
//!
//! A worker asks one file system after the other with `statvfs`, which never returns where a
//! network mount is dead. A supervisor notices after 5 s, leaves that worker to its mount, marks
//! the mount as not responding and goes on with a new worker: so threads are spent on dead mounts
//! only, and there is never more than one call under way per mount.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::Duration,
};

use nix::sys::statvfs::{FsFlags, Statvfs, statvfs};
use perfwatch_core::Block;

use super::filesystems as fields;
use crate::{Latest, Roots};

mod mounts;

const INTERVAL: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(5);

/// One mounted file system and what it last said.
struct FileSystem {
    mount: String,
    space: Option<Space>,
    responding: bool,
}

/// Sizes in bytes and inodes.
#[derive(Clone, Copy)]
struct Space {
    total: u64,
    used: u64,
    available: u64,
    inodes: u64,
    inodes_used: u64,
    read_only: bool,
}

impl From<Statvfs> for Space {
    fn from(stat: Statvfs) -> Self {
        let bytes = |blocks: u64| blocks.saturating_mul(stat.fragment_size());
        Self {
            total: bytes(stat.blocks()),
            used: bytes(stat.blocks().saturating_sub(stat.blocks_free())),
            available: bytes(stat.blocks_available()),
            inodes: stat.files(),
            inodes_used: stat.files().saturating_sub(stat.files_free()),
            read_only: stat.flags().contains(FsFlags::ST_RDONLY),
        }
    }
}

/// Watches all real file systems.
pub(super) struct FileSystems(Latest<Vec<FileSystem>>);

impl FileSystems {
    pub(super) fn watch(roots: &Roots) -> io::Result<Self> {
        let mut supervisor = Supervisor::new(roots);
        Latest::spawn("perfwatch-mounts", INTERVAL, move || supervisor.round()).map(Self)
    }

    pub(super) fn settled(&self) -> bool {
        self.0.is_there()
    }

    pub(super) fn fill(&self, block: &mut Block) {
        self.0.with(|filesystems| {
            for filesystem in filesystems {
                let mut row = block.push_row(&filesystem.mount);
                row.set_flag(fields::responding, filesystem.responding);
                let Some(space) = filesystem.space.filter(|_| filesystem.responding) else {
                    continue;
                };
                row.set(fields::total, space.total);
                row.set(fields::used, space.used);
                row.set(fields::available, space.available);
                row.set_flag(fields::read_only, space.read_only);
                // File systems that make inodes as they need them say 0.
                if space.inodes > 0 {
                    row.set(fields::inodes, space.inodes);
                    row.set(fields::inodes_used, space.inodes_used);
                }
            }
        });
    }
}

/// How a file system is asked; a test has another way.
type Ask = fn(&Path) -> Option<Space>;

fn ask_kernel(path: &Path) -> Option<Space> {
    statvfs(path).ok().map(Space::from)
}

/// A thread that answers one path after the other.
struct Worker {
    paths: Sender<PathBuf>,
    answers: Receiver<Option<Space>>,
}

impl Worker {
    fn start(ask: Ask) -> io::Result<Self> {
        let (paths, asked) = mpsc::channel::<PathBuf>();
        let (answer, answers) = mpsc::channel();
        thread::Builder::new().name("perfwatch-statvfs".to_owned()).spawn(move || {
            // Ends when the supervisor drops its side.
            for path in asked {
                if answer.send(ask(&path)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { paths, answers })
    }
}

/// What came of asking one path.
enum Answer {
    Space(Space),
    /// The path is gone or may not be asked.
    Refused,
    Late,
}

struct Supervisor {
    ask: Ask,
    patience: Duration,
    mountinfo: PathBuf,
    filesystems: PathBuf,
    rootfs: PathBuf,
    worker: Option<Worker>,
    /// Workers that wait for a mount that does not answer, by the mount.
    stuck: HashMap<String, Worker>,
}

impl Supervisor {
    fn new(roots: &Roots) -> Self {
        Self {
            ask: ask_kernel,
            patience: PATIENCE,
            mountinfo: roots.mountinfo(),
            filesystems: roots.proc("filesystems"),
            rootfs: roots.rootfs.clone(),
            worker: None,
            stuck: HashMap::new(),
        }
    }

    fn round(&mut self) -> Vec<FileSystem> {
        self.ask_all(mounts::real_mounts(&self.mountinfo, &self.filesystems))
    }

    fn ask_all(&mut self, mounts: Vec<String>) -> Vec<FileSystem> {
        self.stuck.retain(|mount, _| mounts.contains(mount));
        let asked = mounts.into_iter().filter_map(|mount| match self.ask(&mount) {
            Answer::Space(space) => {
                Some(FileSystem { mount, space: Some(space), responding: true })
            }
            Answer::Late => Some(FileSystem { mount, space: None, responding: false }),
            Answer::Refused => None,
        });
        // A file system without any blocks (a pseudo file system by another name) has no space.
        asked.filter(|it| it.space.is_none_or(|space| space.total > 0)).collect()
    }

    fn ask(&mut self, mount: &str) -> Answer {
        if let Some(worker) = self.stuck.remove(mount) {
            return self.wait(worker, mount, Duration::ZERO);
        }
        let Some(worker) = self.worker.take().or_else(|| Worker::start(self.ask).ok()) else {
            return Answer::Refused;
        };
        let path = below(&self.rootfs, mount);
        if worker.paths.send(path).is_err() {
            return Answer::Refused;
        }
        self.wait(worker, mount, self.patience)
    }

    fn wait(&mut self, worker: Worker, mount: &str, patience: Duration) -> Answer {
        match worker.answers.recv_timeout(patience) {
            Ok(answer) => {
                self.worker = Some(worker);
                answer.map_or(Answer::Refused, Answer::Space)
            }
            Err(RecvTimeoutError::Timeout) => {
                self.stuck.insert(mount.to_owned(), worker);
                Answer::Late
            }
            Err(RecvTimeoutError::Disconnected) => Answer::Refused,
        }
    }
}

fn below(rootfs: &Path, mount: &str) -> PathBuf {
    rootfs.join(mount.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};

    use super::*;

    /// Whether the dead mount has come back to life.
    static REVIVED: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

    fn ask(path: &Path) -> Option<Space> {
        if path.ends_with("dead") {
            let mut revived = REVIVED.0.lock().unwrap();
            while !*revived {
                revived = REVIVED.1.wait(revived).unwrap();
            }
        }
        let (total, used, available) = (100, 40, 50);
        Some(Space { total, used, available, inodes: 0, inodes_used: 0, read_only: false })
    }

    #[test]
    fn a_dead_mount_is_marked_and_the_others_are_still_asked() {
        let mut supervisor = Supervisor::new(&Roots::default());
        (supervisor.ask, supervisor.patience) = (ask, Duration::from_millis(200));
        let mut round = || -> Vec<(String, bool)> {
            let mounts = ["/a", "/dead", "/b"].map(String::from).to_vec();
            let found = supervisor.ask_all(mounts);
            found.into_iter().map(|it| (it.mount, it.responding)).collect()
        };
        let expected = |dead| {
            [("/a", true), ("/dead", dead), ("/b", true)].map(|(mount, it)| (mount.to_owned(), it))
        };
        assert_eq!(round(), expected(false));
        assert_eq!(round(), expected(false), "it is not asked a second time, nor waited for");
        *REVIVED.0.lock().unwrap() = true;
        REVIVED.1.notify_all();
        // Its late answer is taken as soon as it is there.
        assert!((0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            round() == expected(true)
        }));
        assert_eq!(supervisor.stuck.len(), 0);
    }
}
