//! Histogram of predicted probabilities: [`ProbabilityHistogram`].

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::{Calibration, ConfusionMatrix};

/// Bins per unit of the logit: steps of 0.00025 around a probability of 0.5, and equally fine relative steps for small
/// probabilities. The logits of models with a high temperature span less than one unit.
const BINS_PER_LOGIT: usize = 1024;
/// Range of logits in whole numbers: probabilities from 1e-21, as networks trained with region losses give, to 4e-8 below
/// 1, the limit of single precision.
const LOGITS: std::ops::Range<i32> = -48..17;
const BINS: usize = (LOGITS.end - LOGITS.start) as usize * BINS_PER_LOGIT;

/// Smallest probability of each bin, in ascending order. The first is 0; the others are evenly spaced in the logit.
fn edges() -> &'static [f32] {
    static EDGES: OnceLock<Vec<f32>> = OnceLock::new();
    EDGES.get_or_init(|| (0..BINS).map(|bin| if bin == 0 { 0.0 } else { sigmoid(logit_of_edge(bin)) as f32 }).collect())
}

fn logit_of_edge(bin: usize) -> f64 {
    bin as f64 / BINS_PER_LOGIT as f64 + f64::from(LOGITS.start)
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// Mine and background pixels by probability, in 66,560 bins of equal logit width.
///
/// It gives the confusion matrix at any threshold, exactly at the edges of its bins, with the comparison of
/// [`ConfusionMatrix::count`]. Its size does not depend on the number of pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbabilityHistogram {
    others: Vec<u64>,
    mines: Vec<u64>,
    calibration: Calibration,
}

impl Default for ProbabilityHistogram {
    fn default() -> Self {
        Self { others: vec![0; BINS], mines: vec![0; BINS], calibration: Calibration::default() }
    }
}

/// A threshold with its confusion matrix.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AtThreshold {
    /// Pixels with at least this probability are predicted as mines.
    pub threshold: f32,
    /// Confusion matrix at this threshold.
    pub counts: ConfusionMatrix,
}

/// Pixels with nearly the same probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogitCell {
    /// Logit in the middle of the bin.
    pub logit: f64,
    /// Number of mine pixels.
    pub mines: u64,
    /// Number of background pixels.
    pub others: u64,
}

impl ProbabilityHistogram {
    /// Adds the pixels of an image; see [`ConfusionMatrix::count`].
    pub fn add(&mut self, probabilities: &[f32], mask: &[u8], ignore: u8) {
        assert_eq!(probabilities.len(), mask.len(), "one probability per pixel of the mask");
        let edges = edges();
        for (&p, &class) in probabilities.iter().zip(mask) {
            if class == ignore || p.is_nan() {
                continue;
            }
            let bin = edges.partition_point(|edge| *edge <= p).max(1) - 1;
            if class != 0 {
                self.mines[bin] += 1;
            } else {
                self.others[bin] += 1;
            }
        }
        self.calibration.add(probabilities, mask, ignore);
    }

    /// Adds the pixels of another histogram.
    pub fn merge(&mut self, other: &Self) {
        let add = |to: &mut Vec<u64>, from: &[u64]| to.iter_mut().zip(from).for_each(|(a, b)| *a += b);
        add(&mut self.others, &other.others);
        add(&mut self.mines, &other.mines);
        self.calibration.merge(&other.calibration);
    }

    /// Number of mine pixels.
    pub fn mines(&self) -> u64 {
        self.mines.iter().sum()
    }

    /// The reliability diagram of the same pixels.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// The confusion matrix at the threshold of each bin, from 0 (all pixels are predicted as mines) upwards.
    pub fn by_threshold(&self) -> Vec<AtThreshold> {
        let (mut fn_, mut tn) = (0, 0);
        let (mut tp, mut fp) = (self.mines(), self.others.iter().sum());
        let mut thresholds = Vec::with_capacity(BINS);
        for (bin, &threshold) in edges().iter().enumerate() {
            thresholds.push(AtThreshold { threshold, counts: ConfusionMatrix { tp, fp, fn_, tn } });
            tp -= self.mines[bin];
            fn_ += self.mines[bin];
            fp -= self.others[bin];
            tn += self.others[bin];
        }
        thresholds
    }

    /// The threshold with the largest F1; among equal ones the nearest to 0.5. `None` if no pixel is a mine.
    pub fn best_f1(&self) -> Option<AtThreshold> {
        if self.mines() == 0 {
            return None;
        }
        let distance = |at: &AtThreshold| (at.threshold - 0.5).abs();
        let f1 = |at: &AtThreshold| at.counts.f1().unwrap_or(0.0);
        self.by_threshold().into_iter().max_by(|a, b| f1(a).total_cmp(&f1(b)).then(distance(b).total_cmp(&distance(a))))
    }

    /// Average precision, the area under the precision-recall curve in steps: `sum (R_n - R_(n-1)) P_n` over pixels by falling
    /// probability, as in scikit-learn. Pixels of one bin count as evenly mixed, which is accurate to 1e-4 unless all
    /// probabilities are equal. `None` if no pixel is a mine.
    pub fn average_precision(&self) -> Option<f64> {
        /// Up to this number of terms, sums are computed term by term.
        const FEW: u64 = 64;
        let mines = self.mines();
        let (mut tp, mut taken, mut area) = (0.0, 0.0, 0.0);
        for bin in (0..BINS).rev().filter(|bin| self.mines[*bin] + self.others[*bin] > 0) {
            let (m, count) = (self.mines[bin] as f64, self.mines[bin] + self.others[bin]);
            let k = count as f64;
            // With the j-th of k pixels precision is (tp + m j / k) / (taken + j), and recall grows by m / k of a mine:
            // the sum over j is m + (tp - m taken / k) (H(taken + k) - H(taken)), H being harmonic numbers.
            let harmonic: f64 = if count <= FEW {
                (1..=count).map(|j| 1.0 / (taken + j as f64)).sum()
            } else {
                ((taken + k + 0.5) / (taken + 0.5)).ln()
            };
            area += m / k * (m + (tp - m * taken / k) * harmonic);
            tp += m;
            taken += k;
        }
        (mines > 0).then(|| area / mines as f64)
    }

    /// The non-empty bins, for fits in the logit.
    pub fn cells(&self) -> impl Iterator<Item = LogitCell> {
        let middle = |bin| logit_of_edge(bin) + 0.5 / BINS_PER_LOGIT as f64;
        (0..BINS)
            .map(move |bin| LogitCell { logit: middle(bin), mines: self.mines[bin], others: self.others[bin] })
            .filter(|cell| cell.mines + cell.others > 0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn histogram(p: &[f32], mask: &[u8]) -> ProbabilityHistogram {
        let mut histogram = ProbabilityHistogram::default();
        histogram.add(p, mask, 255);
        histogram
    }

    #[test]
    fn average_precision_is_scikit_learns() {
        let all = histogram(&[0.9, 0.5, 0.2, 0.6, f32::NAN, 0.3], &[1, 1, 0, 0, 1, 255]);
        assert_eq!((all.calibration().pixels(), all.mines()), (4, 2));
        // sklearn.metrics.average_precision_score([1, 1, 0, 0], [.9, .5, .2, .6]) = 0.5 * 1 + 0.5 * 2 / 3
        assert!((all.average_precision().unwrap() - (0.5 + 1.0 / 3.0)).abs() < 1e-12);
        assert_eq!(histogram(&[], &[]).best_f1(), None);
        assert_eq!(histogram(&[0.4], &[0]).best_f1(), None, "no mine, no best threshold");
        assert_eq!(histogram(&[0.4], &[0]).average_precision(), None);
        // If all probabilities are equal, the result is the share of mines, as in sklearn.metrics.average_precision_score.
        let alike = histogram(&[0.3; 500], &[[1; 100].as_slice(), &[0; 400]].concat()).average_precision().unwrap();
        assert!((alike - 0.2).abs() < 1e-9, "{alike}");
        // numpy: i = np.arange(100000); p = (i + .5) / 1e5; y = i * 7919 % 100000 < i / 2
        // sklearn.metrics.average_precision_score(y, p) = 0.416_336
        let p: Vec<f32> = (0..100_000).map(|i| (i as f32 + 0.5) / 1e5).collect();
        let mask: Vec<u8> = (0..100_000_u64).map(|i| u8::from(2 * (i * 7919 % 100_000) < i)).collect();
        let found = histogram(&p, &mask).average_precision().unwrap();
        assert!((found - 0.416_336).abs() < 1e-4, "{found}");
    }

    #[test]
    fn the_best_threshold_finds_mines_of_tiny_probability_and_keeps_to_the_middle() {
        let at = histogram(&[3e-5, 4e-5, 1e-6, 2e-6], &[1, 1, 0, 0]).best_f1().unwrap();
        assert_eq!(at.counts, ConfusionMatrix { tp: 2, fp: 0, fn_: 0, tn: 2 });
        assert!((2e-6..=3e-5).contains(&at.threshold), "{}", at.threshold);
        let at = histogram(&[0.9, 0.1], &[1, 0]).best_f1().unwrap();
        assert_eq!(at.threshold, 0.5, "of equals, one half");
    }

    proptest! {
        #[test]
        fn thresholds_decide_as_counting_does(
            pixels in prop::collection::vec(
                (prop_oneof![0.0_f32..=1.0, 0.0_f32..1e-4, Just(0.0), Just(0.5), Just(1.0)], 0_u8..2), 1..100),
            bin in 0_usize..BINS,
            cut in 0_usize..100,
        ) {
            let (p, mask): (Vec<f32>, Vec<u8>) = pixels.into_iter().unzip();
            let whole = histogram(&p, &mask);
            let at = whole.by_threshold()[bin];
            prop_assert_eq!(at.counts, ConfusionMatrix::count(&p, &mask, at.threshold, 255));
            if let Some(best) = whole.best_f1() {
                prop_assert_eq!(best.counts, ConfusionMatrix::count(&p, &mask, best.threshold, 255));
                prop_assert!(best.counts.f1() >= at.counts.f1());
            }
            // Parts add up to the whole.
            let cut = cut.min(p.len());
            let mut parts = histogram(&p[..cut], &mask[..cut]);
            parts.merge(&histogram(&p[cut..], &mask[cut..]));
            prop_assert_eq!(parts.by_threshold(), whole.by_threshold());
        }
    }
}
