//! Findings: what is new in an observation and worth an alert.

use std::fmt;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::register::{Area, Observation, SiteId, Verdict};

/// Caveat of every exceedance alert: the register may lack the latest permit revision.
const CAVEAT: &str = "A revision of the permit may be missing from the register: check the permit in force before \
                      drawing conclusions.";

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
}

impl FindingKind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::Exceeded, Self::PossibleExceedance, Self::OutsidePermit, Self::Gain, Self::NotAssessable];

    /// Name in files, such as `possible-exceedance`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exceeded => "exceeded",
            Self::PossibleExceedance => "possible-exceedance",
            Self::OutsidePermit => "outside-permit",
            Self::Gain => "gain",
            Self::NotAssessable => "not-assessable",
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
}

impl Rules {
    /// Default of `not_assessable_days`: half a year, longer than snow or a rainy season usually hides a site.
    pub const NOT_ASSESSABLE_DAYS: u32 = 180;

    /// Default rules with a noise floor in hectares.
    pub fn above(noise_floor_ha: f64) -> Self {
        Self { noise_floor_ha, not_assessable_days: Self::NOT_ASSESSABLE_DAYS }
    }
}

/// A new fact about a site. It is reported once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The site.
    pub site: SiteId,
    /// Kind of the finding.
    pub kind: FindingKind,
    /// Day of the observation.
    pub date: Date,
    /// The observation's verdict.
    pub verdict: Verdict,
    /// Verdict of the previous assessable observation.
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
/// - The verdict became "possible exceedance" or "exceeded": the last assessable observation had another verdict, permit or
///   limit. The same verdict on the next date is not a finding, also not after a winter without a view. A change from
///   "exceeded" to "possible exceedance" is a finding, because the new statement is weaker than the one reported before.
/// - Land is disturbed outside the permit: the area exceeds the noise floor, and exceeds the last reported area for this
///   permit by more than the noise floor. So growth is reported, however slow, but the same area is not reported again.
/// - Land was newly disturbed: the same rule, for each date that is compared with. If each observation is compared with the
///   previous one, each gain is new land.
/// - The site has not been seen for a long time: once per such period.
///
/// An observation of a reported day with other scenes or another model is not reported again if it gives the same kinds of
/// findings, because a finding's [`key`](Finding::key) contains neither scenes nor model.
pub fn findings_of(observation: &Observation, earlier: &[Observation], rules: &Rules) -> Vec<Finding> {
    let mut before: Vec<&Observation> =
        earlier.iter().filter(|o| o.site == observation.site && o.date < observation.date).collect();
    before.sort_by(|a, b| (a.date, a.created, &a.scenes).cmp(&(b.date, b.created, &b.scenes)));
    let mut reported = Reported::default();
    for earlier in before {
        reported.step(earlier, rules);
    }
    reported.step(observation, rules)
}

/// What has been reported about a site so far.
#[derive(Default)]
struct Reported {
    /// Verdict, permit and limit of the last assessable observation.
    verdict: Option<(Verdict, Option<String>, Option<f64>)>,
    outside: Level<Option<String>>,
    gain: Level<Option<Date>>,
    /// Day of the last assessable observation, else of the first observation.
    seen: Option<Date>,
    /// Whether the current period without a view has been reported.
    out_of_sight: bool,
}

impl Reported {
    fn step(&mut self, o: &Observation, rules: &Rules) -> Vec<Finding> {
        let previous_verdict = self.verdict.as_ref().map(|(verdict, ..)| *verdict);
        let finding = |kind: FindingKind, found_ha: Option<f64>| Finding {
            site: o.site.clone(),
            kind,
            date: o.date,
            verdict: o.verdict,
            previous_verdict,
            found_ha,
            area: o.area,
            confidence_level_percent: o.confidence_level_percent,
            permit: o.permit.clone(),
            limit_ha: o.limit_ha,
            compared_with: if kind == FindingKind::Gain { o.compared_with } else { None },
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
                findings.push(Finding { since: Some(since), ..finding(FindingKind::NotAssessable, None) });
            }
            return findings;
        }
        (self.seen, self.out_of_sight) = (Some(o.date), false);
        let verdict = Some((o.verdict, o.permit.clone(), o.limit_ha));
        if verdict != self.verdict {
            let kind = match o.verdict {
                Verdict::Exceeded => Some(FindingKind::Exceeded),
                Verdict::PossibleExceedance => Some(FindingKind::PossibleExceedance),
                Verdict::Within | Verdict::NotAssessable | Verdict::NoLimit => None,
            };
            findings.extend(kind.map(|kind| finding(kind, o.area.map(|area| area.ha))));
            self.verdict = verdict;
        }
        if self.outside.is_news(&o.permit, o.outside_permit_ha, rules.noise_floor_ha) {
            findings.push(finding(FindingKind::OutsidePermit, o.outside_permit_ha));
        }
        if self.gain.is_news(&o.compared_with, o.gain_ha, rules.noise_floor_ha) {
            findings.push(finding(FindingKind::Gain, o.gain_ha));
        }
        findings
    }
}

/// Last reported area in hectares, and what it belongs to (a permit, or a date compared with).
#[derive(Default)]
struct Level<T>(Option<(T, f64)>);

impl<T: Clone + PartialEq> Level<T> {
    /// Whether an area is more than the last reported one. If so, it becomes the last reported one.
    fn is_news(&mut self, of: &T, ha: Option<f64>, floor_ha: f64) -> bool {
        let Some(ha) = ha.filter(|ha| !ha.is_nan()) else { return false };
        if ha <= floor_ha {
            self.0 = None;
            return false;
        }
        let is_reported = self.0.as_ref().is_some_and(|(what, last_ha)| what == of && ha <= last_ha + floor_ha);
        if !is_reported {
            self.0 = Some((of.clone(), ha));
        }
        !is_reported
    }
}

impl Finding {
    /// Identity of the finding: site, kind, day, and the permit if it is about one. For a site that cannot be seen the day is
    /// that of the last view, so each such period has one finding, whichever dates were tried.
    pub fn key(&self) -> String {
        let day = self.since.unwrap_or(self.date);
        let key = format!("{}/{}/{day}", self.site, self.kind.name());
        match (&self.permit, self.kind) {
            (Some(permit), FindingKind::Exceeded | FindingKind::PossibleExceedance | FindingKind::OutsidePermit) => {
                format!("{key}/{permit}")
            }
            _ => key,
        }
    }

    /// Id of the alert, a hash of the key. Receivers use it to drop repeats.
    pub fn id(&self) -> String {
        let hash = Sha256::digest(self.key().as_bytes());
        // Half of the hash is as unique as a UUID.
        format!("alert_{}", minesegsat_core::hex::encode(&hash[..16]))
    }

    /// One line for people, such as a mail's subject.
    pub fn title(&self) -> String {
        if self.kind == FindingKind::NotAssessable && self.since.is_some() {
            return format!("{}: {}", self.site, self.what());
        }
        format!("{}: {}, {}", self.site, self.what(), self.date)
    }

    fn what(&self) -> String {
        let ha = self.found_ha.map_or_else(|| "an unknown area".to_owned(), |ha| format!("{ha:.1} ha"));
        match (self.kind, self.limit_ha) {
            (FindingKind::Exceeded, Some(limit)) => format!("limit of {limit} ha exceeded"),
            (FindingKind::Exceeded, None) => "limit exceeded".to_owned(),
            (FindingKind::PossibleExceedance, Some(limit)) => format!("possible exceedance of the limit of {limit} ha"),
            (FindingKind::PossibleExceedance, None) => "possible exceedance of the limit".to_owned(),
            (FindingKind::OutsidePermit, _) => format!("possible disturbance outside the permit, {ha}"),
            (FindingKind::Gain, _) => match self.compared_with {
                Some(date) => format!("{ha} newly disturbed since {date}"),
                None => format!("{ha} newly disturbed"),
            },
            (FindingKind::NotAssessable, _) => match self.since {
                Some(date) => format!("no usable image since {date}"),
                None => "no usable image".to_owned(),
            },
        }
    }

    /// Caveat that must accompany the finding, if any.
    pub fn caveat(&self) -> Option<&'static str> {
        // Findings of other kinds mention the verdict too, in their statement.
        let exceeds = |verdict: Verdict| matches!(verdict, Verdict::Exceeded | Verdict::PossibleExceedance);
        let about_a_permit = exceeds(self.verdict)
            || self.previous_verdict.is_some_and(exceeds)
            || self.kind == FindingKind::OutsidePermit;
        about_a_permit.then_some(CAVEAT)
    }

    /// Full plain text for people.
    pub fn text(&self) -> String {
        let mut text = format!("Site: {}\nFinding: {}\n", self.site, self.what());
        // A finding without a new scene has none.
        let has_scenes = !self.scenes.is_empty();
        if has_scenes {
            text.push_str(&format!("Day of the scene: {}\n", self.date));
        }
        let mut line = |name: &str, value: String| text.push_str(&format!("{name}: {}\n", one_line(&value)));
        line("Verdict", self.verdict.to_string());
        if let Some(previous) = self.previous_verdict {
            line("Previous verdict", previous.to_string());
        }
        if let Some(area) = self.area {
            let level = self.confidence_level_percent;
            let interval = format!("{level} % interval {:.1} to {:.1} ha", area.lower_ha, area.upper_ha);
            line("Disturbed land", format!("{:.1} ha ({interval})", area.ha));
        }
        if let Some(permit) = &self.permit {
            let limit = self.limit_ha.map_or_else(|| "no limit in hectares".to_owned(), |ha| format!("limit {ha} ha"));
            line("Permit", format!("{permit}, {limit}"));
        }
        line("Share of the site seen", format!("{:.0} %", 100.0 * self.share_assessed));
        text.push_str(&format!("\n{}\n", one_line(&self.statement)));
        if let Some(caveat) = self.caveat() {
            text.push_str(&format!("\n{caveat}\n"));
        }
        text.push('\n');
        if has_scenes {
            let scenes: Vec<_> = self.scenes.iter().map(|scene| one_line(scene)).collect();
            text.push_str(&format!("Scenes: {}\n", scenes.join(", ")));
        }
        text.push_str(&format!("Model: {}\n", one_line(&self.model_sha256)));
        text.push_str(&format!("Alert: {} (repeats of this message have the same id)\n", self.id()));
        text
    }

    /// JSON for programs, in the form that Standard Webhooks recommends: type, timestamp and data.
    pub fn payload(&self) -> Value {
        let mut data = serde_json::to_value(self).unwrap_or_default();
        data["key"] = self.key().into();
        data["title"] = one_line(&self.title()).into();
        data["caveat"] = self.caveat().into();
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

/// Replaces line breaks and other control characters with spaces.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
