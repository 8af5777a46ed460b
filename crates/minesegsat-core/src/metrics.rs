//! Accuracy of a map: counts ([`ConfusionMatrix`]), ratios of the counts, and calibration of probabilities
//! ([`Reliability`]). A [`ProbabilityHistogram`] gives the counts at every threshold.

mod boundary;
mod calibration;
mod histogram;

use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

pub use boundary::{BoundaryCounts, TOLERANCES_PX};
pub use calibration::Calibration;
pub use histogram::{AtThreshold, LogitCell, ProbabilityHistogram};

/// Confusion matrix: pixels by true and predicted class. Mines are the positive class. Ignored pixels are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    /// True positives: mine pixels that are predicted as mine.
    pub tp: u64,
    /// False positives: background pixels that are predicted as mine.
    pub fp: u64,
    /// False negatives: mine pixels that are predicted as background.
    #[serde(rename = "fn")]
    pub fn_: u64,
    /// True negatives: background pixels that are predicted as background.
    pub tn: u64,
}

impl ConfusionMatrix {
    /// Counts the pixels of an image.
    ///
    /// # Shapes
    /// - `probabilities`, `mask`: `[H, W]`. A probability of at least `threshold` predicts a mine. In the mask 0 is background,
    ///   `ignore` is left out, and any other value is a mine. Pixels with the probability NaN are left out too.
    pub fn count(probabilities: &[f32], mask: &[u8], threshold: f32, ignore: u8) -> Self {
        assert_eq!(probabilities.len(), mask.len(), "one probability per pixel of the mask");
        let mut counts = Self::default();
        for (&p, &class) in probabilities.iter().zip(mask) {
            if class == ignore || p.is_nan() {
                continue;
            }
            match (p >= threshold, class != 0) {
                (true, true) => counts.tp += 1,
                (true, false) => counts.fp += 1,
                (false, true) => counts.fn_ += 1,
                (false, false) => counts.tn += 1,
            }
        }
        counts
    }

    /// Number of counted pixels.
    pub fn total(&self) -> u64 {
        self.tp + self.fp + self.fn_ + self.tn
    }

    /// Precision: `TP / (TP + FP)`. `None` if no pixel is predicted as mine.
    pub fn precision(&self) -> Option<f64> {
        ratio(self.tp, self.tp + self.fp)
    }

    /// Recall: `TP / (TP + FN)`. `None` if there is no mine pixel.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.tp, self.tp + self.fn_)
    }

    /// F1 score: `2 TP / (2 TP + FP + FN)`. `None` if no pixel is a mine or predicted as mine.
    pub fn f1(&self) -> Option<f64> {
        ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn_)
    }

    /// Intersection over union, `TP / (TP + FP + FN)`; `None` as for [`ConfusionMatrix::f1`].
    pub fn iou(&self) -> Option<f64> {
        ratio(self.tp, self.tp + self.fp + self.fn_)
    }

    /// Overall accuracy: share of correctly predicted pixels. `None` if there are no pixels.
    pub fn accuracy(&self) -> Option<f64> {
        ratio(self.tp + self.tn, self.total())
    }

    /// Specificity: `TN / (TN + FP)`. `None` if there is no background pixel.
    pub fn specificity(&self) -> Option<f64> {
        ratio(self.tn, self.tn + self.fp)
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl Add for ConfusionMatrix {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { tp: self.tp + other.tp, fp: self.fp + other.fp, fn_: self.fn_ + other.fn_, tn: self.tn + other.tn }
    }
}

impl AddAssign for ConfusionMatrix {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::iter::Sum for ConfusionMatrix {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Add::add)
    }
}

/// Reliability diagram: predicted probabilities and observed mine shares, in bins of equal width.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// Bins in ascending order of probability.
    pub bins: Vec<ReliabilityBin>,
}

/// Pixels whose probability lies in one interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Number of pixels.
    pub count: u64,
    /// Sum of their probabilities.
    pub probability: f64,
    /// Number of mine pixels.
    pub mines: u64,
}

impl Reliability {
    /// Empty bins.
    pub fn new(bins: usize) -> Self {
        Self { bins: vec![ReliabilityBin::default(); bins.max(1)] }
    }

    /// Adds the pixels of an image; see [`ConfusionMatrix::count`].
    pub fn add(&mut self, probabilities: &[f32], mask: &[u8], ignore: u8) {
        let last = self.bins.len() - 1;
        for (&p, &class) in probabilities.iter().zip(mask) {
            if class == ignore || p.is_nan() {
                continue;
            }
            let bin = &mut self.bins[((f64::from(p) * (last + 1) as f64) as usize).min(last)];
            bin.count += 1;
            bin.probability += f64::from(p);
            bin.mines += u64::from(class != 0);
        }
    }

    /// Adds the pixels of another diagram with the same number of bins.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.bins.len(), other.bins.len(), "the same bins");
        for (bin, more) in self.bins.iter_mut().zip(&other.bins) {
            bin.count += more.count;
            bin.probability += more.probability;
            bin.mines += more.mines;
        }
    }

    /// Expected calibration error: the mean distance of the probability from the share of mines over all bins, weighted by
    /// pixels (Naeini, Cooper, Hauskrecht 2015, <https://doi.org/10.1609/aaai.v29i1.9602>). 0 if there are no pixels.
    pub fn expected_calibration_error(&self) -> f64 {
        let total: u64 = self.bins.iter().map(|bin| bin.count).sum();
        let apart: f64 = self.bins.iter().map(|bin| (bin.probability - bin.mines as f64).abs()).sum();
        if total == 0 { 0.0 } else { apart / total as f64 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts_and_ratios_are_those_done_by_hand() {
        let p = [0.9, 0.5, 0.4, 0.1, f32::NAN, 0.7];
        let mask = [1, 0, 2, 0, 1, 255];
        let counts = ConfusionMatrix::count(&p, &mask, 0.5, 255);
        assert_eq!(counts, ConfusionMatrix { tp: 1, fp: 1, fn_: 1, tn: 1 });
        assert_eq!((counts.precision(), counts.recall(), counts.f1()), (Some(0.5), Some(0.5), Some(0.5)));
        assert_eq!((counts.iou(), counts.accuracy()), (Some(1.0 / 3.0), Some(0.5)));
        let empty = ConfusionMatrix::count(&[0.1], &[0], 0.5, 255);
        assert_eq!((empty.f1(), empty.recall(), empty.specificity()), (None, None, Some(1.0)));
    }

    #[test]
    fn calibration_compares_probabilities_with_shares() {
        let mut reliability = Reliability::new(10);
        // Four pixels at 0.75, three of them mines: exactly right. Two at 0.05, one of them a mine: off by 0.45.
        reliability.add(&[0.75, 0.75, 0.75, 0.75, 0.05, 0.05, 0.3], &[1, 1, 1, 0, 1, 0, 255], 255);
        let error = reliability.expected_calibration_error();
        assert!((error - 0.9 / 6.0).abs() < 1e-6, "{error}");
        assert_eq!(Reliability::new(5).expected_calibration_error(), 0.0);
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(
            pixels in prop::collection::vec((0.0_f32..1.0, prop::sample::select(vec![0_u8, 1, 255])), 1..200),
            threshold in 0.0_f32..1.0,
            cut in 0_usize..200,
        ) {
            let (p, mask): (Vec<f32>, Vec<u8>) = pixels.into_iter().unzip();
            let cut = cut.min(p.len());
            let count = |a: usize, b: usize| ConfusionMatrix::count(&p[a..b], &mask[a..b], threshold, 255);
            let whole = count(0, p.len());
            prop_assert_eq!(count(0, cut) + count(cut, p.len()), whole);
            prop_assert_eq!(whole.total() as usize, mask.iter().filter(|m| **m != 255).count());
            if let (Some(f1), Some(iou)) = (whole.f1(), whole.iou()) {
                prop_assert!((f1 - 2.0 * iou / (1.0 + iou)).abs() < 1e-12);
            }
        }
    }
}
