//! Windows of time as people write them: `-2h..-1h`, `yesterday 14:00..15:00`, `2026-11-22`.
//!
//! A window is two moments with `..` or `/` between them, or a day, or `-` and a duration for the
//! time until now. A moment without an offset is one of the reader's time zone. The help of
//! `perfwatch changes` shows each form; the tests here say what each one means.

use jiff::{
    SignedDuration, Timestamp, ToSpan, Zoned,
    civil::{Date, Time},
    fmt::temporal::Pieces,
};
use perfwatch_store::Window;

const DAY_MS: i64 = 86_400_000;

/// The window that a text means, seen from now.
///
/// # Errors
/// What is wrong with the text, and what would be understood.
pub(crate) fn parse(text: &str, now: &Zoned) -> Result<Window, String> {
    let read = match text.split_once("..").or_else(|| text.split_once('/')) {
        Some((start, end)) => between(start.trim(), end.trim(), now),
        None => alone(text.trim(), now),
    };
    let (start, end) = read.ok_or_else(|| {
        format!(
            "`{text}` is no window; write one like -1h, -2h..-1h, yesterday 14:00..15:00, \
             2026-11-22 or 2026-11-22T14:00/15:00"
        )
    })?;
    if end <= start {
        return Err(format!("`{text}` ends before it begins"));
    }
    Ok(Window { start_ms: start.as_millisecond(), end_ms: end.as_millisecond() })
}

/// What a window is compared with by itself: the same stretch of the day before, or of the week
/// before if it is longer than a day; still longer ones, what came right before.
pub(crate) fn earlier(window: Window) -> Window {
    let Window { start_ms, end_ms } = window;
    let length = end_ms - start_ms;
    let distance = [DAY_MS, 7 * DAY_MS].into_iter().find(|it| length <= *it).unwrap_or(length);
    Window { start_ms: start_ms - distance, end_ms: end_ms - distance }
}

fn between(start: &str, end: &str, now: &Zoned) -> Option<(Timestamp, Timestamp)> {
    let start = moment(start, now.date(), now)?;
    if let Some(after) = end.strip_prefix('+') {
        return Some((start, start.checked_add(duration(after)?).ok()?));
    }
    let day = start.to_zoned(now.time_zone().clone()).date();
    let mut read = moment(end, day, now)?;
    // A time of day that is over by then is one of the next day.
    if read <= start && time(end).is_some() {
        read = moment(end, day.tomorrow().ok()?, now)?;
    }
    Some((start, read))
}

fn alone(text: &str, now: &Zoned) -> Option<(Timestamp, Timestamp)> {
    if text.starts_with('-') {
        return Some((moment(text, now.date(), now)?, now.timestamp()));
    }
    let day = day(text, now)?;
    let midnight = |day: Date| local(day, Time::midnight(), now);
    // Of today there is nothing behind now yet.
    let end = midnight(day.tomorrow().ok()?)?;
    Some((midnight(day)?, if day == now.date() { now.timestamp() } else { end }))
}

/// A moment; a time alone is one of `on`.
fn moment(text: &str, on: Date, now: &Zoned) -> Option<Timestamp> {
    if text == "now" {
        return Some(now.timestamp());
    }
    if let Some(ago) = text.strip_prefix('-') {
        return now.timestamp().checked_sub(duration(ago)?).ok();
    }
    if let Some(seconds) = text.strip_prefix('@') {
        return Timestamp::from_second(seconds.parse().ok()?).ok();
    }
    if let Some(time) = time(text) {
        return local(on, time, now);
    }
    let (word, rest) = text.split_at(text.find(' ').unwrap_or(text.len()));
    if let Some(day) = named_day(word, now) {
        let rest = rest.trim_start();
        let time = if rest.is_empty() { Some(Time::midnight()) } else { time(rest) };
        return local(day, time?, now);
    }
    with_date(text, now)
}

/// A date with or without a time and an offset.
fn with_date(text: &str, now: &Zoned) -> Option<Timestamp> {
    let pieces = Pieces::parse(text).ok()?;
    if pieces.time_zone_annotation().is_some() {
        return None;
    }
    let civil = pieces.date().to_datetime(pieces.time().unwrap_or_default());
    match pieces.to_numeric_offset() {
        Some(offset) => offset.to_timestamp(civil).ok(),
        None => now.time_zone().to_timestamp(civil).ok(),
    }
}

fn day(text: &str, now: &Zoned) -> Option<Date> {
    // The library would read a date with a time as the date.
    let date = || (text.len() == "2026-11-22".len()).then(|| text.parse().ok()).flatten();
    named_day(text, now).or_else(date)
}

fn named_day(word: &str, now: &Zoned) -> Option<Date> {
    match word {
        "today" => Some(now.date()),
        "yesterday" => now.date().checked_sub(1.day()).ok(),
        _ => None,
    }
}

/// `14:00` or `14:00:30`.
fn time(text: &str) -> Option<Time> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    (plain && text.contains(':')).then(|| text.parse().ok()).flatten()
}

fn local(day: Date, time: Time, now: &Zoned) -> Option<Timestamp> {
    now.time_zone().to_timestamp(day.to_datetime(time)).ok()
}

/// A whole number and its unit: `90s`, `30m`, `1h`, `2d`, `1w`.
fn duration(text: &str) -> Option<SignedDuration> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(seconds).map(SignedDuration::from_secs)
}

#[cfg(test)]
mod tests {
    use jiff::tz::{self, TimeZone};

    use super::*;

    /// 2026-11-23 15:30 in a zone one hour ahead of UTC.
    fn now() -> Zoned {
        let civil = jiff::civil::date(2026, 11, 23).at(15, 30, 0, 0);
        civil.to_zoned(TimeZone::fixed(tz::offset(1))).unwrap()
    }

    fn read(text: &str) -> String {
        match parse(text, &now()) {
            Ok(Window { start_ms, end_ms }) => {
                let show = |ms| Timestamp::from_millisecond(ms).unwrap().to_string();
                format!("{text}: {} {}", show(start_ms), show(end_ms))
            }
            Err(error) => error,
        }
    }

    #[test]
    fn each_form_means_what_it_says() {
        let forms = [
            "-1h",
            "-90s",
            "-2h..-1h",
            "-2h/now",
            "yesterday 14:00..15:00",
            "yesterday 14:00..today 14:00",
            "today 08:00:30..+10m",
            "09:00..10:00",
            "yesterday 22:00..02:00",
            "2026-11-22",
            "yesterday",
            "today",
            "2026-11-22T14:00/15:00",
            "2026-11-22 14:00..2026-11-23 14:00",
            "2026-11-20..2026-11-22",
            "2026-11-22T14:00Z..+1w",
            "2026-11-22T14:00-05:00..2026-11-22T15:00-05:00",
            "@1795410900..now",
        ];
        insta::assert_snapshot!(forms.map(read).join("\n"), @"
        -1h: 2026-11-23T13:30:00Z 2026-11-23T14:30:00Z
        -90s: 2026-11-23T14:28:30Z 2026-11-23T14:30:00Z
        -2h..-1h: 2026-11-23T12:30:00Z 2026-11-23T13:30:00Z
        -2h/now: 2026-11-23T12:30:00Z 2026-11-23T14:30:00Z
        yesterday 14:00..15:00: 2026-11-22T13:00:00Z 2026-11-22T14:00:00Z
        yesterday 14:00..today 14:00: 2026-11-22T13:00:00Z 2026-11-23T13:00:00Z
        today 08:00:30..+10m: 2026-11-23T07:00:30Z 2026-11-23T07:10:30Z
        09:00..10:00: 2026-11-23T08:00:00Z 2026-11-23T09:00:00Z
        yesterday 22:00..02:00: 2026-11-22T21:00:00Z 2026-11-23T01:00:00Z
        2026-11-22: 2026-11-21T23:00:00Z 2026-11-22T23:00:00Z
        yesterday: 2026-11-21T23:00:00Z 2026-11-22T23:00:00Z
        today: 2026-11-22T23:00:00Z 2026-11-23T14:30:00Z
        2026-11-22T14:00/15:00: 2026-11-22T13:00:00Z 2026-11-22T14:00:00Z
        2026-11-22 14:00..2026-11-23 14:00: 2026-11-22T13:00:00Z 2026-11-23T13:00:00Z
        2026-11-20..2026-11-22: 2026-11-19T23:00:00Z 2026-11-21T23:00:00Z
        2026-11-22T14:00Z..+1w: 2026-11-22T14:00:00Z 2026-11-29T14:00:00Z
        2026-11-22T14:00-05:00..2026-11-22T15:00-05:00: 2026-11-22T19:00:00Z 2026-11-22T20:00:00Z
        @1795410900..now: 2026-11-23T05:15:00Z 2026-11-23T14:30:00Z
        ");
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "..",
            "-1h..",
            "now",
            "14:00",
            "hour",
            "-1",
            "-1y",
            "--1h",
            "-h",
            "tomorrow",
            "yesterday 25:00..26:00",
            "2026-13-01",
            "2026-11-22T14:00",
            "1h",
            "+1h..+2h",
            "2026-11-22T14:00[Europe/Berlin]..now",
            "-99999999999999999w",
            "-1h..@x",
        ] {
            assert!(parse(text, &now()).is_err(), "{}", read(text));
        }
        assert_eq!(read("-1h..-2h"), "`-1h..-2h` ends before it begins");
        assert_eq!(read("2027-01-01/2026-01-01"), "`2027-01-01/2026-01-01` ends before it begins");
    }

    #[test]
    fn an_hour_that_the_clock_jumps_over_is_still_a_window() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let now = jiff::civil::date(2026, 10, 26).at(12, 0, 0, 0).to_zoned(berlin).unwrap();
        let Window { start_ms, end_ms } = parse("yesterday", &now).unwrap();
        assert_eq!(end_ms - start_ms, 25 * 3_600_000, "the day that has an hour twice");
    }

    #[test]
    fn a_window_is_compared_with_one_that_does_not_touch_it() {
        let days = |days: i64| {
            let window = Window { start_ms: 100 * DAY_MS, end_ms: (100 + days) * DAY_MS };
            (window.start_ms - earlier(window).start_ms) / DAY_MS
        };
        assert_eq!([0, 1, 2, 7, 30].map(days), [1, 1, 7, 7, 30]);
    }
}
