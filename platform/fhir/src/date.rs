//! FHIR `date` and `dateTime`: kept exactly as written, at the precision they have.

use jiff::civil;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use crate::error::FhirError;

const PROBLEM: &str = "not a FHIR date or time";

/// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`. No `Debug`: it may be a birth date.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Date<'a> {
    text: &'a str,
    first: civil::Date,
    /// The day after the last one.
    next: civil::Date,
}

impl<'a> Date<'a> {
    /// # Errors
    /// `value-invalid` for anything that is not a FHIR date of a day that exists.
    pub fn parse(text: &'a str, path: &str) -> Result<Self, FhirError> {
        Self::read(text).ok_or_else(|| FhirError::value(path, PROBLEM))
    }

    fn read(text: &'a str) -> Option<Self> {
        let year: i16 = digits(text.get(..4)?)?.try_into().ok()?;
        if year == 0 {
            return None;
        }
        let rest = text.get(4..)?;
        if rest.is_empty() {
            let first = civil::Date::new(year, 1, 1).ok()?;
            return Some(Self {
                text,
                first,
                next: civil::Date::new(year.checked_add(1)?, 1, 1).ok()?,
            });
        }
        let month: i8 = digits(rest.strip_prefix('-')?.get(..2)?)?.try_into().ok()?;
        let rest = rest.get(3..)?;
        if rest.is_empty() {
            let first = civil::Date::new(year, month, 1).ok()?;
            return Some(Self {
                text,
                first,
                next: first.last_of_month().tomorrow().ok()?,
            });
        }
        let day = rest.strip_prefix('-').filter(|day| day.len() == 2)?;
        let first = civil::Date::new(year, month, digits(day)?.try_into().ok()?).ok()?;
        Some(Self {
            text,
            first,
            next: first.tomorrow().ok()?,
        })
    }

    /// Exactly as written.
    pub const fn as_str(&self) -> &'a str {
        self.text
    }

    pub const fn first_day(&self) -> civil::Date {
        self.first
    }
}

/// A `date`, or a date with time and offset (`2026-03-17T07:00:00.000+01:00`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DateTime<'a> {
    text: &'a str,
    earliest: Timestamp,
    after: Timestamp,
}

impl<'a> DateTime<'a> {
    /// # Errors
    /// `value-invalid` for anything that is not a FHIR dateTime.
    pub fn parse(text: &'a str, path: &str) -> Result<Self, FhirError> {
        Self::read(text).ok_or_else(|| FhirError::value(path, PROBLEM))
    }

    fn read(text: &'a str) -> Option<Self> {
        let Some((date, time)) = text.split_once('T') else {
            let date = Date::read(text)?;
            let at = |day: civil::Date| day.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
            return Some(Self {
                text,
                earliest: at(date.first)?,
                after: at(date.next)?,
            });
        };
        if date.len() != 10 {
            return None;
        }
        let day = Date::read(date)?.first;
        let (clock, offset) = match time.strip_suffix('Z') {
            Some(clock) => (clock, Offset::UTC),
            None => {
                let at = time.rfind(['+', '-'])?;
                (time.get(..at)?, read_offset(time.get(at..)?)?)
            }
        };
        let (whole, fraction) = match clock.split_once('.') {
            Some((_, "")) => return None,
            Some((whole, fraction)) => (whole, fraction),
            None => (clock, ""),
        };
        if !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let mut parts = whole.split(':');
        let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || [hour, minute, second].iter().any(|part| part.len() != 2) {
            return None;
        }
        // A leap second counts as the last of its minute.
        let second = digits(second)?;
        let nanoseconds = digits(format!("{fraction:0<9}").get(..9)?)?;
        let time = civil::Time::new(
            digits(hour)?.try_into().ok()?,
            digits(minute)?.try_into().ok()?,
            if second == 60 { 59 } else { second.try_into().ok()? },
            0,
        )
        .ok()?;
        let instant = offset.to_timestamp(day.to_datetime(time)).ok()?;
        let instant = instant
            .checked_add(SignedDuration::from_nanos(nanoseconds.into()))
            .ok()?;
        Some(Self {
            text,
            earliest: instant,
            after: instant,
        })
    }

    /// Exactly as written.
    pub const fn as_str(&self) -> &'a str {
        self.text
    }

    /// The first instant it may mean (a date begins at 00:00 UTC).
    pub const fn earliest(&self) -> Timestamp {
        self.earliest
    }

    /// The end of what it may mean: for a date the first instant after it, otherwise the instant itself.
    pub const fn end(&self) -> Timestamp {
        self.after
    }
}

fn read_offset(text: &str) -> Option<Offset> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    if hours > 14 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * i32::try_from(hours * 3600 + minutes * 60).ok()?).ok()
}

fn digits(text: &str) -> Option<u32> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}
