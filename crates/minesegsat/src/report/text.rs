//! Numbers and words of the pages.

use crate::register::{Area, SiteStatus};

/// Stands where there is nothing to say.
pub(super) const NONE: &str = "–";

/// A number with a minus sign as wide as a plus sign; a dash where there is none.
pub(super) fn number(value: Option<f64>, digits: usize) -> String {
    match value.filter(|value| value.is_finite()) {
        None => NONE.to_owned(),
        Some(value) => {
            let text = format!("{value:.digits$}");
            let is_zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
            if is_zero { text.replace('-', "") } else { text.replace('-', "−") }
        }
    }
}

/// Hectares without the unit.
pub(super) fn ha(value: f64) -> String {
    number(Some(value), 1)
}

/// Hectares with the unit, or a dash.
pub(super) fn hectares(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map_or_else(|| NONE.to_owned(), |value| format!("{} ha", ha(value)))
}

/// Both ends of the interval of an area, in hectares, without the unit.
pub(super) fn interval(area: &Area) -> String {
    format!("{} to {}", ha(area.lower_ha), ha(area.upper_ha))
}

/// A share, 1 for all.
pub(super) fn percent(share: Option<f64>) -> String {
    let percent = share.map(|share| share * 100.0).filter(|percent| percent.is_finite());
    percent.map_or_else(|| NONE.to_owned(), |percent| format!("{} %", number(Some(percent), 1)))
}

/// `90` for 90.0, `97.5` for 97.5.
pub(super) fn level(percent: f64) -> String {
    percent.to_string()
}

pub(super) const fn status(status: SiteStatus) -> &'static str {
    match status {
        SiteStatus::Active => "active",
        SiteStatus::Planned => "planned",
        SiteStatus::Suspended => "suspended",
        SiteStatus::Closed => "closed",
        SiteStatus::Reclaimed => "reclaimed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_wide_minus_signs_and_no_negative_zero() {
        assert_eq!(number(Some(-3.25), 1), "−3.2");
        assert_eq!(number(Some(-0.04), 1), "0.0");
        assert_eq!(number(Some(f64::NAN), 1), NONE);
        assert_eq!(hectares(None), NONE);
        assert_eq!(percent(Some(0.973)), "97.3 %");
        assert_eq!((level(90.0), level(97.5)), ("90".to_owned(), "97.5".to_owned()));
    }
}
