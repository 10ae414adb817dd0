//! The values of one series: which frames have one, and these packed by `pco`.

use pco::{
    ChunkConfig, PagingSpec,
    wrapped::{ChunkDecompressor, FileCompressor, FileDecompressor},
};
use perfwatch_core::MISSING;

use super::{
    Directory, Entry, Seal,
    entry::{Packed, PageEntry},
};
use crate::layout::{
    Stat,
    varint::{Reader, put},
};

/// Level 4 would take 1 % more space and two thirds of the time.
const LEVEL: usize = 8;

/// The numbers that say which version of `pco` wrote the values.
pub(super) fn codec() -> [u8; 2] {
    let header = FileCompressor::default().write_header(Vec::new()).unwrap_or_default();
    header.first_chunk().copied().unwrap_or_default()
}

/// Packs the pages of a series: its entry, and the bytes that this speaks of appended to `out`.
/// Nothing where `pco` refuses, which it does for no integers.
pub(super) fn pack(pages: &[(&[i64], &[i64])], seal: Seal, out: &mut Vec<u8>) -> Option<Entry> {
    let mut entry = Entry::default();
    let (mut values, mut counts) = (Vec::<i64>::new(), Vec::new());
    for (times, page) in pages {
        let stat = stat(times, page);
        if stat.count > 0 && stat.min != stat.max {
            values.extend(page.iter().filter(|&&value| value != MISSING));
            counts.push(stat.count as usize);
        }
        entry.pages.push(PageEntry { stat, packed: Packed::default() });
    }
    let start = out.len();
    let append = |out: &mut Vec<u8>, from: usize, number: u32| {
        let check = out.get(from..).map(|bytes| packed_seal(seal, number).check(bytes));
        Packed { range: from - start..out.len() - start, check: check.unwrap_or_default() }
    };
    let mut chunk = None;
    if !values.is_empty() {
        let config = ChunkConfig::default()
            .with_compression_level(LEVEL)
            .with_paging_spec(PagingSpec::Exact(counts));
        let made = FileCompressor::default().chunk_compressor(&values, &config).ok()?;
        made.write_meta(&mut *out).ok()?;
        entry.meta = append(out, start, u32::MAX);
        chunk = Some(made);
    }
    let mut packed_page = 0;
    for (number, (page, (_, values))) in (0..).zip(entry.pages.iter_mut().zip(pages)) {
        let from = out.len();
        if page.stat.count == 0
            || page.stat.count == values.len() as u64 && page.stat.min == page.stat.max
        {
            continue;
        }
        if page.stat.count < values.len() as u64 {
            write_presence(values, out);
        }
        if let Some(chunk) = chunk.as_mut().filter(|_| page.stat.min != page.stat.max) {
            chunk.write_page(packed_page, &mut *out).ok()?;
            packed_page += 1;
        }
        page.packed = append(out, from, number);
    }
    Some(entry)
}

fn packed_seal(seal: Seal, number: u32) -> Seal {
    let [_, name] = seal.of;
    Seal { place: seal.place, of: [Seal::VALUES.wrapping_add(number.wrapping_mul(8)), name] }
}

fn stat(times: &[i64], values: &[i64]) -> Stat {
    let mut stat = Stat::default();
    for (&time, &value) in times.iter().zip(values).filter(|(_, value)| **value != MISSING) {
        stat.merge(&Stat::of(value, time));
    }
    stat
}

/// How many frames in turn lack a value, have one, lack one ...
fn write_presence(values: &[i64], out: &mut Vec<u8>) {
    let runs: Vec<u64> = values
        .chunk_by(|a, b| (*a == MISSING) == (*b == MISSING))
        .map(|run| run.len() as u64)
        .collect();
    let starts_missing = values.first() == Some(&MISSING);
    put(out, runs.len() as u64 + u64::from(!starts_missing));
    if !starts_missing {
        put(out, 0);
    }
    runs.into_iter().for_each(|run| put(out, run));
}

/// The packed values of one series, being unpacked.
pub(crate) struct Column<'a> {
    directory: &'a Directory,
    entry: &'a Entry,
    bytes: &'a [u8],
    seal: Seal,
    chunk: Option<ChunkDecompressor<i64>>,
}

impl<'a> Column<'a> {
    /// The values of a series, whose piece this is.
    pub(crate) fn new(
        directory: &'a Directory,
        entry: &'a Entry,
        name: u32,
        bytes: &'a [u8],
    ) -> Self {
        let seal = Seal { place: directory.place, of: [Seal::VALUES, name] };
        Self { directory, entry, bytes, seal, chunk: None }
    }

    /// Appends one value per frame of a page, [`MISSING`] where there is none; nothing is appended
    /// if the page is damaged.
    pub(crate) fn unpack(&mut self, number: usize, out: &mut Vec<i64>) -> Option<()> {
        let page = self.entry.pages.get(number)?;
        let info = self.directory.page(number);
        let start = out.len();
        if page.stat.count == 0 || page.is_constant(&info) {
            let value = if page.stat.count == 0 { MISSING } else { page.stat.min };
            out.resize(start + info.frames, value);
            return Some(());
        }
        let done = self.unpack_page(page, number as u32, info.frames, out);
        if done.is_none() {
            out.truncate(start);
        }
        done
    }

    fn unpack_page(
        &mut self,
        page: &PageEntry,
        number: u32,
        frames: usize,
        out: &mut Vec<i64>,
    ) -> Option<()> {
        let mut bytes = self.bytes.get(page.packed.range.clone())?;
        if packed_seal(self.seal, number).check(bytes) != page.packed.check {
            return None;
        }
        let count = usize::try_from(page.stat.count).ok()?;
        if count == frames {
            return self.unpack_values(page, bytes, count, out);
        }
        let mut reader = Reader(bytes);
        let runs: Option<Vec<u64>> = (0..reader.number()?).map(|_| reader.number()).collect();
        bytes = reader.0;
        let mut present = Vec::new();
        self.unpack_values(page, bytes, count, &mut present)?;
        spread(&runs?, &present, frames, out)
    }

    fn unpack_values(
        &mut self,
        page: &PageEntry,
        bytes: &[u8],
        count: usize,
        out: &mut Vec<i64>,
    ) -> Option<()> {
        let start = out.len();
        out.resize(start + count, page.stat.min);
        if page.stat.min == page.stat.max {
            return Some(());
        }
        let chunk = self.chunk()?;
        let read = chunk.page_decompressor(bytes, count).ok()?.read(out.get_mut(start..)?).ok()?;
        read.finished.then_some(())
    }

    fn chunk(&mut self) -> Option<&mut ChunkDecompressor<i64>> {
        if self.chunk.is_none() {
            let meta = self.bytes.get(self.entry.meta.range.clone())?;
            if packed_seal(self.seal, u32::MAX).check(meta) != self.entry.meta.check {
                return None;
            }
            let (file, _) = FileDecompressor::new(&self.directory.codec[..]).ok()?;
            self.chunk = Some(file.chunk_decompressor(meta).ok()?.0);
        }
        self.chunk.as_mut()
    }
}

/// Puts values where the runs say that frames have one.
fn spread(runs: &[u64], present: &[i64], frames: usize, out: &mut Vec<i64>) -> Option<()> {
    let start = out.len();
    let mut rest = present;
    for (run, is_present) in runs.iter().zip([false, true].into_iter().cycle()) {
        let length = usize::try_from(*run).ok().filter(|length| *length <= frames)?;
        if is_present {
            let (these, others) = rest.split_at_checked(length)?;
            out.extend_from_slice(these);
            rest = others;
        } else {
            out.resize(out.len() + length, MISSING);
        }
    }
    (rest.is_empty() && out.len() == start + frames).then_some(())
}
