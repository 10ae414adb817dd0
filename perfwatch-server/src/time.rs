//! Times as the API writes and reads them.

use jiff::{Timestamp, fmt::temporal::Pieces, tz::Offset};

/// A time in RFC 3339, in UTC with milliseconds.
pub(crate) fn rfc3339(ms: i64) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Now, in milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// Reads RFC 3339, a date with or without a time (UTC where no zone is given), or seconds since
/// 1970; in milliseconds.
pub(crate) fn parse(text: &str) -> Option<i64> {
    // In a query, a `+` that was not escaped has become a space.
    read(text).or_else(|| read(&text.replace(' ', "+")))
}

fn read(text: &str) -> Option<i64> {
    let time = match text.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() => {
            Timestamp::from_millisecond((seconds * 1e3) as i64).ok()?
        }
        Ok(_) => return None,
        Err(_) => at_offset(text)?,
    };
    Some(time.as_millisecond())
}

/// A date with or without a time, in UTC if there is no offset.
fn at_offset(text: &str) -> Option<Timestamp> {
    let pieces = Pieces::parse(text).ok()?;
    if pieces.time_zone_annotation().is_some() {
        // RFC 3339 knows no `[Europe/Berlin]`, and to answer for another hour would be worse.
        return None;
    }
    let civil = pieces.date().to_datetime(pieces.time().unwrap_or_default());
    pieces.to_numeric_offset().unwrap_or(Offset::UTC).to_timestamp(civil).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_many_forms_and_written_in_one() {
        for text in [
            "2026-11-23T05:15:00Z",
            "2026-11-23T05:15:00.000",
            "2026-11-23 05:15",
            "2026-11-23T06:15:00+01:00",
            "2026-11-23T06:15:00 01:00",
            "1795410900",
            "1795410900.0",
        ] {
            assert_eq!(
                parse(text).map(rfc3339).as_deref(),
                Some("2026-11-23T05:15:00.000Z"),
                "{text}"
            );
        }
        assert_eq!(parse("2026-11-23").map(rfc3339).as_deref(), Some("2026-11-23T00:00:00.000Z"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "yesterday", "2026-13-01", "NaN", "2026-11-23T25:00:00Z"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_zone_is_never_left_out_of_account() {
        for text in [
            "2026-11-23T05:15:00[Europe/Berlin]",
            "2026-11-23T05:15:00Z[Europe/Berlin]",
            "2026-11-23T05:15:00+01:00[Asia/Tokyo]",
            "2026-11-23T05:15:00 01:00[Asia/Tokyo]",
            "2026-11-23[Europe/Berlin]",
            "9999-12-30T12:00:00-25:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
