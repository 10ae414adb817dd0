//! Disks from `/proc/diskstats` with the topology of `/sys/block`, and mounted file systems.
//!
//! File systems are asked on threads of their own ([`space`]): one that does not answer
//! must not stop the others.

mod diskstats;
mod space;
mod topology;

use perfwatch_core::{Block, Table, metric_table};

use crate::{
    BaseCollector, CollectError, Gap, Roots, Source, blocks_of, part::Part, totals::Totals,
};
use space::FileSystems;
use topology::Topology;

metric_table! {
    /// Transfers of the host: the sum over its physical disks.
    pub table host: disk {
        /// Reads finished.
        reads: Counter Count,
        /// Writes finished.
        writes: Counter Count,
        /// Bytes read.
        bytes_read: Counter Bytes,
        /// Bytes written.
        bytes_written: Counter Bytes,
        /// Time that reads took, summed over reads.
        read_time: Counter Milliseconds,
        /// Time that writes took, summed over writes.
        write_time: Counter Milliseconds,
    }
    derive {
        /// Mean time from request to answer of a read.
        read_latency: Milliseconds = [read_time] / [reads],
        /// Mean time from request to answer of a write.
        write_latency: Milliseconds = [write_time] / [writes],
    }
}

metric_table! {
    /// Transfers of each whole disk, by its name; virtual ones only once they were used.
    pub table devices: disk.devices per device {
        /// Reads finished.
        reads: Counter Count,
        /// Writes finished.
        writes: Counter Count,
        /// Reads that were joined to another one before they began, and not counted as reads.
        reads_merged: Counter Count,
        /// Writes that were joined to another one before they began, and not counted as writes.
        writes_merged: Counter Count,
        /// Discards finished.
        discards: Counter Count,
        /// Cache flushes finished.
        flushes: Counter Count,
        /// Bytes read.
        bytes_read: Counter Bytes,
        /// Bytes written.
        bytes_written: Counter Bytes,
        /// Bytes discarded.
        bytes_discarded: Counter Bytes,
        /// Time that reads took, summed over reads.
        read_time: Counter32 Milliseconds,
        /// Time that writes took, summed over writes.
        write_time: Counter32 Milliseconds,
        /// Time that discards took, summed over discards.
        discard_time: Counter32 Milliseconds,
        /// Time that cache flushes took, summed over flushes.
        flush_time: Counter32 Milliseconds,
        /// Time in which at least one request was under way.
        io_time: Counter32 Milliseconds,
        /// Time that requests spent waiting and being served, summed over requests.
        queue_time: Counter32 Milliseconds,
        /// Requests under way.
        in_flight: Gauge Count,
        /// Whether it is a device of its own, and not made of others.
        physical: Gauge Flag,
    }
    derive {
        /// Mean time from request to answer of a read.
        read_latency: Milliseconds = [read_time] / [reads],
        /// Mean time from request to answer of a write.
        write_latency: Milliseconds = [write_time] / [writes],
        /// Mean time from request to answer of a discard.
        discard_latency: Milliseconds = [discard_time] / [discards],
        /// Mean time of a cache flush.
        flush_latency: Milliseconds = [flush_time] / [flushes],
        /// Mean number of requests waiting or being served.
        queue_length: Average = [queue_time] / second,
        /// Share of time with a request under way; a disk that serves several at once is not full at 100 %.
        utilization: Percent = [io_time] / second,
    }
}

metric_table! {
    /// Space of each mounted file system, by its mount point; a device mounted twice counts once.
    pub table filesystems: disk.filesystems per mount {
        /// Size of the file system.
        total: Gauge Bytes,
        /// Space in use.
        used: Gauge Bytes,
        /// Space that ordinary users may still fill.
        available: Gauge Bytes,
        /// Files and folders that fit.
        inodes: Gauge Count,
        /// Files and folders there are.
        inodes_used: Gauge Count,
        /// Whether it is mounted read-only.
        read_only: Gauge Flag,
        /// Whether it answered within 5 seconds.
        responding: Gauge Flag,
    }
    derive {
        /// Space in use as a share of what ordinary users can have, as `df` shows it.
        usage: Percent = [used] / [used available],
        /// Files and folders there are as a share of those that fit.
        inodes_usage: Percent = [inodes_used] / [inodes],
    }
}

static TABLES: [&Table; 3] = [&host::TABLE, &devices::TABLE, &filesystems::TABLE];

pub(super) struct Disk {
    diskstats: Part,
    topology: Topology,
    totals: Totals,
    filesystems: Option<FileSystems>,
    gaps: Vec<Gap>,
}

const TRANSFERS: &str = "transfers of disks";

impl Disk {
    pub(super) fn new(roots: &Roots) -> Self {
        let filesystems = FileSystems::watch(roots);
        let mut gaps = Vec::new();
        if !roots.sys("block").exists() {
            let reason = "there is no /sys/block to tell disks from partitions";
            gaps.push(Gap::new("disk topology", reason, Some("mount the host's /sys read-only")));
        }
        if let Err(error) = &filesystems {
            gaps.push(Gap::new("file systems", &error.to_string(), None));
        }
        // A disk and all its partitions are one record of the kernel.
        let diskstats = Source::with_long_records(roots.proc("diskstats"));
        Self {
            diskstats: Part::new(TRANSFERS, diskstats),
            topology: Topology::new(roots),
            totals: Totals::new(&devices::TABLE, &diskstats::TOTALS),
            filesystems: filesystems.ok(),
            gaps,
        }
    }

    /// The whole collector is unavailable where neither of its sources is there.
    fn outcome(&self, filesystems: &Block) -> Result<(), CollectError> {
        match self.gaps.iter().find(|gap| gap.what == TRANSFERS) {
            Some(Gap { reason, cure, .. }) if filesystems.keys().is_empty() => {
                let (reason, cure) = (reason.clone(), cure.clone());
                Err(CollectError::Unsupported { reason, cure })
            }
            _ => Ok(()),
        }
    }
}

impl BaseCollector for Disk {
    fn name(&self) -> &'static str {
        "disk"
    }

    fn tables(&self) -> &'static [&'static Table] {
        &TABLES
    }

    fn collect(&mut self, blocks: &mut [Block]) -> Result<(), CollectError> {
        let [host, devices, filesystems] = blocks_of(blocks)?;
        let topology = &mut self.topology;
        let parsed = self
            .diskstats
            .parse(&mut self.gaps, |bytes| diskstats::parse(bytes, topology, devices));
        if parsed {
            let physical = |row| devices.value(row, devices::physical) == 1;
            self.totals.update(devices, physical, host);
        } else {
            devices.clear();
        }
        devices.set_read_at(self.diskstats.read_at());
        host.set_read_at(self.diskstats.read_at());
        if let Some(watch) = &self.filesystems {
            watch.fill(filesystems, &mut self.gaps);
        }
        self.outcome(filesystems)
    }

    fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    fn settled(&self) -> bool {
        self.filesystems.as_ref().is_none_or(FileSystems::settled)
    }
}
