//! The memory limit of the control group that PerfWatch itself runs in, as in a container.
//!
//! A limit of a group above counts as well, so the smallest one on the way up is taken
//! (Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst).

use std::{
    fs,
    path::{Component, Path, PathBuf},
    time::Duration,
};

use perfwatch_core::Block;

use super::group as fields;
use crate::{Roots, Source, clock, parse::first_number};

/// Limits are set when a container starts, and seldom later.
const LIMIT_INTERVAL: Duration = Duration::from_secs(60);

/// Version 1 says 2^63 less a page where there is no limit.
const NO_LIMIT: u64 = 1 << 62;

/// The files of a version of control groups.
struct Version {
    /// As `/proc/self/cgroup` names it.
    controller: &'static str,
    folder: &'static str,
    limit: &'static str,
    usage: &'static str,
}

const VERSIONS: [Version; 2] = [
    Version { controller: "", folder: "fs/cgroup", limit: "memory.max", usage: "memory.current" },
    Version {
        controller: "memory",
        folder: "fs/cgroup/memory",
        limit: "memory.limit_in_bytes",
        usage: "memory.usage_in_bytes",
    },
];

/// One group on the way up.
struct Group {
    limit: Source,
    usage: Source,
}

/// The groups around this process, and which of them has the smallest limit.
pub(super) struct OwnGroups {
    groups: Vec<Group>,
    tightest: Option<(usize, u64)>,
    look_again_at_ns: u64,
}

impl OwnGroups {
    pub(super) fn new(roots: &Roots) -> Self {
        let own = fs::read_to_string(roots.proc("self/cgroup")).unwrap_or_default();
        let groups = VERSIONS.iter().flat_map(|version| {
            let folders = folders(&roots.sys(version.folder), path_of(&own, version.controller));
            let limited = folders.into_iter().filter(|it| it.join(version.limit).exists());
            limited.map(|folder| Group {
                limit: Source::new(folder.join(version.limit)),
                usage: Source::new(folder.join(version.usage)),
            })
        });
        Self { groups: groups.collect(), tightest: None, look_again_at_ns: 0 }
    }

    /// Writes the limit and what is used of it; nothing where there is no limit.
    pub(super) fn fill(&mut self, block: &mut Block) {
        let now = clock::monotonic_ns();
        if now >= self.look_again_at_ns {
            self.tightest = self.find_tightest();
            self.look_again_at_ns = now.saturating_add(LIMIT_INTERVAL.as_nanos() as u64);
        }
        let Some((index, limit)) = self.tightest else { return };
        let Some(group) = self.groups.get_mut(index) else { return };
        let used = group.usage.read().ok().and_then(first_number);
        block.set_read_at(group.usage.read_at());
        let mut row = block.host_row();
        row.set(fields::limit, limit);
        row.set_opt(fields::used, used);
    }

    fn find_tightest(&mut self) -> Option<(usize, u64)> {
        let limits = self.groups.iter_mut().enumerate().filter_map(|(index, group)| {
            // `max` is no number: no limit.
            let limit = group.limit.read().ok().and_then(first_number)?;
            (limit < NO_LIMIT).then_some((index, limit))
        });
        limits.min_by_key(|(_, limit)| *limit)
    }
}

/// The group's path in `/proc/self/cgroup`: `0::/path` of version 2, `4:memory:/path` of 1.
fn path_of<'a>(own: &'a str, controller: &str) -> &'a str {
    let path = own.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        controllers.split(',').any(|it| it == controller).then_some(path)
    });
    path.unwrap_or("/")
}

/// The group's folder and those above it, up to `base`. A container sees its own group at `base`,
/// and its path as the host names it leads nowhere.
fn folders(base: &Path, path: &str) -> Vec<PathBuf> {
    let relative = Path::new(path.trim_start_matches('/'));
    // A group outside of what this process sees is shown with `..`.
    let inside = relative.components().all(|it| matches!(it, Component::Normal(_)));
    let relative = if inside { relative } else { Path::new("") };
    relative.ancestors().map(|above| base.join(above)).collect()
}

#[cfg(test)]
mod tests {
    use perfwatch_core::MISSING;

    use super::*;

    /// Limit and use that these files of a host give.
    fn seen(files: &[(&str, &str)]) -> Option<(i64, i64)> {
        let tree = tempfile::TempDir::new().unwrap();
        for (file, text) in files {
            let path = tree.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let root = tree.path();
        let roots =
            Roots { procfs: root.join("proc"), sysfs: root.join("sys"), rootfs: root.to_owned() };
        let mut block = Block::new(&fields::TABLE);
        OwnGroups::new(&roots).fill(&mut block);
        (!block.keys().is_empty())
            .then(|| (block.value(0, fields::limit), block.value(0, fields::used)))
    }

    #[test]
    fn a_container_sees_its_limit_at_the_top() {
        let limit = ("sys/fs/cgroup/memory.max", "1048576\n");
        let usage = ("sys/fs/cgroup/memory.current", "4096\n");
        assert_eq!(seen(&[limit, usage, ("proc/self/cgroup", "0::/\n")]), Some((1_048_576, 4096)));
        assert_eq!(seen(&[limit, usage]), Some((1_048_576, 4096)));
        assert_eq!(seen(&[limit]), Some((1_048_576, MISSING)));
        let foreign = ("proc/self/cgroup", "0::/../../other.slice\n");
        assert_eq!(seen(&[limit, usage, foreign]), Some((1_048_576, 4096)));
    }

    #[test]
    fn the_smallest_limit_on_the_way_up_counts() {
        let files = [
            ("proc/self/cgroup", "0::/user.slice/a.service\n"),
            ("sys/fs/cgroup/user.slice/memory.max", "5000\n"),
            ("sys/fs/cgroup/user.slice/memory.current", "70\n"),
            ("sys/fs/cgroup/user.slice/a.service/memory.max", "max\n"),
            ("sys/fs/cgroup/user.slice/a.service/memory.current", "30\n"),
        ];
        assert_eq!(seen(&files), Some((5000, 70)));
        let tighter = ("sys/fs/cgroup/user.slice/a.service/memory.max", "4000\n");
        assert_eq!(seen(&[&files[..], &[tighter]].concat()), Some((4000, 30)));
    }

    #[test]
    fn version_1_has_other_files_and_a_number_for_no_limit() {
        let own = ("proc/self/cgroup", "0::/\n5:cpu,memory:/docker/1\n");
        let usage = ("sys/fs/cgroup/memory/docker/1/memory.usage_in_bytes", "300\n");
        let limit = |text| ("sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", text);
        assert_eq!(seen(&[own, usage, limit("2000\n")]), Some((2000, 300)));
        assert_eq!(seen(&[own, usage, limit("9223372036854771712\n")]), None);
    }

    #[test]
    fn a_host_without_a_limit_has_nothing_to_say() {
        assert_eq!(seen(&[]), None);
        let group = "sys/fs/cgroup/system.slice/memory.max";
        assert_eq!(seen(&[("proc/self/cgroup", "0::/system.slice\n"), (group, "max\n")]), None);
    }
}
