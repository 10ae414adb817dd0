//! What a slice knows of one series: per page a [`Stat`], and where the values are.

use std::ops::Range;

use super::{Directory, PageInfo, Seal};
use crate::layout::{
    Stat,
    varint::{Reader, put, put_signed, put_wide},
};

/// No frame of the page has a value.
const ABSENT: u8 = 0;
/// All frames have the same value.
const CONSTANT: u8 = 1;
/// Each frame has a value.
const FULL: u8 = 2;
/// Some frames have a value.
const PARTIAL: u8 = 3;

/// Packed bytes of a page, before or after they have a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Packed {
    pub(super) range: Range<usize>,
    pub(super) check: u32,
}

/// One page of one series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageEntry {
    /// What the values are; no more than that if they are all the same.
    pub(crate) stat: Stat,
    pub(super) packed: Packed,
}

impl PageEntry {
    /// Whether all frames of the page have one and the same value.
    pub(super) fn is_constant(&self, page: &PageInfo) -> bool {
        let Stat { count, min, max, .. } = self.stat;
        count == page.frames as u64 && min == max
    }
}

/// All pages of one series.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub(super) meta: Packed,
    /// One per page of the slice.
    pub(crate) pages: Vec<PageEntry>,
}

/// Appends an entry behind its checksum. `with_values` says whether packed values go with it.
pub(super) fn write(
    entry: &Entry,
    infos: impl Iterator<Item = PageInfo>,
    with_values: bool,
    seal: Seal,
    out: &mut Vec<u8>,
) {
    seal.close(out, |out| {
        if with_values {
            write_packed(&entry.meta, out);
        }
        let mut low = 0;
        for (page, info) in entry.pages.iter().zip(infos) {
            let kind = kind(page, &info);
            out.push(kind);
            if kind == ABSENT {
                continue;
            }
            put_signed(out, page.stat.min.wrapping_sub(low));
            low = page.stat.min;
            if kind != CONSTANT {
                write_stat(&page.stat, kind, &info, out);
                if with_values {
                    write_packed(&page.packed, out);
                }
            }
        }
    });
}

fn kind(page: &PageEntry, info: &PageInfo) -> u8 {
    match page.stat.count {
        0 => ABSENT,
        _ if page.is_constant(info) => CONSTANT,
        count if count == info.frames as u64 && page.stat.last_ms == info.last_ms => FULL,
        _ => PARTIAL,
    }
}

fn write_stat(stat: &Stat, kind: u8, info: &PageInfo, out: &mut Vec<u8>) {
    if kind == PARTIAL {
        put(out, stat.count);
        put_signed(out, info.last_ms - stat.last_ms);
    }
    // Highest and newest lie near the lowest; the wrapped difference is exact either way.
    put_signed(out, stat.max.wrapping_sub(stat.min));
    put_signed(out, stat.last.wrapping_sub(stat.min));
    put_wide(out, stat.sum.wrapping_sub(i128::from(stat.min).wrapping_mul(stat.count.into())));
}

fn read_stat(reader: &mut Reader<'_>, kind: u8, info: &PageInfo, min: i64) -> Option<Stat> {
    let (mut count, mut last_ms) = (info.frames as u64, info.last_ms);
    if kind == CONSTANT {
        let sum = i128::from(min) * i128::from(count);
        return Some(Stat { count, sum, min, max: min, last: min, last_ms });
    }
    if kind == PARTIAL {
        count = reader.number()?;
        last_ms = last_ms.checked_sub(reader.signed()?)?;
    }
    let max = min.wrapping_add(reader.signed()?);
    let last = min.wrapping_add(reader.signed()?);
    let sum = reader.wide()?.wrapping_add(i128::from(min).wrapping_mul(count.into()));
    Some(Stat { count, sum, min, max, last, last_ms })
}

fn write_packed(packed: &Packed, out: &mut Vec<u8>) {
    put(out, packed.range.len() as u64);
    out.extend_from_slice(&packed.check.to_le_bytes());
}

/// The next packed bytes behind `at`.
fn read_packed(reader: &mut Reader<'_>, at: &mut usize) -> Option<Packed> {
    let length = usize::try_from(reader.number()?).ok()?;
    let (check, rest) = reader.0.split_first_chunk::<4>()?;
    reader.0 = rest;
    let end = at.checked_add(length)?;
    let range = std::mem::replace(at, end)..end;
    Some(Packed { range, check: u32::from_le_bytes(*check) })
}

impl Entry {
    /// The entry of a series, out of its part; nothing if it is damaged or of another name.
    pub(crate) fn read(directory: &Directory, at: usize, name: u32, part: &[u8]) -> Option<Self> {
        let piece = directory.entry(at);
        let seal = Seal { place: directory.place, of: [Seal::ENTRY, name] };
        let mut reader = Reader(seal.open(piece.of(part)?)?);
        let with_values = directory.place.interval_ms == 0;
        let mut packed_end = 0;
        let mut packed = |reader: &mut Reader<'_>| match with_values {
            true => read_packed(reader, &mut packed_end),
            false => Some(Packed::default()),
        };
        let meta = packed(&mut reader)?;
        let mut low = 0;
        let mut pages = Vec::with_capacity(directory.page_count());
        for info in directory.pages() {
            let (&kind, rest) = reader.0.split_first()?;
            reader.0 = rest;
            if kind == ABSENT {
                pages.push(PageEntry::default());
                continue;
            }
            low = reader.signed()?.wrapping_add(low);
            let stat = read_stat(&mut reader, kind, &info, low)?;
            let packed = if kind == CONSTANT { Packed::default() } else { packed(&mut reader)? };
            pages.push(PageEntry { stat, packed });
        }
        Some(Self { meta, pages })
    }
}
