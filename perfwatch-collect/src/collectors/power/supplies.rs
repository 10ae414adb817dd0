//! Batteries, chargers and power limits, read on a slow thread.
//!
//! See Documentation/ABI/testing/sysfs-class-power: all is in millionths (µW, µWh, µA, µAh, µV).

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use perfwatch_core::Block;

use super::{supplies_table, zones_table};
use crate::{
    Latest, Roots,
    sysfs::{entries, file_name, read_line, read_number},
};

/// Batteries measure themselves no more often, and asking one takes milliseconds.
const INTERVAL: Duration = Duration::from_secs(15);

/// The latest slow readings.
pub(super) struct Slow {
    supplies: Vec<Supply>,
    /// Watts, one for each zone in order, where it has a limit.
    limits: Vec<Option<f64>>,
}

#[derive(Debug, Default, PartialEq)]
struct Supply {
    name: String,
    capacity: Option<f64>,
    power: Option<f64>,
    energy: Option<f64>,
    energy_full: Option<f64>,
    online: Option<bool>,
    charging: Option<bool>,
}

/// Whether the host has any supply that it knows of.
pub(super) fn are_there(roots: &Roots) -> bool {
    !folders(roots).is_empty()
}

/// Supplies of the host; those of scope `Device` are batteries of mice and the like.
fn folders(roots: &Roots) -> Vec<PathBuf> {
    let mut folders = entries(&roots.sys("class/power_supply"));
    folders.retain(|folder| read_line(&folder.join("scope")).as_deref() != Some("Device"));
    folders
}

impl Slow {
    /// Starts the thread; nothing where the system gives none.
    pub(super) fn watch(roots: &Roots, limits: Vec<PathBuf>) -> Option<Latest<Self>> {
        let roots = roots.clone();
        Latest::spawn("perfwatch-power", INTERVAL, move || Self::read(&roots, &limits)).ok()
    }

    fn read(roots: &Roots, limits: &[PathBuf]) -> Self {
        let limits = limits.iter().map(|path| millionths(path)).collect();
        let supplies = folders(roots).iter().filter_map(|folder| Supply::read(folder)).collect();
        Self { supplies, limits }
    }

    /// Writes the limits into the zones' rows and makes a row per supply.
    pub(super) fn fill(&self, zones: &mut Block, supplies: &mut Block) {
        for (row, limit) in self.limits.iter().enumerate() {
            if let Some(limit) = limit {
                zones.row_mut(row).set_f64(zones_table::limit, *limit);
            }
        }
        for supply in &self.supplies {
            supply.fill(supplies);
        }
    }
}

impl Supply {
    /// Nothing where the battery's bay is empty.
    fn read(folder: &Path) -> Option<Self> {
        let line = |name: &str| read_line(&folder.join(name));
        let value = |name: &str| millionths(&folder.join(name));
        if line("present").as_deref() == Some("0") {
            return None;
        }
        let is_battery = line("type").is_some_and(|kind| kind == "Battery" || kind == "UPS");
        let voltage = value("voltage_now");
        // A battery that counts ampere hours holds them at about the voltage it was made for.
        let nominal = value("voltage_min_design").or(voltage);
        let energy = |energy, charge| {
            value(energy)
                .or_else(|| Some(value(charge)? * nominal?))
                .filter(|energy| *energy >= 0.0)
        };
        let power = value("power_now").or_else(|| Some(value("current_now")? * voltage?));
        let charging = line("status").and_then(|status| is_charging(&status));
        Some(Self {
            name: file_name(folder).to_owned(),
            capacity: read_number(&folder.join("capacity")).filter(|full| *full >= 0.0),
            // Some drivers count what flows out below zero.
            power: power.map(f64::abs),
            energy: energy("energy_now", "charge_now"),
            energy_full: energy("energy_full", "charge_full"),
            online: line("online").filter(|_| !is_battery).map(|online| online != "0"),
            charging: charging.filter(|_| is_battery),
        })
    }

    fn fill(&self, block: &mut Block) {
        let mut row = block.push_row(&self.name);
        let numbers = [
            (supplies_table::capacity, self.capacity),
            (supplies_table::power, self.power),
            (supplies_table::energy, self.energy),
            (supplies_table::energy_full, self.energy_full),
        ];
        for (field, number) in numbers {
            number.into_iter().for_each(|number| row.set_f64(field, number));
        }
        let flags =
            [(supplies_table::online, self.online), (supplies_table::charging, self.charging)];
        for (field, flag) in flags {
            flag.into_iter().for_each(|flag| row.set_flag(field, flag));
        }
    }
}

/// The kernel says `Unknown` where the battery does not tell.
fn is_charging(status: &str) -> Option<bool> {
    match status {
        "Charging" => Some(true),
        "Discharging" | "Not charging" | "Full" => Some(false),
        _ => None,
    }
}

fn millionths(path: &Path) -> Option<f64> {
    Some(read_number(path)? / 1e6)
}
