//! Pixels by their probability: [`ProbabilityHistogram`].

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::{Calibration, ConfusionMatrix};

/// Bins per unit of the logit: steps of 0.001 around a probability of one half, and as fine relative to small ones.
const BINS_PER_LOGIT: usize = 256;
/// Logits that are told apart, in whole numbers: probabilities from 1e-21, which networks that were trained with region losses
/// answer with, up to 4e-8 below 1, where single precision ends.
const LOGITS: std::ops::Range<i32> = -48..17;
const BINS: usize = (LOGITS.end - LOGITS.start) as usize * BINS_PER_LOGIT;

/// Smallest probability of each bin, growing. In the logit they are evenly spaced, but for the first, which is 0.
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

/// Mines and other land by probability, in 16,640 bins of equal width of the logit.
///
/// All that depends on a threshold comes from it, at the edges of its bins exactly: the probability of a pixel is compared
/// with them as [`ConfusionMatrix::count`] does. Its size does not depend on the number of pixels.
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

/// What was decided at a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AtThreshold {
    /// Pixels of at least this probability are taken for mines.
    pub threshold: f32,
    /// What came of it.
    pub counts: ConfusionMatrix,
}

/// Pixels of nearly the same probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogitCell {
    /// Logit in the middle of the bin.
    pub logit: f64,
    /// Pixels that are mines.
    pub mines: u64,
    /// Pixels that are not.
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

    /// Pixels in it that are mines.
    pub fn mines(&self) -> u64 {
        self.mines.iter().sum()
    }

    /// The same pixels, as to how far their probabilities can be believed.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// What thresholds decide, from 0 (all is taken for mines) upwards: one per bin.
    pub fn by_threshold(&self) -> Vec<AtThreshold> {
        let (mut fn_, mut tn) = (0, 0);
        let (mut tp, mut fp) = (self.mines(), self.others.iter().sum());
        let mut found = Vec::with_capacity(BINS);
        for (bin, &threshold) in edges().iter().enumerate() {
            found.push(AtThreshold { threshold, counts: ConfusionMatrix { tp, fp, fn_, tn } });
            tp -= self.mines[bin];
            fn_ += self.mines[bin];
            fp -= self.others[bin];
            tn += self.others[bin];
        }
        found
    }

    /// The threshold of the largest F1; of equal ones the one nearest to one half. `None` where no pixel is a mine, which
    /// no threshold can find.
    pub fn best_f1(&self) -> Option<AtThreshold> {
        if self.mines() == 0 {
            return None;
        }
        let distance = |at: &AtThreshold| (at.threshold - 0.5).abs();
        let f1 = |at: &AtThreshold| at.counts.f1().unwrap_or(0.0);
        self.by_threshold().into_iter().max_by(|a, b| f1(a).total_cmp(&f1(b)).then(distance(b).total_cmp(&distance(a))))
    }

    /// Average precision, the area under the precision-recall curve in steps: `sum (R_n - R_(n-1)) P_n`, as scikit-learn
    /// has it. `None` where no pixel is a mine.
    pub fn average_precision(&self) -> Option<f64> {
        let mines = self.mines();
        let (mut tp, mut taken, mut area) = (0, 0, 0.0);
        for bin in (0..BINS).rev() {
            tp += self.mines[bin];
            taken += self.mines[bin] + self.others[bin];
            if self.mines[bin] > 0 {
                area += self.mines[bin] as f64 / mines as f64 * tp as f64 / taken as f64;
            }
        }
        (mines > 0).then_some(area)
    }

    /// The bins that hold pixels, for fits in the logit.
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
