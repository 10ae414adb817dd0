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
pub(crate) struct Reason {
    pub(crate) text: String,
    pub(crate) cure: Option<String>,
    hardware: bool,
}

impl Reason {
    pub(crate) fn new(text: String, cure: Option<&str>) -> Self {
        Self { text, cure: cure.map(str::to_owned), hardware: false }
    }
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
            let what = format!("{class}: {}", events.join(", "));
            let gap = Gap::new(what, &reason.text, reason.cure.as_deref());
            if reason.hardware { gap.of_hardware() } else { gap }
        };
        self.by_reason.into_iter().map(gap).collect()
    }
}

fn explain(class: Class, error: &io::Error, paranoid: Option<&str>) -> Reason {
    refusal(error, paranoid).unwrap_or_else(|| match class {
        Class::Software => Reason::new(format!("the kernel refuses it: {error}"), None),
        Class::Hardware | Class::Cache => {
            let text = "this CPU or virtual machine has no counter for it".to_owned();
            let cure = "in a virtual machine, give the guest a PMU (QEMU/KVM: -cpu host,pmu=on); \
                        some clouds offer it on metal instances only";
            Reason { hardware: true, ..Reason::new(text, Some(cure)) }
        }
    })
}

/// What keeps any counter from being opened: permission, or the number of descriptors.
pub(crate) fn refusal(error: &io::Error, paranoid: Option<&str>) -> Option<Reason> {
    let level = paranoid.unwrap_or("unknown");
    let (text, cure) = match error.raw_os_error()? {
        EACCES | EPERM => (
            format!(
                "not permitted: kernel.perf_event_paranoid is {level} \
                 and the process lacks CAP_PERFMON"
            ),
            "give the service CAP_PERFMON (systemd: AmbientCapabilities=CAP_PERFMON; \
             container: --cap-add PERFMON) or set kernel.perf_event_paranoid to 0",
        ),
        EMFILE | ENFILE => (
            "too few file descriptors: one is needed per event and CPU".to_owned(),
            "raise the limit (ulimit -n, or LimitNOFILE= of the service)",
        ),
        _ => return None,
    };
    Some(Reason::new(text, Some(cure)))
}
