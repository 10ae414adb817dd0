//! How `/sys/bus/event_source/devices` writes events, and the words of `perf_event_attr` that
//! they mean. Pure functions over bytes.
//!
//! An event is a list of terms (`event=0x04,umask=0x03`); a file of `format/` per term says which
//! bits its value goes to (`config:0-7,32-35`). See Documentation/ABI/testing/
//! sysfs-bus-event_source-devices-format and -events.

use crate::parse::{ParseError, number};

/// The words that tell a PMU what to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// `config` of `perf_event_attr`.
    pub config: u64,
    /// Its `config1`.
    pub config1: u64,
    /// Its `config2`.
    pub config2: u64,
}

impl Config {
    /// The word with this name.
    pub(crate) fn word(&mut self, name: &[u8]) -> Option<&mut u64> {
        match name {
            b"config" => Some(&mut self.config),
            b"config1" => Some(&mut self.config1),
            b"config2" => Some(&mut self.config2),
            _ => None,
        }
    }
}

/// One term of an event: its name and its value.
pub(crate) type Term<'a> = (&'a [u8], u64);

/// The terms of an event. One without a value is a switch, and set.
pub(crate) fn terms(event: &[u8]) -> Result<Vec<Term<'_>>, ParseError> {
    const EXPECTED: ParseError =
        ParseError { line: 1, reason: "expected terms such as `event=0x04,umask=0x03`" };
    let text = event.trim_ascii();
    text.split(|&byte| byte == b',').map(|text| term(text).ok_or(EXPECTED)).collect()
}

fn term(text: &[u8]) -> Option<Term<'_>> {
    let mut parts = text.splitn(2, |&byte| byte == b'=').map(<[u8]>::trim_ascii);
    let name = parts.next().filter(|name| is_name(name))?;
    Some((name, parts.next().map_or(Some(1), integer)?))
}

/// Whether a term can be the name of a file: what is not must not become part of a path.
fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// A number as the kernel writes it here: hexadecimal with `0x`, or decimal.
fn integer(text: &[u8]) -> Option<u64> {
    let Some(digits) = text.strip_prefix(b"0x").or_else(|| text.strip_prefix(b"0X")) else {
        return number(text);
    };
    // `from_str_radix` would take a sign.
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_hex)?;
    u64::from_str_radix(digits, 16).ok()
}

/// Which bits of which word a term's value goes to, the lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    word: Vec<u8>,
    /// First and last bit of each range.
    ranges: Vec<(u32, u32)>,
}

impl Format {
    /// `config:0-7,32-35`.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        const EXPECTED: ParseError =
            ParseError { line: 1, reason: "expected bits such as `config:0-7,32-35`" };
        let text = bytes.trim_ascii();
        let colon = text.iter().position(|&byte| byte == b':').ok_or(EXPECTED)?;
        let (word, ranges) = text.split_at(colon);
        Config::default().word(word).ok_or(EXPECTED)?;
        let ranges = ranges.strip_prefix(b":").unwrap_or_default();
        let ranges: Option<_> = ranges.split(|&byte| byte == b',').map(range).collect();
        Ok(Self { word: word.to_owned(), ranges: ranges.ok_or(EXPECTED)? })
    }

    /// How many bits a value may have.
    pub(crate) fn width(&self) -> u32 {
        self.ranges.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// Puts a value into its bits.
    pub(crate) fn put(&self, mut value: u64, config: &mut Config) -> Result<(), ParseError> {
        let Some(word) = config.word(&self.word) else { return Ok(()) };
        for &(first, last) in &self.ranges {
            let width = last - first + 1;
            *word |= (value & ones(width)) << first;
            value = value.checked_shr(width).unwrap_or(0);
        }
        let fits = value == 0;
        fits.then_some(()).ok_or(ParseError { line: 1, reason: "a value has too many bits" })
    }
}

/// `0-7`, or `3` for one bit.
fn range(text: &[u8]) -> Option<(u32, u32)> {
    let mut ends = text.splitn(2, |&byte| byte == b'-').map(number);
    let first = ends.next()??;
    let last = ends.next().unwrap_or(Some(first))?;
    let bit = |number: u64| u32::try_from(number).ok().filter(|bit| *bit < u64::BITS);
    Some((bit(first)?, bit(last)?)).filter(|(first, last)| first <= last)
}

const fn ones(width: u32) -> u64 {
    if width >= u64::BITS { u64::MAX } else { (1 << width) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(formats: &[(&str, &str)], event: &str) -> Result<Config, &'static str> {
        let mut config = Config::default();
        for (name, value) in terms(event.as_bytes()).map_err(|error| error.reason)? {
            let format = formats.iter().find(|(term, _)| term.as_bytes() == name).unwrap().1;
            let format = Format::parse(format.as_bytes()).map_err(|error| error.reason)?;
            format.put(value, &mut config).map_err(|error| error.reason)?;
        }
        Ok(config)
    }

    const FORMATS: [(&str, &str); 5] = [
        ("event", "config:0-7,32-35\n"),
        ("umask", "config:8-15\n"),
        ("edge", "config:18\n"),
        ("ldlat", "config1:0-15\n"),
        ("filter", "config2:0-63"),
    ];

    #[test]
    fn values_go_to_their_bits() {
        let check = |event: &str, config: u64, config1: u64, config2: u64| {
            let expected = Config { config, config1, config2 };
            assert_eq!(encode(&FORMATS, event), Ok(expected), "{event}");
        };
        check("event=0x04,umask=0x03\n", 0x304, 0, 0);
        check("event=0x1c7,umask=0x38", 0x1_0000_38c7, 0, 0);
        check("event=205, umask=1,ldlat=3", 0x1cd, 3, 0);
        check("event=0xff,edge", 0x4_00ff, 0, 0);
        check("filter=0xffffffffffffffff", 0, 0, u64::MAX);
    }

    #[test]
    fn what_is_no_event_is_said_to_be_none() {
        for bad in [
            "",
            "\n",
            "event=",
            "event=0x",
            "event=0x+4",
            "=3",
            "../type=1",
            "event=1,,",
            "event=-1",
        ] {
            let error = encode(&FORMATS, bad).unwrap_err();
            assert!(error.starts_with("expected terms such as"), "{bad:?}: {error}");
        }
        assert_eq!(encode(&FORMATS, "umask=0x100"), Err("a value has too many bits"));
    }

    #[test]
    fn formats_are_a_word_and_ranges_of_its_bits() {
        let width = |text: &str| Format::parse(text.as_bytes()).map(|format| format.width()).ok();
        assert_eq!(width("config:0-7,32-35,59-60\n"), Some(14));
        assert_eq!(width("config1:0-63"), Some(64));
        assert_eq!(width("config2:5"), Some(1));
        for bad in ["", "config", "config:", "config:7-0", "config:0-64", "config4:0-7", "config:a"]
        {
            assert_eq!(width(bad), None, "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(event: Vec<u8>, format: Vec<u8>, value: u64) {
            let _ = terms(&event);
            let text = [b"config1:".as_slice(), &format].concat();
            for format in [Format::parse(&format), Format::parse(&text)].into_iter().flatten() {
                let _ = format.put(value, &mut Config::default());
            }
        }

        #[test]
        fn a_value_that_fits_can_be_read_back(first in 0_u32..64, width in 1_u32..65, value: u64) {
            let last = (first + width - 1).min(63);
            let value = value & ones(last - first + 1);
            let format = Format::parse(format!("config:{first}-{last}").as_bytes()).unwrap();
            let mut config = Config::default();
            format.put(value, &mut config).unwrap();
            proptest::prop_assert_eq!(config.config >> first, value);
        }
    }
}
