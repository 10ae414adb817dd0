//! How often the CPU was slowed down because it was too hot (Intel, `thermal_throttle` of sysfs).

use std::{collections::HashMap, path::PathBuf};

use crate::{
    Roots,
    parse::cpu_list,
    sysfs::{read_line, read_number},
};

/// Throttle events since boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Throttled {
    pub(super) cores: u64,
    /// Nothing where only cores have a count.
    pub(super) packages: Option<u64>,
}

/// The highest count seen of each core and package. The CPUs of one core count the same events,
/// and so do those of a package; one that went offline keeps what it had counted.
pub(super) struct Throttling {
    folder: PathBuf,
    cores: HashMap<(String, String), u64>,
    packages: HashMap<String, u64>,
}

impl Throttling {
    pub(super) fn new(roots: &Roots) -> Self {
        let folder = roots.sys("devices/system/cpu");
        Self { folder, cores: HashMap::new(), packages: HashMap::new() }
    }

    /// Reads the counts again; nothing where no CPU ever had one.
    pub(super) fn read(&mut self) -> Option<Throttled> {
        let present = std::fs::read(self.folder.join("present")).unwrap_or_default();
        cpu_list(&present, |cpu| self.read_cpu(cpu));
        let packages = sum(self.packages.values());
        sum(self.cores.values()).map(|cores| Throttled { cores, packages })
    }

    fn read_cpu(&mut self, cpu: u32) {
        let folder = self.folder.join(format!("cpu{cpu}"));
        let count = |file: &str| {
            read_number(&folder.join("thermal_throttle").join(file)).map(|count| count as u64)
        };
        let id = |file: &str| read_line(&folder.join("topology").join(file)).unwrap_or_default();
        let Some(core) = count("core_throttle_count") else { return };
        let package = id("physical_package_id");
        let seen = self.cores.entry((package.clone(), id("core_id"))).or_default();
        *seen = core.max(*seen);
        if let Some(count) = count("package_throttle_count") {
            let seen = self.packages.entry(package).or_default();
            *seen = count.max(*seen);
        }
    }
}

/// The sum of the counts; nothing where there are none.
fn sum<'a>(counts: impl Iterator<Item = &'a u64>) -> Option<u64> {
    counts.copied().reduce(u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn each_core_and_each_package_counts_once_and_offline_ones_stay() {
        let tree = tempfile::TempDir::new().unwrap();
        let sysfs = tree.path().to_owned();
        let base = sysfs.join("devices/system/cpu");
        let roots = Roots { sysfs, ..Roots::default() };
        let mut throttling = Throttling::new(&roots);
        assert_eq!(throttling.read(), None);
        // Two packages of two cores; CPUs 0 and 4 are one core.
        let cpus = [(0, 0, 0), (1, 0, 1), (2, 1, 0), (3, 1, 1), (4, 0, 0)];
        let write = |cpu: u32, file: &str, value: u64| {
            let path = base.join(format!("cpu{cpu}")).join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{value}\n")).unwrap();
        };
        for (cpu, package, core) in cpus {
            write(cpu, "topology/physical_package_id", package);
            write(cpu, "topology/core_id", core);
            write(cpu, "thermal_throttle/core_throttle_count", 3);
            write(cpu, "thermal_throttle/package_throttle_count", 10 + package);
        }
        fs::write(base.join("present"), "0-4\n").unwrap();
        assert_eq!(throttling.read(), Some(Throttled { cores: 12, packages: Some(21) }));
        write(0, "thermal_throttle/core_throttle_count", 5);
        fs::remove_dir_all(base.join("cpu3/thermal_throttle")).unwrap();
        assert_eq!(throttling.read(), Some(Throttled { cores: 14, packages: Some(21) }));
    }
}
