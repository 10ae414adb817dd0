//! Durations as people write them: `500ms`, `5s`, `1m`, `1h`, `1d`.

use std::time::Duration;

const UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a whole number with its unit; nothing for any other text.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor).map(Duration::from_millis)
}

/// Writes a duration in the largest unit that divides it.
pub(crate) fn format(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let (unit, factor) = UNITS
        .iter()
        .rev()
        .find(|(_, factor)| ms >= *factor && ms.is_multiple_of(*factor))
        .unwrap_or(&UNITS[0]);
    format!("{}{unit}", ms / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["0ms", "100ms", "5s", "90s", "1m", "36h", "1d"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
        assert_eq!(format(parse("1500ms").unwrap()), "1500ms");
        assert_eq!(format(parse("3600s").unwrap()), "1h");
    }

    #[test]
    fn other_text_is_no_duration() {
        for text in ["", "5", "s", "-5s", "1.5s", "5 s", "5parsecs", "99999999999999999999d"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
