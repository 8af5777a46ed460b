//! How long land stays disturbed or undisturbed, and how much one map counts: [`Persistence`].
//!
//! A pixel is in one of two states. It changes at constant rates: `onset` from undisturbed to disturbed, `regrowth` back. Over a
//! time t the probabilities of change are (J. R. Norris, "Markov Chains", Cambridge University Press 1997, section 2.1)
//!
//! ```text
//! P(disturbed at t | undisturbed at 0) = onset    / (onset + regrowth) (1 - exp(-(onset + regrowth) t))
//! P(undisturbed at t | disturbed at 0) = regrowth / (onset + regrowth) (1 - exp(-(onset + regrowth) t))
//! ```
//! So land hardly changes between dates that are close together, and may change between dates that are years apart.
//!
//! The evidence of a date is the log-odds of its map's calibrated probability, relative to those of the threshold, limited and
//! weighted. The weight is below 1 because the errors of dates are correlated: ten maps that err at the same pixel say hardly
//! more than one.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Days in a year.
const YEAR_DAYS: f64 = 365.25;

/// How long states last, and how much a date counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Persistence {
    /// Rate of undisturbed pixels that become disturbed, per year.
    pub onset_per_year: f64,
    /// Rate of disturbed pixels that regrow, per year.
    pub regrowth_per_year: f64,
    /// Factor on the log-odds of a date, above 0 to 1.
    pub evidence_weight: f64,
    /// Largest log-odds of a date, before the weight. A network that is sure and wrong must not outweigh all other dates.
    pub evidence_limit: f64,
}

impl Default for Persistence {
    /// Stated, not fitted. The onset rate is far above that of a whole landscape, so that new land shows after a few dates.
    /// `scripts/series_accuracy.py` measures what other values give on simulated landscapes.
    fn default() -> Self {
        Self { onset_per_year: 0.1, regrowth_per_year: 0.1, evidence_weight: 0.8, evidence_limit: 8.0 }
    }
}

impl Persistence {
    /// An error if a value is out of range.
    pub fn check(&self) -> Result<()> {
        let refuse = |name, value: f64, accepted: &str| {
            Err(Error::Argument { name, value: value.to_string(), accepted: accepted.to_owned() })
        };
        for (name, rate) in [("onset rate", self.onset_per_year), ("regrowth rate", self.regrowth_per_year)] {
            if !(rate > 0.0 && rate <= 12.0) {
                return refuse(name, rate, "above 0 to 12 per year");
            }
        }
        if !(self.evidence_weight > 0.0 && self.evidence_weight <= 1.0) {
            return refuse("evidence weight", self.evidence_weight, "above 0 to 1");
        }
        if !(self.evidence_limit > 0.0 && self.evidence_limit <= 100.0) {
            return refuse("evidence limit", self.evidence_limit, "log-odds above 0 to 100");
        }
        Ok(())
    }

    /// Probabilities of the states after some days, `[from][to]`; state 1 is disturbed.
    pub fn transition(&self, days: f64) -> [[f64; 2]; 2] {
        let rate = self.onset_per_year + self.regrowth_per_year;
        let share = -(-rate * days / YEAR_DAYS).exp_m1() / rate;
        let (onset, regrowth) = (self.onset_per_year * share, self.regrowth_per_year * share);
        [[1.0 - onset, onset], [regrowth, 1.0 - regrowth]]
    }

    /// Evidence of a probability for "disturbed": weighted log-odds relative to the threshold. NaN stays NaN.
    pub fn evidence(&self, probability: f32, threshold: f32) -> f64 {
        let logit = |p: f32| (f64::from(p) / (1.0 - f64::from(p))).ln();
        let odds = logit(probability) - logit(threshold);
        self.evidence_weight * odds.clamp(-self.evidence_limit, self.evidence_limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn persistence() -> Persistence {
        Persistence { onset_per_year: 0.3, regrowth_per_year: 0.1, evidence_weight: 0.6, evidence_limit: 8.0 }
    }

    proptest! {
        #[test]
        fn steps_of_the_chain_join(first in 0.0..3000.0_f64, second in 0.0..3000.0_f64) {
            let (a, b, both) = (persistence().transition(first), persistence().transition(second), persistence().transition(first + second));
            for from in 0..2 {
                prop_assert!((both[from][0] + both[from][1] - 1.0).abs() < 1e-12);
                for to in 0..2 {
                    let joined = a[from][0] * b[0][to] + a[from][1] * b[1][to];
                    prop_assert!((joined - both[from][to]).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn rates_are_per_year_and_have_a_balance() {
        let rows = persistence().transition(365.25 * 1e-4);
        assert!((rows[0][1] - 0.3e-4).abs() < 1e-8 && (rows[1][0] - 0.1e-4).abs() < 1e-8, "{rows:?}");
        let rows = persistence().transition(1e6);
        assert!((rows[0][1] - 0.75).abs() < 1e-12 && (rows[1][1] - 0.75).abs() < 1e-12, "{rows:?}");
        assert_eq!(persistence().transition(0.0), [[1.0, 0.0], [0.0, 1.0]]);
    }

    #[test]
    fn evidence_is_weighed_limited_and_relative_to_the_threshold() {
        let rules = persistence();
        assert_eq!(rules.evidence(0.3, 0.3), 0.0);
        // ln(0.9 / 0.1) = 2.197
        assert!((rules.evidence(0.9, 0.5) - 0.6 * 9.0_f64.ln()).abs() < 1e-6);
        assert_eq!((rules.evidence(1.0, 0.5), rules.evidence(0.0, 0.5)), (4.8, -4.8));
        assert!(rules.evidence(f32::NAN, 0.5).is_nan());
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        let refused = |wrong: Persistence, said: &str| {
            let error = wrong.check().unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        };
        assert!(Persistence::default().check().is_ok());
        refused(Persistence { onset_per_year: 0.0, ..persistence() }, "onset rate `0`");
        refused(Persistence { regrowth_per_year: f64::NAN, ..persistence() }, "above 0 to 12 per year");
        refused(Persistence { evidence_weight: 1.5, ..persistence() }, "above 0 to 1");
        refused(Persistence { evidence_limit: 0.0, ..persistence() }, "log-odds");
    }
}
