//! What a host is: its name, kernel, CPU and memory. Read once, so the `procfs` crate serves.

use std::{fs, path::Path};

use procfs::{CpuInfo, FromRead, FromReadSI, KernelStats, Meminfo};
use sha2::{Digest, Sha256};

use crate::Roots;

/// The facts of a host that do not change while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFacts {
    /// The host's name.
    pub name: String,
    /// What no other machine has and what stays when it is renamed: 32 hexadecimal digits, made of
    /// the machine's id so that they do not give it away (machine-id(5) asks for that).
    pub machine: Option<String>,
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
        machine: machine(&roots.rootfs),
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

/// The host's own machine id, hashed with what no other application hashes it with. A container is
/// given its host's root, and without one has an id of its own, or an empty file.
fn machine(rootfs: &Path) -> Option<String> {
    let files = ["etc/machine-id", "var/lib/dbus/machine-id"];
    let is_id = |id: &String| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = files.iter().find_map(|path| line(&rootfs.join(path)).filter(is_id))?;
    let digest = Sha256::digest(format!("perfwatch host\0{}", id.to_ascii_lowercase()));
    Some(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_told_by_its_id_without_showing_it() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(machine(root.path()), None);
        // As an image has it before its first start, and as one may be broken.
        for text in ["", "uninitialized\n", "0123456789abcdef0123456789abcde"] {
            write("etc/machine-id", text);
            assert_eq!(machine(root.path()), None, "{text}");
        }
        let id = "0123456789abcdef0123456789abcdef\n";
        write("var/lib/dbus/machine-id", id);
        let known = "00486899cfe8b9c13ade6eb65e9c79a2".to_owned();
        assert_eq!(machine(root.path()), Some(known.clone()), "it must never change");
        write("etc/machine-id", &id.to_uppercase());
        assert_eq!(machine(root.path()), Some(known.clone()));
        write("etc/machine-id", "1123456789abcdef0123456789abcdef");
        assert_ne!(machine(root.path()), Some(known));
    }
}
