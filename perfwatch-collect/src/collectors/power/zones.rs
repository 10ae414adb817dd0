//! Zones of powercap: which there are, and the energy that each has used.
//!
//! See Documentation/power/powercap/powercap.rst. The energy files are kept open.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use perfwatch_core::Block;

use super::{LOAD_DRIVER, NO_ZONES, zones_table};
use crate::{
    CollectError, Gap, Roots, Source, clock,
    parse::{ParseError, first_number},
    sysfs::{entries, file_name, read_line, read_number},
};

/// A zone that cannot be read is asked again this often.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// A suspend shorter than this is none: the clocks are read one after the other.
const SUSPEND_TOLERANCE_NS: u64 = 100_000_000;

pub(super) const WHAT: &str = "power of the CPU";

pub(super) struct Zones {
    zones: Vec<Zone>,
    suspended_ns: u64,
}

struct Zone {
    key: String,
    folder: PathBuf,
    is_package: bool,
    source: Source,
    energy: Energy,
    retry_at_ns: u64,
}

impl Zones {
    /// All zones that count energy. The `intel-rapl-mmio` zones are the same packages again, and
    /// used only where the other driver is not there.
    pub(super) fn find(roots: &Roots) -> Self {
        let mut folders = entries(&roots.sys("class/powercap"));
        folders.retain(|folder| folder.join("energy_uj").exists());
        // By name: a zone stands before the zones below it.
        folders.sort();
        let is_rapl = |folder: &PathBuf| file_name(folder).starts_with("intel-rapl:");
        if folders.iter().any(is_rapl) {
            folders.retain(is_rapl);
        }
        let mut zones: Vec<Zone> = Vec::new();
        for folder in folders {
            let zone = Zone::new(folder, &zones);
            zones.push(zone);
        }
        Self { zones, suspended_ns: clock::suspended_ns() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.zones.is_empty()
    }

    pub(super) fn is_package(&self, row: usize) -> bool {
        self.zones.get(row).is_some_and(|zone| zone.is_package)
    }

    /// The files that hold the long-term power limit, in the order of the rows.
    pub(super) fn limits(&self) -> Vec<PathBuf> {
        self.zones.iter().map(|zone| zone.folder.join("constraint_0_power_limit_uw")).collect()
    }

    /// Makes a row per zone; says whether there are packages and all of them could be read.
    pub(super) fn read(&mut self, block: &mut Block, gaps: &mut Vec<Gap>) -> bool {
        let now_ns = clock::monotonic_ns();
        block.set_read_at(now_ns);
        let suspended_ns = clock::suspended_ns();
        let slept = suspended_ns.abs_diff(self.suspended_ns) > SUSPEND_TOLERANCE_NS;
        self.suspended_ns = suspended_ns;
        let mut failed = self.zones.is_empty().then(no_zones);
        let (mut packages, mut read) = (0, 0);
        for zone in &mut self.zones {
            let energy = zone.read(now_ns, slept).unwrap_or_else(|gap| {
                failed = Some(gap);
                None
            });
            block.push_row(&zone.key).set_opt(zones_table::energy, energy);
            packages += usize::from(zone.is_package);
            read += usize::from(zone.is_package && energy.is_some());
        }
        let waiting = self.zones.iter().any(|zone| zone.retry_at_ns > 0);
        if failed.is_some() || !waiting {
            Gap::keep(gaps, WHAT, failed.as_ref());
        }
        packages > 0 && packages == read
    }
}

impl Zone {
    /// A zone, named after itself below its parent, and apart from those before it.
    fn new(folder: PathBuf, before: &[Self]) -> Self {
        let id = file_name(&folder);
        let name = read_line(&folder.join("name")).unwrap_or_else(|| id.to_owned());
        let parent = id
            .rsplit_once(':')
            .and_then(|(parent, _)| before.iter().find(|zone| file_name(&zone.folder) == parent));
        let is_package = parent.is_none() && name.starts_with("package");
        let name = parent.map_or_else(|| name.clone(), |parent| format!("{}/{name}", parent.key));
        let taken = |key: &String| before.iter().any(|zone| zone.key == *key);
        let mut numbered = (2..).map(|number| format!("{name} #{number}"));
        let key = if taken(&name) { numbered.find(|key| !taken(key)) } else { None };
        Self {
            key: key.unwrap_or(name),
            is_package,
            source: Source::new(folder.join("energy_uj")),
            energy: Energy::new(read_number(&folder.join("max_energy_range_uj"))),
            folder,
            retry_at_ns: 0,
        }
    }

    /// The energy used so far; nothing while it waits to be tried again.
    fn read(&mut self, now_ns: u64, slept: bool) -> Result<Option<u64>, Gap> {
        if now_ns < self.retry_at_ns {
            return Ok(None);
        }
        let number = |bytes: &[u8]| first_number(bytes).ok_or(ParseError::at(0, "expected energy"));
        match self.source.parse(number) {
            Ok(energy) => {
                self.retry_at_ns = 0;
                Ok(Some(self.energy.advance(energy, slept)))
            }
            Err(error) => {
                self.retry_at_ns = now_ns.saturating_add(RETRY_AFTER.as_nanos() as u64);
                Err(explain(self.source.path(), &error))
            }
        }
    }
}

/// What a host without zones lacks.
pub(super) fn no_zones() -> Gap {
    Gap::new(WHAT, NO_ZONES, Some(LOAD_DRIVER)).of_hardware()
}

fn explain(path: &Path, error: &CollectError) -> Gap {
    let refused = std::fs::File::open(path).err();
    if refused.is_some_and(|refused| refused.kind() == io::ErrorKind::PermissionDenied) {
        return forbidden();
    }
    Gap::new(WHAT, &error.to_string(), None)
}

/// Energy counters tell so much about what others compute (CVE-2020-8694) that the kernel gives
/// them to root only.
fn forbidden() -> Gap {
    let reason = "only root may read /sys/class/powercap/*/energy_uj";
    let cure = "run as root or give the service CAP_DAC_READ_SEARCH (systemd: \
                AmbientCapabilities=CAP_DAC_READ_SEARCH; container: --cap-add DAC_READ_SEARCH)";
    Gap::new(WHAT, reason, Some(cure))
}

/// A running total of a counter that starts again at 0 beyond its range.
struct Energy {
    range: Option<u64>,
    last: Option<u64>,
    total: u64,
}

impl Energy {
    fn new(range: Option<f64>) -> Self {
        Self { range: range.map(|range| range as u64), last: None, total: 0 }
    }

    /// The total, now that the counter says `now`. What was used over a suspend is not known: the
    /// counter may have been reset, which looks the same as a wrap.
    fn advance(&mut self, now: u64, slept: bool) -> u64 {
        let range = self.range.unwrap_or(0);
        self.total = match self.last.replace(now) {
            None => now,
            Some(_) if slept => self.total,
            Some(last) if now >= last => self.total.saturating_add(now - last),
            Some(last) if range >= last => self.total.saturating_add(range - last + now),
            // A reset: the total steps back, which is seen as one.
            Some(_) => now,
        };
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_goes_on_where_its_counter_wraps() {
        let mut energy = Energy::new(Some(1000.0));
        let steps = [(900, 900), (990, 990), (10, 1010), (10, 1010), (1000, 2000), (0, 2000)];
        for (counter, total) in steps {
            assert_eq!(energy.advance(counter, false), total);
        }
    }

    #[test]
    fn a_suspend_is_no_wrap() {
        let mut energy = Energy::new(Some(1000.0));
        energy.advance(900, false);
        assert_eq!(energy.advance(3, true), 900);
        assert_eq!(energy.advance(5, false), 902);
    }

    #[test]
    fn a_counter_of_unknown_range_that_falls_is_a_reset() {
        let mut energy = Energy::new(None);
        assert_eq!([energy.advance(900, false), energy.advance(3, false)], [900, 3]);
    }

    #[test]
    fn who_may_not_read_is_told_what_to_do() {
        assert!(forbidden().cure.is_some_and(|cure| cure.contains("CAP_DAC_READ_SEARCH")));
    }
}
