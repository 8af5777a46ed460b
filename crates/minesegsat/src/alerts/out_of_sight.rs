//! A site of which there is no scene at all, so that no observation can say that it is out of sight.

use jiff::{Timestamp, civil::Date};

use super::{Finding, FindingKind, Rules};
use crate::register::{Observation, Site, Verdict};

/// The news that a site has been out of sight for long, where no new scene of it was found up to some day.
///
/// It counts from the last assessable observation, else from the first one, else from the day that scenes were looked for
/// from; where there is none of these, nothing is said. Like a [`Finding`] of an observation it is one for each such time:
/// both have the same [`key`](Finding::key).
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
