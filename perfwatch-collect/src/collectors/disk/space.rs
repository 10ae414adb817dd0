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

use nix::sys::{
    stat::{major, minor, stat},
    statvfs::{Statvfs, statvfs},
};
use perfwatch_core::Block;

use super::filesystems as fields;
use crate::{Gap, Latest, Roots};
use list::MountList;
use mounts::Mount;

mod list;
mod mounts;

const INTERVAL: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(5);

/// One mounted file system and what it last said.
struct FileSystem {
    mount: Mount,
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
        }
    }
}

/// What one round found.
struct Round {
    filesystems: Vec<FileSystem>,
    /// Why there is no list of mounts.
    trouble: Option<Gap>,
}

const WHAT: &str = "file systems";

/// Watches all real file systems.
pub(super) struct FileSystems(Latest<Round>);

impl FileSystems {
    pub(super) fn watch(roots: &Roots) -> io::Result<Self> {
        let mut supervisor = Supervisor::new(roots);
        Latest::spawn("perfwatch-mounts", INTERVAL, move || supervisor.round()).map(Self)
    }

    pub(super) fn settled(&self) -> bool {
        self.0.is_there()
    }

    pub(super) fn fill(&self, block: &mut Block, gaps: &mut Vec<Gap>) {
        self.0.with(|round| {
            round.filesystems.iter().for_each(|filesystem| filesystem.fill(block));
            Gap::keep(gaps, WHAT, round.trouble.as_ref());
        });
    }
}

impl FileSystem {
    fn fill(&self, block: &mut Block) {
        let mut row = block.push_row(&self.mount.point);
        row.set_flag(fields::responding, self.responding);
        row.set_flag(fields::read_only, self.mount.read_only);
        let Some(space) = self.space else { return };
        row.set(fields::total, space.total);
        row.set(fields::used, space.used);
        row.set(fields::available, space.available);
        // File systems that make inodes as they need them say 0.
        if space.inodes > 0 {
            row.set(fields::inodes, space.inodes);
            row.set(fields::inodes_used, space.inodes_used);
        }
    }
}

/// How a file system is asked; a test has another way.
type Ask = fn(&Question) -> Option<Space>;

/// A file system as the reader sees it.
struct Question {
    path: PathBuf,
    device: Option<String>,
}

/// Another device under the path means that this mount is hidden by a later one, or was not
/// handed into the reader's container: the sizes would be another file system's.
fn ask_kernel(question: &Question) -> Option<Space> {
    if let Some(device) = &question.device {
        let number = stat(&question.path).ok()?.st_dev;
        (format!("{}:{}", major(number), minor(number)) == *device).then_some(())?;
    }
    statvfs(&question.path).ok().map(Space::from)
}

/// A thread that answers one path after the other.
struct Worker {
    questions: Sender<Question>,
    answers: Receiver<Option<Space>>,
}

impl Worker {
    fn start(ask: Ask) -> io::Result<Self> {
        let (questions, asked) = mpsc::channel::<Question>();
        let (answer, answers) = mpsc::channel();
        thread::Builder::new().name("perfwatch-statvfs".to_owned()).spawn(move || {
            // Ends when the supervisor drops its side.
            for question in asked {
                if answer.send(ask(&question)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { questions, answers })
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
    mounts: MountList,
    rootfs: PathBuf,
    worker: Option<Worker>,
    /// Workers that wait for a mount that does not answer, by the mount.
    stuck: HashMap<Mount, Worker>,
}

impl Supervisor {
    fn new(roots: &Roots) -> Self {
        Self {
            ask: ask_kernel,
            patience: PATIENCE,
            mounts: MountList::new(roots.mountinfo(), roots.proc("filesystems")),
            rootfs: roots.rootfs.clone(),
            worker: None,
            stuck: HashMap::new(),
        }
    }

    fn round(&mut self) -> Round {
        match self.mounts.mounts().map(<[Mount]>::to_vec) {
            Ok(mounts) => Round { filesystems: self.ask_all(mounts), trouble: None },
            Err(error) => {
                let reason = format!("cannot read {}: {error}", self.mounts.path().display());
                Round { filesystems: Vec::new(), trouble: Some(Gap::new(WHAT, &reason, None)) }
            }
        }
    }

    fn ask_all(&mut self, mounts: Vec<Mount>) -> Vec<FileSystem> {
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

    fn ask(&mut self, mount: &Mount) -> Answer {
        if let Some(worker) = self.stuck.remove(mount) {
            return self.wait(worker, mount, Duration::ZERO);
        }
        let Some(worker) = self.worker.take().or_else(|| Worker::start(self.ask).ok()) else {
            return Answer::Refused;
        };
        let path = below(&self.rootfs, &mount.point);
        let question = Question { path, device: mount.device.clone() };
        if worker.questions.send(question).is_err() {
            return Answer::Refused;
        }
        self.wait(worker, mount, self.patience)
    }

    fn wait(&mut self, worker: Worker, mount: &Mount, patience: Duration) -> Answer {
        match worker.answers.recv_timeout(patience) {
            Ok(answer) => {
                self.worker = Some(worker);
                answer.map_or(Answer::Refused, Answer::Space)
            }
            Err(RecvTimeoutError::Timeout) => {
                self.stuck.insert(mount.clone(), worker);
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

    fn ask(question: &Question) -> Option<Space> {
        if question.path.ends_with("dead") {
            let mut revived = REVIVED.0.lock().unwrap();
            while !*revived {
                revived = REVIVED.1.wait(revived).unwrap();
            }
        }
        let (total, used, available) = (100, 40, 50);
        Some(Space { total, used, available, inodes: 0, inodes_used: 0 })
    }

    #[test]
    fn a_dead_mount_is_marked_and_the_others_are_still_asked() {
        let mut supervisor = Supervisor::new(&Roots::default());
        (supervisor.ask, supervisor.patience) = (ask, Duration::from_millis(200));
        let mut round = || -> Vec<(String, bool)> {
            let mount =
                |point: &str| Mount { point: point.to_owned(), device: None, read_only: false };
            let found = supervisor.ask_all(["/a", "/dead", "/b"].map(mount).to_vec());
            found.into_iter().map(|it| (it.mount.point, it.responding)).collect()
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

    #[test]
    fn a_hidden_mount_does_not_get_the_sizes_of_what_hides_it() {
        let ask = |device: Option<&str>| {
            ask_kernel(&Question { path: "/".into(), device: device.map(str::to_owned) })
        };
        let number = stat("/").unwrap().st_dev;
        let device = format!("{}:{}", major(number), minor(number));
        assert!(ask(Some(&device)).is_some() && ask(None).is_some());
        assert!(ask(Some("4095:1")).is_none());
    }
}
