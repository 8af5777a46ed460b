//! What is worth telling: news in an observation.

use std::fmt;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::register::{Area, Observation, SiteId, Verdict};

/// Stands under every text about an exceedance, as nobody knows whether the register is up to date.
const CAVEAT: &str = "A revision of the permit may be missing from the register: compare with the permit in force before \
                      anything is concluded from this.";

/// What kind of news it is.
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
    /// The site could not be seen for long.
    NotAssessable,
}

impl FindingKind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Exceeded, Self::PossibleExceedance, Self::OutsidePermit, Self::Gain, Self::NotAssessable];

    /// Name in files.
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

/// What counts as news.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Areas up to this are noise, in hectares; so is growth up to this.
    pub noise_floor_ha: f64,
    /// A site that could not be seen for so many days is reported.
    pub not_assessable_days: u32,
}

impl Rules {
    /// Half a year: longer than snow or a rainy season usually hides a site.
    pub const NOT_ASSESSABLE_DAYS: u32 = 180;

    /// The usual ones, with a noise floor in hectares.
    pub fn above(noise_floor_ha: f64) -> Self {
        Self { noise_floor_ha, not_assessable_days: Self::NOT_ASSESSABLE_DAYS }
    }
}

/// One piece of news about a site, which is told once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The site.
    pub site: SiteId,
    /// What kind of news it is.
    pub kind: FindingKind,
    /// Day of the observation.
    pub date: Date,
    /// The observation's verdict.
    pub verdict: Verdict,
    /// Verdict of the last observation before it that was assessable.
    pub previous_verdict: Option<Verdict>,
    /// What was found, in hectares: the whole area for verdicts, else the part outside the permit or the gain.
    pub found_ha: Option<f64>,
    /// Disturbed land inside the site's boundary.
    pub area: Option<Area>,
    /// Confidence level of the interval, in percent.
    pub confidence_level_percent: f64,
    /// Number of the permit.
    pub permit: Option<String>,
    /// Its limit in hectares.
    pub limit_ha: Option<f64>,
    /// Day of the observation that a gain counts from.
    pub compared_with: Option<Date>,
    /// Last day on which the site was seen, or first on which it was looked for, where it was not seen for long.
    pub since: Option<Date>,
    /// Part of the site that could be seen, 0 to 1.
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

/// What is new in an observation, beside the earlier ones of its site.
///
/// `earlier` may be all observations of the register: those of other sites, of the same day and of later days are left out.
/// News is what a regulator has not been told yet:
///
/// - The verdict became "possible exceedance" or "exceeded": it was another one when the site was last assessable, or it is
///   against another permit or another limit. The same verdict on the next date is no news; nor is it after a winter in
///   which the site could not be seen. "Exceeded" that became "possible exceedance" is: less can be maintained than
///   was told before.
/// - Land is disturbed outside the permit: more than the noise floor, and more than the noise floor on top of what was told
///   before for this permit. So it is found that land outside grows, however slowly, and not that it lies there.
/// - Land was newly disturbed: likewise, for one date that is compared with. Where each observation is compared with the
///   one before, each gain is new land.
/// - The site could not be seen for long: once for each such time.
///
/// An observation with other scenes or another model of a day that was reported already is not told again, as long as it
/// finds the same kinds of news: a finding's [`key`](Finding::key) has neither.
pub fn findings_of(observation: &Observation, earlier: &[Observation], rules: &Rules) -> Vec<Finding> {
    let mut before: Vec<&Observation> =
        earlier.iter().filter(|o| o.site == observation.site && o.date < observation.date).collect();
    before.sort_by(|a, b| (a.date, a.created, &a.scenes).cmp(&(b.date, b.created, &b.scenes)));
    let mut told = Told::default();
    for earlier in before {
        told.step(earlier, rules);
    }
    told.step(observation, rules)
}

/// What has been told of a site up to some day.
#[derive(Default)]
struct Told {
    /// Of the last assessable observation: verdict, permit, limit.
    verdict: Option<(Verdict, Option<String>, Option<f64>)>,
    outside: Level<Option<String>>,
    gain: Level<Option<Date>>,
    /// Day of the last assessable observation, or of the first one.
    seen: Option<Date>,
    /// Whether it was told that the site is out of sight.
    out_of_sight: bool,
}

impl Told {
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

/// How many hectares have been told, and of what.
#[derive(Default)]
struct Level<T>(Option<(T, f64)>);

impl<T: Clone + PartialEq> Level<T> {
    /// Whether this is more than was told before; then it counts as told.
    fn is_news(&mut self, of: &T, ha: Option<f64>, floor_ha: f64) -> bool {
        let Some(ha) = ha.filter(|ha| !ha.is_nan()) else { return false };
        if ha <= floor_ha {
            self.0 = None;
            return false;
        }
        let told = self.0.as_ref().is_some_and(|(what, told_ha)| what == of && ha <= told_ha + floor_ha);
        if !told {
            self.0 = Some((of.clone(), ha));
        }
        !told
    }
}

impl Finding {
    /// What makes it one finding: site, kind, permit where it is about one, and day. For a site out of sight the day is
    /// that on which it was last seen, so that a time without sight has one finding whichever dates were looked at.
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

    /// Id of its alert, made from the key: receivers drop repeats by it.
    pub fn id(&self) -> String {
        let hash = Sha256::digest(self.key().as_bytes());
        // Half of the hash tells alerts apart as well as a UUID does.
        hash[..16].iter().fold("alert_".to_owned(), |id, byte| format!("{id}{byte:02x}"))
    }

    /// One line for people.
    pub fn title(&self) -> String {
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
                Some(date) => format!("not assessable since {date}"),
                None => "not assessable".to_owned(),
            },
        }
    }

    /// What has to be said beside it, where there is something.
    pub fn caveat(&self) -> Option<&'static str> {
        // A text on any other news may mention the verdict too: its statement does.
        let exceeds = |verdict: Verdict| matches!(verdict, Verdict::Exceeded | Verdict::PossibleExceedance);
        let about_a_permit = exceeds(self.verdict)
            || self.previous_verdict.is_some_and(exceeds)
            || self.kind == FindingKind::OutsidePermit;
        about_a_permit.then_some(CAVEAT)
    }

    /// The whole of it for people: lines of plain text.
    pub fn text(&self) -> String {
        let mut text = format!("Site: {}\nFinding: {}\nDay of the scene: {}\n", self.site, self.what(), self.date);
        let mut line = |name: &str, value: String| text.push_str(&format!("{name}: {}\n", one_line(&value)));
        line("Verdict", self.verdict.to_string());
        if let Some(previous) = self.previous_verdict {
            line("Verdict before", previous.to_string());
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
        line("Part of the site that was seen", format!("{:.0} %", 100.0 * self.share_assessed));
        text.push_str(&format!("\n{}\n", one_line(&self.statement)));
        if let Some(caveat) = self.caveat() {
            text.push_str(&format!("\n{caveat}\n"));
        }
        let scenes: Vec<_> = self.scenes.iter().map(|scene| one_line(scene)).collect();
        text.push_str(&format!("\nScenes: {}\n", scenes.join(", ")));
        text.push_str(&format!("Model: {}\n", one_line(&self.model_sha256)));
        text.push_str(&format!("Alert: {} (a repeat of this message has the same)\n", self.id()));
        text
    }

    /// The whole of it for programs, in the form that Standard Webhooks recommends: type, time and data.
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

/// Line breaks and other control characters of a text become spaces.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
