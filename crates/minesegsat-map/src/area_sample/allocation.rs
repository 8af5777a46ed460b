//! Sample size, and its allocation to strata.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use minesegsat_core::{Error, Result};

/// Allocation of points to strata, beyond the minimum of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Allocation {
    /// Proportional to area. Olofsson et al. 2014 (section 5.1.3) recommend it, with a minimum for the rare strata.
    #[default]
    Proportional,
    /// Equal numbers: the same precision of user's accuracy for all classes, but wide intervals of areas.
    Equal,
    /// Proportional to area times expected deviation, `W_h sqrt(U_h (1 - U_h))`. Minimises the error of overall
    /// accuracy if the expected accuracies hold (Neyman 1934; Cochran 1977, eq. 5.26).
    Neyman,
}

impl Allocation {
    /// All allocations.
    pub const ALL: [Self; 3] = [Self::Proportional, Self::Equal, Self::Neyman];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proportional => "proportional",
            Self::Equal => "equal",
            Self::Neyman => "neyman",
        }
    }
}

impl fmt::Display for Allocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Allocation {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|way| way.name().eq_ignore_ascii_case(name)).ok_or_else(|| Error::Argument {
            name: "allocation",
            value: name.to_owned(),
            accepted: Self::ALL.map(Self::name).join(", "),
        })
    }
}

/// A stratum before any point is interpreted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prior {
    /// Pixels.
    pub(super) pixels: u64,
    /// Share of the area of all strata.
    pub(super) weight: f64,
    /// Expected user's accuracy.
    pub(super) accuracy: f64,
}

impl Prior {
    /// Standard deviation of correctness (right or wrong).
    fn deviation(&self) -> f64 {
        (self.accuracy * (1.0 - self.accuracy)).sqrt()
    }
}

/// Number of points for a standard error `target` of overall accuracy (Cochran 1977, eq. 5.25; Olofsson et al. 2014,
/// eq. 13, with the finite-population term of its second form): `n = (sum W_h S_h)^2 / (target^2 + (1 / N) sum W_h
/// S_h^2)`.
pub(super) fn sample_size(strata: &[Prior], target: f64) -> u64 {
    let pixels: u64 = strata.iter().map(|stratum| stratum.pixels).sum();
    let first: f64 = strata.iter().map(|stratum| stratum.weight * stratum.deviation()).sum();
    let second: f64 = strata.iter().map(|stratum| stratum.weight * stratum.deviation().powi(2)).sum();
    (first.powi(2) / (target.powi(2) + second / pixels as f64)).ceil() as u64
}

/// Expected standard error of overall accuracy (Olofsson et al. 2014, eq. 5, with `n_h` for `n_h - 1`).
pub(super) fn expected_error(strata: &[Prior], samples: &[u64]) -> f64 {
    let variance = |(stratum, &n): (&Prior, &u64)| (stratum.weight * stratum.deviation()).powi(2) / n as f64;
    strata.iter().zip(samples).map(variance).sum::<f64>().sqrt()
}

/// Allocates `total` points. Each stratum gets at least `minimum` points, or all its pixels if it has fewer. The rule
/// divides the rest. Points that exceed a stratum's pixels go to the other strata.
pub(super) fn allocate(strata: &[Prior], total: u64, minimum: u64, rule: Allocation) -> Result<Vec<u64>> {
    let refuse = |accepted: String| Error::Argument { name: "number of samples", value: total.to_string(), accepted };
    let pixels: u64 = strata.iter().map(|stratum| stratum.pixels).sum();
    if total > pixels {
        return Err(refuse(format!("the map has {pixels} pixels to draw from")));
    }
    let low: Vec<u64> = strata.iter().map(|stratum| stratum.pixels.min(minimum)).collect();
    let least: u64 = low.iter().sum();
    if total < least {
        return Err(refuse(format!("{least} or more for {} strata of at least {minimum} points each", strata.len())));
    }
    let weight = |stratum: &Prior| match rule {
        Allocation::Proportional => stratum.weight,
        Allocation::Equal => 1.0,
        Allocation::Neyman => stratum.weight * stratum.deviation(),
    };
    let mut weights: Vec<f64> = strata.iter().map(weight).collect();
    // If all strata are expected to be perfect, only their size distinguishes them.
    if weights.iter().sum::<f64>() <= 0.0 {
        weights = strata.iter().map(|stratum| stratum.weight).collect();
    }
    let share = |factor: f64| -> Vec<f64> {
        let bounded = |((stratum, &low), &weight): ((&Prior, &u64), &f64)| {
            (factor * weight).clamp(low as f64, stratum.pixels as f64)
        };
        strata.iter().zip(&low).zip(&weights).map(bounded).collect()
    };
    // The number of points grows with the factor, so bisection finds the factor for `total`.
    let smallest = weights.iter().copied().filter(|weight| *weight > 0.0).fold(f64::INFINITY, f64::min);
    let (mut below, mut above) = (0.0, pixels as f64 / smallest);
    for _ in 0..200 {
        let middle = f64::midpoint(below, above);
        if share(middle).iter().sum::<f64>() < total as f64 { below = middle } else { above = middle }
    }
    let shares = share(above);
    let mut samples: Vec<u64> = shares.iter().map(|share| share.floor() as u64).collect();
    // Largest remainders first; ties in the order of the strata.
    let mut order: Vec<usize> = (0..strata.len()).collect();
    order.sort_by(|&a, &b| shares[b].fract().total_cmp(&shares[a].fract()).then(a.cmp(&b)));
    while samples.iter().sum::<u64>() < total {
        let before = samples.clone();
        for &place in &order {
            if samples.iter().sum::<u64>() < total && samples[place] < strata[place].pixels {
                samples[place] += 1;
            }
        }
        // Strata without weight take the points that do not fit in the others.
        assert_ne!(samples, before, "there are as many pixels as points");
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Map classes of the worked example of Olofsson et al. 2014, sections 5.1.2 and 5.1.3: deforestation, forest gain,
    /// stable forest, stable non-forest.
    fn example() -> [Prior; 4] {
        let pixels = [200_000, 150_000, 3_200_000, 6_450_000];
        let accuracies = [0.7, 0.6, 0.9, 0.95];
        std::array::from_fn(|h| Prior { pixels: pixels[h], weight: pixels[h] as f64 / 1e7, accuracy: accuracies[h] })
    }

    #[test]
    fn sample_size_is_that_of_the_worked_example() {
        // The paper prints 641 for a standard error of 0.01.
        assert_eq!(sample_size(&example(), 0.01), 641);
        assert_eq!(sample_size(&example(), 0.02), 161);
    }

    #[test]
    fn rare_strata_get_their_minimum_and_the_others_their_share() {
        let strata = example();
        // The paper's "Alloc1", 75 for each rare class and 165 and 325, is rounded to fives.
        assert_eq!(allocate(&strata, 640, 75, Allocation::Proportional).unwrap(), [75, 75, 162, 328]);
        assert_eq!(allocate(&strata, 640, 2, Allocation::Proportional).unwrap(), [13, 9, 205, 413]);
        assert_eq!(allocate(&strata, 640, 50, Allocation::Equal).unwrap(), [160; 4]);
        let neyman = allocate(&strata, 641, 2, Allocation::Neyman).unwrap();
        assert_eq!(neyman, [23, 19, 243, 356]);
        assert!((expected_error(&strata, &neyman) - 0.01).abs() < 1e-4);
        assert!(expected_error(&strata, &[75, 75, 162, 329]) > 0.01);
    }

    #[test]
    fn small_strata_are_taken_whole() {
        let mut strata = example();
        strata[1].pixels = 30;
        assert_eq!(allocate(&strata, 400, 50, Allocation::Equal).unwrap(), [124, 30, 123, 123]);
        let error = allocate(&strata, 100, 50, Allocation::Equal).unwrap_err().to_string();
        assert!(error.contains("number of samples `100`") && error.contains("180 or more"), "{error}");
        let error = allocate(&strata, 10_000_000, 50, Allocation::Equal).unwrap_err().to_string();
        assert!(error.contains("9850030 pixels"), "{error}");
    }

    proptest! {
        #[test]
        fn all_points_are_dealt_out_within_bounds(
            pixels in prop::collection::vec(1_u64..2000, 1..6),
            accuracies in prop::collection::vec(0.0_f64..=1.0, 6),
            part in 0.0_f64..=1.0,
            minimum in 0_u64..100,
            rule in prop::sample::select(Allocation::ALL.to_vec()),
        ) {
            let all: u64 = pixels.iter().sum();
            let strata: Vec<Prior> = pixels
                .iter()
                .zip(accuracies)
                .map(|(&pixels, accuracy)| Prior { pixels, weight: pixels as f64 / all as f64, accuracy })
                .collect();
            let least: u64 = pixels.iter().map(|&p| p.min(minimum)).sum();
            let total = least + ((all - least) as f64 * part) as u64;
            let samples = allocate(&strata, total, minimum, rule).unwrap();
            prop_assert_eq!(samples.iter().sum::<u64>(), total);
            for (&n, &pixels) in samples.iter().zip(&pixels) {
                prop_assert!(n <= pixels && n >= pixels.min(minimum));
            }
        }
    }
}
