//! The least that reading the same files can cost.

use std::{fs::File, io, os::unix::fs::FileExt};

use perfwatch_collect::{
    Roots,
    parse::cpu_list,
    perf_events::{CounterGroup, CounterSource, Event, KernelCounters, groups},
};

/// The files that each collector reads at every tick.
const FILES: [(&str, &[&str]); 8] = [
    ("cpu", &["stat", "loadavg"]),
    ("memory", &["meminfo"]),
    ("network", &["net/dev", "net/snmp", "net/netstat", "net/softnet_stat"]),
    ("disk", &["diskstats"]),
    ("perf_events", &[]),
    ("memory_bandwidth", &["vmstat"]),
    ("pressure", &["pressure/cpu", "pressure/memory", "pressure/io", "pressure/irq"]),
    // Zones of energy are found where there are any; see `open_zones`.
    ("power", &[]),
];

/// Below this, an answer of `/proc` is the last of its file; the collectors know that too.
const LAST_ANSWER_BELOW: usize = 2048;

/// Files kept open and counters kept running, read without looking at what they say.
pub struct Floor {
    files: Vec<File>,
    groups: Vec<Box<dyn CounterGroup>>,
    buffer: Vec<u8>,
}

impl Floor {
    /// What is under one collector; a file that this host lacks is left out, as the collector does.
    ///
    /// # Errors
    /// If a file that is there cannot be opened.
    pub fn of(collector: &str, roots: &Roots) -> io::Result<Self> {
        let mut floor = Self { files: Vec::new(), groups: Vec::new(), buffer: vec![0; 1 << 20] };
        let files = FILES.iter().filter(|(name, _)| *name == collector);
        for path in files.flat_map(|(_, files)| *files) {
            let path = match path.strip_prefix("net/") {
                Some(net) => roots.net(net),
                None => roots.proc(path),
            };
            if path.exists() {
                floor.files.push(File::open(path)?);
            }
        }
        match collector {
            "perf_events" => floor.open_counters(roots)?,
            "power" => floor.open_zones(roots)?,
            _ => {}
        }
        Ok(floor)
    }

    /// What is under a whole tick: under all these collectors.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn of_all<'a>(
        collectors: impl Iterator<Item = &'a str>,
        roots: &Roots,
    ) -> io::Result<Self> {
        let mut whole = Self::of("", roots)?;
        for collector in collectors {
            let part = Self::of(collector, roots)?;
            whole.files.extend(part.files);
            whole.groups.extend(part.groups);
        }
        Ok(whole)
    }

    fn open_counters(&mut self, roots: &Roots) -> io::Result<()> {
        let online = roots.sys("devices/system/cpu/online");
        let mut cpus = Vec::new();
        cpu_list(&std::fs::read(&online)?, |cpu| cpus.push(cpu));
        self.files.push(File::open(online)?);
        for events in groups() {
            for &cpu in &cpus {
                let opens = |event: &Event| KernelCounters.open(cpu, &[*event]).is_ok();
                let offered: Vec<Event> = events.iter().copied().filter(opens).collect();
                // A copied host has CPUs that this one lacks; its collector counts nothing there.
                self.groups.extend(KernelCounters.open(cpu, &offered).ok());
            }
        }
        Ok(())
    }

    fn open_zones(&mut self, roots: &Roots) -> io::Result<()> {
        let zones = std::fs::read_dir(roots.sys("class/powercap")).into_iter().flatten().flatten();
        let files = zones.map(|zone| zone.path().join("energy_uj")).filter(|path| path.exists());
        files.map(File::open).try_for_each(|file| file.map(|file| self.files.push(file)))
    }

    /// Reads everything once; says how many bytes and counters there were.
    ///
    /// # Errors
    /// If a read fails.
    pub fn read(&mut self) -> io::Result<u64> {
        let mut seen = 0;
        for file in &self.files {
            seen += read_file(file, &mut self.buffer)?;
        }
        for group in &mut self.groups {
            seen += u64::from(group.read()?.enabled_ns > 0);
        }
        Ok(seen)
    }
}

fn read_file(file: &File, buffer: &mut [u8]) -> io::Result<u64> {
    let mut filled = 0;
    loop {
        let read = file.read_at(buffer, filled)?;
        filled += read as u64;
        if read < LAST_ANSWER_BELOW {
            return Ok(filled);
        }
    }
}
