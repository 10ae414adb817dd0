//! Traffic between memory and disk, from `/proc/vmstat`.

use perfwatch_core::{Block, metric_table};

use crate::{
    granule::page_bytes,
    parse::{ParseError, lines, number, words},
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

pub(super) fn parse(bytes: &[u8], block: &mut Block) -> Result<(), ParseError> {
    let page_size = page_bytes();
    let mut row = block.host_row();
    let mut found = false;
    for line in lines(bytes)? {
        let mut words = words(line);
        let (Some(key), Some(value)) = (words.next(), words.next().and_then(number)) else {
            continue;
        };
        match key {
            // The kernel shows these two in KiB, whatever the page size (mm/vmstat.c).
            b"pgpgin" => row.set(host::page_in_bytes, value.saturating_mul(1024)),
            b"pgpgout" => row.set(host::page_out_bytes, value.saturating_mul(1024)),
            b"pswpin" => row.set(host::swap_in_bytes, value.saturating_mul(page_size)),
            b"pswpout" => row.set(host::swap_out_bytes, value.saturating_mul(page_size)),
            b"pgfault" => row.set(host::page_faults, value),
            b"pgmajfault" => row.set(host::major_faults, value),
            b"oom_kill" => row.set(host::oom_kills, value),
            _ if is_reclaim(key, b"pgscan_") => row.add(host::pages_scanned, value),
            _ if is_reclaim(key, b"pgsteal_") => row.add(host::pages_reclaimed, value),
            _ => continue,
        }
        found = true;
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
