//! Days between a moment that a text says and now.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

const DAY: i64 = 86_400;

/// The day of a moment, UTC.
pub fn day(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

/// Whole days since `text` (a day, or RFC 3339); negative when it is to come.
///
/// # Errors
/// When it is neither.
pub(crate) fn days_since(text: &str, now: Timestamp) -> Result<i64, String> {
    if let Some(then) = date(text) {
        return days(then, day(now));
    }
    moment(text).map(|then| (now.as_second() - then.as_second()).div_euclid(DAY))
}

/// Whole days until `text` (a day, which counts to its end, or RFC 3339); negative when it is over.
///
/// # Errors
/// When it is neither.
pub(crate) fn days_until(text: &str, now: Timestamp) -> Result<i64, String> {
    if let Some(then) = date(text) {
        return days(day(now), then);
    }
    moment(text).map(|then| (then.as_second() - now.as_second()).div_euclid(DAY))
}

/// A day alone: a time of day without an offset is read as a day by the library, and is none.
fn date(text: &str) -> Option<Date> {
    (text.len() == "2026-12-01".len()).then(|| text.parse().ok())?
}

fn moment(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map_err(|_| format!("`{}` is neither a day nor a moment (RFC 3339)", shortened(text)))
}

fn days(from: Date, to: Date) -> Result<i64, String> {
    let span = from.until(to).map_err(|error| error.to_string())?;
    Ok(i64::from(span.get_days()))
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_and_the_last_one_counts() {
        let now: Timestamp = "2026-12-01T06:00:00Z".parse().unwrap();
        for (text, since, until) in [
            ("2026-12-01", 0, 0),
            ("2026-11-30", 1, -1),
            ("2026-12-31", -30, 30),
            ("2026-11-30T06:00:00Z", 1, -1),
            ("2026-11-30T07:00:00Z", 0, -1),
            ("2026-12-01T07:00:00+01:00", 0, 0),
            ("2027-01-01T06:00:00Z", -31, 31),
        ] {
            assert_eq!(days_since(text, now), Ok(since), "{text}");
            assert_eq!(days_until(text, now), Ok(until), "{text}");
        }
        for text in ["", "2027-02-30", "demain", "2026-12-01T07:00:00"] {
            assert!(days_until(text, now).is_err(), "{text}");
        }
    }
}
