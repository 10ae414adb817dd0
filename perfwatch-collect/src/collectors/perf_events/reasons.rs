//! Why an event does not open, and what would help, in words.

use std::{collections::BTreeMap, io};

use nix::libc::{EACCES, EMFILE, ENFILE, EPERM};

use super::events::{Class, Counted};
use crate::Gap;

/// Collects refusals and tells them by class and reason.
pub(super) struct Refusals<'a> {
    paranoid: Option<&'a str>,
    by_reason: BTreeMap<(&'static str, Reason), Vec<&'static str>>,
}

/// Why something was refused, and what would help.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Reason {
    text: String,
    cure: Option<String>,
}

impl<'a> Refusals<'a> {
    /// No refusal yet; `paranoid` is the kernel's setting, for the words.
    pub(super) fn new(paranoid: Option<&'a str>) -> Self {
        Self { paranoid, by_reason: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, class: Class, event: &Counted, error: &io::Error) {
        let reason = explain(class, error, self.paranoid);
        self.by_reason.entry((class.name(), reason)).or_default().push(event.name);
    }

    pub(super) fn into_gaps(self) -> Vec<Gap> {
        let gap = |((class, reason), events): ((&str, Reason), Vec<&str>)| {
            let what = format!("{class}: {}", events.join(", ")).into();
            Gap { what, reason: reason.text, cure: reason.cure }
        };
        self.by_reason.into_iter().map(gap).collect()
    }
}

fn explain(class: Class, error: &io::Error, paranoid: Option<&str>) -> Reason {
    let level = paranoid.unwrap_or("unknown");
    let (text, cure) = match error.raw_os_error() {
        Some(EACCES | EPERM) => (
            format!(
                "not permitted: kernel.perf_event_paranoid is {level} \
                 and the process lacks CAP_PERFMON"
            ),
            Some(
                "give the service CAP_PERFMON (systemd: AmbientCapabilities=CAP_PERFMON; \
                 container: --cap-add PERFMON) or set kernel.perf_event_paranoid to 0",
            ),
        ),
        Some(EMFILE | ENFILE) => (
            "too few file descriptors: one is needed per event and CPU".to_owned(),
            Some("raise the limit (ulimit -n, or LimitNOFILE= of the service)"),
        ),
        _ if class == Class::Software => (format!("the kernel refuses it: {error}"), None),
        _ => (
            "this CPU or virtual machine has no counter for it".to_owned(),
            Some(
                "in a virtual machine, give the guest a PMU \
                 (QEMU/KVM: -cpu host,pmu=on); some clouds offer it on metal instances only",
            ),
        ),
    };
    Reason { text, cure: cure.map(str::to_owned) }
}
