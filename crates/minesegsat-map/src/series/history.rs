//! What became of a pixel: [`History`], from its probabilities on all dates.

use minesegsat_core::pixel_class::LandHistory;
use minesegsat_core::{Error, Result};
use serde::Serialize;

use super::chain::{Chain, Seen};

/// When new or regrown land is confirmed, and when it is worth a provisional mention.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Confirmation {
    /// Dates that must agree.
    pub needed: usize,
    /// Number of successive assessable dates that they are counted in.
    pub of: usize,
    /// Smallest posterior probability of "disturbed" on the last date for which land that the last date alone shows as disturbed
    /// is new and provisional.
    pub mention_from: f64,
}

impl Default for Confirmation {
    /// Two of three dates; a chance of 10 % is mentioned.
    fn default() -> Self {
        Self { needed: 2, of: 3, mention_from: 0.1 }
    }
}

impl Confirmation {
    /// An error if no number of dates can confirm.
    pub fn check(&self) -> Result<()> {
        if self.needed == 0 || self.needed > self.of {
            return Err(Error::Argument {
                name: "confirmation",
                value: format!("{} of {}", self.needed, self.of),
                accepted: "at least 1 date, of as many or more".to_owned(),
            });
        }
        Ok(())
    }

    /// Whether enough successive dates agree.
    fn holds(&self, agrees: impl ExactSizeIterator<Item = bool> + Clone) -> bool {
        let dates = agrees.len();
        (0..dates).any(|from| agrees.clone().skip(from).take(self.of).filter(|&is| is).count() >= self.needed)
    }
}

/// Dates between which land became disturbed, as indices of dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Onset {
    /// Last assessable date that shows it undisturbed.
    pub after: usize,
    /// First date that shows it disturbed.
    pub until: usize,
}

/// A pixel over all dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelHistory {
    /// The state on the last date, and since when.
    pub class: LandHistory,
    /// When it became disturbed the last time. `None` if that was before the first date, or never.
    pub onset: Option<Onset>,
}

/// Follows pixels over the dates of a chain. It keeps its working memory, and the history of the last pixel.
#[derive(Debug, Clone)]
pub struct History<'a> {
    chain: &'a Chain,
    /// Threshold of each date.
    thresholds: &'a [f32],
    confirmation: Confirmation,
    seen: Vec<Seen>,
    path: Vec<bool>,
    back: Vec<[bool; 2]>,
}

impl<'a> History<'a> {
    /// Histories of pixels with a threshold per date.
    pub fn new(chain: &'a Chain, thresholds: &'a [f32], confirmation: Confirmation) -> Self {
        Self { chain, thresholds, confirmation, seen: Vec::new(), path: Vec::new(), back: Vec::new() }
    }

    /// The history of a pixel with these probabilities per date; NaN where it was not assessable.
    pub fn follow(&mut self, probabilities: &[f32]) -> PixelHistory {
        self.seen.clear();
        let dates = probabilities.iter().zip(self.thresholds).enumerate().filter(|(_, (p, _))| !p.is_nan());
        let persistence = self.chain.persistence();
        self.seen
            .extend(dates.map(|(date, (&p, &threshold))| Seen { date, evidence: persistence.evidence(p, threshold) }));
        self.chain.most_likely(&self.seen, &mut self.back, &mut self.path);
        let Some(&is_disturbed) = self.path.last() else {
            return PixelHistory { class: LandHistory::NotAssessable, onset: None };
        };
        // The map of a date shows disturbed land at its threshold.
        let shows = |seen: &Seen| seen.evidence >= 0.0;
        let start = self.path.iter().rposition(|&state| state != is_disturbed).map_or(0, |before| before + 1);
        let since = &self.seen[start..];
        if is_disturbed {
            let is_new = start > 0;
            let class = if !is_new {
                LandHistory::Disturbed
            } else if self.confirmation.holds(since.iter().map(shows)) {
                LandHistory::New
            } else {
                LandHistory::NewProvisional
            };
            return PixelHistory { class, onset: is_new.then(|| self.onset(start)) };
        }
        // The end of the series may show what later dates confirm.
        let last = self.seen.len() - 1;
        let appears =
            since.iter().rposition(|seen| !shows(seen)).map(|quiet| start + quiet + 1).filter(|&at| at <= last);
        if let Some(first) = appears
            && self.chain.last_posterior(&self.seen).is_some_and(|chance| chance >= self.confirmation.mention_from)
        {
            let onset = Onset { after: self.seen[first - 1].date, until: self.seen[first].date };
            return PixelHistory { class: LandHistory::NewProvisional, onset: Some(onset) };
        }
        if start == 0 {
            return PixelHistory { class: LandHistory::Undisturbed, onset: None };
        }
        let is_confirmed = self.confirmation.holds(since.iter().map(|seen| !shows(seen)));
        let class = if is_confirmed { LandHistory::Regrown } else { LandHistory::RegrownProvisional };
        // When the land became disturbed that has regrown since.
        let began = self.path[..start].iter().rposition(|&state| !state).map(|before| before + 1);
        PixelHistory { class, onset: began.map(|at| self.onset(at)) }
    }

    /// Dates around the place in the path where the state becomes "disturbed".
    fn onset(&self, start: usize) -> Onset {
        let clear = self.seen[..start].iter().rposition(|seen| seen.evidence < 0.0).unwrap_or(start - 1);
        let found = self.seen[start..].iter().position(|seen| seen.evidence >= 0.0).map_or(start, |at| start + at);
        Onset { after: self.seen[clear].date, until: self.seen[found].date }
    }

    /// States of the last pixel on all dates. Between two dates that show different states, the state changes half-way. All are
    /// `false` if it was never seen.
    pub fn states(&self, out: &mut [bool]) {
        self.shares(|date, from, to, share| {
            out[date] = if share < 0.5 { self.path[from] } else { self.path[to] };
        });
        if self.seen.is_empty() {
            out.fill(false);
        }
    }

    /// Probabilities of the last pixel on all dates, without flicker: the mean over the dates with the same state in a row.
    /// Between two dates that show different states, the probability changes linearly in time. NaN if it was never seen.
    ///
    /// The mean of calibrated probabilities is calibrated, so areas from these probabilities are comparable with those of one map.
    pub fn smoothed(&self, probabilities: &[f32], means: &mut Vec<f32>, out: &mut [f32]) {
        means.clear();
        let mut start = 0;
        while start < self.path.len() {
            let end =
                self.path[start..].iter().position(|&s| s != self.path[start]).map_or(self.path.len(), |n| start + n);
            let sum: f64 = self.seen[start..end].iter().map(|seen| f64::from(probabilities[seen.date])).sum();
            means.resize(end, (sum / (end - start) as f64) as f32);
            start = end;
        }
        self.shares(|date, from, to, share| {
            // Exactly the mean within a run of dates.
            out[date] = if means[from] == means[to] {
                means[to]
            } else {
                means[from] + (means[to] - means[from]) * share as f32
            };
        });
        if self.seen.is_empty() {
            out.fill(f32::NAN);
        }
    }

    /// For each date, the places in the path of the dates around it on which the pixel was seen, and the share of the time
    /// between them that has passed. On a date with a view both are that date.
    fn shares(&self, mut at: impl FnMut(usize, usize, usize, f64)) {
        let days = self.chain.days();
        let Some(last) = self.seen.len().checked_sub(1) else { return };
        let mut next = 0;
        for date in 0..days.len() {
            while next < last && self.seen[next].date < date {
                next += 1;
            }
            let to = next;
            let from = if self.seen[to].date <= date { to } else { to.saturating_sub(1) };
            let (start, end) = (days[self.seen[from].date], days[self.seen[to].date]);
            let share = if from == to { 1.0 } else { f64::from(days[date] - start) / f64::from(end - start) };
            at(date, from, to, share);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minesegsat_core::persistence::Persistence;

    const DAYS: [i32; 8] = [0, 15, 30, 45, 60, 75, 90, 105];
    const THRESHOLDS: [f32; 8] = [0.5; 8];
    const CLOUD: f32 = f32::NAN;

    fn chain() -> Chain {
        let persistence =
            Persistence { onset_per_year: 0.1, regrowth_per_year: 0.1, evidence_weight: 0.8, evidence_limit: 8.0 };
        Chain::new(persistence, &DAYS).unwrap()
    }

    fn followed(probabilities: &[f32]) -> (LandHistory, Option<(usize, usize)>) {
        let chain = chain();
        let mut history = History::new(&chain, &THRESHOLDS, Confirmation::default());
        let found = history.follow(probabilities);
        (found.class, found.onset.map(|onset| (onset.after, onset.until)))
    }

    #[test]
    fn a_pixel_that_flickers_keeps_its_state() {
        let mine = [0.97, 0.98, 0.2, 0.97, 0.3, 0.96, 0.95, 0.9];
        assert_eq!(followed(&mine), (LandHistory::Disturbed, None));
        let forest = [0.03, 0.8, 0.02, 0.9, 0.05, 0.04, 0.03, 0.02];
        assert_eq!(followed(&forest), (LandHistory::Undisturbed, None));
        // A false alarm on the last date is not new land, unless it is likely.
        let haze = [0.03, 0.02, 0.02, 0.03, 0.05, 0.04, 0.03, 0.9];
        assert_eq!(followed(&haze), (LandHistory::Undisturbed, None));
        assert_eq!(followed(&[CLOUD; 8]), (LandHistory::NotAssessable, None));
    }

    #[test]
    fn an_onset_lies_between_the_last_no_and_the_first_yes() {
        let grown = [0.02, 0.03, 0.02, 0.04, 0.97, 0.99, 0.98, 0.99];
        assert_eq!(followed(&grown), (LandHistory::New, Some((3, 4))));
        // Clouds widen the interval, on both sides.
        let cloudy = [0.02, 0.03, 0.02, CLOUD, CLOUD, 0.99, 0.98, 0.99];
        assert_eq!(followed(&cloudy), (LandHistory::New, Some((2, 5))));
        // A date that missed it does not end it.
        let missed = [0.02, 0.03, 0.02, 0.04, 0.97, 0.3, 0.98, 0.99];
        assert_eq!(followed(&missed), (LandHistory::New, Some((3, 4))));
        // A false alarm before is not its beginning.
        let early = [0.02, 0.8, 0.02, 0.04, 0.02, 0.98, 0.98, 0.99];
        assert_eq!(followed(&early), (LandHistory::New, Some((4, 5))));
    }

    #[test]
    fn new_land_is_provisional_until_enough_dates_show_it() {
        // One date that is very sure.
        let once = [0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.9999];
        assert_eq!(followed(&once), (LandHistory::NewProvisional, Some((6, 7))));
        let twice = [0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.9999, 0.9999];
        assert_eq!(followed(&twice), (LandHistory::New, Some((5, 6))));
        // Withdrawn by the next date.
        let withdrawn = [0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.9999, 0.01];
        assert_eq!(followed(&withdrawn).0, LandHistory::Undisturbed);
    }

    #[test]
    fn land_regrows_and_keeps_the_date_of_its_onset() {
        let regrown = [0.02, 0.02, 0.999, 0.999, 0.999, 0.02, 0.01, 0.01];
        assert_eq!(followed(&regrown), (LandHistory::Regrown, Some((1, 2))));
        let from_the_start = [0.99, 0.99, 0.99, 0.99, 0.98, 0.02, 0.01, 0.01];
        assert_eq!(followed(&from_the_start), (LandHistory::Regrown, None));
    }

    #[test]
    fn one_date_is_its_map() {
        let chain = Chain::new(Persistence::default(), &[9]).unwrap();
        let mut history = History::new(&chain, &[0.4], Confirmation::default());
        assert_eq!(history.follow(&[0.41]).class, LandHistory::Disturbed);
        assert_eq!(history.follow(&[0.39]).class, LandHistory::Undisturbed);
        let mut out = [0.0];
        history.smoothed(&[0.39], &mut Vec::new(), &mut out);
        assert_eq!(out, [0.39]);
    }

    #[test]
    fn smoothed_probabilities_are_means_of_runs_and_lines_between_them() {
        let chain = chain();
        let mut history = History::new(&chain, &THRESHOLDS, Confirmation::default());
        let p = [CLOUD, 0.01, 0.03, CLOUD, CLOUD, 0.98, 0.96, 0.97];
        assert_eq!(history.follow(&p).class, LandHistory::New);
        let mut out = [0.0; 8];
        history.smoothed(&p, &mut Vec::new(), &mut out);
        let third = 0.02 + 0.95 / 3.0;
        let expected = [0.02, 0.02, 0.02, third, third + 0.95 / 3.0, 0.97, 0.97, 0.97];
        for (found, expected) in out.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{out:?}");
        }
        let mut states = [false; 8];
        history.states(&mut states);
        assert_eq!(states, [false, false, false, false, true, true, true, true]);
        history.follow(&[CLOUD; 8]);
        history.states(&mut states);
        history.smoothed(&[CLOUD; 8], &mut Vec::new(), &mut out);
        assert!(states.iter().all(|state| !state) && out.iter().all(|p| p.is_nan()));
    }

    #[test]
    fn confirmation_counts_successive_dates() {
        let rule = Confirmation { needed: 2, of: 3, mention_from: 0.1 };
        let holds = |dates: &[bool]| rule.holds(dates.iter().copied());
        assert!(holds(&[true, false, true]) && holds(&[false, false, true, true]));
        assert!(!holds(&[true]) && !holds(&[true, false, false, true]) && !holds(&[]));
        assert!(rule.check().is_ok());
        for (needed, of) in [(0, 3), (4, 3)] {
            let error = Confirmation { needed, of, ..rule }.check().unwrap_err().to_string();
            assert!(error.contains(&format!("{needed} of {of}")), "{error}");
        }
    }
}
