//! The verdict of a date as a sentence in several languages.

use jiff::civil::Date;
use minesegsat_page::words::{Value, Words};

use crate::register::{Area, Observation, Verdict};

/// The numbers behind a verdict.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// Day of the scene.
    pub date: Date,
    /// The verdict.
    pub verdict: Verdict,
    /// Disturbed land; `None` if not assessable.
    pub area: Option<Area>,
    /// Confidence level of the interval, in percent.
    pub confidence_level_percent: f64,
    /// Share of the site that could be seen, 0 to 1.
    pub share_assessed: f64,
    /// Number of the permit.
    pub permit: Option<&'a str>,
    /// Its limit in hectares.
    pub limit_ha: Option<f64>,
}

impl<'a> From<&'a Observation> for Judged<'a> {
    fn from(observation: &'a Observation) -> Self {
        Self {
            date: observation.date,
            verdict: observation.verdict,
            area: observation.area,
            confidence_level_percent: observation.confidence_level_percent,
            share_assessed: observation.share_assessed,
            permit: observation.permit.as_deref(),
            limit_ha: observation.limit_ha,
        }
    }
}

impl Judged<'_> {
    /// The verdict in a sentence that is made from the numbers. The sentence of the record is English, and says more.
    pub fn sentence(&self, words: &Words) -> String {
        let key = |verdict: Verdict| format!("verdict-{}-statement", verdict.name());
        let day = || ("day", Value::from(words.date(self.date)));
        let Some(area) = self.area.filter(|_| self.verdict != Verdict::NotAssessable) else {
            let share = words.percent(Some(self.share_assessed), 0);
            return words.say_with(&key(Verdict::NotAssessable), &[day(), ("share", share.into())]);
        };
        let values = [
            day(),
            ("area", words.hectares(Some(area.ha)).into()),
            ("interval", interval_at_level(&area, self.confidence_level_percent, words).into()),
            ("limit", words.hectares(self.limit_ha).into()),
            ("permit", self.permit.unwrap_or_default().to_owned().into()),
        ];
        words.say_with(&key(self.verdict), &values)
    }
}

/// The interval of an area with its level in percent: `90 % interval 110.0 to 140.0 ha`.
pub fn interval_at_level(area: &Area, level_percent: f64, words: &Words) -> String {
    let number = |value: f64| -> Value<'_> { words.number(Some(value), 1).into() };
    let level = format!("{}\u{a0}%", words.level(level_percent));
    let ends = [("level", level.into()), ("from", number(area.lower_ha)), ("to", number(area.upper_ha))];
    words.say_with("interval-at-level", &ends)
}
