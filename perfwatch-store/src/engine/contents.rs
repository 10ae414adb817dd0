//! What is stored, counted without unpacking a value.

use std::{collections::BTreeSet, ops::AddAssign};

use super::Engine;
use crate::{
    StoreError,
    archive::{Files, Moment, Shelf, TIMES, shelves_of},
    damage::Damaged,
    layout::{
        Place,
        slice::{Directory, Entry},
    },
};

/// What is held of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostContents {
    /// Its name.
    pub name: String,
    /// The oldest time held, in milliseconds since 1970 (UTC).
    pub first_ms: i64,
    /// The newest time held, in milliseconds since 1970 (UTC).
    pub last_ms: i64,
    /// Series that ever had a value.
    pub series: u64,
    /// Frames at full resolution.
    pub frames: u64,
    /// Values at full resolution.
    pub values: u64,
    /// Downsampled frames.
    pub downsampled_frames: u64,
}

/// What takes the bytes of slices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SliceBytes {
    /// What lies where.
    pub directories: u64,
    /// When frames were measured.
    pub times: u64,
    /// Per series and hour: count, lowest, highest, sum, and where the values are.
    pub entries: u64,
    /// Packed values.
    pub values: u64,
}

impl SliceBytes {
    /// All of them.
    pub fn sum(&self) -> u64 {
        self.directories + self.times + self.entries + self.values
    }
}

/// What some shelves hold.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ShelfContents {
    pub(crate) slices: u64,
    /// Frames, or intervals where they were downsampled.
    frames: u64,
    values: u64,
    pub(crate) bytes: SliceBytes,
}

impl AddAssign for ShelfContents {
    fn add_assign(&mut self, other: Self) {
        self.slices += other.slices;
        self.frames += other.frames;
        self.values += other.values;
        self.bytes.directories += other.bytes.directories;
        self.bytes.times += other.bytes.times;
        self.bytes.entries += other.bytes.entries;
        self.bytes.values += other.bytes.values;
    }
}

impl<F: Files> Engine<F> {
    /// Each host, and what is held of all at full resolution and downsampled.
    pub(crate) async fn contents(
        &self,
    ) -> Result<(Vec<HostContents>, (ShelfContents, ShelfContents)), StoreError> {
        let (mut hosts, mut all) =
            (Vec::new(), (ShelfContents::default(), ShelfContents::default()));
        for host in self.hosts().await? {
            let Some(number) = self.index().host(&host.name) else { continue };
            let intervals: Vec<i64> = match self.index().get(number) {
                Some(host) => host.intervals_ms.iter().copied().collect(),
                None => continue,
            };
            let (mut raw, mut downsampled) = (ShelfContents::default(), ShelfContents::default());
            for shelf in shelves_of(number, intervals) {
                let found = self.shelf_contents(shelf).await?;
                if shelf.interval_ms == 0 { raw += found } else { downsampled += found }
            }
            let head = self.head().host(number).map(|head| (head.times.len(), head.values()));
            let (frames, values) = head.unwrap_or_default();
            hosts.push(HostContents {
                name: host.name,
                first_ms: host.first_seen_ms,
                last_ms: host.last_seen_ms,
                series: self.index().get(number).map_or(0, |host| host.paths().len() as u64),
                frames: raw.frames + frames as u64,
                values: raw.values + values as u64,
                downsampled_frames: downsampled.frames,
            });
            all.0 += raw;
            all.1 += downsampled;
        }
        Ok((hosts, all))
    }

    async fn shelf_contents(&self, shelf: Shelf) -> Result<ShelfContents, StoreError> {
        let (mut contents, mut from) = (ShelfContents::default(), TIMES.start);
        loop {
            let mut moment = self.files.moment().await?;
            let sheets = moment.sheets(shelf, from..TIMES.end, super::AT_ONCE).await?;
            let Some((last, _)) = sheets.last() else { return Ok(contents) };
            from = last.timestamp_ms + 1;
            for (place, bytes) in sheets {
                let Some(directory) = Directory::open(place, bytes) else {
                    self.note(&[Damaged::all(place)]);
                    continue;
                };
                contents += self.slice_contents(&mut *moment, &directory).await?;
            }
        }
    }

    async fn slice_contents(
        &self,
        moment: &mut dyn Moment,
        directory: &Directory,
    ) -> Result<ShelfContents, StoreError> {
        let place = directory.place;
        let pages = directory.pages();
        let frames: usize = match place.interval_ms {
            0 => pages.map(|page| page.frames).sum(),
            _ => directory.page_count(),
        };
        let (times, entries, values) = directory.part_bytes();
        let bytes = SliceBytes { directories: directory.length(), times, entries, values };
        let mut contents = ShelfContents { slices: 1, frames: frames as u64, values: 0, bytes };
        if place.interval_ms == 0 {
            contents.values = self.count_values(moment, directory).await?;
        }
        Ok(contents)
    }

    async fn count_values(
        &self,
        moment: &mut dyn Moment,
        directory: &Directory,
    ) -> Result<u64, StoreError> {
        let place = directory.place;
        let series: Vec<(u32, usize)> = directory.all_series().zip(0..).collect();
        let wanted: BTreeSet<u32> =
            series.iter().map(|(_, at)| directory.entry(*at).part).collect();
        let wanted: Vec<(Place, u32)> = wanted.into_iter().map(|part| (place, part)).collect();
        let parts = moment.parts(&wanted).await?;
        let (mut count, mut damaged) = (0, Vec::new());
        for (series, at) in series {
            let number = directory.entry(at).part;
            let part = wanted.iter().position(|(_, part)| *part == number);
            let part = part.and_then(|at| parts.get(at)).map_or(&[][..], |part| part);
            let name = self.index().get(place.host).and_then(|host| host.check_of(series));
            match name.and_then(|name| Entry::read(directory, at, name, part)) {
                Some(entry) => count += entry.pages.iter().map(|page| page.stat.count).sum::<u64>(),
                None => damaged.push(Damaged { place, series: Some(series) }),
            }
        }
        self.note(&damaged);
        Ok(count)
    }
}
