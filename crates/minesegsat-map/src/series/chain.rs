//! Disturbed or not, on the dates of a series: [`Chain`].
//!
//! [`Persistence`] has the rates of change, and the evidence of a date. The posterior and the most likely sequence of states are
//! those of a hidden Markov model (L. R. Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77(2), 1989,
//! sections III A and III B).
//!
//! A date without a view of the pixel is left out. The result is the same as if the map of that date had not been made.

use minesegsat_core::persistence::Persistence;
use minesegsat_core::{Error, Result};

/// The chain between the dates of a series.
#[derive(Debug, Clone)]
pub struct Chain {
    persistence: Persistence,
    /// Days of the dates, increasing.
    days: Vec<i32>,
    /// Transition probabilities between each pair of dates: the pair `i < j` is at [`pair`].
    transitions: Vec<[[f64; 2]; 2]>,
    /// Their logarithms.
    logarithms: Vec<[[f64; 2]; 2]>,
}

/// Place of the pair of dates `i < j`.
fn pair(i: usize, j: usize) -> usize {
    j * (j - 1) / 2 + i
}

/// What a pixel showed on a date.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// Index of the date in the series.
    pub date: usize,
    /// Evidence for "disturbed": a log-likelihood ratio, see [`Persistence::evidence`].
    pub evidence: f64,
}

/// Log-probability of each state on the first date: neither is preferred, so that a series of one date is its map.
const START: f64 = -std::f64::consts::LN_2;

impl Chain {
    /// Most dates of a series. Memory grows with the square of their number.
    pub const MOST_DATES: usize = 1000;

    /// The chain between dates, given as days since any epoch.
    pub fn new(persistence: Persistence, days: &[i32]) -> Result<Self> {
        persistence.check()?;
        let refuse = |value: String, accepted: String| Err(Error::Argument { name: "dates", value, accepted });
        if days.is_empty() || days.len() > Self::MOST_DATES {
            return refuse(days.len().to_string(), format!("1 to {} dates", Self::MOST_DATES));
        }
        if let Some((day, next)) = days.iter().zip(&days[1..]).find(|(day, next)| day >= next) {
            return refuse(format!("day {day} before day {next}"), "increasing days".to_owned());
        }
        let transitions: Vec<_> = (1..days.len())
            .flat_map(|j| (0..j).map(move |i| (i, j)))
            .map(|(i, j)| persistence.transition(f64::from(days[j] - days[i])))
            .collect();
        let logarithms = transitions.iter().map(|rows| rows.map(|row| row.map(f64::ln))).collect();
        Ok(Self { persistence, days: days.to_vec(), transitions, logarithms })
    }

    /// The rates and weights.
    pub fn persistence(&self) -> &Persistence {
        &self.persistence
    }

    /// Days of the dates.
    pub fn days(&self) -> &[i32] {
        &self.days
    }

    /// The most likely sequence of states on the dates on which a pixel was seen (Viterbi). A tie at the end goes to "disturbed",
    /// because a map counts a pixel at its threshold as disturbed; other ties go to "undisturbed".
    ///
    /// `back` is working memory.
    pub fn most_likely(&self, seen: &[Seen], back: &mut Vec<[bool; 2]>, path: &mut Vec<bool>) {
        path.clear();
        back.clear();
        let Some(first) = seen.first() else { return };
        let mut best = [START, START + first.evidence];
        for pair_of in seen.windows(2) {
            let log = &self.logarithms[pair(pair_of[0].date, pair_of[1].date)];
            let mut from = [false; 2];
            let mut next = [0.0; 2];
            for to in 0..2 {
                let (stay, come) = (best[0] + log[0][to], best[1] + log[1][to]);
                from[to] = come > stay;
                next[to] = if from[to] { come } else { stay };
            }
            next[1] += pair_of[1].evidence;
            best = next;
            back.push(from);
        }
        path.resize(seen.len(), false);
        let mut state = best[1] >= best[0];
        for (i, out) in path.iter_mut().enumerate().rev() {
            *out = state;
            if i > 0 {
                state = back[i - 1][usize::from(state)];
            }
        }
    }

    /// Posterior probability of "disturbed" on the dates on which a pixel was seen (forward-backward).
    pub fn posterior(&self, seen: &[Seen], out: &mut Vec<f64>) {
        out.clear();
        self.forward(seen, out);
        // Likelihood of the later dates, up to a factor.
        let mut later = [1.0; 2];
        for i in (0..seen.len()).rev() {
            let forward = out[i];
            let (no, yes) = ((1.0 - forward) * later[0], forward * later[1]);
            out[i] = yes / (no + yes);
            if i == 0 {
                break;
            }
            let rows = &self.transitions[pair(seen[i - 1].date, seen[i].date)];
            let [no, yes] = likelihoods(seen[i].evidence);
            let weighted = [no * later[0], yes * later[1]];
            let before = rows.map(|row| row[0] * weighted[0] + row[1] * weighted[1]);
            let largest = before[0].max(before[1]);
            later = before.map(|value| value / largest);
        }
    }

    /// Posterior probability of "disturbed" on the last date on which a pixel was seen. `None` if it was never seen.
    pub fn last_posterior(&self, seen: &[Seen]) -> Option<f64> {
        let mut probability = 0.5;
        for (i, now) in seen.iter().enumerate() {
            probability = self.step(probability, i.checked_sub(1).map(|before| seen[before].date), now);
        }
        (!seen.is_empty()).then_some(probability)
    }

    /// Probability of "disturbed" on each date, given this date and all earlier ones.
    fn forward(&self, seen: &[Seen], out: &mut Vec<f64>) {
        let mut probability = 0.5;
        for (i, now) in seen.iter().enumerate() {
            probability = self.step(probability, i.checked_sub(1).map(|before| seen[before].date), now);
            out.push(probability);
        }
    }

    fn step(&self, probability: f64, before: Option<usize>, now: &Seen) -> f64 {
        let prior = before.map_or(probability, |before| {
            let rows = &self.transitions[pair(before, now.date)];
            (1.0 - probability) * rows[0][1] + probability * rows[1][1]
        });
        let [no, yes] = likelihoods(now.evidence);
        prior * yes / (prior * yes + (1.0 - prior) * no)
    }
}

/// Likelihoods of "undisturbed" and "disturbed", up to a factor. The larger one is 1.
fn likelihoods(evidence: f64) -> [f64; 2] {
    if evidence > 0.0 { [(-evidence).exp(), 1.0] } else { [1.0, evidence.exp()] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAYS: [i32; 8] = [0, 5, 15, 16, 400, 430, 800, 1900];

    fn persistence() -> Persistence {
        Persistence { onset_per_year: 0.3, regrowth_per_year: 0.1, evidence_weight: 0.6, evidence_limit: 8.0 }
    }

    fn chain() -> Chain {
        Chain::new(persistence(), &DAYS).unwrap()
    }

    fn seen(evidence: &[f64]) -> Vec<Seen> {
        let seen = evidence.iter().enumerate().map(|(date, &evidence)| Seen { date, evidence });
        seen.filter(|seen| !seen.evidence.is_nan()).collect()
    }

    /// Joint log-probability of all sequences of states on the dates that were seen.
    fn enumerated(chain: &Chain, seen: &[Seen]) -> Vec<(Vec<bool>, f64)> {
        (0..1_u32 << seen.len())
            .map(|bits| {
                let path: Vec<bool> = (0..seen.len()).map(|i| bits >> i & 1 == 1).collect();
                let mut sum = 0.5_f64.ln();
                for (i, now) in seen.iter().enumerate() {
                    if i > 0 {
                        let days = f64::from(chain.days()[now.date] - chain.days()[seen[i - 1].date]);
                        let rows = chain.persistence().transition(days);
                        sum += rows[usize::from(path[i - 1])][usize::from(path[i])].ln();
                    }
                    sum += if path[i] { now.evidence } else { 0.0 };
                }
                (path, sum)
            })
            .collect()
    }

    fn posterior(chain: &Chain, seen: &[Seen]) -> Vec<f64> {
        let mut out = Vec::new();
        chain.posterior(seen, &mut out);
        out
    }

    fn most_likely(chain: &Chain, seen: &[Seen]) -> Vec<bool> {
        let (mut back, mut path) = (Vec::new(), Vec::new());
        chain.most_likely(seen, &mut back, &mut path);
        path
    }

    /// Evidence per date; NaN is a date without a view.
    fn evidences() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(prop_oneof![1 => Just(f64::NAN), 4 => -5.0..5.0], DAYS.len())
    }

    proptest! {
        #[test]
        fn posterior_and_path_are_those_of_all_sequences(evidence in evidences()) {
            let (chain, seen) = (chain(), seen(&evidence));
            let all = enumerated(&chain, &seen);
            let largest = all.iter().map(|(_, log)| *log).fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = all.iter().map(|(_, log)| (log - largest).exp()).sum();
            for (i, found) in posterior(&chain, &seen).into_iter().enumerate() {
                let yes: f64 = all.iter().filter(|(path, _)| path[i]).map(|(_, log)| (log - largest).exp()).sum();
                prop_assert!((found - yes / total).abs() < 1e-12, "{found} {}", yes / total);
            }
            let path = most_likely(&chain, &seen);
            let (_, of_path) = all.iter().find(|(other, _)| *other == path).unwrap();
            prop_assert!((of_path - largest).abs() < 1e-12 || seen.is_empty(), "{of_path} {largest}");
            if let Some(last) = chain.last_posterior(&seen) {
                prop_assert!((last - posterior(&chain, &seen).last().unwrap()).abs() < 1e-12);
            }
        }

        #[test]
        fn a_date_without_a_view_changes_nothing(evidence in evidences(), at in 0..DAYS.len()) {
            let mut without = evidence.clone();
            without[at] = f64::NAN;
            let with = posterior(&chain(), &seen(&without));
            // The same series without that date.
            let mut days = DAYS.to_vec();
            days.remove(at);
            without.remove(at);
            let shorter = posterior(&Chain::new(persistence(), &days).unwrap(), &seen(&without));
            prop_assert_eq!(with.len(), shorter.len());
            for (a, b) in with.iter().zip(&shorter) {
                prop_assert!((a - b).abs() < 1e-12);
            }
            // Nor does a later date without evidence: the chain between its neighbours is the same.
            if evidence[..at].iter().all(|e| e.is_nan()) {
                return Ok(());
            }
            let mut neutral = evidence.clone();
            neutral[at] = 0.0;
            let (all, places) = (posterior(&chain(), &seen(&neutral)), seen(&neutral));
            let kept: Vec<f64> = all.iter().zip(places).filter(|(_, seen)| seen.date != at).map(|(p, _)| *p).collect();
            for (a, b) in kept.iter().zip(&shorter) {
                prop_assert!((a - b).abs() < 1e-12, "{a} {b}");
            }
        }

        #[test]
        fn more_evidence_never_makes_disturbed_land_less_likely(evidence in evidences(), at in 0..DAYS.len(), more in 0.0..4.0) {
            let mut raised = evidence.clone();
            raised[at] += more;
            let (low, high) = (posterior(&chain(), &seen(&evidence)), posterior(&chain(), &seen(&raised)));
            for (a, b) in low.iter().zip(&high) {
                prop_assert!(*b >= a - 1e-12, "{a} {b}");
            }
        }

    }

    #[test]
    fn certain_dates_do_not_overflow() {
        let strong = Persistence { evidence_weight: 1.0, evidence_limit: 100.0, ..persistence() };
        let days: Vec<i32> = (0..500).map(|i| i * 3).collect();
        let chain = Chain::new(strong, &days).unwrap();
        let seen: Vec<Seen> =
            (0..500).map(|date| Seen { date, evidence: if date < 250 { -100.0 } else { 100.0 } }).collect();
        let found = posterior(&chain, &seen);
        assert!(found.iter().all(|p| p.is_finite()) && found[249] < 1e-9 && found[250] > 1.0 - 1e-9);
        assert_eq!(most_likely(&chain, &seen).iter().filter(|&&yes| yes).count(), 250);
        assert_eq!(most_likely(&chain, &[]), [false; 0]);
        assert_eq!(chain.last_posterior(&[]), None);
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        let refused = |persistence: Persistence, days: &[i32], said: &str| {
            let error = Chain::new(persistence, days).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        };
        refused(Persistence { onset_per_year: 0.0, ..persistence() }, &[0], "onset rate `0`");
        refused(persistence(), &[], "1 to 1000 dates");
        refused(persistence(), &[4, 4], "increasing days");
        refused(persistence(), &[5, 4], "increasing days");
    }
}
