//! A file of the spool: a header, then records up to where the header says.
//!
//! It is written at its end and read from its front. No file is kept open: that happens a few times
//! a minute, and only while the store is away.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Seek, SeekFrom},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::{
    entry::{self, Entry},
    header::{HEADER, Header},
};
use crate::Record;

/// What is added to the names of files that are not understood.
pub(super) const UNREADABLE: &str = "unreadable";

/// The system's number for a disk that cannot be read.
const EIO: i32 = 5;

/// A file of the spool.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    header: Header,
    is_understood: bool,
}

/// What the front of a segment holds.
pub(super) enum Found {
    /// Records, each with the byte behind it.
    Records(Vec<(Record, u64)>),
    /// So many records that cannot be read, and the byte behind them.
    Damaged(u64, u64),
}

impl Segment {
    /// Makes an empty file.
    pub(super) fn create(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let header = Header::EMPTY;
        if let Err(error) = file.write_all_at(&header.to_bytes(), 0) {
            // An empty file would take a place and hold nothing.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(Self { path, header, is_understood: true })
    }

    /// Opens what another process left: all that it knew to be written, and what is whole behind.
    /// Where the head does not say so, what is between two records counts as one of them.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let file = File::open(&path)?;
        let length = file.metadata()?.len();
        let mut bytes = [0; HEADER as usize];
        let is_whole = entry::is_read(file.read_exact_at(&mut bytes, 0))?;
        let header = Header::from_bytes(&bytes).filter(|header| is_whole && header.is_sane());
        let Some(header) = header else { return Self::open_without_head(path, file, length) };
        let mut segment = Self { path, header, is_understood: true };
        let mut file = BufReader::new(file);
        file.seek(SeekFrom::Start(header.end))?;
        while let Some(room) = segment.room(length)
            && let Entry::Record(_, size) | Entry::Damaged(size) = entry::read(&mut file, room)?
        {
            segment.count(size);
        }
        Ok(segment)
    }

    fn open_without_head(path: PathBuf, file: File, length: u64) -> io::Result<Self> {
        let mut segment = Self { path, header: Header::EMPTY, is_understood: length <= HEADER };
        let mut file = BufReader::new(file);
        file.seek(SeekFrom::Start(HEADER))?;
        while let Some(room) = segment.room(length) {
            match entry::read(&mut file, room)? {
                Entry::Record(_, size) => {
                    segment.is_understood = true;
                    segment.count(size);
                }
                Entry::Damaged(size) => segment.count(size),
                Entry::Lost => {
                    let from = segment.header.end;
                    let next = entry::find(file.get_ref(), from, length)?.unwrap_or(length);
                    segment.count(next - from);
                    file.seek(SeekFrom::Start(next))?;
                }
            }
        }
        let (file, records) = (segment.path.display(), segment.header.records);
        if segment.is_understood {
            tracing::warn!(%file, records, "a spool file's head is damaged: all in it counts");
        } else {
            tracing::warn!(%file, "nothing in a spool file is understood: it is kept");
        }
        Ok(segment)
    }

    /// How many bytes of the file are behind all records.
    fn room(&self, length: u64) -> Option<u64> {
        length.checked_sub(self.header.end).filter(|room| *room > 0)
    }

    /// One record more, of so many bytes.
    fn count(&mut self, size: u64) {
        self.header.end += size;
        self.header.records += 1;
    }

    /// What is kept of earlier times, and only takes room.
    pub(super) fn kept(path: PathBuf) -> io::Result<Self> {
        let end = fs::metadata(&path)?.len();
        Ok(Self { path, header: Header { end, ..Header::EMPTY }, is_understood: false })
    }

    /// Records that wait.
    pub(super) fn waiting(&self) -> u64 {
        self.header.records - self.header.taken
    }

    /// Its length, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.header.end
    }

    /// Whether it is this version's: another one's is left as it is.
    pub(super) fn is_understood(&self) -> bool {
        self.is_understood
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes records, already as bytes, behind all others. On an error nothing has changed.
    pub(super) fn append(&mut self, bytes: &[u8], records: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(&self.path)?;
        let before = self.header;
        let end = before.end + bytes.len() as u64;
        let header = Header { records: before.records + records, end, ..before };
        let written = file
            .write_all_at(bytes, before.end)
            .and_then(|()| file.write_all_at(&header.to_bytes(), 0));
        if let Err(error) = written {
            // What is left behind the end is ignored if this fails too.
            let _ = file.set_len(before.end);
            let _ = file.write_all_at(&before.to_bytes(), 0);
            return Err(error);
        }
        self.header = header;
        Ok(())
    }

    /// Waits until all of it is on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_data()
    }

    /// The oldest records, at most so many and about so many bytes, but one at least.
    ///
    /// # Errors
    /// What may be better later; a file that is gone or cannot be read counts as damaged.
    pub(super) fn read(&self, most: usize, most_bytes: u64) -> io::Result<Found> {
        match self.read_records(most, most_bytes) {
            Err(error) if is_final(&error) => {
                tracing::warn!(file = %self.path.display(), %error, "a spool file cannot be read");
                Ok(self.all_lost())
            }
            result => result,
        }
    }

    fn read_records(&self, most: usize, most_bytes: u64) -> io::Result<Found> {
        let mut file = BufReader::new(File::open(&self.path)?);
        let (mut at, end) = (self.header.at, self.header.end);
        file.seek(SeekFrom::Start(at))?;
        let most = usize::try_from(self.waiting()).unwrap_or(usize::MAX).min(most);
        let mut records = Vec::new();
        while records.len() < most && at < end && at - self.header.at < most_bytes {
            match entry::read(&mut file, end - at)? {
                Entry::Record(record, size) => {
                    at += size;
                    records.push((record, at));
                }
                Entry::Damaged(size) if records.is_empty() => {
                    return Ok(Found::Damaged(1, at + size));
                }
                Entry::Lost if records.is_empty() => {
                    let next = entry::find(file.get_ref(), at, end)?;
                    return Ok(next.map_or_else(|| self.all_lost(), |at| Found::Damaged(1, at)));
                }
                Entry::Damaged(_) | Entry::Lost => break,
            }
        }
        // Fewer records than the head promised: more than one may have been lost at a place.
        Ok(if records.is_empty() { self.all_lost() } else { Found::Records(records) })
    }

    fn all_lost(&self) -> Found {
        Found::Damaged(self.waiting(), self.header.end)
    }

    /// So many records up to this byte were taken. That this is remembered beyond the process
    /// spares work: what is taken twice is stored once.
    pub(super) fn advance(&mut self, records: u64, at: u64) {
        self.header.taken += records;
        self.header.at = at;
        if !self.is_understood {
            return;
        }
        let remembered = OpenOptions::new()
            .write(true)
            .open(&self.path)
            .and_then(|file| file.write_all_at(&self.header.to_bytes(), 0));
        if let Err(error) = remembered {
            tracing::debug!(file = %self.path.display(), %error, "a spool file's head stays as it was");
        }
    }

    /// Keeps the file under another name, for people to look at and for the version that wrote it.
    pub(super) fn keep(self) -> Option<Self> {
        let path = self.path.with_added_extension(UNREADABLE);
        if let Err(error) = fs::rename(&self.path, &path) {
            tracing::warn!(file = %self.path.display(), %error, "a spool file stays");
            return None;
        }
        Some(Self { path, ..self })
    }

    /// Takes the file away.
    pub(super) fn remove(&self) {
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(file = %self.path.display(), %error, "a spool file stays");
        }
    }
}

impl Header {
    fn is_sane(&self) -> bool {
        self.taken <= self.records && (HEADER..=self.end).contains(&self.at)
    }
}

/// Whether another file may take what this one does not.
pub(super) fn is_of_file(error: &io::Error) -> bool {
    let kinds = [io::ErrorKind::PermissionDenied, io::ErrorKind::IsADirectory];
    is_final(error) || kinds.contains(&error.kind())
}

/// Whether trying again is of no use.
fn is_final(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(EIO)
}
