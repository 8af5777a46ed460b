//! Verdict on a disturbed area against a permit.

use jiff::civil::Date;
use minesegsat_core::Grouped;

use crate::register::{DamagedRow, Permit, Verdict};
use minesegsat_map::hectares::Hectares;
use minesegsat_map::site::{percent_text, whole_percent};

/// Parts of a site's whole outline, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// What was seen.
    pub assessed: f64,
    /// What lies beyond the scenes.
    pub beyond: f64,
    /// Part of what was seen that is unlike anything that the model has learned from.
    pub unlike: f64,
}

impl Shares {
    /// Whether enough was seen, and enough of that is like what the model has learned from.
    pub(super) fn is_assessable(&self, min_assessed: f64) -> bool {
        self.assessed >= min_assessed && self.unlike <= MOST_UNLIKE
    }
}

/// Largest part of what was seen that may be unlike anything that the model has learned from.
const MOST_UNLIKE: f64 = 0.5;

/// Verdict on a site on one day, and a plain sentence with the numbers behind it.
///
/// The verdict compares `hectares.disturbed`, which is `None` if nothing was seen. `shares` are parts of the site's whole outline, 0 to 1: what was seen, and what lies
/// beyond the scenes. Land that is unlike anything that the model has learned from gets no verdict. `unreadable` names permits of the site that cannot be read; without a permit there is no verdict on a
/// limit, and the sentence says why. The limit is compared with the whole interval of the area: a verdict is certain only
/// if the interval lies entirely on one side of the limit, and if the register has the permit in force.
pub fn judge(
    day: Date,
    hectares: &Hectares,
    shares: Shares,
    min_assessed: f64,
    level_percent: f64,
    permit: Option<&Permit>,
    unreadable: &[DamagedRow],
) -> (Verdict, String) {
    let percent = whole_percent;
    if shares.assessed >= min_assessed && shares.unlike > MOST_UNLIKE {
        let statement = format!(
            "Not assessable on {day}: {} of the site that was seen is unlike anything that the model has learned from.",
            percent_text(shares.unlike)
        );
        return (Verdict::NotAssessable, statement);
    }
    let Some(area) = hectares.disturbed.filter(|_| shares.assessed >= min_assessed) else {
        let rest = if shares.assessed > 0.0 { "the rest" } else { "all of it" };
        let is_hidden = 1.0 - shares.assessed - shares.beyond > 0.005;
        let mut why = match (shares.beyond > 0.0, is_hidden) {
            (false, _) => format!("cloud, shadow or missing data hid {rest}"),
            (true, false) => format!("{rest} lies beyond the scenes"),
            (true, true) => format!(
                "{} lies beyond the scenes, and cloud, shadow or missing data hid {rest}",
                percent_text(shares.beyond)
            ),
        };
        if shares.assessed > 0.0 {
            why = format!("{why}, and {:.0} % are needed", percent(min_assessed));
        }
        let share_assessed = shares.assessed;
        let statement =
            format!("Not assessable on {day}: {:.0} % of the site was seen; {why}.", percent(share_assessed));
        return (Verdict::NotAssessable, statement);
    };
    let seen = format!(
        "{:.1} ha are disturbed ({:.1} to {:.1} ha with {level_percent} % confidence)",
        Grouped(area.ha),
        Grouped(area.lower_ha),
        Grouped(area.upper_ha)
    );
    // A sentence of its own, as it is about the same hectares.
    let mut of_these = String::new();
    if let (Some(estimated), Some(assumed)) = (hectares.estimated, hectares.assumed_ha)
        && shares.assessed < 1.0
        && assumed >= 0.05
    {
        of_these = format!(
            " Of the disturbed land, {:.1} ha were seen, and {:.1} ha are assumed in the unseen {} of the site.",
            Grouped(estimated.ha),
            Grouped(assumed),
            percent_text(1.0 - shares.assessed)
        );
    }
    let Some((permit, limit)) = permit.and_then(|permit| Some((permit, permit.limit_ha?))) else {
        let why = match (permit, unreadable) {
            (Some(permit), _) => format!("permit {} has no limit in the register", permit.number),
            (None, []) => "the register has no permit for that day".to_owned(),
            (None, rows) => {
                let rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
                format!("the register has no permit for that day that can be read: {}", rows.join("; "))
            }
        };
        return (Verdict::NoLimit, format!("On {day} {seen}; {why}.{of_these}"));
    };
    let number = &permit.number;
    let allowed = Grouped(limit);
    if area.upper_ha <= limit {
        let statement =
            format!("Within the limit on {day}: {seen}, and permit {number} allows {allowed:.1} ha.{of_these}");
        (Verdict::Within, statement)
    } else if area.lower_ha > limit {
        let statement = format!(
            "Exceeded on {day}: {seen}, and permit {number} allows {allowed:.1} ha.{of_these} A revision of the permit may be missing in \
             the register."
        );
        (Verdict::Exceeded, statement)
    } else {
        let statement = format!(
            "Possible exceedance on {day}: {seen}, so the limit of {allowed:.1} ha of permit {number} lies inside the \
             interval.{of_these} A revision of the permit may be missing in the register."
        );
        (Verdict::PossibleExceedance, statement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::Area;

    #[test]
    fn verdicts_compare_the_whole_interval_with_the_limit() {
        let day = jiff::civil::date(2024, 7, 1);
        let permit = |limit_ha: Option<f64>| Permit {
            site: "a".parse().unwrap(),
            number: "C-3".to_owned(),
            valid_from: day,
            valid_to: None,
            polygon: None,
            limit_ha,
            document: None,
            document_sha256: None,
        };
        let area = Area { ha: 100.0, lower_ha: 90.0, upper_ha: 110.0 };
        let found = Hectares {
            estimated: Some(Area { ha: 91.0, lower_ha: 85.0, upper_ha: 97.0 }),
            assumed_ha: Some(9.0),
            disturbed: Some(area),
            ..Hectares::default()
        };
        let seen = |assessed: f64| Shares { assessed, beyond: 0.0, unlike: 0.0 };
        let of = |limit: f64| judge(day, &found, seen(0.9), 0.7, 90.0, Some(&permit(Some(limit))), &[]);
        for (limit, verdict) in [
            (110.0, Verdict::Within),
            (109.9, Verdict::PossibleExceedance),
            (90.0, Verdict::PossibleExceedance),
            (89.9, Verdict::Exceeded),
        ] {
            assert_eq!(of(limit).0, verdict, "{limit}");
        }
        for limit in [89.0, 100.0] {
            assert!(of(limit).1.contains("revision of the permit may be missing"), "{}", of(limit).1);
        }
        assert!(of(100.0).1.starts_with("Possible exceedance on 2024-07-01: 100.0 ha"), "{}", of(100.0).1);
        let assumed = " Of the disturbed land, 91.0 ha were seen, and 9.0 ha are assumed in the unseen 10 % of the site. A revision";
        assert!(of(100.0).1.contains(assumed), "{}", of(100.0).1);
        assert_eq!(judge(day, &found, seen(0.9), 0.7, 90.0, None, &[]).0, Verdict::NoLimit);
        assert_eq!(judge(day, &found, seen(0.9), 0.7, 90.0, Some(&permit(None)), &[]).0, Verdict::NoLimit);
        // An area below the limit does not compensate for unseen land.
        let (verdict, statement) = judge(day, &found, seen(0.5), 0.7, 90.0, Some(&permit(Some(500.0))), &[]);
        assert_eq!(verdict, Verdict::NotAssessable);
        assert!(
            statement.contains("50 % of the site was seen") && statement.contains("70 % are needed"),
            "{statement}"
        );
        assert!(judge(day, &Hectares::default(), seen(0.0), 0.7, 90.0, None, &[]).1.contains("hid all of it"));
        // Land beyond the scenes is a reason of its own.
        let strange = |unlike| {
            let shares = Shares { assessed: 0.9, beyond: 0.0, unlike };
            judge(day, &found, shares, 0.7, 90.0, None, &[])
        };
        let (verdict, statement) = strange(0.62);
        assert_eq!(verdict, Verdict::NotAssessable);
        let expected = "62 % of the site that was seen is unlike anything that the model has learned from.";
        assert!(statement.ends_with(expected), "{statement}");
        assert_ne!(strange(0.5).0, Verdict::NotAssessable);
        let beyond =
            |assessed, beyond| judge(day, &found, Shares { assessed, beyond, unlike: 0.0 }, 0.7, 90.0, None, &[]).1;
        let statement = beyond(0.5, 0.39);
        assert!(
            statement.contains(
                "50 % of the site was seen; 39 % lies beyond the scenes, and cloud, shadow or missing data hid"
            ),
            "{statement}"
        );
        assert!(beyond(0.61, 0.39).contains("the rest lies beyond the scenes, and 70 % are needed"));
        // A permit that cannot be read is not an absent one.
        let row = DamagedRow {
            table: "permits",
            row: 4,
            site: "a".to_owned(),
            record: "permit `C-3` of site `a`".to_owned(),
            reason: "its limit `120,5` is not a number".to_owned(),
        };
        let (verdict, statement) = judge(day, &found, seen(0.9), 0.7, 90.0, None, &[row]);
        assert_eq!(verdict, Verdict::NoLimit);
        assert!(
            statement.contains("permit `C-3` of site `a` (row 4 of table `permits`): its limit `120,5`"),
            "{statement}"
        );
    }
}
