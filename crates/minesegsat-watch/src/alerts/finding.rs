//! Findings: what is new in an observation and worth an alert.

use std::fmt;

use jiff::{Timestamp, civil::Date};
use minesegsat_page::words::Language;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::claims::{AreaClaim, Standing, VerdictClaims};
use crate::register::{Area, Correction, Observation, SiteId, Verdict};
use minesegsat_map::series::Confirmation;

/// Kind of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// The verdict became "exceeded".
    Exceeded,
    /// The verdict became "possible exceedance".
    PossibleExceedance,
    /// Land is disturbed outside the permitted polygon.
    OutsidePermit,
    /// Land was newly disturbed.
    Gain,
    /// The site has not been seen for a long time.
    NotAssessable,
    /// A verdict was replaced, because a permit was corrected.
    Corrected,
    /// Nothing was found: a test of a channel.
    Test,
}

impl FindingKind {
    /// All kinds of real findings.
    pub const ALL: [Self; 6] = [
        Self::Exceeded,
        Self::PossibleExceedance,
        Self::OutsidePermit,
        Self::Gain,
        Self::NotAssessable,
        Self::Corrected,
    ];

    /// Name in files, such as `possible-exceedance`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exceeded => "exceeded",
            Self::PossibleExceedance => "possible-exceedance",
            Self::OutsidePermit => "outside-permit",
            Self::Gain => "gain",
            Self::NotAssessable => "not-assessable",
            Self::Corrected => "corrected",
            Self::Test => "test",
        }
    }
}

/// Thresholds of what counts as new.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Areas and growth at or below this value, in hectares, are treated as noise.
    pub noise_floor_ha: f64,
    /// Days without a view of the site after which it is reported.
    pub not_assessable_days: u32,
    /// Dates that confirm a finding.
    pub confirmation: Confirmation,
}

impl Rules {
    /// Default of `not_assessable_days`: half a year, longer than snow or a rainy season usually hides a site.
    pub const NOT_ASSESSABLE_DAYS: u32 = 180;

    /// Default rules with a noise floor in hectares.
    pub fn above(noise_floor_ha: f64) -> Self {
        Self { noise_floor_ha, not_assessable_days: Self::NOT_ASSESSABLE_DAYS, confirmation: Confirmation::default() }
    }
}

/// A new fact about a site. It is reported once as provisional, and once more when it is confirmed or withdrawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The site.
    pub site: SiteId,
    /// Kind of the finding.
    pub kind: FindingKind,
    /// Whether several dates show it. `None` for findings that need no confirmation, and in older ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// Day of the observation.
    pub date: Date,
    /// The observation's verdict.
    pub verdict: Verdict,
    /// Verdict of the previous assessable observation; of a correction, the verdict that was replaced.
    pub previous_verdict: Option<Verdict>,
    /// Area in hectares: disturbed land for verdicts, else the part outside the permit or the gain.
    pub found_ha: Option<f64>,
    /// Disturbed land inside the site's boundary.
    pub area: Option<Area>,
    /// Confidence level of the interval, in percent.
    pub confidence_level_percent: f64,
    /// Number of the permit.
    pub permit: Option<String>,
    /// Its limit in hectares.
    pub limit_ha: Option<f64>,
    /// Day of the observation that the gain is measured from.
    pub compared_with: Option<Date>,
    /// Start of a long time without a view: the day of the last view, or the first day of the search.
    pub since: Option<Date>,
    /// Share of the site that could be seen, 0 to 1.
    pub share_assessed: f64,
    /// The observation's verdict in a plain sentence.
    pub statement: String,
    /// Ids of the scenes.
    pub scenes: Vec<String>,
    /// SHA-256 of the model's weights.
    pub model_sha256: String,
    /// When the observation was stored.
    pub observed: Timestamp,
}

/// What is new in an observation, compared with the earlier ones of its site.
///
/// `earlier` may be all observations of the register. Those of other sites, of the same day and of later days are ignored.
/// A finding is something that a regulator has not been told yet:
///
/// - The verdict became "possible exceedance" or "exceeded" under this permit and limit. The first date is provisional. It is
///   told again when enough of successive assessable dates agree (confirmed), or can no longer do so (withdrawn), and not in
///   between, also not after a winter without a view. When a confirmed "exceeded" ends as "possible exceedance", that is told,
///   because the new statement is weaker than the one reported before.
/// - Land is disturbed outside the permit: the area exceeds the noise floor, and exceeds the last reported area for this
///   permit by more than the noise floor. So growth is reported, however slow, but the same area is not reported again. It is
///   confirmed or withdrawn in the same way.
/// - Land was newly disturbed: the same rule for the new land of the site's series, whose pixels are confirmed one by one.
///   Observations without a series have their gain instead, for each date that is compared with.
/// - The site has not been seen for a long time: once per such period.
///
/// An observation of a reported day with other scenes or another model is not reported again if it gives the same kinds of
/// findings, because a finding's [`key`](Finding::key) contains neither scenes nor model.
pub fn findings_of(observation: &Observation, earlier: &[Observation], rules: &Rules) -> Vec<Finding> {
    reported_before(observation, earlier, rules).step(observation, rules)
}

/// What the observations before one have reported.
fn reported_before(observation: &Observation, earlier: &[Observation], rules: &Rules) -> Reported {
    let mut before: Vec<&Observation> =
        earlier.iter().filter(|o| o.site == observation.site && o.date < observation.date).collect();
    before.sort_by(|a, b| (a.date, a.created, &a.scenes).cmp(&(b.date, b.created, &b.scenes)));
    let mut reported = Reported::default();
    for earlier in before {
        reported.step(earlier, rules);
    }
    reported
}

/// What has been reported about a site so far.
#[derive(Default)]
struct Reported {
    /// Verdict of the last assessable observation.
    verdict: Option<Verdict>,
    /// Permit and limit that the claims about verdicts belong to.
    limit: Option<(Option<String>, Option<f64>)>,
    verdicts: VerdictClaims,
    outside: AreaClaim<Option<String>>,
    gain: AreaClaim<Option<Date>>,
    /// Day of the last assessable observation, else of the first observation.
    seen: Option<Date>,
    /// Whether the current period without a view has been reported.
    out_of_sight: bool,
}

impl Reported {
    fn step(&mut self, o: &Observation, rules: &Rules) -> Vec<Finding> {
        let previous_verdict = self.verdict;
        let gain_since = o.new_land.map_or(o.compared_with, |new| Some(new.since));
        let finding = |kind: FindingKind, standing: Option<Standing>, found_ha: Option<f64>| Finding {
            site: o.site.clone(),
            kind,
            standing,
            date: o.date,
            verdict: o.verdict,
            previous_verdict,
            found_ha,
            area: o.area,
            confidence_level_percent: o.confidence_level_percent,
            permit: o.permit.clone(),
            limit_ha: o.limit_ha,
            compared_with: if kind == FindingKind::Gain { gain_since } else { None },
            since: None,
            share_assessed: o.share_assessed,
            statement: o.statement.clone(),
            scenes: o.scenes.clone(),
            model_sha256: o.model_sha256.clone(),
            observed: o.created,
        };
        let mut findings = Vec::new();
        if o.verdict == Verdict::NotAssessable {
            let since = *self.seen.get_or_insert(o.date);
            let days = (o.date - since).get_days();
            if !self.out_of_sight && i64::from(days) >= i64::from(rules.not_assessable_days) {
                self.out_of_sight = true;
                findings.push(Finding { since: Some(since), ..finding(FindingKind::NotAssessable, None, None) });
            }
            return findings;
        }
        (self.seen, self.out_of_sight) = (Some(o.date), false);
        let limit = Some((o.permit.clone(), o.limit_ha));
        if limit != self.limit {
            (self.limit, self.verdicts) = (limit, VerdictClaims::default());
        }
        let rule = &rules.confirmation;
        for (verdict, standing) in self.verdicts.add(o.verdict, rule) {
            let kind =
                if verdict == Verdict::Exceeded { FindingKind::Exceeded } else { FindingKind::PossibleExceedance };
            findings.push(finding(kind, Some(standing), o.area.map(|area| area.ha)));
        }
        self.verdict = Some(o.verdict);
        let floor_ha = rules.noise_floor_ha;
        for standing in self.outside.add(&o.permit, o.unpermitted_ha(), None, floor_ha, rule) {
            findings.push(finding(FindingKind::OutsidePermit, Some(standing), o.unpermitted_ha()));
        }
        let (found_ha, confirmed_ha) = o
            .new_land
            .map_or((o.gain_ha, None), |new| (Some(new.confirmed_ha + new.provisional_ha), Some(new.confirmed_ha)));
        for standing in self.gain.add(&gain_since, found_ha, confirmed_ha, floor_ha, rule) {
            // Observations without a series have no later date that shows the same gain.
            match confirmed_ha {
                Some(_) => findings.push(finding(FindingKind::Gain, Some(standing), found_ha)),
                None if standing == Standing::Provisional => findings.push(finding(FindingKind::Gain, None, found_ha)),
                None => {}
            }
        }
        findings
    }
}

/// Standing of an observation's verdict, from the earlier observations of its site: whether enough dates agree. `None` for
/// verdicts other than exceedances.
pub fn standing_of(observation: &Observation, earlier: &[Observation], rules: &Rules) -> Option<Standing> {
    let mut reported = reported_before(observation, earlier, rules);
    reported.step(observation, rules);
    reported.verdicts.standing(observation.verdict)
}

impl Finding {
    /// A finding that tests a channel.
    pub(super) fn test(site: SiteId, now: Timestamp) -> Self {
        Self {
            site,
            kind: FindingKind::Test,
            standing: None,
            date: now.to_zoned(jiff::tz::TimeZone::UTC).date(),
            verdict: Verdict::NotAssessable,
            previous_verdict: None,
            found_ha: None,
            area: None,
            confidence_level_percent: 90.0,
            permit: None,
            limit_ha: None,
            compared_with: None,
            since: None,
            share_assessed: 0.0,
            statement: "This is a test of the channel. No site was observed, and nothing was found.".to_owned(),
            scenes: Vec::new(),
            model_sha256: String::new(),
            observed: now,
        }
    }

    /// The finding that a verdict became another one, with the last correction that led to it.
    pub(crate) fn corrected(now: &Observation, before: Verdict, correction: &Correction) -> Self {
        Self {
            site: now.site.clone(),
            kind: FindingKind::Corrected,
            standing: None,
            date: now.date,
            verdict: now.verdict,
            previous_verdict: Some(before),
            found_ha: now.area.map(|area| area.ha),
            area: now.area,
            confidence_level_percent: now.confidence_level_percent,
            permit: now.permit.clone(),
            limit_ha: now.limit_ha,
            compared_with: None,
            since: None,
            share_assessed: now.share_assessed,
            statement: format!("Corrected, because {}. {}", correction.reason, now.statement),
            scenes: now.scenes.clone(),
            model_sha256: now.model_sha256.clone(),
            observed: correction.replaced,
        }
    }

    /// Identity of the finding: site, kind, day, and the permit if it is about one. For a site that cannot be seen the day is
    /// that of the last view, so each such period has one finding, whichever dates were tried.
    pub fn key(&self) -> String {
        let day = self.since.unwrap_or(self.date);
        let key = format!("{}/{}/{day}", self.site, self.kind.name());
        if matches!(self.kind, FindingKind::Corrected | FindingKind::Test) {
            return format!("{key}/{}", self.observed.as_millisecond());
        }
        let key = match (&self.permit, self.kind) {
            (Some(permit), FindingKind::Exceeded | FindingKind::PossibleExceedance | FindingKind::OutsidePermit) => {
                format!("{key}/{permit}")
            }
            _ => key,
        };
        match self.standing {
            // As in versions that told each finding once.
            None | Some(Standing::Provisional) => key,
            Some(standing) => format!("{key}/{}", standing.name()),
        }
    }

    /// Id of the alert, a hash of the key. Receivers use it to drop repeats.
    pub fn id(&self) -> String {
        let hash = Sha256::digest(self.key().as_bytes());
        // Half of the hash is as unique as a UUID.
        format!("alert_{}", minesegsat_core::hex::encode(&hash[..16]))
    }

    /// One line for people, with the id of the site.
    pub fn title(&self) -> String {
        self.title_of(self.site.as_str(), Language::English.words())
    }

    /// Caveat that must accompany the finding, if any: the register may lack the latest permit revision.
    pub fn caveat(&self) -> Option<String> {
        self.needs_caveat().then(|| Language::English.words().say("alert-caveat"))
    }

    /// Whether the finding is about a permit.
    pub(super) fn needs_caveat(&self) -> bool {
        // Findings of other kinds mention the verdict too, in their statement.
        let exceeds = |verdict: Verdict| matches!(verdict, Verdict::Exceeded | Verdict::PossibleExceedance);
        exceeds(self.verdict)
            || self.previous_verdict.is_some_and(exceeds)
            || matches!(self.kind, FindingKind::Exceeded | FindingKind::PossibleExceedance | FindingKind::OutsidePermit)
    }

    /// JSON for programs, in the form that Standard Webhooks recommends: type, timestamp and data.
    pub fn payload(&self) -> Value {
        self.payload_with(None)
    }

    /// The payload with the address of the site on the map page, if it is known (`data.url`).
    pub(super) fn payload_with(&self, site_url: Option<&str>) -> Value {
        let mut data = serde_json::to_value(self).unwrap_or_default();
        data["key"] = self.key().into();
        data["title"] = self.title().into();
        data["caveat"] = self.caveat().into();
        if let Some(url) = site_url {
            data["url"] = url.into();
        }
        json!({
            "type": format!("finding.{}", self.kind.name().replace('-', "_")),
            "id": self.id(),
            "timestamp": self.observed,
            "data": data,
        })
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
