//! Energy that the CPU and its memory use, by the zones of powercap (RAPL), and power supplies.
//!
//! Energy counters are read at every tick from files kept open ([`zones`]). Batteries and power
//! limits are read on a slow thread ([`supplies`]): asking a battery goes through the firmware.
//! A host with neither has no such collector and no such thread.

mod supplies;
mod zones;

use perfwatch_core::{Block, FieldId, Table, metric_table};

use crate::{BaseCollector, CollectError, Gap, Latest, Roots, blocks_of, totals::Totals};
use supplies::Slow;
use zones::Zones;

metric_table! {
    /// Energy that the host's CPU packages use.
    pub table host: power {
        /// Energy used, summed over CPU packages.
        energy: Counter Microjoules,
    }
    derive {
        /// Mean power of all CPU packages.
        package: Watts = [energy] / second,
    }
}

metric_table! {
    /// Energy that each part of the host uses, by its powercap (RAPL) zone; a zone below another
    /// is a part of it.
    pub table zones_table: power.zones per zone {
        /// Energy used.
        energy: Counter Microjoules,
        /// Power that the zone may use in the long term.
        limit: Gauge Watts,
    }
    derive {
        /// Mean power.
        power: Watts = [energy] / second,
    }
}

metric_table! {
    /// Batteries and other supplies that feed the host, by the kernel's name.
    pub table supplies_table: power.supplies per supply {
        /// Charge of a battery as a share of what it holds when full.
        capacity: Gauge Percent,
        /// Power that flows into or out of it now, always positive.
        power: Gauge Watts,
        /// Energy that a battery holds now.
        energy: Gauge WattHours,
        /// Energy that a battery holds when full, at its present age.
        energy_full: Gauge WattHours,
        /// Whether a supply other than a battery is plugged in and feeds the host.
        online: Gauge Flag,
        /// Whether a battery is being charged.
        charging: Gauge Flag,
    }
}

static TABLES: [&Table; 3] = [&host::TABLE, &zones_table::TABLE, &supplies_table::TABLE];

static TOTALS: [(FieldId, FieldId); 1] = [(zones_table::energy, host::energy)];

const NO_ZONES: &str = "no /sys/class/powercap zones; virtual machines have none";
const LOAD_DRIVER: &str = "on real hardware load the driver: modprobe intel_rapl_msr";

pub(super) struct Power {
    roots: Roots,
    /// Looked for until there is something.
    found: Option<Found>,
    totals: Totals,
    gaps: Vec<Gap>,
}

struct Found {
    zones: Zones,
    slow: Option<Latest<Slow>>,
}

impl Power {
    pub(super) fn new(roots: &Roots) -> Self {
        let totals = Totals::new(&zones_table::TABLE, &TOTALS);
        Self { roots: roots.clone(), found: Found::look(roots), totals, gaps: Vec::new() }
    }
}

impl Found {
    fn look(roots: &Roots) -> Option<Self> {
        let zones = Zones::find(roots);
        let supplies = supplies::are_there(roots);
        (supplies || !zones.is_empty())
            .then(|| Self { slow: Slow::watch(roots, zones.limits()), zones })
    }
}

impl BaseCollector for Power {
    fn name(&self) -> &'static str {
        "power"
    }

    fn tables(&self) -> &'static [&'static Table] {
        &TABLES
    }

    fn collect(&mut self, blocks: &mut [Block]) -> Result<(), CollectError> {
        let [host, zone_rows, supplies] = blocks_of(blocks)?;
        if self.found.is_none() {
            self.found = Found::look(&self.roots);
        }
        let Some(found) = &mut self.found else {
            Gap::keep(&mut self.gaps, zones::WHAT, Some(&zones::no_zones()));
            return Err(CollectError::unsupported(NO_ZONES, Some(LOAD_DRIVER)));
        };
        let whole = found.zones.read(zone_rows, &mut self.gaps);
        if whole {
            host.set_read_at(zone_rows.read_at());
            self.totals.update(zone_rows, |row| found.zones.is_package(row), host);
        }
        if let Some(slow) = &found.slow {
            supplies.set_read_at(zone_rows.read_at());
            slow.with(|slow| slow.fill(zone_rows, supplies));
        }
        Ok(())
    }

    fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    fn settled(&self) -> bool {
        let slow = self.found.as_ref().and_then(|found| found.slow.as_ref());
        slow.is_none_or(Latest::is_there)
    }
}
