//! Calibration of predicted probabilities: [`Calibration`].

use super::Reliability;

/// Smallest distance of a probability from 0 and 1 in logarithms: single precision cannot resolve less near 1.
const LEAST_PROBABILITY: f64 = 1e-7;
/// Bins of the calibration error, as in Guo et al. 2017 (<https://arxiv.org/abs/1706.04599>).
const BINS: usize = 15;

/// Sums of log loss and Brier score over pixels, and their reliability diagram.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    pixels: u64,
    reliability: Reliability,
    /// Sum of the negative logarithm of the probability of the true class.
    log_loss: f64,
    /// Sum of the squared distance of the probability from the true value, 0 or 1.
    squared: f64,
}

impl Default for Calibration {
    fn default() -> Self {
        Self { pixels: 0, reliability: Reliability::new(BINS), log_loss: 0.0, squared: 0.0 }
    }
}

impl Calibration {
    /// Adds the pixels of an image; see [`ConfusionMatrix::count`](super::ConfusionMatrix::count).
    pub fn add(&mut self, probabilities: &[f32], mask: &[u8], ignore: u8) {
        for (&p, &class) in probabilities.iter().zip(mask) {
            if class == ignore || p.is_nan() {
                continue;
            }
            let p = f64::from(p);
            let right = if class != 0 { p } else { 1.0 - p };
            self.pixels += 1;
            self.log_loss -= right.clamp(LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY).ln();
            self.squared += (1.0 - right) * (1.0 - right);
        }
        self.reliability.add(probabilities, mask, ignore);
    }

    /// Adds the pixels of another calibration.
    pub fn merge(&mut self, other: &Self) {
        self.pixels += other.pixels;
        self.log_loss += other.log_loss;
        self.squared += other.squared;
        self.reliability.merge(&other.reliability);
    }

    /// Number of pixels.
    pub fn pixels(&self) -> u64 {
        self.pixels
    }

    /// Reliability diagram in 15 bins of equal width.
    pub fn reliability(&self) -> &Reliability {
        &self.reliability
    }

    /// Mean binary cross-entropy in nats. `None` without pixels. Probabilities are clipped to 1e-7 from 0 and 1.
    pub fn log_loss(&self) -> Option<f64> {
        self.mean(self.log_loss)
    }

    /// Mean squared distance of the probability from the true value, 0 or 1 (Brier 1950,
    /// <https://doi.org/10.1175/1520-0493(1950)078%3C0001:VOFEIT%3E2.0.CO;2>). `None` without pixels.
    pub fn brier(&self) -> Option<f64> {
        self.mean(self.squared)
    }

    /// See [`Reliability::expected_calibration_error`]. `None` without pixels.
    pub fn error(&self) -> Option<f64> {
        (self.pixels > 0).then(|| self.reliability.expected_calibration_error())
    }

    fn mean(&self, sum: f64) -> Option<f64> {
        (self.pixels > 0).then(|| sum / self.pixels as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration(p: &[f32], mask: &[u8]) -> Calibration {
        let mut calibration = Calibration::default();
        calibration.add(p, mask, 255);
        calibration
    }

    #[test]
    fn losses_are_those_done_by_hand() {
        // numpy: p = [.9, .5, .2, .6]; y = [1, 1, 0, 0]
        // -(y*log(p)+(1-y)*log(1-p)).mean() = 0.48448, ((p-y)**2).mean() = 0.165
        let (p, mask) = ([0.9, 0.5, 0.2, 0.6, f32::NAN, 0.3], [1, 1, 0, 0, 1, 255]);
        let all = calibration(&p, &mask);
        assert_eq!(all.pixels(), 4);
        assert!((all.log_loss().unwrap() - 0.484_48).abs() < 1e-5, "{:?}", all.log_loss());
        assert!((all.brier().unwrap() - 0.165).abs() < 1e-6, "{:?}", all.brier());
        let mut parts = calibration(&p[..2], &mask[..2]);
        parts.merge(&calibration(&p[2..], &mask[2..]));
        assert!((parts.log_loss().unwrap() - all.log_loss().unwrap()).abs() < 1e-12);
        assert!((parts.error().unwrap() - all.error().unwrap()).abs() < 1e-12);
        let empty = calibration(&[], &[]);
        assert_eq!((empty.log_loss(), empty.brier(), empty.error()), (None, None, None));
    }

    #[test]
    fn certain_and_wrong_costs_much_but_not_everything() {
        let wrong = calibration(&[0.0, 1.0], &[1, 0]).log_loss().unwrap();
        assert!((wrong - 1e7_f64.ln()).abs() < 1e-6, "{wrong}");
    }
}
