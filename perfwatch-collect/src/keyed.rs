//! Files of `name value` lines, of which a few are wanted: `/proc/meminfo`, `/proc/vmstat`.

use memchr::memmem::Finder;

use crate::parse::{CUT_SHORT, Numbers, ParseError, lines, words};

/// Reads the wanted lines of a file whose lines keep their order while the kernel runs.
///
/// All names are looked at once. Afterwards a line is looked for where it was the last time:
/// going through every line of such a file costs more than reading the wanted numbers.
pub(crate) struct KeyedLines<T> {
    wanted: fn(&[u8]) -> Option<T>,
    known: Vec<Known<T>>,
    /// The most lines that were ever known: a file that has fewer is looked at anew each time.
    most: usize,
}

struct Known<T> {
    name: Finder<'static>,
    /// Where the line begins, from the beginning of the known one before it.
    distance: usize,
    what: T,
    value: u64,
}

impl<T: Copy> KeyedLines<T> {
    /// `wanted` says what the line with a name is, if anything.
    pub(crate) fn new(wanted: fn(&[u8]) -> Option<T>) -> Self {
        Self { wanted, known: Vec::new(), most: 0 }
    }

    /// What the wanted lines are, with their numbers, in the order of the file.
    ///
    /// # Errors
    /// [`ParseError`] if the file is cut short.
    pub(crate) fn read(
        &mut self,
        bytes: &[u8],
    ) -> Result<impl Iterator<Item = (T, u64)>, ParseError> {
        if !bytes.ends_with(b"\n") {
            return Err(CUT_SHORT);
        }
        if self.known.is_empty() || self.known.len() < self.most || !self.follow(bytes) {
            self.learn(bytes)?;
        }
        Ok(self.known.iter().map(|known| (known.what, known.value)))
    }

    /// Reads the known lines; false if one of them is not there or holds no number.
    fn follow(&mut self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        for known in &mut self.known {
            // A number that got longer moves the lines behind it.
            let there = known.at(rest, known.distance);
            let Some(line) = there.or_else(|| known.find(rest)) else { return false };
            let value = line.get(known.name.needle().len()..).and_then(first_number);
            let Some(value) = value else { return false };
            (rest, known.value) = (line, value);
        }
        true
    }

    fn learn(&mut self, bytes: &[u8]) -> Result<(), ParseError> {
        self.known.clear();
        let mut distance = 0;
        for line in lines(bytes)? {
            let name = words(line).next().unwrap_or_default();
            let value = line.strip_prefix(name).and_then(first_number);
            if let Some((what, value)) = (self.wanted)(name).zip(value) {
                let name = Finder::new(name).into_owned();
                self.known.push(Known { name, distance, what, value });
                distance = 0;
            }
            distance += line.len() + 1;
        }
        self.most = self.most.max(self.known.len());
        Ok(())
    }
}

impl<T> Known<T> {
    /// The text from the line on, if the line begins there.
    fn at<'a>(&self, text: &'a [u8], distance: usize) -> Option<&'a [u8]> {
        let before = distance.checked_sub(1).and_then(|end| text.get(end));
        let line = text.get(distance..).filter(|_| matches!(before, None | Some(b'\n')))?;
        let rest = line.strip_prefix(self.name.needle())?;
        matches!(rest, [b' ' | b'\t', ..]).then_some(line)
    }

    /// The text from the line on, wherever that is.
    fn find<'a>(&mut self, text: &'a [u8]) -> Option<&'a [u8]> {
        let distance = self.name.find_iter(text).find(|&at| self.at(text, at).is_some())?;
        self.distance = distance;
        text.get(distance..)
    }
}

/// The number behind a name, in what follows it.
fn first_number(rest: &[u8]) -> Option<u64> {
    matches!(rest, [b' ' | b'\t', ..]).then(|| Numbers::of(rest).next())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_again_wherever_they_went() {
        let mut file = KeyedLines::new(|name| match name {
            b"a" => Some('a'),
            b"c" => Some('c'),
            _ => None,
        });
        let mut check = |text: &[u8], expected: &[(char, u64)]| {
            let found: Result<Vec<_>, _> = file.read(text).map(Iterator::collect);
            assert_eq!(found.as_deref().unwrap_or_default(), expected, "{text:?}");
        };
        check(b"a 1\nb 2\nc 3\n", &[('a', 1), ('c', 3)]);
        check(b"a 10\nb 22222\nc 30 kB\n", &[('a', 10), ('c', 30)]);
        check(b"new 0\na 11\nb 2\nc 31\n", &[('a', 11), ('c', 31)]);
        check(b"a 12\n", &[('a', 12)]);
        check(b"a 13\nc 33\n", &[('a', 13), ('c', 33)]);
        check(b"ab 13\nc 33\n", &[('c', 33)]);
        check(b"b 1\nc 5\n", &[('c', 5)]);
        check(b"b 1 c 6\nc 7\n", &[('c', 7)]);
        check(b"a x\nc 34\n", &[('c', 34)]);
        check(b"a 14\nc 3", &[]);
        check(b"", &[]);
        check(b"b\n", &[]);
    }
}
