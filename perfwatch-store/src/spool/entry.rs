//! One record of a segment: its length and two checksums, then the record.
//!
//! The length has a checksum of its own: where that is right, a damaged record costs nothing but
//! itself.

use std::io::{self, Read};

use crate::{
    Record,
    record::{Packed, pack},
};

/// The bytes in front of a record: length, checksum of the record, checksum of these two.
const HEAD: usize = 12;

/// No record is longer.
const LONGEST: u64 = 256 << 20;

/// What was found at a place.
pub(super) enum Entry {
    /// A record, and how many bytes it takes.
    Record(Record, u64),
    /// So many bytes that were a record.
    Damaged(u64),
    /// Nothing that says how long it is.
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
    let [length, body_check, check] = head.as_chunks::<4>().0 else { return Ok(Entry::Lost) };
    let length = u64::from(u32::from_le_bytes(*length));
    let is_whole = crc32fast::hash(head.get(..8).unwrap_or_default()).to_le_bytes() == *check;
    let size = length + HEAD as u64;
    if !is_whole || size > room || length > LONGEST {
        return Ok(Entry::Lost);
    }
    let mut body = vec![0; length as usize];
    if !is_read(file.read_exact(&mut body))? {
        return Ok(Entry::Lost);
    }
    let is_right = crc32fast::hash(&body).to_le_bytes() == *body_check;
    let record = is_right.then(|| Packed::open(&body)).flatten();
    Ok(record.map_or(Entry::Damaged(size), |record| Entry::Record(record, size)))
}

fn is_read(result: io::Result<()>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
