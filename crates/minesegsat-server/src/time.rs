//! Time filters: instants and intervals (RFC 3339), with open ends.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::problem::Problem;

const ACCEPTED: &str = "a time (2021-07-10T19:09:19Z), a date (2021-07-10), or two of them separated by `/`; one of the two may be `..` or empty";

/// An interval, both ends included; an open end is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeFilter {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

impl TimeFilter {
    /// Parses `datetime` of OGC API Features. `dates`: also accept dates without a time.
    pub(crate) fn parse(text: &str, dates: bool) -> Result<Self, Problem> {
        let refuse = || Problem::argument("datetime", text, ACCEPTED);
        let part = |text: &str| parse_span(text, dates).ok_or_else(refuse);
        let Some((start, end)) = text.split_once('/') else {
            let (start, end) = part(text)?;
            return Ok(Self { start: Some(start), end: Some(end) });
        };
        let open = |text: &str| matches!(text, "" | "..");
        let start = if open(start) { None } else { Some(part(start)?.0) };
        let end = if open(end) { None } else { Some(part(end)?.1) };
        match (start, end) {
            (None, None) => Err(refuse()),
            (Some(start), Some(end)) if start > end => Err(refuse()),
            _ => Ok(Self { start, end }),
        }
    }

    /// Whether the interval intersects a day in UTC.
    pub(crate) fn intersects_day(&self, day: Date) -> bool {
        self.intersects_days(Some(day), Some(day))
    }

    /// Whether the interval intersects a range of days. A missing end is open.
    pub(crate) fn intersects_days(&self, first: Option<Date>, last: Option<Date>) -> bool {
        let from = first.and_then(|day| day_span(day).map(|span| span.0));
        let to = last.and_then(|day| day_span(day).map(|span| span.1));
        self.intersects(from, to)
    }

    /// Whether the interval intersects another one. A missing end is open.
    pub(crate) fn intersects(&self, from: Option<Timestamp>, to: Option<Timestamp>) -> bool {
        self.start.is_none_or(|start| to.is_none_or(|to| to >= start))
            && self.end.is_none_or(|end| from.is_none_or(|from| from <= end))
    }
}

/// First and last second of a day in UTC.
pub(crate) fn day_span(day: Date) -> Option<(Timestamp, Timestamp)> {
    let first = day.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some((first, first.checked_add(SignedDuration::from_secs(86_399)).ok()?))
}

/// First and last second of a time or date.
fn parse_span(text: &str, dates: bool) -> Option<(Timestamp, Timestamp)> {
    if let Some(at) = parse_instant(text) {
        return Some((at, at));
    }
    if !dates || text.len() != 10 {
        return None;
    }
    day_span(text.parse().ok()?)
}

/// Parses a time of RFC 3339. jiff alone would accept other forms of ISO 8601.
fn parse_instant(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let shape = b"dddd-dd-ddTdd:dd:dd";
    if bytes.len() <= shape.len() || !text.is_ascii() {
        return None;
    }
    let fits = shape.iter().zip(bytes).all(|(wanted, found)| match wanted {
        b'd' => found.is_ascii_digit(),
        b'T' => matches!(found, b'T' | b't'),
        _ => wanted == found,
    });
    let rest = &text[shape.len()..];
    let digits = rest.strip_prefix('.').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let zone = if rest.starts_with('.') { &rest[1 + digits..] } else { rest };
    let zone_fits = matches!(zone, "Z" | "z")
        || (zone.len() == 6
            && zone.starts_with(['+', '-'])
            && zone[1..]
                .bytes()
                .zip(*b"dd:dd")
                .all(|(found, wanted)| if wanted == b'd' { found.is_ascii_digit() } else { found == wanted }));
    if !fits || (rest.starts_with('.') && digits == 0) || !zone_fits {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_intervals_and_open_ends_are_accepted() {
        let day: Date = "2021-07-10".parse().unwrap();
        for (text, touches) in [
            ("2021-07-10T19:09:19Z", true),
            ("2021-07-10T19:09:19.123+02:00", true),
            ("2021-07-10", true),
            ("2021-07-11", false),
            ("2021-07-01T00:00:00Z/2021-08-01T00:00:00Z", true),
            ("../2021-07-09T00:00:00Z", false),
            ("/2021-07-10T00:00:00Z", true),
            ("2021-07-10T23:59:59Z/..", true),
            ("2021-07-11T00:00:00Z/", false),
        ] {
            assert_eq!(TimeFilter::parse(text, true).unwrap().intersects_day(day), touches, "{text}");
        }
    }

    #[test]
    fn invalid_times_are_refused_with_an_example() {
        for bad in [
            "",
            "/",
            "../..",
            "..",
            "yesterday",
            "2021",
            "2021-07",
            "2021-13-01",
            "2021-02-30T00:00:00Z",
            "2021-07-10T19:09:19",
            "2021-07-10 19:09:19Z",
            "2021-07-10T19:09:19.Z",
            "2021-07-10T19:09Z",
            "20210710T190919Z",
            "2021-07-10T25:00:00Z",
            "2021-07-10/2021-07-09",
            "2021-07-10/2021-07-11/2021-07-12",
            "2021-07-10T00:00:00+2:00",
            "+002021-07-10T00:00:00Z",
            "2021-07-10T19:09:19Zä",
        ] {
            let error = TimeFilter::parse(bad, true).unwrap_err();
            assert_eq!(error.status, 400, "{bad}");
            assert!(error.detail.contains("2021-07-10T19:09:19Z"), "{}", error.detail);
        }
        assert!(TimeFilter::parse("2021-07-10", false).is_err());
    }

    #[test]
    fn permits_without_a_last_day_are_open() {
        let filter = TimeFilter::parse("2030-01-01T00:00:00Z/..", true).unwrap();
        assert!(filter.intersects_days("2021-01-01".parse().ok(), None));
        assert!(!filter.intersects_days("2021-01-01".parse().ok(), "2021-12-31".parse().ok()));
    }
}
