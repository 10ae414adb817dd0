//! Traffic between memory and disk, from `/proc/vmstat`.

use perfwatch_core::{Block, FieldId, metric_table};

use crate::{granule::page_bytes, keyed::KeyedLines, parse::ParseError};

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

/// The lines of `/proc/vmstat` that are wanted.
pub(super) struct Paging(KeyedLines<Line>);

impl Paging {
    pub(super) fn new() -> Self {
        Self(KeyedLines::new(Line::named))
    }

    pub(super) fn parse(&mut self, bytes: &[u8], block: &mut Block) -> Result<(), ParseError> {
        fill(self.0.read(bytes)?, block)
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
