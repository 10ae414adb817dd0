//! A bounded queue of records on disk, for when the store is away for longer than memory lasts.
//!
//! It is a directory with a lock and some segments, the oldest first; a segment that is drained is
//! deleted, and where the bound is reached the oldest is deleted with what is in it. Each record
//! has checksums: what is torn or flipped is counted and left out, and a segment in which nothing is
//! understood is kept for as long as there is room. Only as much as one batch of it is ever in
//! memory. It knows nothing of stores.

mod aside;
mod directory;
mod entry;
mod header;
mod segment;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
};

use directory::{Directory, SEGMENT};
use segment::{Found, Segment, UNREADABLE, is_of_file};

use crate::{Record, StoreError};

/// So many segments fill the spool: what is dropped where it is full is one of them.
const SEGMENTS: u64 = 32;

/// No segment needs to be larger.
const LARGEST_SEGMENT: u64 = 8 << 20;

/// So many pieces, each written at once, fill a segment.
const PIECES: u64 = 8;

/// What a file system gives at once.
const BLOCK: u64 = 4096;

/// Where frames lie that the store refused.
const ASIDE: &str = "refused.jsonl";

/// Records on disk that wait for the store.
#[derive(Debug)]
pub struct Spool {
    directory: Directory,
    most_bytes: u64,
    segments: VecDeque<Segment>,
    /// Drained segments of which nothing was understood, the oldest first.
    kept: VecDeque<Segment>,
    /// The number of the next segment.
    next: u64,
    /// The bytes behind the records that were last read, of the first segment.
    read: Vec<u64>,
    /// Segments that could not be opened, and why.
    left_out: Vec<(PathBuf, io::Error)>,
}

/// What became of records that were to be written.
#[derive(Debug, Default)]
pub(crate) struct Appended {
    /// So many, from the first on, need not be kept in memory any more.
    pub(crate) taken: usize,
    /// Records that were given up for them, or of them.
    pub(crate) dropped: u64,
    /// Why the others were not written.
    pub(crate) error: Option<io::Error>,
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// The oldest records; none if none wait, or some were damaged and what follows cannot be read.
    pub(crate) records: Vec<Record>,
    /// Records before them that cannot be read and are gone.
    pub(crate) damaged: u64,
}

impl Spool {
    /// Opens a spool of at most so many bytes, with all that waits in it and can be read; makes the
    /// directory where it is missing.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process has it, or [`StoreError::Unwritable`].
    pub fn open(directory: &Path, most_bytes: u64) -> Result<Self, StoreError> {
        let directory = Directory::open(directory)?;
        let kept = directory.files(&format!("{SEGMENT}.{UNREADABLE}"))?;
        let waiting = directory.files(SEGMENT)?;
        let last = kept.keys().chain(waiting.keys()).max();
        let mut spool = Self {
            most_bytes,
            segments: VecDeque::new(),
            next: last.map_or(1, |last| last + 1),
            kept: kept.into_values().filter_map(|path| Segment::kept(path).ok()).collect(),
            read: Vec::new(),
            left_out: Vec::new(),
            directory,
        };
        for path in waiting.into_values() {
            match Segment::open(path.clone()) {
                Ok(segment) => spool.segments.push_back(segment),
                Err(error) => {
                    tracing::warn!(file = %path.display(), %error, "a spool file is left out");
                    spool.left_out.push((path, error));
                }
            }
        }
        spool.remove_drained();
        Ok(spool)
    }

    /// Which files could not be opened, why, and what to do; nothing if all could. Their frames stay
    /// in them and do not count as waiting.
    pub fn left_out(&self) -> Option<String> {
        let (path, error) = self.left_out.first()?;
        let path = path.display();
        let files = match self.left_out.len() {
            1 => format!("{path} cannot be read and is left out"),
            count => format!("{count} files cannot be read and are left out, such as {path}"),
        };
        let cure = "give it to the user that runs the daemon, and start that again";
        Some(format!("{files}: {error}; {cure}"))
    }

    /// Records that wait.
    pub fn waiting(&self) -> u64 {
        self.segments.iter().map(Segment::waiting).sum()
    }

    /// Bytes on disk, which gives whole blocks.
    pub fn bytes(&self) -> u64 {
        let all = self.kept.iter().chain(&self.segments);
        all.map(|segment| segment.bytes().next_multiple_of(BLOCK)).sum()
    }

    /// Writes records behind all others and waits until they are on the disk.
    pub(crate) fn append(&mut self, records: &[Record]) -> Appended {
        let mut appended = Appended::default();
        let mut rest = records;
        let first_new = self.segments.len().saturating_sub(1);
        let mut removed = 0;
        while !rest.is_empty() {
            let (bytes, count) = piece(rest, (self.segment_bytes() / PIECES) as usize);
            let (gone, written) = self.write(&bytes, count as u64);
            appended.dropped += gone.records;
            removed += gone.segments;
            if let Err(error) = written {
                appended.error = Some(error);
                break;
            }
            appended.taken += count;
            rest = rest.get(count..).unwrap_or_default();
        }
        if let Err(error) = self.sync(first_new.saturating_sub(removed)) {
            tracing::warn!(%error, "the spool may not survive a power cut");
        }
        appended
    }

    /// The oldest records, which stay where they are.
    ///
    /// # Errors
    /// What may be better later.
    pub(crate) fn peek(&mut self, most: usize, most_bytes: u64) -> io::Result<Taken> {
        let mut taken = Taken::default();
        while let Some(first) = self.segments.front_mut() {
            let found = match first.read(most, most_bytes) {
                // What is gone is said first; the next call says this.
                Err(_) if taken.damaged > 0 => break,
                found => found?,
            };
            match found {
                Found::Records(records) => {
                    (taken.records, self.read) = records.into_iter().unzip();
                    break;
                }
                Found::Damaged(records, at) => {
                    let file = first.path().display();
                    tracing::warn!(%file, records, "frames in the spool are damaged and left out");
                    taken.damaged += records;
                    first.advance(records, at);
                    self.remove_drained();
                }
            }
        }
        Ok(taken)
    }

    /// Takes so many of the records away that were read last.
    pub(crate) fn advance(&mut self, records: usize) {
        if let Some(at) = records.checked_sub(1).and_then(|last| self.read.get(last))
            && let Some(first) = self.segments.front_mut()
        {
            first.advance(records as u64, *at);
        }
        self.read.clear();
        self.remove_drained();
    }

    /// Keeps a frame that the store refused beside the spool, for people to look at.
    pub(crate) fn set_aside(&self, record: &Record, reason: &str) {
        let path = self.directory.join(ASIDE);
        let file = path.display();
        match aside::put(&path, record, reason, self.most_bytes / SEGMENTS) {
            Ok(true) => {
                tracing::warn!(%file, reason, "a frame that the store refused is set aside");
            }
            Ok(false) => tracing::warn!(%file, reason, "the file is full: a refused frame is gone"),
            Err(error) => tracing::warn!(%file, %error, reason, "a refused frame is gone"),
        }
    }

    /// Writes bytes of one or more records; what had to go for them.
    fn write(&mut self, bytes: &[u8], records: u64) -> (Gone, io::Result<()>) {
        let length = bytes.len() as u64;
        if length > self.most_bytes / 2 {
            tracing::warn!(bytes = length, "a frame is too large for the spool and is dropped");
            return (Gone { records, segments: 0 }, Ok(()));
        }
        let is_full =
            |last: &Segment| !last.is_understood() || last.bytes() + length > self.segment_bytes();
        if self.segments.back().is_none_or(is_full)
            && let Err(error) = self.begin()
        {
            return (Gone::default(), Err(error));
        }
        let gone = self.make_room(length);
        let mut written = self.append_to_last(bytes, records);
        if let Err(error) = &written
            && is_of_file(error)
        {
            // What was in it is counted when its turn comes to be read.
            tracing::warn!(%error, "the spool's last file takes nothing: another one is begun");
            written = self.begin().and_then(|()| self.append_to_last(bytes, records));
        }
        (gone, written)
    }

    fn append_to_last(&mut self, bytes: &[u8], records: u64) -> io::Result<()> {
        self.segments.back_mut().map_or(Ok(()), |last| last.append(bytes, records))
    }

    /// Begins a segment behind all others.
    fn begin(&mut self) -> io::Result<()> {
        // Where it is the last one that takes nothing, it holds nothing either.
        if let Some(last) = self.segments.pop_back_if(|last| last.waiting() == 0) {
            last.remove();
        }
        let path = self.directory.segment(self.next);
        let segment = match Segment::create(path.clone()) {
            // The directory is gone, with all that was in it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.directory.open_again()?;
                Segment::create(path)?
            }
            created => created?,
        };
        self.segments.push_back(segment);
        self.next += 1;
        Ok(())
    }

    /// Takes the oldest segments away until so many bytes fit; first those that nobody reads.
    fn make_room(&mut self, length: u64) -> Gone {
        let mut gone = Gone::default();
        while self.bytes() + length.next_multiple_of(BLOCK) > self.most_bytes {
            if let Some(kept) = self.kept.pop_front() {
                kept.remove();
                continue;
            }
            if self.segments.len() <= 1 {
                break;
            }
            let Some(oldest) = self.segments.pop_front() else { break };
            self.read.clear();
            gone.records += oldest.waiting();
            gone.segments += 1;
            oldest.remove();
        }
        gone
    }

    fn segment_bytes(&self) -> u64 {
        (self.most_bytes / SEGMENTS).min(LARGEST_SEGMENT)
    }

    /// Waits until all from this segment on is on the disk, with the names of new files.
    fn sync(&self, from: usize) -> io::Result<()> {
        let segments = self.segments.iter().skip(from).map(Segment::sync);
        // Also behind one that somebody took away.
        segments.fold(Ok(()), io::Result::and).and(self.directory.sync())
    }

    fn remove_drained(&mut self) {
        while let Some(first) = self.segments.pop_front_if(|first| first.waiting() == 0) {
            match first.is_understood() {
                true => first.remove(),
                false => self.kept.extend(first.keep()),
            }
        }
    }
}

/// What had to go for something new.
#[derive(Default)]
struct Gone {
    records: u64,
    segments: usize,
}

/// The first records as bytes, and how many they are: as many as fit, but one at least.
fn piece(records: &[Record], most_bytes: usize) -> (Vec<u8>, usize) {
    let mut bytes = Vec::new();
    let mut count = 0;
    for record in records {
        let before = bytes.len();
        entry::write(record, &mut bytes);
        if count > 0 && bytes.len() > most_bytes {
            bytes.truncate(before);
            break;
        }
        count += 1;
    }
    (bytes, count)
}
