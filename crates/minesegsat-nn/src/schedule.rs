//! Learning-rate schedules: [`Schedule`], equal to PyTorch's schedulers of the same names.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// Smallest change of the rate by a plateau schedule.
const PLATEAU_EPSILON: f64 = 1e-8;

/// A schedule, as in configuration files: `{ name = "cosine", t_max = 60 }`. Steps are epochs or optimiser steps, as
/// configured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// A constant rate.
    Constant,
    /// Half a cosine from the rate to `eta_min` (`CosineAnnealingLR`; Loshchilov, Hutter 2017, <https://arxiv.org/abs/1608.03983>).
    Cosine {
        /// Steps to the minimum.
        t_max: usize,
        /// Minimum rate.
        #[serde(default)]
        eta_min: f64,
    },
    /// Repeated half cosines, each `t_mult` times as long as the previous one (`CosineAnnealingWarmRestarts`).
    CosineRestart {
        /// Steps of the first half cosine.
        t_0: usize,
        /// Ratio of the length of each half cosine to the previous one.
        #[serde(default = "default_t_mult")]
        t_mult: usize,
        /// Minimum rate.
        #[serde(default)]
        eta_min: f64,
    },
    /// Rises to the rate and falls again (`OneCycleLR`, cosine; Smith, Topin 2018, <https://arxiv.org/abs/1708.07120>).
    Onecycle {
        /// Total number of steps.
        total_steps: usize,
        /// Fraction of the steps in which the rate rises.
        #[serde(default = "pct_start")]
        pct_start: f64,
        /// Ratio of the highest rate to the initial rate.
        #[serde(default = "div_factor")]
        div_factor: f64,
        /// Ratio of the initial rate to the final rate.
        #[serde(default = "final_div_factor")]
        final_div_factor: f64,
    },
    /// Reduces the rate when the monitored metric has stopped improving (`ReduceLROnPlateau`, relative threshold).
    Plateau {
        /// Whether lower or higher values are better.
        #[serde(default = "yes")]
        minimise: bool,
        /// Factor of each reduction.
        factor: f64,
        /// Steps without improvement before a reduction.
        patience: usize,
        /// Minimum relative change that counts as an improvement.
        #[serde(default = "threshold")]
        threshold: f64,
        /// Minimum rate.
        #[serde(default)]
        min_lr: f64,
    },
    /// `(1 - t / total_iters) ^ power` of the rate (`PolynomialLR`).
    Polynomial {
        /// Steps to zero.
        total_iters: usize,
        /// Exponent.
        #[serde(default = "unit")]
        power: f64,
    },
}

fn default_t_mult() -> usize {
    1
}

fn unit() -> f64 {
    1.0
}

fn yes() -> bool {
    true
}

fn pct_start() -> f64 {
    0.3
}

fn div_factor() -> f64 {
    25.0
}

fn final_div_factor() -> f64 {
    1e4
}

fn threshold() -> f64 {
    1e-4
}

/// The learning rate during training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearningRate {
    schedule: Schedule,
    base: f64,
    step: usize,
    /// State of a plateau schedule: current rate, best value, and steps since the best value.
    plateau: (f64, Option<f64>, usize),
}

impl LearningRate {
    /// A schedule that starts at the rate `base`. For [`Schedule::Onecycle`], `base` is the highest rate.
    pub fn new(schedule: Schedule, base: f64) -> Self {
        Self { schedule, base, step: 0, plateau: (base, None, 0) }
    }

    /// The rate of the current step.
    pub fn rate(&self) -> f64 {
        let (base, t) = (self.base, self.step as f64);
        let cosine = |from: f64, to: f64, part: f64| to + (from - to) / 2.0 * (1.0 + (PI * part).cos());
        match self.schedule {
            Schedule::Constant => base,
            Schedule::Cosine { t_max, eta_min } => cosine(base, eta_min, t / t_max as f64),
            Schedule::CosineRestart { t_0, t_mult, eta_min } => {
                let (mut start, mut length) = (0, t_0.max(1));
                while self.step >= start + length {
                    start += length;
                    length *= t_mult.max(1);
                }
                cosine(base, eta_min, (self.step - start) as f64 / length as f64)
            }
            Schedule::Onecycle { total_steps, pct_start, div_factor, final_div_factor } => {
                let initial = base / div_factor;
                let (top, end) = (pct_start * total_steps as f64 - 1.0, total_steps as f64 - 1.0);
                if t <= top {
                    cosine(initial, base, t / top)
                } else {
                    cosine(base, initial / final_div_factor, ((t - top) / (end - top)).min(1.0))
                }
            }
            Schedule::Plateau { .. } => self.plateau.0,
            Schedule::Polynomial { total_iters, power } => base * (1.0 - (t / total_iters as f64).min(1.0)).powf(power),
        }
    }

    /// Advances to the next step. `watched` is the monitored metric of a plateau schedule, such as the validation loss.
    pub fn advance(&mut self, watched: Option<f64>) {
        self.step += 1;
        let Schedule::Plateau { minimise, factor, patience, threshold, min_lr } = self.schedule else { return };
        let Some(value) = watched.filter(|value| value.is_finite()) else { return };
        let (rate, best, waited) = &mut self.plateau;
        let is_better =
            best.is_none_or(
                |best| {
                    if minimise { value < best * (1.0 - threshold) } else { value > best * (1.0 + threshold) }
                },
            );
        if is_better {
            (*best, *waited) = (Some(value), 0);
            return;
        }
        *waited += 1;
        if *waited > patience {
            let lower = (*rate * factor).max(min_lr);
            if *rate - lower > PLATEAU_EPSILON {
                *rate = lower;
            }
            *waited = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_start_and_end_where_they_should() {
        let at = |schedule: Schedule, step: usize| {
            let mut rate = LearningRate::new(schedule, 0.1);
            for _ in 0..step {
                rate.advance(None);
            }
            rate.rate()
        };
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        close(at(Schedule::Constant, 7), 0.1);
        close(at(Schedule::Cosine { t_max: 10, eta_min: 0.01 }, 10), 0.01);
        close(at(Schedule::CosineRestart { t_0: 4, t_mult: 2, eta_min: 0.0 }, 4), 0.1);
        close(at(Schedule::CosineRestart { t_0: 4, t_mult: 2, eta_min: 0.0 }, 8), 0.05);
        let cycle = Schedule::Onecycle { total_steps: 21, pct_start: 0.5, div_factor: 10.0, final_div_factor: 10.0 };
        close(at(cycle.clone(), 0), 0.01);
        close(at(cycle.clone(), 20), 0.001);
        close(at(cycle, 99), 0.001);
        close(at(Schedule::Polynomial { total_iters: 10, power: 2.0 }, 5), 0.025);
        close(at(Schedule::Polynomial { total_iters: 10, power: 2.0 }, 15), 0.0);
    }

    #[test]
    fn a_plateau_waits_and_then_lowers_the_rate_to_its_floor() {
        let schedule = Schedule::Plateau { minimise: true, factor: 0.1, patience: 1, threshold: 1e-4, min_lr: 0.005 };
        let mut rate = LearningRate::new(schedule, 0.1);
        let mut rates = Vec::new();
        for loss in [1.0, 0.5, 0.6, f64::NAN, 0.6, 0.4, 0.5, 0.5, 0.5, 0.5] {
            rate.advance(Some(loss));
            rates.push(rate.rate());
        }
        assert_eq!(rates[..4], [0.1; 4]);
        assert!((rates[4] - 0.01).abs() < 1e-12 && (rates[9] - 0.005).abs() < 1e-12, "{rates:?}");
    }
}
