//! One record of a segment: its length and two checksums, then the record.
//!
//! The length has a checksum of its own: where that is right, a damaged record costs nothing but
//! itself; where it is not, the next whole record is looked for.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    os::unix::fs::FileExt,
};

use crate::{
    Record,
    record::{Packed, pack},
};

/// The bytes in front of a record: length, checksum of the record, checksum of these two.
const HEAD: usize = 12;

/// No record is longer.
const LONGEST: u64 = 256 << 20;

/// So many bytes are looked through at once.
const STRETCH: usize = 64 << 10;

/// What was found at a place.
pub(super) enum Entry {
    /// A record, and how many bytes it takes.
    Record(Record, u64),
    /// So many bytes that were a record.
    Damaged(u64),
    /// Nothing that says how long it is: [`find`] says where to go on.
    Lost,
}

/// Appends a record.
pub(super) fn write(record: &Record, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD]);
    pack(record, out);
    let Some((head, body)) = out.get_mut(start..).and_then(|new| new.split_at_mut_checked(HEAD))
    else {
        return;
    };
    let mut bytes = Vec::with_capacity(HEAD);
    bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(body).to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    head.copy_from_slice(&bytes);
}

/// Reads the next record, of which no byte is behind `room`.
///
/// # Errors
/// What the system says, but for an end that comes too early: then the record is lost.
pub(super) fn read(file: &mut impl Read, room: u64) -> io::Result<Entry> {
    let mut head = [0; HEAD];
    if !is_read(file.read_exact(&mut head))? {
        return Ok(Entry::Lost);
    }
    let Some((length, body_check)) = head_of(&head) else { return Ok(Entry::Lost) };
    let size = length + HEAD as u64;
    if size > room || length > LONGEST {
        return Ok(Entry::Lost);
    }
    let mut body = vec![0; length as usize];
    if !is_read(file.read_exact(&mut body))? {
        return Ok(Entry::Lost);
    }
    let is_right = crc32fast::hash(&body).to_le_bytes() == body_check;
    let record = is_right.then(|| Packed::open(&body)).flatten();
    Ok(record.map_or(Entry::Damaged(size), |record| Entry::Record(record, size)))
}

/// Where the next whole record begins, at or behind a place; nothing if there is none before `end`.
///
/// # Errors
/// What the system says.
pub(super) fn find(file: &File, mut from: u64, end: u64) -> io::Result<Option<u64>> {
    let mut bytes = vec![0; STRETCH];
    while from < end {
        let read = file.read_at(&mut bytes, from)?;
        let stretch = bytes.get(..read).unwrap_or_default();
        for (at, head) in (from..end).zip(stretch.windows(HEAD)) {
            if head.try_into().ok().and_then(head_of).is_some() && is_whole(file, at, end)? {
                return Ok(Some(at));
            }
        }
        if read < HEAD {
            break;
        }
        // A head may begin in the last bytes.
        from += (read - HEAD + 1) as u64;
    }
    Ok(None)
}

fn is_whole(mut file: &File, at: u64, end: u64) -> io::Result<bool> {
    file.seek(SeekFrom::Start(at))?;
    Ok(matches!(read(&mut BufReader::new(file), end - at)?, Entry::Record(..)))
}

/// The length of a record and its checksum; nothing if these bytes are no head.
fn head_of(head: &[u8; HEAD]) -> Option<(u64, [u8; 4])> {
    let [length, body_check, check] = head.as_chunks::<4>().0 else { return None };
    let is_right = crc32fast::hash(head.get(..8)?).to_le_bytes() == *check;
    is_right.then(|| (u32::from_le_bytes(*length).into(), *body_check))
}

/// Whether all was there to be read.
pub(super) fn is_read(result: io::Result<()>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
