//! Dates and numbers in texts. A text is understood as a whole or refused, never in part: [`date`], [`Numbers`].

use std::str::FromStr;

use jiff::civil::{Date, Time};

/// Whether a text is a number of milliseconds since 1970, which [`date`] reads as a day in UTC.
pub fn is_in_milliseconds(text: &str) -> bool {
    milliseconds(text.trim()).is_some()
}

/// Parses a date such as `2024-05-31`, also with a time after it, which is ignored. A whole number of at least 11 digits is
/// milliseconds since 1970 in UTC, as servers of ArcGIS send dates.
pub fn date(text: &str) -> Result<Date, String> {
    let text = text.trim();
    let refuse = || format!("`{text}` is not a date; expected a date such as 2024-05-31");
    if let Some(time) = milliseconds(text) {
        let date = jiff::Timestamp::from_millisecond(time).map(|time| time.to_zoned(jiff::tz::TimeZone::UTC).date());
        return date.ok().filter(|date| (1900..=2200).contains(&date.year())).ok_or_else(refuse);
    }
    let (day, rest) = text.split_at_checked(10).unwrap_or((text, ""));
    // Other orders of year, month and day would be ambiguous.
    day.parse().ok().filter(|_| rest.is_empty() || is_time(rest)).ok_or_else(refuse)
}

/// A number of milliseconds since 1970, of at least 11 digits. `None` if the text is not such a number.
fn milliseconds(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    (digits.len() >= 11 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(())?;
    // A number of too many digits is a time that no date has.
    Some(text.parse().unwrap_or(i64::MAX))
}

/// Whether a text is a time after a date: `T23:00`, ` 23:00:00.5Z`, `T23:00:00+02:00`.
fn is_time(text: &str) -> bool {
    let Some(text) = text.strip_prefix([' ', 'T', 't']) else { return false };
    let text = text.trim().trim_end_matches(['Z', 'z']).trim_end_matches(" UTC");
    let time = text.find(['+', '-']).map_or(text, |at| &text[..at]);
    let zone = &text[time.len()..];
    let zone_is_right = zone.is_empty()
        || (zone.len() <= 6 && zone.len() >= 3 && zone[1..].bytes().all(|byte| byte.is_ascii_digit() || byte == b':'));
    zone_is_right && time.trim().parse::<Time>().is_ok()
}

/// The mark before the decimals of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalMark {
    /// `1.5`
    Point,
    /// `1,5`
    Comma,
}

impl DecimalMark {
    const fn character(self) -> char {
        match self {
            Self::Point => '.',
            Self::Comma => ',',
        }
    }
}

impl FromStr for DecimalMark {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "." | "point" => Ok(Self::Point),
            "," | "comma" => Ok(Self::Comma),
            _ => Err(format!("`{text}` is not a decimal mark; expected `.` or `,`")),
        }
    }
}

/// What a text without a unit means in a table: its decimal mark, found from the numbers of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Numbers {
    /// The decimal mark, if the table shows it or the user states it. Without it, `1.200` and `1,200` have two readings and are refused.
    mark: Option<char>,
}

impl Numbers {
    /// Numbers with a decimal point, as on a command line.
    pub const DECIMAL_POINT: Self = Self { mark: Some('.') };

    /// Numbers with this decimal mark.
    pub const fn with_mark(mark: DecimalMark) -> Self {
        Self { mark: Some(mark.character()) }
    }

    /// Finds the decimal mark: the one that all numbers with one reading have. In `1.200.000` points separate thousands, so the
    /// decimal mark is a comma.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut dots, mut commas) = (false, false);
        for text in texts {
            match Self::split(text.trim()) {
                Some((_, Some(('.', false)))) => dots = true,
                Some((_, Some((',', false)))) => commas = true,
                Some((_, None)) => {
                    dots |= text.contains(',');
                    commas |= text.contains('.');
                }
                _ => {}
            }
        }
        Self {
            mark: match (dots, commas) {
                (true, false) => Some('.'),
                (false, true) => Some(','),
                _ => None,
            },
        }
    }

    /// Parses a number below a thousand, such as degrees, in which a comma or a point is the decimal mark.
    pub fn parse_degrees(text: &str) -> Result<f64, String> {
        let mark = Self::split(text.trim()).and_then(|(_, mark)| mark).map(|(mark, _)| mark);
        Self { mark }.parse(text)
    }

    /// Parses a number: `1200`, `-1200.5`, `1200,5`, `1,200.5`, `1.200,5`, `1 200,5`, `1'200.5`, `1,200,000`. The error states
    /// why the text is refused.
    pub fn parse(&self, text: &str) -> Result<f64, String> {
        let text = text.trim();
        let refuse = || format!("`{text}` is not a number");
        let (plain, mark) = Self::split(text).ok_or_else(refuse)?;
        let plain = match mark {
            Some((mark, true)) => {
                let (decimal, whole) = (plain.replace(mark, "."), plain.replace(mark, ""));
                match self.mark {
                    Some(known) if known == mark => decimal,
                    Some(_) => whole,
                    None => {
                        let short = decimal.trim_end_matches('0').trim_end_matches('.');
                        // Three decimals would have two readings again.
                        let zero = if short.len() == decimal.len() { "0" } else { "" };
                        return Err(format!(
                            "`{text}` has two readings, {short} and {whole}; write `{short}{zero}` or `{whole}`"
                        ));
                    }
                }
            }
            Some((mark, false)) => plain.replace(mark, "."),
            None => plain,
        };
        plain.parse::<f64>().ok().filter(|number| number.is_finite()).ok_or_else(refuse)
    }

    /// A number without separators of thousands, with its decimal mark and whether that may be one of thousands instead.
    /// `None` if the text is no number.
    fn split(text: &str) -> Option<(String, Option<(char, bool)>)> {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let sign = if text.starts_with('-') { "-" } else { "" };
        let is_blank = |c: char| matches!(c, ' ' | '\'' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\u{2019}');
        let fits = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',') || is_blank(c);
        if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || !digits.chars().all(fits) {
            return None;
        }
        // Groups of three digits after the first.
        let grouped = |text: &str, is_separator: &dyn Fn(char) -> bool| {
            let groups: Vec<&str> = text.split(is_separator).collect();
            let (first, rest) = groups.split_first()?;
            let is_right =
                rest.is_empty() || ((1..=3).contains(&first.len()) && rest.iter().all(|group| group.len() == 3));
            is_right.then(|| groups.concat())
        };
        let (dots, commas) = (digits.matches('.').count(), digits.matches(',').count());
        let has_blanks = digits.contains(is_blank);
        let (whole, fraction, mark, ambiguous) = match (dots, commas) {
            (0, 0) => (digits.to_owned(), "", None, false),
            // The last mark is the decimal one, the other separates thousands.
            (1, n) | (n, 1) if n > 0 && dots + commas > 1 => {
                let mark = if digits.rfind('.') > digits.rfind(',') { '.' } else { ',' };
                let (whole, fraction) = digits.rsplit_once(mark)?;
                if whole.contains(mark) {
                    return None;
                }
                let other = if mark == '.' { ',' } else { '.' };
                (grouped(whole, &|c| c == other)?, fraction, Some(mark), false)
            }
            (1, 0) | (0, 1) => {
                let mark = if dots == 1 { '.' } else { ',' };
                let (whole, fraction) = digits.split_once(mark)?;
                let may_be_thousands = fraction.len() == 3
                    && (1..=3).contains(&whole.len())
                    && whole.trim_start_matches('0') == whole
                    && !has_blanks;
                (whole.to_owned(), fraction, Some(mark), may_be_thousands)
            }
            // Several of one kind separate thousands.
            (_, 0) | (0, _) => (grouped(digits, &|c| matches!(c, '.' | ','))?, "", None, false),
            _ => return None,
        };
        let whole = if whole.contains(is_blank) { grouped(&whole, &is_blank)? } else { whole };
        if fraction.chars().any(|c| !c.is_ascii_digit()) || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        Some(match mark {
            Some(mark) => (format!("{sign}{whole}{mark}{fraction}"), Some((mark, ambiguous))),
            None => (format!("{sign}{whole}"), None),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Thousands in groups, as people write them.
        #[test]
        fn a_written_number_is_read_as_itself_or_refused(
            whole in 0_u32..50_000_000,
            decimals in "[0-9]{0,5}",
            (separator, mark) in prop::sample::select(vec![
                (',', '.'), ('.', ','), (' ', '.'), (' ', ','), ('\'', '.'), ('\u{2019}', ','), ('\u{a0}', ','), ('\u{202f}', ','),
            ]),
        ) {
            let digits = whole.to_string();
            let mut text = String::new();
            for (at, digit) in digits.chars().enumerate() {
                if at > 0 && (digits.len() - at).is_multiple_of(3) {
                    text.push(separator);
                }
                text.push(digit);
            }
            if !decimals.is_empty() {
                text.push(mark);
                text.push_str(&decimals);
            }
            let number: f64 = format!("{whole}.{decimals}0").parse().unwrap();
            match Numbers::default().parse(&text) {
                Ok(read) => prop_assert_eq!(read, number, "{}", text),
                Err(reason) => {
                    prop_assert!(reason.contains("has two readings"), "{}", reason);
                    // What the message says to write has one reading.
                    for shown in reason.split('`').skip(3).step_by(2) {
                        prop_assert!(Numbers::default().parse(shown).is_ok(), "{}", reason);
                    }
                }
            }
            prop_assert_eq!(Numbers { mark: Some(mark) }.parse(&text), Ok(number), "{}", text);
        }
    }

    #[test]
    fn dates_are_read_whole_or_not_at_all() {
        for (text, day) in [
            ("2024-05-31", "2024-05-31"),
            (" 2024-05-31 ", "2024-05-31"),
            ("2024-05-31T23:00:00Z", "2024-05-31"),
            ("2024-05-31 23:00", "2024-05-31"),
            ("2024-05-31T23:00:00.000-07:00", "2024-05-31"),
            ("2024-05-31 00:00:00+00", "2024-05-31"),
            ("20240531", "2024-05-31"),
            // Milliseconds since 1970.
            ("1609459200000", "2021-01-01"),
            ("-315619200000", "1960-01-01"),
        ] {
            assert_eq!(date(text).map(|date| date.to_string()).as_deref(), Ok(day), "{text}");
        }
        for text in [
            "",
            "2021-01-01 to 2022-12-31",
            "2021-01-01/2022-12-31",
            "2021-01-01T",
            "2021-01-01 or later",
            "2021-01-01 12:00 to 13:00",
            "2021-01-011",
            "2021-13-01",
            "01.02.2021",
            "31/12/2021",
            "2021",
            "99999999999999",
            "9999999999999999999999",
        ] {
            assert!(date(text).unwrap_err().starts_with(&format!("`{text}` is not a date")), "{text}");
        }
    }

    #[test]
    fn numbers_with_one_reading_are_read() {
        let none = Numbers::default();
        for (text, number) in [
            ("1200", 1200.0),
            ("-121.2", -121.2),
            ("+5", 5.0),
            ("120,5", 120.5),
            ("0.125", 0.125),
            ("0,125", 0.125),
            ("1.2000", 1.2),
            ("1234.567", 1234.567),
            ("1,200.5", 1200.5),
            ("1.200,5", 1200.5),
            ("1,200,000", 1.2e6),
            ("1.200.000", 1.2e6),
            ("1 200", 1200.0),
            ("1\u{a0}200,50", 1200.5),
            ("12'345.678", 12_345.678),
            (".5", 0.5),
            ("5.", 5.0),
        ] {
            assert_eq!(none.parse(text), Ok(number), "{text}");
        }
        for text in [
            "", "-", ".", "1e3", "nan", "inf", "12,34,5", "1.2.3", "1,2.3,4", "12 34", "1 2345", "12 ha", "1..2", "--1",
        ] {
            assert_eq!(none.parse(text), Err(format!("`{text}` is not a number")), "{text}");
        }
    }

    #[test]
    fn separators_with_two_readings_need_another_number_that_decides() {
        let none = Numbers::default();
        let said = none.parse("1.200").unwrap_err();
        assert_eq!(said, "`1.200` has two readings, 1.2 and 1200; write `1.2` or `1200`");
        assert!(none.parse("1,234").unwrap_err().ends_with("write `1.2340` or `1234`"));
        let several = Numbers::of(["1.200.000"]);
        assert_eq!((several.parse("1.200"), several.parse("1,200")), (Ok(1200.0), Ok(1.2)));
        assert!(none.parse("12,345").unwrap_err().contains("12.345 and 12345"));
        let dots = Numbers::of(["7", "1.200", "12.5"]);
        assert_eq!((dots.parse("1.200"), dots.parse("1,200")), (Ok(1.2), Ok(1200.0)));
        let commas = Numbers::of(["7,25", "x", ""]);
        assert_eq!((commas.parse("1.200"), commas.parse("1,200")), (Ok(1200.0), Ok(1.2)));
        assert_eq!(Numbers::parse_degrees("-121,234"), Ok(-121.234));
        assert_eq!(Numbers::parse_degrees("55.125"), Ok(55.125));
        let (point, comma) = (".".parse().unwrap(), "comma".parse().unwrap());
        assert_eq!(Numbers::with_mark(point).parse("1.234"), Ok(1.234));
        assert_eq!(Numbers::with_mark(comma).parse("1.234"), Ok(1234.0));
        assert!(";".parse::<DecimalMark>().is_err());
        // Both marks in one table decide nothing.
        assert_eq!(Numbers::of(["7,25", "7.25"]), none);
        assert_eq!(Numbers::of(["1.200", "3.400"]), none);
    }
}
