//! Traffic between the CPU and its memory, as the host's own counters say; never an estimate.
//!
//! Memory controllers are PMUs of their own ([`controllers`]), counted once for each socket
//! ([`channels`]); resctrl counts what leaves each last-level cache ([`resctrl`]). Which of them
//! there are is looked for at the first tick, and now and then where there were none.

mod channels;
mod controllers;
mod resctrl;

use std::{fs, time::Duration};

use perfwatch_core::{Block, FieldId, metric_table};

use crate::{
    CollectError, Gap, Roots, clock,
    perf_events::{CounterSource, FOREIGN, reasons::refusal},
};
use channels::Channels;
use resctrl::Domains;

metric_table! {
    /// Traffic of the host's memory controllers, between CPU and DRAM.
    pub table host: memory_bandwidth.dram {
        /// Bytes read from DRAM, where the controllers tell reads from writes.
        read_bytes: Counter Bytes,
        /// Bytes written to DRAM, where the controllers tell reads from writes.
        write_bytes: Counter Bytes,
        /// Bytes moved in either direction.
        transferred_bytes: Counter Bytes,
    }
}

metric_table! {
    /// Traffic of the memory controllers of each socket, between CPU and DRAM.
    pub table sockets: memory_bandwidth.sockets per socket {
        /// Bytes read from DRAM, where the controllers tell reads from writes.
        read_bytes: Counter Bytes,
        /// Bytes written to DRAM, where the controllers tell reads from writes.
        write_bytes: Counter Bytes,
        /// Bytes moved in either direction.
        transferred_bytes: Counter Bytes,
    }
}

metric_table! {
    /// Traffic behind each last-level cache, as resctrl counts it for its default group.
    pub table domains: memory_bandwidth.domains per domain {
        /// Bytes moved between the cache and memory of any socket.
        transferred_bytes: Counter Bytes,
        /// Bytes moved between the cache and memory of its own socket.
        local_bytes: Counter Bytes,
    }
}

/// The fields of a row in the order of [`Flow`]; the host and its sockets have them in common.
const FIELDS: [FieldId; 3] = [host::read_bytes, host::write_bytes, host::transferred_bytes];

/// What a counter of a memory controller counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Read,
    Write,
    /// Reads and writes alike.
    Either,
}

const WHAT: &str = "DRAM bandwidth";

/// What is not there is looked for again this often.
const RETRY_AFTER: Duration = Duration::from_secs(60);

pub(super) struct Dram {
    roots: Roots,
    /// Nothing where the trees are not the running kernel's.
    source: Option<Box<dyn CounterSource>>,
    channels: Channels,
    domains: Domains,
    retry_at_ns: u64,
}

impl Dram {
    pub(super) fn new(roots: &Roots, source: Option<Box<dyn CounterSource>>) -> Self {
        let (channels, domains) = (Channels::default(), Domains::default());
        Self { roots: roots.clone(), source, channels, domains, retry_at_ns: 0 }
    }

    /// Opens what there is, where nothing is open or some of it stopped counting.
    pub(super) fn look(&mut self, now_ns: u64, gaps: &mut Vec<Gap>) {
        let whole = self.channels.are_whole();
        if (whole && !self.domains.are_lost()) || now_ns < self.retry_at_ns {
            return;
        }
        self.retry_at_ns = now_ns.saturating_add(RETRY_AFTER.as_nanos() as u64);
        self.domains = Domains::find(&self.roots);
        if !whole {
            // Closed first: both at once could be more descriptors than there are.
            self.channels = Channels::default();
            let gap = self.open().err();
            // Domains alone are enough, unless there is more that only needs a permission.
            let enough = |gap: &Gap| !self.domains.is_empty() && *gap == controllers::none();
            Gap::keep(gaps, WHAT, gap.filter(|gap| !enough(gap)).as_ref());
        }
    }

    fn open(&mut self) -> Result<(), Gap> {
        let told = |error: CollectError| Gap::new(WHAT, &error.to_string(), None);
        let found = controllers::find(&self.roots).map_err(told)?;
        if found.is_empty() {
            return Err(controllers::why_none(&self.roots));
        }
        let foreign = || Gap::new(WHAT, FOREIGN, None);
        let source = self.source.as_deref().ok_or_else(foreign)?;
        let opened = Channels::open(source, &self.roots, found);
        self.channels = opened.map_err(|error| {
            let paranoid = fs::read_to_string(self.roots.proc("sys/kernel/perf_event_paranoid"));
            let refused = refusal(&error, paranoid.as_deref().ok().map(str::trim));
            let other = || format!("the kernel refuses the memory controllers' counters: {error}");
            match refused {
                Some(reason) => Gap::new(WHAT, &reason.text, reason.cure.as_deref()),
                None => Gap::new(WHAT, &other(), None),
            }
        })?;
        Ok(())
    }

    /// Writes what there is; nothing where there is none.
    pub(super) fn read(&mut self, blocks: [&mut Block; 3], gaps: &mut Vec<Gap>) {
        let [host, sockets, domains] = blocks;
        if !self.channels.are_empty() {
            let now_ns = clock::monotonic_ns();
            host.set_read_at(now_ns);
            sockets.set_read_at(now_ns);
            if let Err(error) = self.channels.read(host, sockets) {
                // Opened anew when it is time to look again.
                self.channels = Channels::default();
                Gap::keep(gaps, WHAT, Some(&Gap::new(WHAT, &error.to_string(), None)));
            }
        }
        if !self.domains.is_empty() {
            domains.set_read_at(clock::monotonic_ns());
            self.domains.read(domains);
        }
    }
}
