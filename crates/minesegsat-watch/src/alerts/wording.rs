//! Findings in words of several languages.

use minesegsat_page::words::{Value, Words};

use super::{Finding, FindingKind};
use crate::register::Verdict;

impl Finding {
    /// One line for people: the site by `site`, what was found, and the day.
    pub(super) fn title_of(&self, site: &str, words: &Words) -> String {
        // The day is that of the search; what was found names the day that matters.
        let is_search = self.kind == FindingKind::NotAssessable && self.since.is_some();
        let key = if is_search { "alert-title-without-day" } else { "alert-title" };
        let values = [
            ("site", Value::from(site)),
            ("what", Value::from(self.what(words))),
            ("day", Value::from(words.date(self.date))),
        ];
        one_line(&plain_spaces(&words.say_with(key, &values)))
    }

    /// What was found, with its standing.
    pub(super) fn what(&self, words: &Words) -> String {
        let claim = self.claim(words);
        let Some(standing) = self.standing else { return claim };
        words.say_with(&format!("alert-{}", standing.name()), &[("what", Value::from(claim))])
    }

    fn claim(&self, words: &Words) -> String {
        let key = match self.kind {
            FindingKind::Exceeded if self.limit_ha.is_some() => "alert-exceeded-limit",
            FindingKind::Exceeded => "alert-exceeded",
            FindingKind::PossibleExceedance if self.limit_ha.is_some() => "alert-possible-exceedance-limit",
            FindingKind::PossibleExceedance => "alert-possible-exceedance",
            FindingKind::OutsidePermit => "alert-outside-permit",
            FindingKind::Gain if self.compared_with.is_some() => "alert-gain-since",
            FindingKind::Gain => "alert-gain",
            FindingKind::NotAssessable if self.since.is_some() => "alert-not-assessable-since",
            FindingKind::NotAssessable => "alert-not-assessable",
            FindingKind::Corrected if self.previous_verdict.is_some() => "alert-corrected-from",
            FindingKind::Corrected => "alert-corrected",
            FindingKind::Test => "alert-test",
        };
        let ha = match self.found_ha {
            Some(ha) => words.hectares(Some(ha)),
            None => words.say("alert-unknown-area"),
        };
        let mut values = vec![("ha", Value::from(ha)), ("now", Value::from(verdict(self.verdict, words)))];
        if let Some(ha) = self.limit_ha {
            values.push(("limit", Value::from(limit(ha, words))));
        }
        if let Some(since) = self.compared_with.or(self.since) {
            values.push(("since", Value::from(words.date(since))));
        }
        if let Some(before) = self.previous_verdict {
            values.push(("before", Value::from(verdict(before, words))));
        }
        words.say_with(key, &values)
    }
}

/// Short name of a verdict.
pub(super) fn verdict(verdict: Verdict, words: &Words) -> String {
    words.say(&format!("verdict-{}", verdict.name()))
}

/// A limit in hectares with its unit, as the permit states it.
pub(super) fn limit(ha: f64, words: &Words) -> String {
    format!("{}\u{a0}ha", words.stated(ha))
}

/// Replaces line breaks and other control characters with spaces.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Replaces no-break spaces with usual ones, for headers and plain text.
pub(super) fn plain_spaces(text: &str) -> String {
    text.replace(['\u{a0}', '\u{202f}'], " ")
}
