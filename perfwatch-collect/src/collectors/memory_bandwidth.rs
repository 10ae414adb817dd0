//! Traffic between memory and disk, from `/proc/vmstat`.
//!
//! This is paging, not DRAM bandwidth: the two are different things and never mixed.

use perfwatch_core::{Block, FieldId, Table, metric_table};

use crate::{
    BaseCollector, CollectError, Gap, Roots, Source, blocks_of, granule::page_bytes,
    keyed::KeyedLines, parse::ParseError,
};

metric_table! {
    /// Traffic between memory and disk (paging), and what drives it.
    pub table host: memory_bandwidth {
        /// Bytes read from disks into memory, by all block input and not only by page faults.
        page_in_bytes: Counter Bytes,
        /// Bytes written from memory to disks, by all block output.
        page_out_bytes: Counter Bytes,
        /// Bytes read back from swap.
        swap_in_bytes: Counter Bytes,
        /// Bytes written to swap.
        swap_out_bytes: Counter Bytes,
        /// Page faults, minor and major.
        page_faults: Counter Count,
        /// Page faults that had to wait for a disk.
        major_faults: Counter Count,
        /// Pages that the kernel looked at to find memory to free.
        pages_scanned: Counter Count,
        /// Pages that the kernel freed that way.
        pages_reclaimed: Counter Count,
        /// Processes killed because memory ran out.
        oom_kills: Counter Count,
    }
    derive {
        /// Traffic between memory and disks in both directions.
        page_io: BytesPerSecond = [page_in_bytes page_out_bytes] / second,
        /// Traffic between memory and swap in both directions.
        swap_io: BytesPerSecond = [swap_in_bytes swap_out_bytes] / second,
    }
}

static TABLES: [&Table; 1] = [&host::TABLE];

pub(super) struct MemoryBandwidth {
    vmstat: Source,
    lines: KeyedLines<Line>,
    gaps: [Gap; 1],
}

impl MemoryBandwidth {
    pub(super) fn new(roots: &Roots) -> Self {
        let reason = "this version reads no memory-controller counters; \
                      paging traffic is shown instead of DRAM bandwidth";
        Self {
            vmstat: Source::new(roots.proc("vmstat")),
            lines: KeyedLines::new(Line::named),
            gaps: [Gap::new("DRAM bandwidth", reason, None)],
        }
    }
}

impl BaseCollector for MemoryBandwidth {
    fn name(&self) -> &'static str {
        "memory_bandwidth"
    }

    fn tables(&self) -> &'static [&'static Table] {
        &TABLES
    }

    fn collect(&mut self, blocks: &mut [Block]) -> Result<(), CollectError> {
        let [host] = blocks_of(blocks)?;
        let lines = &mut self.lines;
        self.vmstat.parse(|bytes| fill(lines.read(bytes)?, host))?;
        host.set_read_at(self.vmstat.read_at());
        Ok(())
    }

    fn gaps(&self) -> &[Gap] {
        &self.gaps
    }
}

/// What a line is.
#[derive(Clone, Copy)]
enum Line {
    Count(FieldId),
    /// In KiB, whatever the page size (mm/vmstat.c).
    Kibibytes(FieldId),
    Pages(FieldId),
    /// One of several counts that make up the field.
    Part(FieldId),
}

impl Line {
    fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"pgpgin" => Self::Kibibytes(host::page_in_bytes),
            b"pgpgout" => Self::Kibibytes(host::page_out_bytes),
            b"pswpin" => Self::Pages(host::swap_in_bytes),
            b"pswpout" => Self::Pages(host::swap_out_bytes),
            b"pgfault" => Self::Count(host::page_faults),
            b"pgmajfault" => Self::Count(host::major_faults),
            b"oom_kill" => Self::Count(host::oom_kills),
            _ if is_reclaim(name, b"pgscan_") => Self::Part(host::pages_scanned),
            _ if is_reclaim(name, b"pgsteal_") => Self::Part(host::pages_reclaimed),
            _ => return None,
        })
    }
}

fn fill(lines: impl Iterator<Item = (Line, u64)>, block: &mut Block) -> Result<(), ParseError> {
    let mut row = block.host_row();
    let mut found = false;
    for (line, value) in lines {
        found = true;
        match line {
            Line::Count(field) => row.set(field, value),
            Line::Kibibytes(field) => row.set(field, value.saturating_mul(1024)),
            Line::Pages(field) => row.set(field, value.saturating_mul(page_bytes())),
            Line::Part(field) => row.add(field, value),
        }
    }
    found.then_some(()).ok_or(ParseError { line: 0, reason: "expected lines such as `pgpgin`" })
}

/// Whether the line counts pages by who reclaimed them. The kernel repeats the same pages by kind
/// (`_anon`, `_file`), and old kernels by zone (`pgscan_kswapd_normal`) instead of in one line.
fn is_reclaim(key: &[u8], prefix: &[u8]) -> bool {
    const WHO: [&[u8]; 4] = [b"kswapd", b"direct", b"khugepaged", b"proactive"];
    let Some(who) = key.strip_prefix(prefix) else { return false };
    who != b"direct_throttle" && WHO.iter().any(|name| who.starts_with(name))
}
