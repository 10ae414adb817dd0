//! Small pure functions over the bytes of kernel files.

use std::borrow::Cow;

/// What a parser did not understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// What was expected.
    pub reason: &'static str,
}

impl ParseError {
    /// An error in a line, counted from 0.
    pub fn at(index: usize, reason: &'static str) -> Self {
        Self { line: index + 1, reason }
    }
}

/// A file whose last line has no end.
pub(crate) const CUT_SHORT: ParseError =
    ParseError { line: 0, reason: "the file is empty or cut short" };

/// The lines of a file that the kernel wrote.
///
/// # Errors
/// [`ParseError`] if the last line has no end: the file was cut, and its last number with it.
pub fn lines(bytes: &[u8]) -> Result<impl Iterator<Item = &[u8]> + Clone, ParseError> {
    if !bytes.ends_with(b"\n") {
        return Err(CUT_SHORT);
    }
    let mut start = 0;
    Ok(memchr::memchr_iter(b'\n', bytes).map(move |end| {
        let line = bytes.get(start..end).unwrap_or_default();
        start = end + 1;
        line
    }))
}

/// The words of a line.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    line.split(|byte| is_blank(*byte)).filter(|word| !word.is_empty())
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// A whole number of digits only; nothing for anything else or beyond 64 bits.
pub fn number(word: &[u8]) -> Option<u64> {
    let (number, rest) = leading_number(word)?;
    rest.is_empty().then_some(number)
}

/// The digits at the beginning as a number, and what follows them.
#[inline]
fn leading_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    // As many digits always fit.
    const SURE: usize = 19;
    let (mut number, mut rest) = (0_u64, bytes);
    while let [byte, behind @ ..] = rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
        rest = behind;
    }
    match bytes.len() - rest.len() {
        0 => None,
        1..=SURE => Some((number, rest)),
        digits => Some((long_number(bytes.get(..digits)?)?, rest)),
    }
}

/// A number of so many digits that it may not fit.
#[cold]
fn long_number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The numbers of a line, from left to right, read in one pass.
#[derive(Clone)]
pub struct Numbers<'a>(&'a [u8]);

impl<'a> Numbers<'a> {
    /// The numbers of the rest of a line; they end with it.
    pub fn of(rest: &'a [u8]) -> Self {
        Self(rest)
    }

    /// The next word, whatever it is.
    pub fn word(&mut self) -> Option<&'a [u8]> {
        let start = self.0.iter().position(|byte| !is_blank(*byte))?;
        let (_, word) = self.0.split_at_checked(start)?;
        let end = word.iter().position(|byte| is_blank(*byte)).unwrap_or(word.len());
        let (word, rest) = word.split_at_checked(end)?;
        self.0 = rest;
        Some(word)
    }

    /// Whether every further number is 0.
    pub fn all_zero(&self) -> bool {
        self.0.iter().all(|byte| *byte == b'0' || is_blank(*byte))
    }

    /// Whether there is no further word.
    pub fn at_end(&self) -> bool {
        self.0.iter().all(|byte| is_blank(*byte))
    }
}

impl Iterator for Numbers<'_> {
    type Item = u64;

    /// Nothing at the end, or where the next word is no number.
    #[inline]
    fn next(&mut self) -> Option<u64> {
        let mut rest = self.0;
        while let [b' ' | b'\t', behind @ ..] = rest {
            rest = behind;
        }
        let (number, rest) = leading_number(rest)?;
        matches!(rest, [] | [b' ' | b'\t' | b'\n', ..]).then(|| {
            self.0 = rest;
            number
        })
    }
}

/// A number with decimals, such as `0.52`; the kernel writes no negative one.
pub fn decimal(word: &[u8]) -> Option<f64> {
    let Some(point) = word.iter().position(|&byte| byte == b'.') else {
        return number(word).map(|whole| whole as f64);
    };
    let (whole, decimals) = (number(word.get(..point)?)?, word.get(point + 1..)?);
    // Both below 2^53 and so exact: their quotient is the float nearest to the decimal.
    let scale = 10_u64.checked_pow(u32::try_from(decimals.len()).ok()?)?;
    Some(whole.checked_mul(scale)?.checked_add(number(decimals)?)? as f64 / scale as f64)
}

/// A name that the kernel was given by somebody: bytes that are no text are shown as `\xff`, so
/// that two names stay two.
pub fn name(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(name) => Cow::Borrowed(name),
        Err(_) => Cow::Owned(bytes.escape_ascii().to_string()),
    }
}

/// The first word as a number; sysfs attributes are mostly this.
pub fn first_number(bytes: &[u8]) -> Option<u64> {
    words(bytes.strip_suffix(b"\n").unwrap_or(bytes)).next().and_then(number)
}

/// Calls `each` for every CPU of a list such as `0-3,8`.
pub fn cpu_list(bytes: &[u8], mut each: impl FnMut(u32)) {
    // No kernel knows more CPUs; a hostile list must not keep us busy.
    const MOST: u32 = 8192;
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    for range in text.split(|&byte| byte == b',') {
        let mut ends = range.splitn(2, |&byte| byte == b'-').map(number);
        let (Some(Some(first)), last) = (ends.next(), ends.next()) else { continue };
        let last = last.unwrap_or(Some(first)).unwrap_or(first);
        let bound = |number: u64| u32::try_from(number).unwrap_or(MOST).min(MOST);
        (bound(first)..=bound(last)).for_each(&mut each);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_only() {
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for bad in ["", "-1", "1e3", "18446744073709551616", "12x", "\0"] {
            assert_eq!(number(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn numbers_with_decimals_are_the_nearest_float() {
        for good in ["0.98", "100.00", "0.05", "3.1", "12"] {
            assert_eq!(decimal(good.as_bytes()), good.parse().ok(), "{good}");
        }
        for bad in
            ["", ".", "1.", ".5", "-1.0", "1e3", "nan", "inf", "1.2.3", "1.99999999999999999999"]
        {
            assert_eq!(decimal(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn the_numbers_of_a_line_end_at_what_is_none() {
        let mut numbers = Numbers::of(b"  12\t0 18446744073709551615 7x 8");
        assert_eq!(numbers.by_ref().collect::<Vec<_>>(), [12, 0, u64::MAX]);
        assert!(!numbers.at_end() && Numbers::of(b" \t").at_end());
    }

    #[test]
    fn a_cut_file_is_not_read_as_whole() {
        assert_eq!(lines(b"a 1\nb 2\n").unwrap().count(), 2);
        assert!(lines(b"a 1\nb 2").is_err());
        assert!(lines(b"").is_err());
    }

    #[test]
    fn cpu_lists_are_ranges_and_numbers() {
        let list = |text: &[u8]| {
            let mut cpus = Vec::new();
            cpu_list(text, |cpu| cpus.push(cpu));
            cpus
        };
        assert_eq!(list(b"0-2,8,10-11\n"), [0, 1, 2, 8, 10, 11]);
        assert_eq!(list(b"\n"), [0_u32; 0]);
        assert_eq!(list(b"x,3-,5-4"), [3]);
        assert_eq!(list(b"0-99999999999").len(), 8193);
    }
}
