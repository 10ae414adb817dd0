//! Frequencies, temperatures and throttling of the CPU, and which CPUs are offline: read on a slow
//! thread.

use std::{cmp::Ordering, fs, path::Path, time::Duration};

use perfwatch_core::Block;

use super::{
    cores, host, temperatures,
    throttling::{Throttled, Throttling},
};
use crate::{
    Gap, Latest, Roots,
    parse::{self, cpu_list},
    sysfs::{entries, file_name, read_line, read_number},
};

const INTERVAL: Duration = Duration::from_secs(5);

/// Drivers under `/sys/class/hwmon` whose sensors are the CPU's.
const CPU_DRIVERS: [&str; 6] =
    ["coretemp", "k10temp", "zenpower", "via_cputemp", "cpu_thermal", "scpi_sensors"];

/// Thermal zones that are the CPU's, asked where no driver above is there.
const CPU_ZONES: [&str; 5] =
    ["x86_pkg_temp", "cpu-thermal", "cpu_thermal", "soc_thermal", "soc-thermal"];

/// The latest slow readings.
#[derive(Default)]
pub(super) struct Sensors {
    /// Frequency by CPU number, in megahertz.
    frequencies: Vec<(u32, f64)>,
    /// Temperature by label, in degrees Celsius.
    temperatures: Vec<(String, f64)>,
    /// CPUs that are there but not used by the kernel, ascending.
    offline: Vec<(u32, String)>,
    throttled: Option<Throttled>,
    gaps: Vec<Gap>,
}

const FREQUENCY: &str = "CPU frequency";
const TEMPERATURE: &str = "CPU temperature";
const THROTTLING: &str = "CPU throttle counts";

impl Sensors {
    /// Starts the thread; nothing where the system gives none.
    pub(super) fn watch(roots: &Roots) -> Option<Latest<Self>> {
        let roots = roots.clone();
        let mut throttling = Throttling::new(&roots);
        let read = move || Self::read(&roots, throttling.read());
        Latest::spawn("perfwatch-cpu", INTERVAL, read).ok()
    }

    fn read(roots: &Roots, throttled: Option<Throttled>) -> Self {
        let frequencies = frequencies(roots);
        let temperatures = temperatures_of(roots);
        let mut gaps = Vec::new();
        if frequencies.is_empty() {
            let reason = "neither cpufreq in /sys nor `cpu MHz` in /proc/cpuinfo is there";
            gaps.push(Gap::new(FREQUENCY, reason, None));
        }
        if temperatures.is_empty() {
            let reason = "no CPU sensor in /sys/class/hwmon or /sys/class/thermal; \
                          virtual machines have none";
            let cure = "on real hardware load the sensor driver: modprobe coretemp or k10temp";
            gaps.push(Gap::new(TEMPERATURE, reason, Some(cure)).of_hardware());
        }
        if throttled.is_none() {
            let reason = "no CPU has thermal_throttle in /sys/devices/system/cpu; \
                          only Intel's have, and virtual machines do not";
            gaps.push(Gap::new(THROTTLING, reason, None).of_hardware());
        }
        Self { frequencies, temperatures, offline: offline(roots), throttled, gaps }
    }

    /// Keeps what is missing here among the collector's gaps.
    pub(super) fn tell_gaps(&self, gaps: &mut Vec<Gap>) {
        for what in [FREQUENCY, TEMPERATURE, THROTTLING] {
            Gap::keep(gaps, what, self.gaps.iter().find(|gap| gap.what == what));
        }
    }

    /// Writes the readings into rows that `/proc/stat` made; adds a row per offline CPU.
    pub(super) fn fill(&self, host: &mut Block, cores: &mut Block, sensors: &mut Block) {
        let online = cores.keys().len();
        let mut known = 0.0;
        let mut next = self.frequencies.iter().peekable();
        for row in 0..online {
            let id = cores.keys().get(row).and_then(|key| parse::number(key.as_bytes()));
            // Both lists ascend by CPU number.
            while next.next_if(|(cpu, _)| id.is_some_and(|id| u64::from(*cpu) < id)).is_some() {}
            if let Some((_, mhz)) = next.next_if(|(cpu, _)| Some(u64::from(*cpu)) == id) {
                cores.row_mut(row).set_f64(cores::frequency, *mhz);
                known += 1.0;
            }
        }
        if known > 0.0 {
            let sum: f64 = self.frequencies.iter().map(|(_, mhz)| mhz).sum();
            host.host_row().set_f64(host::frequency, sum / self.frequencies.len() as f64);
        }
        for (cpu, name) in &self.offline {
            // It may have come back since the slow thread looked.
            if !has_core(cores, online, *cpu) {
                cores.push_row(name).set_flag(cores::online, false);
            }
        }
        for (label, celsius) in &self.temperatures {
            sensors.push_row(label).set_f64(temperatures::temperature, *celsius);
        }
        if let Some(throttled) = self.throttled {
            let mut row = host.host_row();
            row.set(host::core_throttles, throttled.cores);
            row.set_opt(host::package_throttles, throttled.packages);
        }
        if let Some(hottest) =
            self.temperatures.iter().map(|(_, celsius)| *celsius).reduce(f64::max)
        {
            host.host_row().set_f64(host::temperature, hottest);
        }
    }
}

/// Whether the first `rows` rows, which ascend, have this CPU.
fn has_core(cores: &Block, rows: usize, cpu: u32) -> bool {
    let number = |row| cores.keys().get(row).and_then(|key| parse::number(key.as_bytes()));
    let (mut low, mut high) = (0, rows);
    while low < high {
        let middle = low + (high - low) / 2;
        match number(middle).cmp(&Some(u64::from(cpu))) {
            Ordering::Less => low = middle + 1,
            Ordering::Equal => return true,
            Ordering::Greater => high = middle,
        }
    }
    false
}

/// `scaling_cur_freq` of each CPU, else `cpu MHz` of `/proc/cpuinfo`; ascending by CPU.
fn frequencies(roots: &Roots) -> Vec<(u32, f64)> {
    let base = roots.sys("devices/system/cpu");
    let mut found = Vec::new();
    let present = fs::read(base.join("present")).unwrap_or_default();
    cpu_list(&present, |cpu| {
        let path = base.join(format!("cpu{cpu}/cpufreq/scaling_cur_freq"));
        if let Some(khz) = read_number(&path).filter(|khz| *khz >= 0.0) {
            found.push((cpu, khz / 1000.0));
        }
    });
    if found.is_empty() {
        found = cpuinfo_frequencies(&fs::read_to_string(roots.proc("cpuinfo")).unwrap_or_default());
    }
    found.sort_by_key(|(cpu, _)| *cpu);
    found
}

fn cpuinfo_frequencies(cpuinfo: &str) -> Vec<(u32, f64)> {
    let mut cpu = None;
    let pairs = cpuinfo.lines().filter_map(|line| line.split_once(':'));
    pairs
        .filter_map(|(key, value)| match key.trim() {
            "processor" => {
                cpu = value.trim().parse().ok();
                None
            }
            "cpu MHz" => cpu
                .zip(value.trim().parse().ok().filter(|mhz: &f64| mhz.is_finite() && *mhz >= 0.0)),
            _ => None,
        })
        .collect()
}

fn temperatures_of(roots: &Roots) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    for device in entries(&roots.sys("class/hwmon")) {
        if read_line(&device.join("name")).is_some_and(|name| CPU_DRIVERS.contains(&name.as_str()))
        {
            hwmon_temperatures(&device, &mut found);
        }
    }
    if found.is_empty() {
        for zone in entries(&roots.sys("class/thermal")) {
            let kind = read_line(&zone.join("type"));
            let Some(kind) = kind.filter(|kind| CPU_ZONES.contains(&kind.as_str())) else {
                continue;
            };
            if let Some(millidegrees) = read_number(&zone.join("temp")) {
                push_sensor(&mut found, kind, millidegrees / 1000.0);
            }
        }
    }
    found
}

fn hwmon_temperatures(device: &Path, found: &mut Vec<(String, f64)>) {
    let mut inputs = entries(device);
    inputs.retain(|path| {
        let name = file_name(path);
        name.starts_with("temp") && name.ends_with("_input")
    });
    for input in inputs {
        let Some(stem) = input.to_str().and_then(|path| path.strip_suffix("_input")) else {
            continue;
        };
        let Some(millidegrees) = read_number(&input) else { continue };
        let label = read_line(Path::new(&format!("{stem}_label")));
        let fallback = || stem.rsplit('/').next().unwrap_or("temp").to_owned();
        push_sensor(found, label.unwrap_or_else(fallback), millidegrees / 1000.0);
    }
}

/// Two packages may use the same label; the second gets a number.
fn push_sensor(found: &mut Vec<(String, f64)>, label: String, celsius: f64) {
    let taken = |name: &str| found.iter().any(|(label, _)| label == name);
    let mut name = label.clone();
    let mut number = 2;
    while taken(&name) {
        name = format!("{label} #{number}");
        number += 1;
    }
    found.push((name, celsius));
}

fn offline(roots: &Roots) -> Vec<(u32, String)> {
    let mut cpus = Vec::new();
    let list = fs::read(roots.sys("devices/system/cpu/offline")).unwrap_or_default();
    let mut present = Vec::new();
    let all = fs::read(roots.sys("devices/system/cpu/present")).unwrap_or_default();
    cpu_list(&all, |cpu| present.push(cpu));
    // `offline` also names CPUs that the board could hold and does not.
    cpu_list(&list, |cpu| {
        if present.binary_search(&cpu).is_ok() {
            cpus.push((cpu, cpu.to_string()));
        }
    });
    cpus
}
