//! Slices: a stretch of time of one host, by column.
//!
//! A slice has pages: hours at full resolution, intervals where it was downsampled. Of each page it
//! holds the times of its frames, and of each series and page a [`Stat`](super::Stat); a slice at
//! full resolution holds the values as well, packed by `pco`. So a question about whole pages
//! unpacks nothing, and one series is read without the rest.
//!
//! A slice is a directory and parts ([`Parts`]): the times, then the entries (per series: the
//! stats, and where the values are), then the values. Everything has a checksum that also covers
//! where it belongs and the name of the series, so that bytes under a wrong time, host or name are
//! as wrong as a flipped bit in them, which costs one series one page at most where it hits values.
//! Nothing here knows where the bytes lie.

mod build;
mod column;
mod directory;
mod entry;
mod parts;
#[cfg(test)]
mod tests;
mod times;

pub(crate) use build::{Builder, Slice};
pub(crate) use column::Column;
pub(crate) use directory::{Directory, PageInfo};
pub(crate) use entry::Entry;
pub(crate) use parts::Piece;
pub(crate) use times::Times;

use super::Place;

pub(crate) const HOUR_MS: i64 = 3600 * 1000;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

/// The most pages of a downsampled slice shorter than a day.
const PAGES: i64 = 240;

/// How long a page is.
pub(crate) fn page_ms(interval_ms: i64) -> i64 {
    if interval_ms == 0 { HOUR_MS } else { interval_ms }
}

/// The stretch of time that the longest slice covers; it divides a day and holds whole hours.
pub(crate) fn span_ms(interval_ms: i64) -> i64 {
    match interval_ms {
        1..=120_000 => interval_ms * PAGES,
        _ => DAY_MS,
    }
}

/// What a checksum covers beside the bytes.
#[derive(Clone, Copy, Debug)]
struct Seal {
    place: Place,
    /// What kind of bytes, and of which series.
    of: [u32; 2],
}

impl Seal {
    const DIRECTORY: u32 = 0;
    const TIMES: u32 = 1;
    const ENTRY: u32 = 2;
    const VALUES: u32 = 3;

    fn check(self, bytes: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.place.host.to_le_bytes());
        hasher.update(&self.place.interval_ms.to_le_bytes());
        hasher.update(&self.place.timestamp_ms.to_le_bytes());
        hasher.update(&self.of[0].to_le_bytes());
        hasher.update(&self.of[1].to_le_bytes());
        hasher.update(bytes);
        hasher.finalize()
    }

    /// Puts the checksum in front of what `write` appends.
    fn close(self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        write(out);
        let check = out.get(at + 4..).map(|bytes| self.check(bytes)).unwrap_or_default();
        if let Some(front) = out.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<4>) {
            *front = check.to_le_bytes();
        }
    }

    /// What lies behind the checksum, if that is right.
    fn open(self, bytes: &[u8]) -> Option<&[u8]> {
        let (check, rest) = bytes.split_first_chunk::<4>()?;
        (u32::from_le_bytes(*check) == self.check(rest)).then_some(rest)
    }
}
