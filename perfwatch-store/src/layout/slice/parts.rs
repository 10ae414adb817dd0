//! Bytes cut into parts of about the same size.
//!
//! One row of a database per part: smaller parts would waste space between rows, and of a larger
//! one most would be read for nothing.

use std::ops::Range;

/// A part is complete once it is at least this long.
const PART_BYTES: usize = 4 << 10;

/// Parts being filled.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) parts: Vec<Vec<u8>>,
    bytes: u32,
}

impl Parts {
    /// Where the next piece goes; a piece lies in one part.
    pub(super) fn open(&mut self) -> &mut Vec<u8> {
        if self.parts.last().is_none_or(|part| part.len() >= PART_BYTES) {
            self.parts.push(Vec::new());
        }
        let last = self.parts.len() - 1;
        &mut self.parts[last]
    }

    /// Ends a piece; where it ends, counted over all parts.
    pub(super) fn close(&mut self) -> u32 {
        let full: usize = self.parts.iter().map(Vec::len).sum();
        self.bytes = full as u32;
        self.bytes
    }

    /// Where each part ends.
    pub(super) fn ends(&self) -> impl Iterator<Item = u32> {
        self.parts.iter().scan(0, |end, part| {
            *end += part.len() as u32;
            Some(*end)
        })
    }
}

/// Where some bytes of a slice are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The number of the part.
    pub(crate) part: u32,
    /// The bytes in it.
    pub(crate) range: Range<usize>,
}

impl Piece {
    /// The piece of its part's bytes; nothing where that is too short.
    pub(crate) fn of<'a>(&self, part: &'a [u8]) -> Option<&'a [u8]> {
        part.get(self.range.clone())
    }
}
