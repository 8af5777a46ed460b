//! Findings about sites without any new scene, which therefore get no observation.

use jiff::{Timestamp, civil::Date};

use super::{Finding, FindingKind, Rules};
use crate::register::{Observation, Site, Verdict};

/// The finding that a site has not been seen for a long time, if no new scene was found up to `today`.
///
/// The time counts from the last assessable observation, else from the first observation, else from the first day of the
/// search (`looked_from`). Without any of these there is no finding. Each such period gives one finding: it has the same
/// [`key`](Finding::key) as a [`Finding`] of an observation.
pub fn out_of_sight(
    site: &Site,
    earlier: &[Observation],
    looked_from: Option<Date>,
    today: Date,
    rules: &Rules,
    confidence_level_percent: f64,
    model_sha256: &str,
) -> Option<Finding> {
    let of_site = || earlier.iter().filter(|o| o.site == site.id && o.date <= today);
    let seen = of_site().filter(|o| o.verdict != Verdict::NotAssessable).max_by_key(|o| (o.date, o.created));
    let since = seen.map(|o| o.date).or_else(|| of_site().map(|o| o.date).min()).or(looked_from)?;
    if i64::from((today - since).get_days()) < i64::from(rules.not_assessable_days) {
        return None;
    }
    let last = if seen.is_some() { "it was last seen on" } else { "it was not seen since" };
    Some(Finding {
        site: site.id.clone(),
        kind: FindingKind::NotAssessable,
        standing: None,
        date: today,
        verdict: Verdict::NotAssessable,
        previous_verdict: seen.map(|o| o.verdict),
        found_ha: None,
        area: None,
        confidence_level_percent,
        permit: None,
        limit_ha: None,
        compared_with: None,
        since: Some(since),
        share_assessed: 0.0,
        statement: format!("No new scene of the site was found up to {today}; {last} {since}."),
        scenes: Vec::new(),
        model_sha256: model_sha256.to_owned(),
        observed: Timestamp::now(),
    })
}
