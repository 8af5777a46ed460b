//! Periods of a project: years, quarters and months.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use minesegsat_core::{Error, Result};
use minesegsat_scene::catalog::DateRange;
use serde::{Deserialize, Serialize};

/// Length of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Every {
    /// January to December.
    Year,
    /// Three months.
    Quarter,
    /// A month.
    Month,
}

impl FromStr for Every {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "year" => Ok(Self::Year),
            "quarter" => Ok(Self::Quarter),
            "month" => Ok(Self::Month),
            _ => Err(Error::Argument {
                name: "every",
                value: text.to_owned(),
                accepted: "year, quarter or month".to_owned(),
            }),
        }
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Year => "year",
            Self::Quarter => "quarter",
            Self::Month => "month",
        })
    }
}

/// A period with its name, such as `2024`, `2024-Q2`, `2024-05`, or `2024-05-01_2024-08-31`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// Name, which is part of the names of units and files.
    pub name: String,
    /// First day.
    pub first: Date,
    /// Last day.
    pub last: Date,
}

impl Period {
    /// The period as a range of moments in UTC.
    ///
    /// # Errors
    /// The days are outside of the range of timestamps.
    pub fn range(&self) -> Result<DateRange> {
        format!("{}/{}", self.first, self.last).parse()
    }
}

/// Periods of a length that a range of days contains, in the order of time. Without a length the whole range is one period.
///
/// # Errors
/// The range has an open end, or does not begin and end with a period: a part of a year is not a year.
pub fn periods(range: DateRange, every: Option<Every>) -> Result<Vec<Period>> {
    let refuse = |accepted: String| Error::Argument { name: "period", value: range.to_string(), accepted };
    let (Some(start), Some(end)) = (range.start, range.end) else {
        return Err(refuse("a first and a last day, such as 2024 or 2020/2024".to_owned()));
    };
    let day = |at: jiff::Timestamp| at.to_zoned(TimeZone::UTC).date();
    let (first, last) = (day(start), day(end));
    let Some(every) = every else {
        return Ok(vec![Period { name: whole_name(first, last), first, last }]);
    };
    let mut found = Vec::new();
    let mut at = first;
    while at <= last {
        let (name, months) = match every {
            Every::Year => (format!("{:04}", at.year()), 12),
            Every::Quarter => (format!("{:04}-Q{}", at.year(), (at.month() - 1) / 3 + 1), 3),
            Every::Month => (format!("{:04}-{:02}", at.year(), at.month()), 1),
        };
        let is_start = at.day() == 1 && (i64::from(at.month()) - 1) % months == 0;
        let next = at.checked_add(months.months()).ok();
        let until = next.and_then(|next| next.yesterday().ok());
        let (Some(next), Some(until)) = (next.filter(|_| is_start), until.filter(|until| *until <= last)) else {
            return Err(refuse(format!("whole {every}s, such as 2024 or 2020/2024")));
        };
        found.push(Period { name, first: at, last: until });
        at = next;
    }
    Ok(found)
}

/// Name of a range of days: a year or a month, if it is one.
fn whole_name(first: Date, last: Date) -> String {
    let is_month = first.day() == 1 && last == first.last_of_month();
    if first == first.first_of_year() && last == first.last_of_year() {
        format!("{:04}", first.year())
    } else if is_month {
        format!("{:04}-{:02}", first.year(), first.month())
    } else {
        format!("{first}_{last}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(range: &str, every: Option<Every>) -> Vec<String> {
        periods(range.parse().unwrap(), every).unwrap().into_iter().map(|period| period.name).collect()
    }

    #[test]
    fn a_range_is_divided_into_whole_periods() {
        assert_eq!(names("2024", None), ["2024"]);
        assert_eq!(names("2024-02", None), ["2024-02"]);
        assert_eq!(names("2024-05-01/2024-08-31", None), ["2024-05-01_2024-08-31"]);
        assert_eq!(names("2020/2022", Some(Every::Year)), ["2020", "2021", "2022"]);
        assert_eq!(names("2024", Some(Every::Quarter)), ["2024-Q1", "2024-Q2", "2024-Q3", "2024-Q4"]);
        assert_eq!(names("2023-12/2024-01", Some(Every::Month)), ["2023-12", "2024-01"]);
        let leap = &periods("2024-02".parse().unwrap(), Some(Every::Month)).unwrap()[0];
        assert_eq!((leap.first.to_string(), leap.last.to_string()), ("2024-02-01".into(), "2024-02-29".into()));
        assert_eq!(leap.range().unwrap().to_string(), "2024-02-01T00:00:00Z/2024-02-29T23:59:59.999Z");
    }

    #[test]
    fn parts_of_periods_and_open_ends_are_refused() {
        for (range, every) in [
            ("2024-02/2024-12", Some(Every::Year)),
            ("2024-01-01/2024-05-31", Some(Every::Quarter)),
            ("2024-01-02/2024-01-31", Some(Every::Month)),
            ("2024/..", None),
            ("../2024", Some(Every::Year)),
        ] {
            let error = periods(range.parse().unwrap(), every).unwrap_err().to_string();
            assert!(error.contains("period") && error.contains("such as 2024"), "{range}: {error}");
        }
    }
}
