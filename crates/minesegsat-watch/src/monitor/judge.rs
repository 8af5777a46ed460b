//! Verdict on a disturbed area against a permit.

use jiff::civil::Date;

use crate::register::{Area, Permit, Verdict};

/// Verdict on a site on one day, and a plain sentence with the numbers behind it.
///
/// `area` is `None` if nothing was seen. The limit is compared with the whole interval of the area: a verdict is certain only
/// if the interval lies entirely on one side of the limit, and if the register has the permit in force.
pub fn judge(
    day: Date,
    area: Option<Area>,
    share_assessed: f64,
    min_assessed: f64,
    level_percent: f64,
    permit: Option<&Permit>,
) -> (Verdict, String) {
    let percent = |share: f64| (share * 100.0).floor();
    let Some(area) = area.filter(|_| share_assessed >= min_assessed) else {
        let why = if share_assessed > 0.0 {
            format!("cloud, shadow or missing data hid the rest, and {:.0} % are needed", percent(min_assessed))
        } else {
            "cloud, shadow or missing data hid all of it".to_owned()
        };
        let statement =
            format!("Not assessable on {day}: {:.0} % of the site was seen; {why}.", percent(share_assessed));
        return (Verdict::NotAssessable, statement);
    };
    let seen = format!(
        "{:.1} ha are disturbed ({:.1} to {:.1} ha with {level_percent:.0} % confidence)",
        area.ha, area.lower_ha, area.upper_ha
    );
    let Some((permit, limit)) = permit.and_then(|permit| Some((permit, permit.limit_ha?))) else {
        let why = permit.map_or_else(
            || "the register has no permit for that day".to_owned(),
            |permit| format!("permit {} has no limit in the register", permit.number),
        );
        return (Verdict::NoLimit, format!("On {day} {seen}; {why}."));
    };
    let number = &permit.number;
    if area.upper_ha <= limit {
        let statement = format!("Within the limit on {day}: {seen}, and permit {number} allows {limit:.1} ha.");
        (Verdict::Within, statement)
    } else if area.lower_ha > limit {
        let statement = format!(
            "Exceeded on {day}: {seen}, and permit {number} allows {limit:.1} ha. A revision of the permit may be missing in \
             the register."
        );
        (Verdict::Exceeded, statement)
    } else {
        let statement = format!(
            "Possible exceedance on {day}: {seen}, so the limit of {limit:.1} ha of permit {number} lies inside the \
             interval. A revision of the permit may be missing in the register."
        );
        (Verdict::PossibleExceedance, statement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let of = |limit: f64| judge(day, Some(area), 0.9, 0.7, 90.0, Some(&permit(Some(limit))));
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
        assert_eq!(judge(day, Some(area), 0.9, 0.7, 90.0, None).0, Verdict::NoLimit);
        assert_eq!(judge(day, Some(area), 0.9, 0.7, 90.0, Some(&permit(None))).0, Verdict::NoLimit);
        // An area below the limit does not compensate for unseen land.
        let (verdict, statement) = judge(day, Some(area), 0.5, 0.7, 90.0, Some(&permit(Some(500.0))));
        assert_eq!(verdict, Verdict::NotAssessable);
        assert!(
            statement.contains("50 % of the site was seen") && statement.contains("70 % are needed"),
            "{statement}"
        );
        assert!(judge(day, None, 0.0, 0.7, 90.0, None).1.contains("hid all of it"));
    }
}
