//! A tree of kernel files of a host as large as wanted.
//!
//! Files that grow with the host (CPUs, disks, interfaces) are made; those that do not are copied
//! from the running kernel, so that they are as long as real ones.

use std::{
    fmt::Write,
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use perfwatch_collect::Roots;
use tempfile::TempDir;

const COPIED: [&str; 7] =
    ["meminfo", "vmstat", "loadavg", "filesystems", "net/snmp", "net/netstat", "net/sockstat"];

const CPUS_PER_DISK: u32 = 8;
const CPUS_PER_INTERFACE: u32 = 8;

/// The tree; it is removed when this is dropped.
pub struct SyntheticHost {
    root: TempDir,
}

impl SyntheticHost {
    /// Writes the tree of a host with so many CPUs, and disks and interfaces to match.
    ///
    /// # Errors
    /// If a file cannot be written, or one to copy cannot be read.
    pub fn new(cpus: u32) -> io::Result<Self> {
        let host = Self { root: TempDir::new()? };
        for path in COPIED {
            host.write(
                &format!("proc/{path}"),
                fs::read_to_string(Path::new("/proc").join(path))?,
            )?;
        }
        host.write("proc/stat", stat(cpus))?;
        host.write("proc/cpuinfo", cpuinfo(cpus))?;
        host.write("sys/devices/system/cpu/online", format!("0-{}\n", cpus.saturating_sub(1)))?;
        host.write("proc/mountinfo", "22 1 259:2 / / rw - ext4 /dev/nvme0n1p2 rw\n".to_owned())?;
        host.pressure()?;
        host.disks(cpus / CPUS_PER_DISK + 1)?;
        host.interfaces(cpus / CPUS_PER_INTERFACE + 1)?;
        Ok(host)
    }

    /// Where the files are.
    pub fn roots(&self) -> Roots {
        let root = self.root.path();
        Roots { procfs: root.join("proc"), sysfs: root.join("sys"), rootfs: root.to_owned() }
    }

    fn write(&self, path: &str, text: String) -> io::Result<()> {
        let path = self.root.path().join(path);
        self.folder_of(&path)?;
        fs::write(path, text)
    }

    fn folder_of(&self, path: &Path) -> io::Result<()> {
        path.parent().map_or(Ok(()), fs::create_dir_all)
    }

    /// A device folder and the link to it in its class.
    fn device(&self, class: &str, bus: &str, name: &str) -> io::Result<PathBuf> {
        let device = self.root.path().join("sys/devices").join(bus).join(name);
        fs::create_dir_all(&device)?;
        let link = self.root.path().join("sys").join(class).join(name);
        self.folder_of(&link)?;
        symlink(&device, link)?;
        Ok(device)
    }

    fn pressure(&self) -> io::Result<()> {
        let line = |kind| format!("{kind} avg10=0.98 avg60=0.86 avg300=1.82 total=19116926\n");
        for resource in ["cpu", "memory", "io"] {
            self.write(&format!("proc/pressure/{resource}"), line("some") + &line("full"))?;
        }
        self.write("proc/pressure/irq", line("full"))
    }

    fn disks(&self, count: u32) -> io::Result<()> {
        let mut text = String::new();
        for disk in 0..count {
            let name = format!("nvme{disk}n1");
            let device = self.device("block", &format!("pci0000:00/nvme/nvme{disk}"), &name)?;
            for part in ["", "p1", "p2"] {
                let counts =
                    "128903 423 9013444 60122 893214 2210 80123344 990122 0 412300 1050244";
                let flushes = "3012 0 998123 233 40231 9921";
                // Writing to a string cannot fail.
                let _ = writeln!(text, " 259 {disk:>7} {name}{part} {counts} {flushes}");
                if !part.is_empty() {
                    fs::create_dir_all(device.join(format!("{name}{part}")))?;
                }
            }
        }
        self.write("proc/diskstats", text)
    }

    fn interfaces(&self, count: u32) -> io::Result<()> {
        let mut text =
            "Inter-| Receive | Transmit\n face |bytes packets |bytes packets\n".to_owned();
        for interface in 0..count {
            let name = format!("eth{interface}");
            let device = self.device("class/net", "pci0000:00/net", &name)?;
            fs::write(device.join("operstate"), "up\n")?;
            fs::write(device.join("speed"), "25000\n")?;
            let counts = "987654321012 812345678 0 12 0 0 0 4411";
            let _ = writeln!(text, "{name:>6}: {counts} {counts}");
        }
        self.write("proc/net/dev", text)
    }
}

fn stat(cpus: u32) -> String {
    let mut text = "cpu  9012345 1234 3012345 99012345 40123 0 20123 991 0 0\n".to_owned();
    for cpu in 0..cpus {
        let _ = writeln!(text, "cpu{cpu} 70408 9 23533 773534 313 0 157 7 0 0");
    }
    // One number per interrupt, most of them 0.
    let interrupts = " 0".repeat(16 * cpus as usize);
    let _ = writeln!(text, "intr 9123456789{interrupts}");
    let tasks = "ctxt 19123456789\nbtime 1795411000\nprocesses 8123456\n";
    let queues = "procs_running 17\nprocs_blocked 0\n";
    let softirqs = "softirq 812345678 1 2 3 4 5 6 7 8 9 10\n";
    text + tasks + queues + softirqs
}

fn cpuinfo(cpus: u32) -> String {
    let cpu = |cpu| format!("processor\t: {cpu}\nmodel name\t: Made\ncpu MHz\t\t: 2600.000\n\n");
    (0..cpus).map(cpu).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use perfwatch_collect::MetricsAggregator;

    use super::*;

    #[test]
    fn the_collectors_see_a_large_host() {
        let host = SyntheticHost::new(128).unwrap();
        let mut aggregator = MetricsAggregator::new(&host.roots());
        aggregator.settle(Duration::from_secs(5));
        aggregator.collect_all();
        let rows = |table: &str| aggregator.frame().block(table).map(|it| it.keys().len());
        assert_eq!(rows("cpu.cores"), Some(128));
        assert_eq!(rows("disk.devices"), Some(17), "whole disks, no partitions");
        assert_eq!(rows("network.interfaces"), Some(17));
        assert_eq!(rows("pressure"), Some(4));
    }
}
