//! Numbers in sentences, as English writes them.

use std::fmt;

/// A number with commas between thousands from 10,000 on: `1138.7`, `11,387.0`. It has as many decimals as the precision of the format
/// says. Tables of data have plain numbers.
///
/// ```
/// use minesegsat_core::Grouped;
///
/// assert_eq!(format!("{:.1} ha", Grouped(1_234_567.25)), "1,234,567.2 ha");
/// assert_eq!(format!("{:.1} ha", Grouped(9999.0)), "9999.0 ha");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grouped(
    /// The number.
    pub f64,
);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = match f.precision() {
            Some(digits) => format!("{:.digits$}", self.0),
            None => self.0.to_string(),
        };
        let start = usize::from(plain.starts_with('-'));
        let end = plain.find('.').unwrap_or(plain.len());
        let whole = &plain[start..end];
        // Infinite numbers have no digits.
        if whole.len() < 5 || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
            return f.write_str(&plain);
        }
        f.write_str(&plain[..start])?;
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        f.write_str(&plain[end..])
    }
}

/// A sentence without the commas between thousands of its numbers, as earlier versions wrote it.
pub fn without_marks(sentence: &str) -> String {
    let chars: Vec<char> = sentence.chars().collect();
    let is_digit = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(char::is_ascii_digit);
    let is_mark =
        |at: usize| chars[at] == ',' && is_digit(at.checked_sub(1)) && (1..=3).all(|next| is_digit(Some(at + next)));
    chars.iter().enumerate().filter(|(at, _)| !is_mark(*at)).map(|(_, c)| *c).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_have_commas_from_five_digits_on() {
        let cases = [
            (0.0, "0.0"),
            (-0.5, "-0.5"),
            (1138.72, "1138.7"),
            (9999.94, "9999.9"),
            (9999.96, "10,000.0"),
            (-12_345.0, "-12,345.0"),
            (123_456.78, "123,456.8"),
            (1e9, "1,000,000,000.0"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, expected) in cases {
            assert_eq!(format!("{:.1}", Grouped(value)), expected);
        }
        assert_eq!(format!("{:.0} {}", Grouped(65_432.1), Grouped(65_432.125)), "65,432 65,432.125");
    }

    #[test]
    fn marks_are_taken_from_numbers_only() {
        let sentence = "On 2024-07-01, 1,234,567.8 ha (9,1 and 12,345.0), and permit C-3 allows 1 ha";
        let plain = "On 2024-07-01, 1234567.8 ha (9,1 and 12345.0), and permit C-3 allows 1 ha";
        assert_eq!(without_marks(sentence), plain);
        assert_eq!(without_marks(","), ",");
    }
}
