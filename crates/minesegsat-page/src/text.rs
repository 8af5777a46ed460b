//! Number formatting for pages.

use minesegsat_core::Grouped;

/// Placeholder for a missing value.
pub const NONE: &str = "–";

/// Formats a number for an English page, with commas between thousands from 10,000 on and a minus sign as wide as a plus sign. A missing or infinite number becomes a dash.
pub fn number(value: Option<f64>, digits: usize) -> String {
    match value.filter(|value| value.is_finite()) {
        None => NONE.to_owned(),
        Some(value) => {
            let text = format!("{:.digits$}", Grouped(value));
            let is_zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
            text.replace('-', if is_zero { "" } else { "−" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_wide_minus_signs_and_no_negative_zero() {
        assert_eq!(number(Some(-3.25), 1), "−3.2");
        assert_eq!(number(Some(-12_345.0), 1), "−12,345.0");
        assert_eq!(number(Some(-0.04), 1), "0.0");
        assert_eq!(number(Some(f64::NAN), 1), NONE);
    }
}
