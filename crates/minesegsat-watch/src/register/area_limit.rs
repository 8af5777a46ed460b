//! Area limits as stated in permits: a number with a unit.

use std::str::FromStr;

use minesegsat_core::{Error, Result};
use minesegsat_vector::values::Numbers;

/// Unit of an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AreaUnit {
    /// Hectare, 10 000 m2.
    Hectare,
    /// Square kilometre, 100 ha.
    SquareKilometre,
    /// Square metre.
    SquareMetre,
    /// International acre, 4046.8564224 m2 (NIST Handbook 44, appendix C).
    Acre,
}

const UNITS: &str = "ha, km2, m2 or acre";

impl AreaUnit {
    /// Hectares in one unit.
    pub const fn hectares(self) -> f64 {
        match self {
            Self::Hectare => 1.0,
            Self::SquareKilometre => 100.0,
            Self::SquareMetre => 1e-4,
            Self::Acre => 0.404_685_642_24,
        }
    }

    /// Parses a text such as `120 ha` or `1.2 km2` to hectares. A number without a unit is in `unit`; without `unit` it is an
    /// error, because it would be ambiguous. So is a number with two readings, such as `1.200`.
    pub fn parse_ha(text: &str, unit: Option<Self>) -> Result<f64> {
        Self::parse_ha_of(text, unit, Numbers::default())
    }

    /// Like [`parse_ha`](Self::parse_ha), for a text of a table whose decimal mark is known or not.
    pub(super) fn parse_ha_of(text: &str, unit: Option<Self>, numbers: Numbers) -> Result<f64> {
        let refuse = |accepted: String| Err(Error::Argument { name: "limit", value: text.to_owned(), accepted });
        let written = Self::number_of(text);
        let rest = &text.trim_start()[written.len()..];
        let number = match numbers.parse(written) {
            Ok(number) if !rest.starts_with(['e', 'E']) => number,
            Err(reason) if reason.contains("two readings") => return refuse(reason),
            _ => return refuse("expected a number and a unit, such as `120 ha` or `1.2 km2`".to_owned()),
        };
        if number < 0.0 {
            return refuse("0 or more".to_owned());
        }
        let unit = match rest.trim() {
            "" => match unit {
                Some(unit) => unit,
                None => return refuse(format!("it has no unit; add one of {UNITS}, such as `{number} ha`")),
            },
            name => match name.parse() {
                Ok(unit) => unit,
                Err(_) => return refuse(format!("its unit `{name}` is unknown; expected {UNITS}")),
            },
        };
        // Divided, not multiplied by a fraction, so that 35 000 m2 are exactly 3.5 ha.
        let hectares = match unit {
            Self::SquareMetre => number / 1e4,
            other => number * other.hectares(),
        };
        Ok(hectares)
    }
}

impl AreaUnit {
    /// The number at the start of a text, as it is written there.
    pub(super) fn number_of(text: &str) -> &str {
        let is_part =
            |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+' | '\'' | '\u{2019}') || c.is_whitespace();
        let text = text.trim_start();
        text[..text.find(|c| !is_part(c)).unwrap_or(text.len())].trim_end()
    }
}

impl FromStr for AreaUnit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let plain = text.trim().trim_end_matches('.').to_lowercase().replace('^', "").replace('²', "2");
        match plain.as_str() {
            "ha" | "hectare" | "hectares" => Ok(Self::Hectare),
            "km2" | "sqkm" | "sq km" | "sq. km" => Ok(Self::SquareKilometre),
            "m2" | "sqm" | "sq m" | "sq. m" => Ok(Self::SquareMetre),
            "ac" | "acre" | "acres" => Ok(Self::Acre),
            _ => Err(Error::Argument { name: "unit of area", value: text.to_owned(), accepted: UNITS.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_need_a_unit_and_become_hectares() {
        let ha = |text: &str| AreaUnit::parse_ha(text, None).unwrap();
        assert_eq!(ha("120 ha"), 120.0);
        assert_eq!(ha(" 1.2km² "), 120.0);
        assert_eq!(ha("1.2 km^2"), 120.0);
        assert_eq!(ha("35000 m2"), 3.5);
        assert_eq!(ha("0 ha"), 0.0);
        assert_eq!(ha("1,200.5 ha"), 1200.5);
        assert_eq!(ha("1 200 ha"), 1200.0);
        assert_eq!(ha("120,5 ha"), 120.5);
        assert_eq!(ha("1.2000 km2"), 120.0);
        assert_eq!(ha("1.200,5 ha"), 1200.5);
        assert!((ha("100 acres") - 40.468_564_224).abs() < 1e-12);
        assert_eq!(AreaUnit::parse_ha("7", Some(AreaUnit::SquareKilometre)).unwrap(), 700.0);
        // A unit in the text is what counts.
        assert_eq!(AreaUnit::parse_ha("7 ha", Some(AreaUnit::SquareKilometre)).unwrap(), 7.0);
    }

    #[test]
    fn numbers_with_two_readings_are_not_guessed() {
        let of = |text: &str, numbers| AreaUnit::parse_ha_of(text, Some(AreaUnit::Hectare), numbers);
        let said = of("1.200", Numbers::default()).unwrap_err().to_string();
        assert!(said.contains("`1.200` has two readings, 1.2 and 1200"), "{said}");
        assert_eq!(of("1.200 ha", Numbers::of(["3,5"])).unwrap(), 1200.0);
        assert_eq!(of("1.200 ha", Numbers::of(["3.5"])).unwrap(), 1.2);
    }

    #[test]
    fn what_is_no_limit_says_what_is_wrong() {
        for (text, said) in [
            ("120", "it has no unit"),
            ("-5 ha", "0 or more"),
            ("1,20,0 ha", "a number"),
            ("1e3 ha", "a number"),
            ("", "a number"),
            ("none", "a number"),
            ("12 hm", "its unit `hm` is unknown"),
            ("nan ha", "a number"),
            ("1.200 ha", "write `1.2` or `1200`"),
            ("1,200 km2", "write `1.2` or `1200`"),
        ] {
            let error = AreaUnit::parse_ha(text, None).unwrap_err().to_string();
            assert!(error.starts_with(&format!("limit `{text}` is not accepted")) && error.contains(said), "{error}");
        }
    }
}
