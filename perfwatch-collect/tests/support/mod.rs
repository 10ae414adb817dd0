#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "only tests use it")]
//! Fixture hosts: trees of kernel files at two moments.

pub mod counters;

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use perfwatch_collect::{BaseCollector, Roots, built_in};
use perfwatch_core::{Block, Frame, MISSING, Source, Unit, View};
use tempfile::TempDir;

/// A folder for thousands of small files, which a disk's file system takes many seconds to write.
pub fn folder_in_memory() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap()
}

/// A copy of a fixture host that a test may change.
pub struct Host {
    fixture: PathBuf,
    root: TempDir,
}

impl Host {
    pub fn new(name: &str) -> Self {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
        let root = folder_in_memory();
        for tree in ["proc", "sys"] {
            copy(&fixture.join(tree), &root.path().join(tree));
        }
        Self { fixture, root }
    }

    pub fn roots(&self) -> Roots {
        let root = self.root.path();
        Roots { procfs: root.join("proc"), sysfs: root.join("sys"), rootfs: root.to_owned() }
    }

    /// Moves to the second moment. Files are rewritten in place: collectors hold them open.
    pub fn later(&self) {
        copy(&self.fixture.join("later"), self.root.path());
    }

    /// A host with nothing but these files, which are there from the first moment on.
    pub fn with_files(files: &[(&str, &[u8])]) -> Self {
        let host = Self { fixture: PathBuf::new(), root: folder_in_memory() };
        for (file, content) in files {
            fs::create_dir_all(host.path(file).parent().unwrap()).unwrap();
            fs::write(host.path(file), content).unwrap();
        }
        host
    }

    /// The regular files below a folder of this host, in a fixed order.
    pub fn files(&self, folder: &str) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.path(folder)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.file_type().unwrap() {
                    kind if kind.is_dir() => folders.push(entry.path()),
                    kind if kind.is_file() => files.push(entry.path()),
                    _ => {}
                }
            }
        }
        let relative = |path: PathBuf| path.strip_prefix(&self.root).unwrap().to_owned();
        let mut files: Vec<_> =
            files.into_iter().map(|path| relative(path).to_str().unwrap().to_owned()).collect();
        files.sort();
        files
    }

    /// The path of a file of this host.
    pub fn path(&self, file: &str) -> PathBuf {
        self.root.path().join(file)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&source, &target);
        } else if kind.is_symlink() {
            symlink(fs::read_link(&source).unwrap(), &target).unwrap();
        } else {
            fs::write(&target, fs::read(&source).unwrap()).unwrap();
        }
    }
}

/// The collectors that read files only: performance events are the running kernel's.
pub fn file_collectors(roots: &Roots) -> Vec<Box<dyn BaseCollector>> {
    built_in(roots).into_iter().filter(|collector| collector.name() != "perf_events").collect()
}

/// Waits until every slow source has answered once.
pub fn settle(collectors: &[Box<dyn BaseCollector>]) {
    for _ in 0..20_000 {
        if collectors.iter().all(|collector| collector.settled()) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_micros(500));
    }
    panic!("a slow source did not answer within 10 s");
}

/// Fails where the view has a number that nothing on earth could have: below zero (but for frost), or a share of
/// something that is more than all of it.
pub fn check_bounds(view: &View, what: &str) {
    view.for_each_row(|table, key, values| {
        for (column, &value) in table.columns.iter().zip(values) {
            let name = || format!("{what}: {}[{key}].{} = {value}", table.name, column.name);
            let cold = column.unit == Unit::Celsius;
            assert!(value == MISSING || value >= 0 || cold, "{}", name());
            // What the kernel itself hands out as a percentage is shown as it stands.
            let ours = !matches!(column.source, Source::Level(_));
            let share = ours && column.unit == Unit::Percent;
            let whole = 100 * 10_i64.pow(u32::from(Unit::Percent.decimals()));
            assert!(!share || value <= whole, "{}", name());
        }
    });
}

/// One frame, as if every source had been read `at_s` seconds after the start.
pub fn frame(collectors: &mut [Box<dyn BaseCollector>], at_s: u64) -> Frame {
    let tables: Vec<_> = collectors.iter().flat_map(|collector| collector.tables()).collect();
    let mut frame = Frame::new(tables);
    frame.timestamp_ms = i64::try_from(at_s).unwrap() * 1000;
    let mut rest = frame.blocks.as_mut_slice();
    for collector in collectors {
        let (blocks, others) = rest.split_at_mut(collector.tables().len());
        rest = others;
        if let Err(error) = collector.collect(blocks) {
            assert!(!error.to_string().is_empty());
            blocks.iter_mut().for_each(Block::clear);
        }
        blocks.iter_mut().for_each(|block| block.set_read_at(at_s * 1_000_000_000));
    }
    frame
}

/// A host made by a test, file by file.
pub struct Tree(TempDir);

impl Tree {
    pub fn new() -> Self {
        Self(folder_in_memory())
    }

    pub fn roots(&self) -> Roots {
        let root = self.0.path();
        Roots { procfs: root.join("proc"), sysfs: root.join("sys"), rootfs: root.to_owned() }
    }

    /// Makes a file with its folders, or rewrites it in place: collectors hold it open.
    pub fn write(&self, file: &str, content: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }
}
