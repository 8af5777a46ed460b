//! Dates and ranges of them, as STAC APIs take them.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::Serialize;

use minesegsat_core::{Error, Result};

/// A time range, both ends included. An open end is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateRange {
    /// First moment.
    pub start: Option<Timestamp>,
    /// Last moment.
    pub end: Option<Timestamp>,
}

impl DateRange {
    /// Whether a time span overlaps this range.
    pub fn touches(&self, (start, end): (Timestamp, Timestamp)) -> bool {
        self.start.is_none_or(|from| end >= from) && self.end.is_none_or(|to| start <= to)
    }

    /// The middle of the range, if both ends are given.
    pub fn middle(&self) -> Option<Timestamp> {
        let (start, end) = (self.start?, self.end?);
        start.checked_add(SignedDuration::from_millis(end.duration_since(start).as_millis() as i64 / 2)).ok()
    }
}

/// The format of STAC APIs: `2021-06-01T00:00:00Z/2021-08-31T23:59:59.999Z`, `..` for an open end.
impl fmt::Display for DateRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |end: Option<Timestamp>| end.map_or_else(|| "..".to_owned(), |at| at.to_string());
        if self.start.is_some() && self.start == self.end {
            return f.write_str(&end(self.start));
        }
        write!(f, "{}/{}", end(self.start), end(self.end))
    }
}

impl Serialize for DateRange {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Parses `2021`, `2021-07`, `2021-07-10` or `2021-07-10T19:09:19Z`, or two of these with `/` between. `..` or an
/// empty string is an open end. A year, month or day means all of it.
impl FromStr for DateRange {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |why: &str| Error::Argument {
            name: "datetime",
            value: text.to_owned(),
            accepted: format!(
                "{why}a date (2021-07-10), month (2021-07), year (2021) or time (2021-07-10T19:09:19Z), or a range such \
                 as 2021-06-01/2021-08-31, 2021-06/.. or ../2021"
            ),
        };
        let (start, end) = text.split_once('/').unwrap_or((text, text));
        let part = |text: &str| match text.trim() {
            "" | ".." => Some(None),
            text => span(text).map(Some),
        };
        let (Some(start), Some(end)) = (part(start), part(end)) else { return Err(refuse("")) };
        let range = Self { start: start.map(|(first, _)| first), end: end.map(|(_, last)| last) };
        match (range.start, range.end) {
            (None, None) => Err(refuse("at least one end is needed: ")),
            (Some(start), Some(end)) if start > end => Err(refuse("the range ends before it begins: ")),
            _ => Ok(range),
        }
    }
}

/// First and last moment of a year, month, day or time.
fn span(text: &str) -> Option<(Timestamp, Timestamp)> {
    let digits = |s: &str, n: usize| (s.len() == n && s.bytes().all(|b| b.is_ascii_digit())).then(|| s.parse().ok());
    let (first, next) = if let Some(Some(year)) = digits(text, 4) {
        let first = Date::new(year, 1, 1).ok()?;
        (first, first.checked_add(1.year()).ok()?)
    } else if let Some((year, month)) = text.split_once('-').filter(|_| text.len() == 7) {
        let (year, month): (i16, i16) = (digits(year, 4)??, digits(month, 2)??);
        let first = Date::new(year, i8::try_from(month).ok()?, 1).ok()?;
        (first, first.checked_add(1.month()).ok()?)
    } else if text.len() == 10 {
        let first: Date = text.parse().ok()?;
        (first, first.tomorrow().ok()?)
    } else {
        let at = Some(text).filter(|text| text.contains(['T', 't', ' ']))?;
        let at = at.parse::<Timestamp>().ok().or_else(|| {
            let at: jiff::civil::DateTime = at.parse().ok()?;
            at.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        })?;
        return Some((at, at));
    };
    let midnight = |date: Date| date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    Some((midnight(first)?, midnight(next)?.checked_sub(SignedDuration::from_millis(1)).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_whole_days_months_and_years() {
        for (text, expected) in [
            ("2021-07-10", "2021-07-10T00:00:00Z/2021-07-10T23:59:59.999Z"),
            ("2021-02", "2021-02-01T00:00:00Z/2021-02-28T23:59:59.999Z"),
            ("2020-02/2021", "2020-02-01T00:00:00Z/2021-12-31T23:59:59.999Z"),
            ("../2021-06-01", "../2021-06-01T23:59:59.999Z"),
            ("2021-06-01/..", "2021-06-01T00:00:00Z/.."),
            ("2021-06-01/", "2021-06-01T00:00:00Z/.."),
            ("2021-07-10T19:09:19Z", "2021-07-10T19:09:19Z"),
            ("2021-07-10T19:09:19+02:00/2021-07-11T00:00:00", "2021-07-10T17:09:19Z/2021-07-11T00:00:00Z"),
        ] {
            assert_eq!(text.parse::<DateRange>().unwrap().to_string(), expected, "{text}");
        }
        for bad in ["", "/", "../..", "2021-13", "2021-02-30", "yesterday", "2021-07-10/2021-07-09", "20210710", "+021"]
        {
            let error = bad.parse::<DateRange>().unwrap_err().to_string();
            assert!(error.contains(&format!("datetime `{bad}`")) && error.contains("2021-07-10"), "{error}");
        }
    }

    #[test]
    fn ranges_include_their_ends() {
        let range: DateRange = "2021-07-10".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        for (time, inside) in [
            ("2021-07-10T00:00:00Z", true),
            ("2021-07-10T23:59:59.024Z", true),
            ("2021-07-11T00:00:00Z", false),
            ("2021-07-09T23:59:59Z", false),
        ] {
            assert_eq!(range.touches((at(time), at(time))), inside, "{time}");
        }
        assert_eq!(range.middle().unwrap().to_string(), "2021-07-10T11:59:59.999Z");
        assert_eq!("../2021".parse::<DateRange>().unwrap().middle(), None);
    }
}
