//! Calibration of a model's probabilities by temperature scaling: [`fit_temperature`].

use minesegsat_core::metrics::{LogitCell, ProbabilityHistogram};

/// Largest temperature in the search; the smallest is its inverse. Models that are further off cannot be calibrated by
/// one number.
const LARGEST: f64 = 20.0;
/// Golden-section steps. Each shortens the interval by the factor 0.618, so 60 steps leave less than 1e-11.
const STEPS: usize = 60;

/// A fitted temperature and its effect on the pixels that it was fitted to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TemperatureFit {
    /// Divisor of the logits, relative to the temperature with which the probabilities were made.
    pub temperature: f64,
    /// Whether the temperature is at a limit of the search interval.
    pub is_at_limit: bool,
}

/// The temperature between 1/20 and 20 that minimises the mean cross-entropy (Guo, Pleiss, Sun, Weinberger 2017, "On
/// calibration of modern neural networks", section 4.2, <https://arxiv.org/abs/1706.04599>). `None` unless the pixels
/// contain both mines and other land: otherwise the cross-entropy has no minimum.
///
/// The fit uses the logits of the histogram. Their bins are 1/1024 wide. Logits are limited to -48 to 17, the range of
/// single precision. The cross-entropy is convex in the inverse temperature, so the golden section finds its only
/// minimum.
pub fn fit_temperature(histogram: &ProbabilityHistogram) -> Option<TemperatureFit> {
    let cells: Vec<LogitCell> = histogram.cells().collect();
    let (mines, others) = cells.iter().fold((0, 0), |(m, o), cell| (m + cell.mines, o + cell.others));
    if mines == 0 || others == 0 {
        return None;
    }
    let cost = |log_beta: f64| -> f64 {
        let beta = log_beta.exp();
        cells
            .iter()
            .map(|cell| {
                let z = beta * cell.logit;
                cell.mines as f64 * softplus(-z) + cell.others as f64 * softplus(z)
            })
            .sum()
    };
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut a, mut b) = (-LARGEST.ln(), LARGEST.ln());
    let (mut c, mut d) = (b - golden * (b - a), a + golden * (b - a));
    let (mut at_c, mut at_d) = (cost(c), cost(d));
    for _ in 0..STEPS {
        if at_c < at_d {
            (b, d, at_d) = (d, c, at_c);
            c = b - golden * (b - a);
            at_c = cost(c);
        } else {
            (a, c, at_c) = (c, d, at_d);
            d = a + golden * (b - a);
            at_d = cost(d);
        }
    }
    let log_beta = f64::midpoint(a, b);
    Some(TemperatureFit { temperature: (-log_beta).exp(), is_at_limit: log_beta.abs() > LARGEST.ln() - 1e-6 })
}

/// `ln(1 + e^x)` without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sigmoid(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    /// Pixels whose labels are true with frequency `sigmoid(logit)`, and whose probabilities are distorted by a
    /// temperature.
    fn pixels(temperature: f64) -> ProbabilityHistogram {
        let (mut p, mut mask) = (Vec::new(), Vec::new());
        for step in -40..=40 {
            let logit = f64::from(step) / 10.0;
            let mines = (sigmoid(logit) * 1000.0).round() as usize;
            for i in 0..1000 {
                p.push(sigmoid(logit * temperature) as f32);
                mask.push(u8::from(i < mines));
            }
        }
        let mut histogram = ProbabilityHistogram::default();
        histogram.add(&p, &mask, 255);
        histogram
    }

    #[test]
    fn the_temperature_that_was_put_in_is_found() {
        for temperature in [0.5, 1.0, 2.5] {
            let fit = fit_temperature(&pixels(temperature)).unwrap();
            assert!((fit.temperature / temperature - 1.0).abs() < 0.01, "{temperature}: {fit:?}");
            assert!(!fit.is_at_limit);
        }
    }

    #[test]
    fn there_is_none_without_both_classes_and_a_limit_for_those_that_are_never_wrong() {
        let of = |p: &[f32], mask: &[u8]| {
            let mut histogram = ProbabilityHistogram::default();
            histogram.add(p, mask, 255);
            fit_temperature(&histogram)
        };
        assert_eq!(of(&[0.2, 0.4], &[0, 0]), None);
        assert_eq!(of(&[], &[]), None);
        let sure = of(&[0.6, 0.4], &[1, 0]).unwrap();
        assert!(sure.is_at_limit && sure.temperature < 0.051, "{sure:?}");
        let wrong = of(&[0.4, 0.6], &[1, 0]).unwrap();
        assert!(wrong.is_at_limit && wrong.temperature > 19.9, "{wrong:?}");
    }
}
