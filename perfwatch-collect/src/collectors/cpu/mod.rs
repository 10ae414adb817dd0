//! CPU time by state, for the host and each core, with load, frequency and temperature.
//!
//! `/proc/stat` and `/proc/loadavg` are read at every tick; frequencies and temperatures on a
//! slower thread of their own ([`sensors`]), because reading them may wake a core or a slow bus.

mod sensors;
mod stat;
mod throttling;

use perfwatch_core::{Block, Table, metric_table};

use crate::{
    BaseCollector, CollectError, Gap, Latest, Roots, Source, blocks_of,
    parse::{ParseError, decimal, words},
    part::Part,
};
use sensors::Sensors;

/// A table that begins with CPU time by state; the host and its cores have that in common.
macro_rules! cpu_time_table {
    ($(#[doc = $help:literal])+ $module:ident: $($name:ident).+ $(per $row:ident)? {
        $($own:tt)+
    }) => {
        metric_table! {
            $(#[doc = $help])+
            pub table $module: $($name).+ $(per $row)? {
                /// Time running user code, without guests and nice processes.
                user: Counter CpuTime,
                /// Time running user code of processes with lowered priority, without guests.
                nice: Counter CpuTime,
                /// Time running the kernel.
                system: Counter CpuTime,
                /// Time doing nothing.
                idle: Counter CpuTime,
                /// Time doing nothing while a disk request was open; an estimate of the kernel.
                iowait: Counter CpuTime,
                /// Time serving hardware interrupts.
                irq: Counter CpuTime,
                /// Time serving software interrupts.
                softirq: Counter CpuTime,
                /// Time this virtual machine wanted to run and the hypervisor ran something else.
                steal: Counter CpuTime,
                /// Time running virtual machines.
                guest: Counter CpuTime,
                /// Time running virtual machines with lowered priority.
                guest_nice: Counter CpuTime,
                $($own)+
            }
            derive {
                /// Share of time not idle and not waiting for a disk; steal counts as use.
                usage: Percent = [user nice system irq softirq steal guest guest_nice]
                    / [user nice system idle iowait irq softirq steal guest guest_nice],
            }
        }
    };
}

cpu_time_table! {
    /// CPU use of the whole host.
    host: cpu {
        /// Switches from one thread to another.
        context_switches: Counter Count,
        /// Hardware interrupts served.
        interrupts: Counter Count,
        /// Software interrupts served.
        softirqs: Counter Count,
        /// Processes and threads made.
        forks: Counter Count,
        /// Threads running or ready to run.
        tasks_running: Gauge Count,
        /// Threads waiting for a disk.
        tasks_blocked: Gauge Count,
        /// Mean number of threads running, ready or waiting for a disk, over a minute.
        load_1m: Gauge Average,
        /// Mean number of threads running, ready or waiting for a disk, over 5 minutes.
        load_5m: Gauge Average,
        /// Mean number of threads running, ready or waiting for a disk, over 15 minutes.
        load_15m: Gauge Average,
        /// Logical CPUs in use by the kernel.
        online_cores: Gauge Count,
        /// Mean frequency of the cores whose frequency is known.
        frequency: Gauge Megahertz,
        /// Temperature of the hottest CPU sensor.
        temperature: Gauge Celsius,
        /// How often a core was slowed down because it was too hot, since boot.
        core_throttles: Gauge Count,
        /// How often a whole CPU package was slowed down because it was too hot, since boot.
        package_throttles: Gauge Count,
    }
}

cpu_time_table! {
    /// CPU use of each logical CPU, by its number.
    cores: cpu.cores per core {
        /// Current frequency.
        frequency: Gauge Megahertz,
        /// Whether the kernel uses this CPU.
        online: Gauge Flag,
    }
}

metric_table! {
    /// Temperature of each sensor of the CPU, by the sensor's label.
    pub table temperatures: cpu.temperatures per sensor {
        /// Current temperature.
        temperature: Gauge Celsius,
    }
}

static TABLES: [&Table; 3] = [&host::TABLE, &cores::TABLE, &temperatures::TABLE];

pub(super) struct Cpu {
    stat: Source,
    loadavg: Part,
    sensors: Option<Latest<Sensors>>,
    gaps: Vec<Gap>,
}

impl Cpu {
    pub(super) fn new(roots: &Roots) -> Self {
        Self {
            stat: Source::new(roots.proc("stat")),
            loadavg: Part::new("load averages", Source::new(roots.proc("loadavg"))),
            sensors: Sensors::watch(roots),
            gaps: Vec::new(),
        }
    }
}

impl BaseCollector for Cpu {
    fn name(&self) -> &'static str {
        "cpu"
    }

    fn tables(&self) -> &'static [&'static Table] {
        &TABLES
    }

    fn collect(&mut self, blocks: &mut [Block]) -> Result<(), CollectError> {
        let [host, cores, temperatures] = blocks_of(blocks)?;
        self.stat.parse(|bytes| stat::parse(bytes, host, cores))?;
        host.set_read_at(self.stat.read_at());
        cores.set_read_at(self.stat.read_at());
        self.loadavg.parse(&mut self.gaps, |bytes| parse_load(bytes, host));
        if let Some(sensors) = &self.sensors {
            let gaps = &mut self.gaps;
            sensors.with(|sensors| {
                sensors.fill(host, cores, temperatures);
                sensors.tell_gaps(gaps);
            });
        }
        Ok(())
    }

    fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    fn settled(&self) -> bool {
        self.sensors.as_ref().is_none_or(Latest::is_there)
    }
}

/// `/proc/loadavg`: `0.52 0.58 0.59 1/389 12345`.
fn parse_load(bytes: &[u8], block: &mut Block) -> Result<(), ParseError> {
    let mut row = block.host_row();
    let mut words = words(bytes);
    for field in [host::load_1m, host::load_5m, host::load_15m] {
        let load = words.next().and_then(decimal);
        row.set_f64(field, load.ok_or(ParseError::at(0, "expected three load averages"))?);
    }
    Ok(())
}
