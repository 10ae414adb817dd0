//! Numbers and times as text, exactly.

use jiff::Timestamp;
use perfwatch_core::MISSING;

pub(super) use crate::{import::MOST_DECIMALS, text::push_number as write};

/// The integer and the decimals of a number such as `-12.50` or `1.5e3`.
///
/// # Errors
/// What keeps it from being one that can be kept.
pub(super) fn read(text: &str) -> Result<(i64, u8), String> {
    let no_number = || format!("`{}` is no number", shorten(text));
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| no_number())?),
        None => (text, 0),
    };
    let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (whole, rest) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + rest.len() == 0 || !is_digits(whole) || !is_digits(rest) {
        return Err(no_number());
    }
    let digits = format!("{whole}{rest}");
    let scale = rest.len() as i64 - i64::from(exponent);
    let decimals = u8::try_from(scale.max(0)).ok().filter(|&it| it <= MOST_DECIMALS);
    let decimals = decimals.ok_or_else(|| {
        format!("`{}` has more than {MOST_DECIMALS} decimals; round it", shorten(text))
    })?;
    let too_large = || format!("`{}` is too large to be kept", shorten(text));
    let zeros = u32::try_from((-scale).max(0)).map_err(|_| too_large())?;
    let value = digits.parse::<i64>().ok();
    let value = value.and_then(|value| value.checked_mul(10_i64.checked_pow(zeros)?));
    let value = value.ok_or_else(too_large)?;
    Ok((if mantissa.starts_with('-') { -value } else { value }, decimals))
}

/// A value in finer decimals; [`MISSING`] where it does not fit.
pub(super) fn scale(value: i64, factor: i64) -> i64 {
    if value == MISSING { MISSING } else { value.checked_mul(factor).unwrap_or(MISSING) }
}

/// A time in RFC 3339, in UTC with milliseconds.
pub(super) fn time(ms: i64) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// A time in RFC 3339, or milliseconds since 1970.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read_time(text: &str) -> Result<i64, String> {
    if let Ok(ms) = text.parse() {
        return Ok(ms);
    }
    let time: Result<Timestamp, _> = text.parse();
    time.map(Timestamp::as_millisecond).map_err(|_| {
        format!(
            "`{}` is no time; it is written like 2026-01-31T12:00:00.000Z, or in milliseconds \
             since 1970",
            shorten(text)
        )
    })
}

/// As much of a text as an error may repeat.
pub(super) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    short
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_value_survives_the_way_there_and_back(
            value in -i64::MAX..=i64::MAX, decimals in 0..=MOST_DECIMALS
        ) {
            let mut text = String::new();
            write(value, decimals, &mut text);
            prop_assert_eq!(read(&text), Ok((value, decimals)));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = (read(&text), read_time(&text));
        }
    }

    #[test]
    fn numbers_of_other_programs_are_read() {
        for (text, expected) in [
            ("0", (0, 0)),
            ("-0.05", (-5, 2)),
            ("+7", (7, 0)),
            (".5", (5, 1)),
            ("1.5e3", (1500, 0)),
            ("12E-2", (12, 2)),
            ("5.", (5, 0)),
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
        for text in ["", "-", ".", "1,5", "0x1", "NaN", "inf", "1e", "1 ", "1.2.3", "1e99", "1e-99"]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        assert_eq!(read_time(&time(1_700_000_000_123)), Ok(1_700_000_000_123));
        assert_eq!(read_time("2023-11-14T22:13:20+02:00"), Ok(1_699_992_800_000));
        assert!(read_time("yesterday").is_err());
    }
}
