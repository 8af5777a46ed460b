//! Bootstrap over sites for confidence intervals of metrics: [`Bootstrap`].

use super::evaluation::Estimate;
use super::sums::Merge;

/// Draws sites with replacement. Every call gives the same draws, so that differences of two models can be drawn too.
///
/// The bootstrap draws sites instead of pixels or patches, because pixels of one mine are similar: only sites are
/// independent. The interval is the percentile interval of Efron and Tibshirani 1993, "An Introduction to the
/// Bootstrap", chapter 13, <https://doi.org/10.1201/9780429246593>. With few sites it is wide, and still too narrow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bootstrap {
    pub sites: usize,
    pub resamples: usize,
    pub seed: u64,
}

impl Bootstrap {
    /// Calls `each` with the sums of every resample. `rows` holds the sums by site of one or more models.
    pub(super) fn for_each<S: Merge>(&self, rows: &[&[S]], mut each: impl FnMut(&[S])) {
        let mut random = SplitMix64(self.seed);
        let mut times = vec![0_u32; self.sites];
        for _ in 0..self.resamples {
            times.fill(0);
            for _ in 0..self.sites {
                times[random.below(self.sites)] += 1;
            }
            let drawn: Vec<S> = rows
                .iter()
                .map(|sites| {
                    let mut sums = S::default();
                    for (site, &times) in sites.iter().zip(&times) {
                        (0..times).for_each(|_| sums.merge(site));
                    }
                    sums
                })
                .collect();
            each(&drawn);
        }
    }

    /// Values computed from the sums over all sites, with intervals, for each row of sums by site.
    pub(super) fn estimates<S: Merge, const N: usize>(
        &self,
        rows: &[&[S]],
        values: impl Fn(&S) -> [Option<f64>; N],
    ) -> Vec<[Estimate; N]> {
        let mut draws: Vec<[Vec<Option<f64>>; N]> = rows.iter().map(|_| std::array::from_fn(|_| Vec::new())).collect();
        self.for_each(rows, |drawn| {
            for (sums, draws) in drawn.iter().zip(&mut draws) {
                for (value, draws) in values(sums).into_iter().zip(draws) {
                    draws.push(value);
                }
            }
        });
        let of_row = |(sites, draws): (&&[S], [Vec<Option<f64>>; N])| {
            let mut sums = S::default();
            sites.iter().for_each(|site| sums.merge(site));
            let mut draws = draws.into_iter();
            values(&sums).map(|value| estimate(value, draws.next().unwrap_or_default()))
        };
        rows.iter().zip(draws).map(of_row).collect()
    }
}

/// A value with the [`interval`] of its draws. An undefined value has no interval.
pub(super) fn estimate(value: Option<f64>, draws: impl IntoIterator<Item = Option<f64>>) -> Estimate {
    let interval = value.and_then(|_| interval(draws));
    Estimate { value, low: interval.map(|i| i[0]), high: interval.map(|i| i[1]) }
}

/// The central 95 % of the draws, interpolated like numpy's `percentile`. Draws with an undefined metric are skipped.
/// `None` if no draw remains.
fn interval(draws: impl IntoIterator<Item = Option<f64>>) -> Option<[f64; 2]> {
    let mut values: Vec<f64> = draws.into_iter().flatten().collect();
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let at = |part: f64| {
        let place = part * last as f64;
        let (low, high) = (values[place as usize], values[(place as usize + 1).min(last)]);
        low + (high - low) * place.fract()
    };
    Some([at(0.025), at(0.975)])
}

/// Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", <https://doi.org/10.1145/2714064.2660195>.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Random integer in 0..`limit`. The bias of the 64-bit multiplication is far below the resolution of the draws.
    fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.next()) * limit as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::sums::{Metric, Sums};
    use minesegsat_core::metrics::{BoundaryCounts, Calibration, ConfusionMatrix};

    fn site(tp: u64, fp: u64, fn_: u64) -> Sums {
        let counts = ConfusionMatrix { tp, fp, fn_, tn: 100 };
        Sums::of_image(counts, BoundaryCounts::default(), Calibration::default())
    }

    fn f1_interval(sites: &[Sums], seed: u64) -> [f64; 2] {
        let mut draws = Vec::new();
        Bootstrap { sites: sites.len(), resamples: 1000, seed }
            .for_each(&[sites], |sums| draws.push(Metric::named("f1").value_from(&sums[0])));
        assert_eq!(draws.len(), 1000);
        interval(draws).unwrap()
    }

    #[test]
    fn intervals_repeat_with_their_seed_and_hold_the_value() {
        let sites: Vec<Sums> = (0..8).map(|i| site(20 + i * 10, 50 - i * 5, 30)).collect();
        let first = f1_interval(&sites, 0);
        assert_eq!(first, f1_interval(&sites, 0));
        assert_ne!(first, f1_interval(&sites, 1));
        let mut all = Sums::default();
        for site in &sites {
            all.merge(site);
        }
        let f1 = Metric::named("f1").value_from(&all).unwrap();
        assert!(first[0] < f1 && f1 < first[1], "{f1} in {first:?}");
    }

    #[test]
    fn more_sites_of_the_same_kind_narrow_the_interval() {
        let of = |n: u64| (0..n).map(|i| if i % 2 == 0 { site(90, 10, 10) } else { site(10, 90, 90) }).collect();
        let width = |sites: &Vec<Sums>| f1_interval(sites, 3).iter().rev().copied().reduce(|a, b| a - b).unwrap();
        let (few, many): (Vec<Sums>, Vec<Sums>) = (of(4), of(64));
        // The standard deviation of a mean falls with the square root of the number: by a factor of 4 here.
        assert!(width(&few) > 2.5 * width(&many), "{} {}", width(&few), width(&many));
        assert_eq!(f1_interval(&[site(1, 1, 1)], 0), [0.5, 0.5]);
    }

    #[test]
    fn estimates_are_the_values_of_the_whole_with_the_intervals_of_the_draws() {
        let sites: Vec<Sums> = (0..8).map(|i| site(20 + i * 10, 50 - i * 5, 30)).collect();
        let none = [Sums::default(), Sums::default()];
        let bootstrap = |sites: usize| Bootstrap { sites, resamples: 1000, seed: 0 };
        let f1 = |sums: &Sums| [Metric::named("f1").value_from(sums), None];
        let found = bootstrap(8).estimates(&[sites.as_slice()], f1);
        let [low, high] = f1_interval(&sites, 0);
        // tp = 440, fp = 260, fn = 240.
        assert!((found[0][0].value.unwrap() - 880.0 / 1380.0).abs() < 1e-12, "{found:?}");
        assert_eq!((found[0][0].low, found[0][0].high), (Some(low), Some(high)));
        let undefined = Estimate::UNDEFINED;
        assert_eq!(found[0][1], undefined);
        assert_eq!(bootstrap(2).estimates(&[none.as_slice()], f1), [[undefined; 2]]);
    }

    #[test]
    fn percentiles_equal_numpys() {
        // numpy: np.percentile([3, 1, 4, 1, 5, 9, 2, 6], [2.5, 97.5]) = [1., 8.475]
        let found = interval([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0].map(Some)).unwrap();
        assert!((found[0] - 1.0).abs() < 1e-12 && (found[1] - 8.475).abs() < 1e-12, "{found:?}");
        assert_eq!(interval([None, Some(2.0)]), Some([2.0, 2.0]));
        assert_eq!(interval([None]), None);
    }
}
