//! Memory, swap and huge pages, from `/proc/meminfo`, with ZFS's cache and the limit of the own
//! control group.

mod arc;
mod cgroup;

use perfwatch_core::{Block, FieldId, Table, metric_table};

use crate::{
    BaseCollector, CollectError, Roots, Source, blocks_of, keyed::KeyedLines, parse::ParseError,
    part::Part,
};
use cgroup::OwnGroups;

metric_table! {
    /// Memory, swap and huge pages of the host.
    pub table host: memory {
        /// Memory that the kernel manages.
        total: Gauge Bytes,
        /// Memory in use: total less available, as `free` shows it.
        used: Gauge Bytes,
        /// Memory that programs can have without swapping; an estimate of the kernel, with what ZFS's cache can give back.
        available: Gauge Bytes,
        /// Memory that holds nothing at all.
        free: Gauge Bytes,
        /// Cached blocks of raw disks.
        buffers: Gauge Bytes,
        /// Cached files and reclaimable kernel memory, without shared memory.
        cached: Gauge Bytes,
        /// Shared memory and files of tmpfs.
        shared: Gauge Bytes,
        /// Kernel data structures.
        slab: Gauge Bytes,
        /// The part of the kernel's data structures that it can give back.
        slab_reclaimable: Gauge Bytes,
        /// The part of the kernel's data structures that it cannot give back.
        slab_unreclaimable: Gauge Bytes,
        /// Memory the kernel keeps for each CPU.
        percpu: Gauge Bytes,
        /// Memory of programs that no file backs.
        anonymous: Gauge Bytes,
        /// The part of it that is in huge pages.
        anonymous_huge_pages: Gauge Bytes,
        /// Files mapped into programs.
        mapped: Gauge Bytes,
        /// Memory used not long ago, which is given to others last.
        active: Gauge Bytes,
        /// Memory not used for a while, which is given to others first.
        inactive: Gauge Bytes,
        /// Memory that must stay, such as what programs have locked.
        unevictable: Gauge Bytes,
        /// Changed pages that wait to be written to disk.
        dirty: Gauge Bytes,
        /// Pages being written to disk.
        writeback: Gauge Bytes,
        /// Page tables.
        page_tables: Gauge Bytes,
        /// Kernel stacks of all threads.
        kernel_stack: Gauge Bytes,
        /// Memory promised to programs.
        committed: Gauge Bytes,
        /// How much may be promised where the kernel is told to be strict.
        commit_limit: Gauge Bytes,
        /// Memory that the hardware reported as broken and the kernel uses no more.
        hardware_corrupted: Gauge Bytes,
        /// ZFS's cache (ARC).
        zfs_arc: Gauge Bytes,
        /// What ZFS's cache does not shrink below.
        zfs_arc_min: Gauge Bytes,
        /// What ZFS's cache does not grow beyond.
        zfs_arc_max: Gauge Bytes,
        /// Swap space.
        swap_total: Gauge Bytes,
        /// Swap space in use.
        swap_used: Gauge Bytes,
        /// Swap space not in use.
        swap_free: Gauge Bytes,
        /// Memory that is also still on swap.
        swap_cached: Gauge Bytes,
        /// Size of one huge page.
        huge_page_size: Gauge Bytes,
        /// Huge pages set aside.
        huge_pages: Gauge Count,
        /// Huge pages set aside and not in use.
        huge_pages_free: Gauge Count,
        /// Huge pages promised and not yet in use.
        huge_pages_reserved: Gauge Count,
    }
    derive {
        /// Memory in use as a share of all.
        usage: Percent = [used] / [total],
        /// Swap space in use as a share of all.
        swap_usage: Percent = [swap_used] / [swap_total],
    }
}

metric_table! {
    /// The memory limit that PerfWatch itself runs under, as in a container; empty without one.
    pub table group: memory.cgroup {
        /// The smallest limit of the control group and those above it.
        limit: Gauge Bytes,
        /// Memory in use by all programs under that limit, their cached files included.
        used: Gauge Bytes,
    }
    derive {
        /// Memory in use as a share of the limit.
        usage: Percent = [used] / [limit],
    }
}

static TABLES: [&Table; 2] = [&host::TABLE, &group::TABLE];

pub(super) struct Memory {
    meminfo: Source,
    lines: KeyedLines<Line>,
    arcstats: Part,
    own_groups: OwnGroups,
}

impl Memory {
    pub(super) fn new(roots: &Roots) -> Self {
        let arcstats = Source::new(roots.proc("spl/kstat/zfs/arcstats"));
        Self {
            meminfo: Source::new(roots.proc("meminfo")),
            lines: KeyedLines::new(Line::named),
            arcstats: Part::new("ZFS cache", arcstats),
            own_groups: OwnGroups::new(roots),
        }
    }
}

impl BaseCollector for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn tables(&self) -> &'static [&'static Table] {
        &TABLES
    }

    fn collect(&mut self, blocks: &mut [Block]) -> Result<(), CollectError> {
        let [host, group] = blocks_of(blocks)?;
        let lines = &mut self.lines;
        self.meminfo.parse(|bytes| fill(lines.read(bytes)?, host))?;
        host.set_read_at(self.meminfo.read_at());
        self.arcstats.parse_if_there(|bytes| arc::parse(bytes, host));
        self.own_groups.fill(group);
        Ok(())
    }
}

/// What a line is.
#[derive(Clone, Copy)]
enum Line {
    /// A field in KiB.
    Size(FieldId),
    /// A field that counts pages.
    Count(FieldId),
    /// Cached files with shared memory among them, in KiB: a part of other fields.
    Cached,
}

impl Line {
    fn named(name: &[u8]) -> Option<Self> {
        Some(Self::Size(match name {
            b"MemTotal:" => host::total,
            b"MemFree:" => host::free,
            b"MemAvailable:" => host::available,
            b"Buffers:" => host::buffers,
            b"SwapCached:" => host::swap_cached,
            b"SwapTotal:" => host::swap_total,
            b"SwapFree:" => host::swap_free,
            b"Dirty:" => host::dirty,
            b"Writeback:" => host::writeback,
            b"Active:" => host::active,
            b"Inactive:" => host::inactive,
            b"Unevictable:" => host::unevictable,
            b"AnonPages:" => host::anonymous,
            b"AnonHugePages:" => host::anonymous_huge_pages,
            b"Mapped:" => host::mapped,
            b"Shmem:" => host::shared,
            b"Slab:" => host::slab,
            b"SReclaimable:" => host::slab_reclaimable,
            b"SUnreclaim:" => host::slab_unreclaimable,
            b"Percpu:" => host::percpu,
            b"HardwareCorrupted:" => host::hardware_corrupted,
            b"KernelStack:" => host::kernel_stack,
            b"PageTables:" => host::page_tables,
            b"CommitLimit:" => host::commit_limit,
            b"Committed_AS:" => host::committed,
            b"Hugepagesize:" => host::huge_page_size,
            b"HugePages_Total:" => return Some(Self::Count(host::huge_pages)),
            b"HugePages_Free:" => return Some(Self::Count(host::huge_pages_free)),
            b"HugePages_Rsvd:" => return Some(Self::Count(host::huge_pages_reserved)),
            b"Cached:" => return Some(Self::Cached),
            _ => return None,
        }))
    }
}

fn fill(lines: impl Iterator<Item = (Line, u64)>, block: &mut Block) -> Result<(), ParseError> {
    let mut cached = 0;
    let mut row = block.host_row();
    for (line, value) in lines {
        let bytes = value.saturating_mul(1024);
        match line {
            Line::Size(field) => row.set(field, bytes),
            Line::Count(field) => row.set(field, value),
            Line::Cached => cached = bytes,
        }
    }
    combine(block, cached)
}

/// The fields that combine several lines.
fn combine(block: &mut Block, cached: u64) -> Result<(), ParseError> {
    let read = |field| u64::try_from(block.value(0, field)).ok();
    let expected = |reason| ParseError { line: 0, reason };
    let total = read(host::total).ok_or(expected("expected a line `MemTotal`"))?;
    let free = read(host::free).ok_or(expected("expected a line `MemFree`"))?;
    let part = |field| read(field).unwrap_or(0);
    let cached = cached.saturating_add(part(host::slab_reclaimable));
    let cached = cached.saturating_sub(part(host::shared));
    let said = read(host::available).filter(|&available| 0 < available && available <= total);
    let available = said.unwrap_or_else(|| {
        free.saturating_add(part(host::buffers)).saturating_add(cached).min(total)
    });
    let swap = read(host::swap_total).zip(read(host::swap_free));

    let mut row = block.host_row();
    row.set(host::available, available);
    row.set(host::used, total - available);
    row.set(host::cached, cached);
    row.set_opt(host::swap_used, swap.map(|(total, free)| total.saturating_sub(free)));
    Ok(())
}
