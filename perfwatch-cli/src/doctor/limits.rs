//! Settings of this system that decide what can be seen.

use std::fs;

use nix::sys::resource::{Resource, getrlimit};
use perfwatch_collect::Roots;
use serde::Serialize;

/// The number of CAP_PERFMON in a capability set (linux/capability.h).
const CAP_PERFMON: u32 = 38;
/// CAP_SYS_ADMIN allows everything that CAP_PERFMON does.
const CAP_SYS_ADMIN: u32 = 21;

/// One setting, its value, and what it means here.
#[derive(Debug, Serialize)]
pub(super) struct Limit {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) meaning: &'static str,
}

pub(super) fn all(roots: &Roots) -> Vec<Limit> {
    [open_files(), paranoid(roots), perfmon()].into_iter().flatten().collect()
}

fn open_files() -> Option<Limit> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    Some(Limit {
        name: "RLIMIT_NOFILE",
        value: format!("{soft} (at most {hard})"),
        meaning: "open files; performance events take one per event and CPU, up to half of it",
    })
}

fn paranoid(roots: &Roots) -> Option<Limit> {
    let text = fs::read_to_string(roots.proc("sys/kernel/perf_event_paranoid")).ok()?;
    let level: i32 = text.trim().parse().ok()?;
    let meaning = match level {
        ..=0 => "everybody may count the events of a whole CPU",
        _ => "only a process with CAP_PERFMON may count the events of a whole CPU",
    };
    Some(Limit { name: "perf_event_paranoid", value: level.to_string(), meaning })
}

fn perfmon() -> Option<Limit> {
    // The reader's own rights, wherever the host's /proc is.
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let held = effective_capabilities(&status)?;
    let has = |capability: u32| held >> capability & 1 == 1;
    let (value, meaning) = match (has(CAP_PERFMON), has(CAP_SYS_ADMIN)) {
        (true, _) => ("held", "this process may count the events of a whole CPU"),
        (false, true) => ("not held", "CAP_SYS_ADMIN is held and allows the same"),
        (false, false) => ("not held", "perf_event_paranoid decides what this process may count"),
    };
    Some(Limit { name: "CAP_PERFMON", value: value.to_owned(), meaning })
}

fn effective_capabilities(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read_from_the_status() {
        let status = "Name:\tx\nCapEff:\t0000004000000000\nCapBnd:\t000001ffffffffff\n";
        assert_eq!(effective_capabilities(status), Some(1 << CAP_PERFMON));
        assert_eq!(effective_capabilities("Name:\tx\n"), None);
    }
}
