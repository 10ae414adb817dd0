//! What a host is: its name, kernel, CPU and memory. Read once, so the `procfs` crate serves.

use std::{fs, path::Path};

use procfs::{CpuInfo, FromRead, FromReadSI, KernelStats, Meminfo};

use crate::Roots;

/// The facts of a host that do not change while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFacts {
    /// The host's name.
    pub name: String,
    /// The distribution's name, such as `Debian GNU/Linux 12 (bookworm)`.
    pub os: Option<String>,
    /// The kernel's version.
    pub kernel: Option<String>,
    /// The processor family that this binary was built for.
    pub architecture: &'static str,
    /// The CPU's model name.
    pub cpu_model: Option<String>,
    /// Whether the CPU says that a hypervisor is below it, which only x86 CPUs do.
    pub virtual_machine: bool,
    /// How many logical CPUs are online.
    pub cpu_count: usize,
    /// Memory in bytes.
    pub memory_bytes: Option<u64>,
    /// When it was booted, in milliseconds since 1970 (UTC).
    pub boot_time_ms: Option<i64>,
    /// The host's time zone, such as `Europe/Berlin`.
    pub timezone: Option<String>,
}

/// Reads the facts; what cannot be read is left out.
pub fn host_facts(roots: &Roots) -> HostFacts {
    let cpus = CpuInfo::from_file(roots.proc("cpuinfo")).ok();
    let stat = KernelStats::from_file(roots.proc("stat"), procfs::current_system_info()).ok();
    let memory = Meminfo::from_file(roots.proc("meminfo")).ok();
    let kernel_name = || line(&roots.proc("sys/kernel/hostname"));
    let name = if roots.procfs == Path::new("/proc") {
        kernel_name()
    } else {
        // The kernel tells a container its own name, whichever /proc it reads.
        line(&roots.rootfs.join("etc/hostname")).or_else(kernel_name)
    };
    let flags = cpus.as_ref().and_then(|cpus| cpus.flags(0));
    HostFacts {
        name: name.unwrap_or_else(|| "localhost".to_owned()),
        os: os_name(&roots.rootfs),
        kernel: line(&roots.proc("sys/kernel/osrelease")),
        architecture: std::env::consts::ARCH,
        cpu_model: cpus.as_ref().and_then(|cpus| cpus.model_name(0)).map(str::to_owned),
        virtual_machine: flags.is_some_and(|flags| flags.contains(&"hypervisor")),
        cpu_count: stat.as_ref().map_or(0, |stat| stat.cpu_time.len()),
        memory_bytes: memory.map(|memory| memory.mem_total),
        boot_time_ms: stat.and_then(|stat| i64::try_from(stat.btime).ok()?.checked_mul(1000)),
        timezone: timezone(&roots.rootfs),
    }
}

fn line(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|line| !line.is_empty())
}

fn os_name(rootfs: &Path) -> Option<String> {
    let release = ["etc/os-release", "usr/lib/os-release"];
    let text = release.iter().find_map(|path| fs::read_to_string(rootfs.join(path)).ok())?;
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(name.trim_matches('"').to_owned())
}

fn timezone(rootfs: &Path) -> Option<String> {
    if let Some(name) = line(&rootfs.join("etc/timezone")) {
        return Some(name);
    }
    let target = fs::read_link(rootfs.join("etc/localtime")).ok()?;
    let (_, name) = target.to_str()?.split_once("zoneinfo/")?;
    Some(name.to_owned())
}
