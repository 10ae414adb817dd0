//! ZFS's cache (ARC), which the kernel counts as used and not as cached.

use perfwatch_core::Block;

use super::host;
use crate::parse::{ParseError, lines, number, words};

/// `/proc/spl/kstat/zfs/arcstats`: two lines of heading, then `name type value`. What the cache
/// can give back counts as available.
pub(super) fn parse(bytes: &[u8], block: &mut Block) -> Result<(), ParseError> {
    let (mut size, mut least, mut most) = (None, None, None);
    for line in lines(bytes)? {
        let mut words = words(line);
        let slot = match words.next() {
            Some(b"size") => &mut size,
            Some(b"c_min") => &mut least,
            Some(b"c_max") => &mut most,
            _ => continue,
        };
        *slot = words.nth(1).and_then(number);
    }
    let missing = |name| ParseError { line: 0, reason: name };
    let size = size.ok_or(missing("expected a line `size`"))?;
    let least = least.ok_or(missing("expected a line `c_min`"))?;
    let mut row = block.host_row();
    row.set(host::zfs_arc, size);
    row.set(host::zfs_arc_min, least);
    row.set_opt(host::zfs_arc_max, most);
    give_back(block, size.saturating_sub(least));
    Ok(())
}

/// Moves this much from used to available.
fn give_back(block: &mut Block, bytes: u64) {
    let read = |field| u64::try_from(block.value(0, field)).ok();
    let (Some(total), Some(available)) = (read(host::total), read(host::available)) else { return };
    let available = available.saturating_add(bytes).min(total);
    let mut row = block.host_row();
    row.set(host::available, available);
    row.set(host::used, total - available);
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATS: &str = "13 1 0x01 147 39984 5891262387 1234567890\n\
        name                            type data\n\
        hits                            4    99\n\
        c                               4    700\n\
        c_min                           4    200\n\
        c_max                           4    900\n\
        size                            4    600\n\
        compressed_size                 4    5\n";

    fn parsed(stats: &str, available: u64) -> Option<[i64; 5]> {
        let mut block = Block::new(&host::TABLE);
        let mut row = block.host_row();
        row.set(host::total, 1000);
        row.set(host::available, available);
        row.set(host::used, 1000 - available);
        parse(stats.as_bytes(), &mut block).ok()?;
        let fields =
            [host::available, host::used, host::zfs_arc, host::zfs_arc_min, host::zfs_arc_max];
        Some(fields.map(|field| block.value(0, field)))
    }

    #[test]
    fn what_the_cache_can_give_back_is_available() {
        assert_eq!(parsed(STATS, 100), Some([500, 500, 600, 200, 900]));
        assert_eq!(parsed(STATS, 800), Some([1000, 0, 600, 200, 900]), "never above the total");
        let small = STATS.replace("4    600", "4    150");
        assert_eq!(parsed(&small, 100), Some([100, 900, 150, 200, 900]));
    }

    #[test]
    fn what_is_cut_or_strange_is_refused_and_not_half_used() {
        for cut in 0..STATS.len() {
            let seen = parsed(&STATS[..cut], 100);
            assert!(seen.is_none_or(|seen| seen[0] == 500), "cut at {cut}: {seen:?}");
        }
        assert_eq!(parsed(&STATS.replace("4    600", "4    -1"), 100), None);
        let most = STATS.replace("4    600", "4    18446744073709551615");
        assert_eq!(parsed(&most, 100).map(|seen| seen[1]), Some(0));
    }
}
