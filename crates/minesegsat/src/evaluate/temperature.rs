//! How sure a model should have been: [`fit_temperature`].

use crate::metrics::{LogitCell, ProbabilityHistogram};

/// Temperatures that are tried: models off by more are not mended by one number.
const LARGEST: f64 = 20.0;
/// Golden section steps: each shortens the interval to 0.618 of it, so that 60 leave less than 1e-11.
const STEPS: usize = 60;

/// A temperature and what it is good for, on the pixels that it was fitted to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TemperatureFit {
    /// Logits are to be divided by it; relative to the temperature that the probabilities were made with.
    pub temperature: f64,
    /// Whether it is the largest or smallest that was tried.
    pub is_at_limit: bool,
}

/// The temperature that makes the mean cross-entropy smallest (Guo, Pleiss, Sun, Weinberger 2017, "On calibration of modern
/// neural networks", section 4.2, <https://arxiv.org/abs/1706.04599>), between 1/20 and 20. `None` where not both mines and
/// other land are there: being ever surer would then be best.
///
/// It is fitted to the histogram's logits: their bins are 1/256 wide, and those below -48 and above 17 count as that, where
/// single precision ends. The cross-entropy is convex in one over the temperature, so that the golden
/// section finds its only minimum.
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

    /// Pixels whose labels come true as often as `sigmoid(logit)` says, and whose probabilities are off by a temperature.
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
