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

/// The lines of a file that the kernel wrote.
///
/// # Errors
/// [`ParseError`] if the last line has no end: the file was cut, and its last number with it.
pub fn lines(bytes: &[u8]) -> Result<impl Iterator<Item = &[u8]> + Clone, ParseError> {
    let Some(bytes) = bytes.strip_suffix(b"\n") else {
        return Err(ParseError { line: 0, reason: "the file is empty or cut short" });
    };
    Ok(bytes.split(|&byte| byte == b'\n'))
}

/// The words of a line.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty())
}

/// A whole number of digits only; nothing for anything else or beyond 64 bits.
pub fn number(word: &[u8]) -> Option<u64> {
    if word.is_empty() {
        return None;
    }
    word.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then_some(())?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// A number with decimals, such as `0.52`; the kernel writes no negative one.
pub fn decimal(word: &[u8]) -> Option<f64> {
    let number: f64 = std::str::from_utf8(word).ok()?.parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number)
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
