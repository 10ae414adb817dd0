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

/// The system's number for a disk that cannot be read.
const EIO: i32 = 5;

/// A file of the spool.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    header: Header,
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
        Ok(Self { path, header })
    }

    /// Opens what another process left: all that it knew to be written, and what is whole behind.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let file = File::open(&path)?;
        let length = file.metadata()?.len();
        let mut bytes = [0; HEADER as usize];
        let is_whole = file.read_exact_at(&mut bytes, 0).is_ok();
        let header = Header::from_bytes(&bytes).filter(|header| is_whole && header.is_sane());
        if header.is_none() {
            tracing::warn!(file = %path.display(), "a spool file's head is damaged: all in it counts");
        }
        let mut header = header.unwrap_or(Header::EMPTY);
        let mut file = BufReader::new(file);
        file.seek(SeekFrom::Start(header.end))?;
        while let Some(room) = length.checked_sub(header.end).filter(|room| *room > 0) {
            let (Entry::Record(_, size) | Entry::Damaged(size)) = entry::read(&mut file, room)?
            else {
                break;
            };
            header.end += size;
            header.records += 1;
        }
        Ok(Self { path, header })
    }

    /// Records that wait.
    pub(super) fn waiting(&self) -> u64 {
        self.header.records - self.header.taken
    }

    /// Its bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.header.end
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
                Entry::Lost if records.is_empty() => return Ok(self.all_lost()),
                Entry::Damaged(_) | Entry::Lost => break,
            }
        }
        // Fewer records than the head promised.
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
        let remembered = OpenOptions::new()
            .write(true)
            .open(&self.path)
            .and_then(|file| file.write_all_at(&self.header.to_bytes(), 0));
        if let Err(error) = remembered {
            tracing::debug!(file = %self.path.display(), %error, "a spool file's head stays as it was");
        }
    }

    /// Takes the file away.
    pub(super) fn remove(&self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(file = %self.path.display(), %error, "a spool file stays");
        }
    }
}

impl Header {
    fn is_sane(&self) -> bool {
        self.taken <= self.records && (HEADER..=self.end).contains(&self.at)
    }
}

/// Whether trying again is of no use.
fn is_final(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(EIO)
}
