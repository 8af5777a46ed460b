//! Formatting of numbers and words on the pages.

pub(super) use minesegsat_page::text::{NONE, number};

use minesegsat_watch::register::{Area, Observation, ShownChange, SiteStatus};

/// An area in hectares, without the unit.
pub(super) fn ha(value: f64) -> String {
    number(Some(value), 1)
}

/// An area in hectares with the unit, or a dash.
pub(super) fn hectares(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map_or_else(|| NONE.to_owned(), |value| format!("{} ha", ha(value)))
}

/// Gain or loss in words, or a dash.
pub(super) fn change(shown: Option<ShownChange>) -> String {
    shown.map_or_else(|| NONE.to_owned(), |shown| shown.to_string())
}

/// Both ends of the interval of an area, in hectares, without the unit.
pub(super) fn interval(area: &Area) -> String {
    format!("{} to {}", ha(area.lower_ha), ha(area.upper_ha))
}

/// A share of 0 to 1 as a percentage, or a dash.
pub(super) fn percent(share: Option<f64>) -> String {
    let percent = share.map(|share| share * 100.0).filter(|percent| percent.is_finite());
    percent.map_or_else(|| NONE.to_owned(), |percent| format!("{} %", number(Some(percent), 1)))
}

/// Share of a site beyond the scenes of an observation, if there is any.
pub(super) fn beyond(observation: &Observation) -> Option<String> {
    observation.share_beyond_map.filter(|share| *share > 0.0).map(|share| percent(Some(share)))
}

/// A confidence level: `90` for 90.0, `97.5` for 97.5.
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
    fn what_is_missing_is_a_dash() {
        assert_eq!(hectares(None), NONE);
        assert_eq!(percent(Some(0.973)), "97.3 %");
        assert_eq!((level(90.0), level(97.5)), ("90".to_owned(), "97.5".to_owned()));
    }
}
