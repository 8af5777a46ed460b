//! How sure an area is: from the probabilities of a map to hectares with an interval.
//!
//! A map gives each pixel i a probability p_i of being disturbed. If the probabilities are calibrated, the area of a set of
//! pixels of size a is expected to be `E = a sum p_i`, and it scatters around that with
//!
//! ```text
//! sd^2 = inflation a^2 sum_i sum_j s_i s_j exp(-(|dx_ij| + |dy_ij|) / range) + (relative_sd E)^2,   s_i^2 = p_i (1 - p_i)
//! ```
//! The first part is the variance of a sum of correlated errors, as Wadoux and Heuvelink have it for totals of maps
//! ("Uncertainty of spatial averages and totals of natural resource maps", Methods in Ecology and Evolution 14(5), 2023,
//! <https://doi.org/10.1111/2041-210X.14106>): a network that errs at a pixel errs at its neighbours too, so errors do not
//! cancel as independent ones would. The correlation is exponential in each direction, so that the double sum is two
//! passes over rows and columns. The second part is what all pixels of a scene have in common, since the light, the season or the
//! kind of landscape suit the model more or less. [`AreaErrorModel::fit`] learns the three numbers from places whose
//! truth is known, at several sizes of place at once: small ones tell the range, whole scenes the common part.

use serde::{Deserialize, Serialize};

use crate::register::Area;

/// Ranges that are tried, in metres. Within places of a kilometre or two, longer ones cannot be told from what a scene has in common,
/// which has a part of its own; and over a whole scene they would let the faint probabilities of all its background err together.
pub const RANGES_M: [f64; 6] = [20.0, 40.0, 80.0, 120.0, 180.0, 250.0];

/// Distance in metres over which it goes together whether there is a mine: their usual size. Under clouds nothing else is known.
const HIDDEN_RANGE_M: f64 = 1000.0;

/// The level at which intervals are made to hold what they say, in percent: the one that is used by default.
const SCALE_LEVEL_PERCENT: f64 = 90.0;

/// How the error of an area follows from the probabilities. See the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AreaErrorModel {
    /// Distance in metres over which errors have mostly lost their correlation.
    pub range_m: f64,
    /// Factor of the variance that correlated pixels give.
    pub inflation: f64,
    /// Deviation that all pixels of a scene have in common, relative to the area.
    pub relative_sd: f64,
    /// Number of places that the numbers were fitted to; 0 of the cautious guess that stands in for a fit.
    pub fitted_to: usize,
}

impl Default for AreaErrorModel {
    /// A cautious guess for models that were never fitted: errors go together over 120 m, and the whole is off by a quarter.
    fn default() -> Self {
        Self { range_m: 120.0, inflation: 8.0, relative_sd: 0.25, fitted_to: 0 }
    }
}

/// What the area of a set of pixels, and its spread, follow from.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct AreaMoments {
    /// Expected area in square metres.
    pub expected_m2: f64,
    /// The double sum of the [module](self) without inflation, in m^4, for each of [`RANGES_M`].
    pub correlated_m4: [f64; RANGES_M.len()],
    /// Variance of what was hidden, in m^4, see [`AreaMoments::add_hidden`] and [`AreaMoments::add_beyond`].
    pub hidden_m4: f64,
}

impl AreaMoments {
    /// Of the pixels of a window; those that are NaN are not among them.
    ///
    /// # Shapes
    /// - `probability`: `[H, W]`, row-major, with `width` columns
    pub fn of(probability: &[f32], width: usize, pixel_m: f64, pixel_area_m2: f64) -> Self {
        Self::of_ranges(probability, width, pixel_m, pixel_area_m2, &RANGES_M)
    }

    /// The same for the one range of a model, the others being left at 0.
    pub fn of_model(
        model: &AreaErrorModel,
        probability: &[f32],
        width: usize,
        pixel_m: f64,
        pixel_area_m2: f64,
    ) -> Self {
        let nearest = nearest_range(model.range_m);
        Self::of_ranges(probability, width, pixel_m, pixel_area_m2, &RANGES_M[nearest..=nearest])
    }

    fn of_ranges(probability: &[f32], width: usize, pixel_m: f64, pixel_area_m2: f64, ranges: &[f64]) -> Self {
        let expected: f64 = probability.iter().filter(|p| !p.is_nan()).map(|&p| f64::from(p)).sum();
        let sd = deviations(probability);
        let mut moments = Self { expected_m2: expected * pixel_area_m2, ..Self::default() };
        for &range in ranges {
            moments.correlated_m4[nearest_range(range)] =
                correlated_sum(&sd, width, (-pixel_m / range).exp()) * pixel_area_m2 * pixel_area_m2;
        }
        moments
    }

    /// Adds pixels of a window that could not be seen and whose probabilities come from elsewhere, such as an earlier date or
    /// the mean of what was seen; those that are NaN are not among them. Whether there is a mine goes together over the size of
    /// one, so what a cloud hides errs as a whole, and clouds that are far apart err each by itself.
    ///
    /// # Shapes
    /// - `probability`: `[H, W]`, row-major, with `width` columns
    pub fn add_hidden(&mut self, probability: &[f32], width: usize, pixel_m: f64, pixel_area_m2: f64) {
        let hidden = Self::of_ranges(probability, width, pixel_m, pixel_area_m2, &[]);
        self.expected_m2 += hidden.expected_m2;
        self.hidden_m4 +=
            correlated_sum(&deviations(probability), width, (-pixel_m / HIDDEN_RANGE_M).exp()) * pixel_area_m2.powi(2);
    }

    /// Adds pixels that lie beyond the map, with probabilities from elsewhere. Their errors are taken to be one and the same:
    /// either all of it is what was expected, or not.
    pub fn add_beyond(&mut self, probability: impl IntoIterator<Item = f32>, pixel_area_m2: f64) {
        let (mut expected, mut sd) = (0.0, 0.0);
        for p in probability {
            expected += f64::from(p);
            sd += f64::from((p * (1.0 - p)).max(0.0).sqrt());
        }
        self.expected_m2 += expected * pixel_area_m2;
        self.hidden_m4 += (sd * pixel_area_m2).powi(2);
    }

    /// Moments of two sets that are further apart than errors go together; what scenes have in common is added up.
    pub fn plus(&self, other: &Self) -> Self {
        let mut sum = *self;
        sum.expected_m2 += other.expected_m2;
        sum.hidden_m4 += other.hidden_m4;
        for (a, b) in sum.correlated_m4.iter_mut().zip(other.correlated_m4) {
            *a += b;
        }
        sum
    }
}

/// Standard deviation of whether each pixel is disturbed; 0 of those that are NaN.
fn deviations(probability: &[f32]) -> Vec<f32> {
    probability.iter().map(|&p| if p.is_nan() { 0.0 } else { (p * (1.0 - p)).max(0.0).sqrt() }).collect()
}

/// Index of the tried range that is nearest on a logarithmic scale.
fn nearest_range(range_m: f64) -> usize {
    let distance = |tried: f64| (tried / range_m).ln().abs();
    (0..RANGES_M.len()).min_by(|&a, &b| distance(RANGES_M[a]).total_cmp(&distance(RANGES_M[b]))).unwrap_or(0)
}

/// `sum_i sum_j s_i s_j decay^(|dx| + |dy|)` over pixels: a recursive filter forwards and backwards along rows, then along
/// columns, and a product with the values themselves.
fn correlated_sum(values: &[f32], width: usize, decay: f64) -> f64 {
    if width == 0 {
        return 0.0;
    }
    let decay = decay as f32;
    let mut smooth = values.to_vec();
    let mut forward = vec![0.0_f32; width];
    for line in smooth.chunks_exact_mut(width) {
        let mut sum = 0.0;
        for (to, &v) in forward.iter_mut().zip(line.iter()) {
            sum = v + decay * sum;
            *to = sum;
        }
        let mut sum = 0.0;
        for (to, v) in forward.iter().zip(line.iter_mut()).rev() {
            sum = *v + decay * sum;
            *v = to + sum - *v;
        }
    }
    // Columns: the sums from above, and then those from below, row by row.
    let mut above = vec![0.0_f32; width];
    let mut down = smooth.clone();
    for line in down.chunks_exact_mut(width) {
        for (sum, v) in above.iter_mut().zip(line.iter_mut()) {
            *sum = *v + decay * *sum;
            *v = *sum;
        }
    }
    let mut total = 0.0;
    let mut below = vec![0.0_f32; width];
    for ((line, down), values) in
        smooth.chunks_exact(width).zip(down.chunks_exact(width)).zip(values.chunks_exact(width)).rev()
    {
        for (((sum, &v), &down), &value) in below.iter_mut().zip(line).zip(down).zip(values) {
            *sum = v + decay * *sum;
            total += f64::from(value) * f64::from(down + *sum - v);
        }
    }
    total
}

/// A place whose truth is known, for [`AreaErrorModel::fit`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnownPlace {
    /// Which size of place it is: parts of a patch, patches, scenes. Sizes count alike, however many places they have.
    pub level: usize,
    /// What the map says.
    pub moments: AreaMoments,
    /// What is true, in square metres.
    pub true_m2: f64,
}

impl AreaErrorModel {
    /// Variance in m^4.
    fn variance(&self, moments: &AreaMoments) -> f64 {
        self.inflation * moments.correlated_m4[nearest_range(self.range_m)]
            + (self.relative_sd * moments.expected_m2).powi(2)
            + moments.hidden_m4
    }

    /// The area with the interval that holds the truth so often, in percent: expected area plus and minus normal
    /// deviations, not below nothing and not above `largest_m2`.
    pub fn area(&self, moments: &AreaMoments, level_percent: f64, largest_m2: f64) -> Area {
        let half = normal_quantile(0.5 + level_percent / 200.0) * self.variance(moments).sqrt();
        let ha = |m2: f64| m2.clamp(0.0, largest_m2) / 1e4;
        Area {
            ha: ha(moments.expected_m2),
            lower_ha: ha(moments.expected_m2 - half),
            upper_ha: ha(moments.expected_m2 + half),
        }
    }

    /// The numbers that make known places most likely, were their errors normal, and then scaled so that intervals of 90 % hold the
    /// truth of 90 % of the places: for each of [`RANGES_M`] the best
    /// inflation and common deviation by Nelder and Mead's search, and then the best of them. Places where neither the map nor the
    /// truth has anything are left out. `None` of fewer than 20 places.
    pub fn fit(places: &[KnownPlace]) -> Option<Self> {
        // A hundredth of a hectare: rounding and edges.
        const FLOOR_M2: f64 = 100.0;
        let used: Vec<&KnownPlace> = places
            .iter()
            .filter(|place| place.moments.expected_m2 > 100.0 * FLOOR_M2 || place.true_m2 > 100.0 * FLOOR_M2)
            .collect();
        if used.len() < 20 {
            return None;
        }
        let levels = used.iter().map(|place| place.level).max().unwrap_or(0) + 1;
        let mut counts = vec![0_usize; levels];
        for place in &used {
            counts[place.level] += 1;
        }
        let best = (0..RANGES_M.len())
            .map(|range| {
                let cost = |[log_inflation, log_relative]: [f64; 2]| -> f64 {
                    let (inflation, relative) = (log_inflation.exp(), log_relative.exp());
                    used.iter()
                        .map(|place| {
                            let m = &place.moments;
                            let variance = inflation * m.correlated_m4[range]
                                + (relative * m.expected_m2).powi(2)
                                + FLOOR_M2 * FLOOR_M2;
                            let error = place.true_m2 - m.expected_m2;
                            (variance.ln() + error * error / variance) / counts[place.level] as f64
                        })
                        .sum()
                };
                let (at, value) = nelder_mead(cost, [0.0, -2.0]);
                (value, range, at)
            })
            .min_by(|a, b| a.0.total_cmp(&b.0))?;
        let (_, range, [log_inflation, log_relative]) = best;
        // What is as good as nothing is nothing.
        let relative_sd = if log_relative < -7.0 { 0.0 } else { log_relative.exp() };
        let normal =
            Self { range_m: RANGES_M[range], inflation: log_inflation.exp(), relative_sd, fitted_to: used.len() };
        let scale = normal.scale(&used, &counts);
        Some(Self { inflation: normal.inflation * scale * scale, relative_sd: relative_sd * scale, ..normal })
    }

    /// By how much deviations are to be multiplied so that as many of the places lie within [`SCALE_LEVEL_PERCENT`] intervals as
    /// that says, sizes of place counting alike. Errors of networks have heavier tails than normal ones: a few places that are wholly missed
    /// make the most likely deviation too large for all others.
    fn scale(&self, places: &[&KnownPlace], counts: &[usize]) -> f64 {
        let mut deviations: Vec<(f64, f64)> = places
            .iter()
            .map(|place| {
                let error = (place.true_m2 - place.moments.expected_m2).abs();
                let sd = self.variance(&place.moments).sqrt().max(f64::MIN_POSITIVE);
                (error / sd, 1.0 / counts[place.level] as f64)
            })
            .collect();
        deviations.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total: f64 = deviations.iter().map(|(_, weight)| weight).sum();
        let mut sum = 0.0;
        let wanted = total * SCALE_LEVEL_PERCENT / 100.0;
        let reached = deviations.iter().find(|(_, weight)| {
            sum += weight;
            sum >= wanted
        });
        reached.map_or(1.0, |(deviation, _)| deviation / normal_quantile(0.5 + SCALE_LEVEL_PERCENT / 200.0))
    }

    /// Share of known places whose truth lies in the interval.
    pub fn coverage(&self, places: &[KnownPlace], level_percent: f64) -> Option<f64> {
        let inside = |place: &&KnownPlace| {
            let area = self.area(&place.moments, level_percent, f64::INFINITY);
            (area.lower_ha * 1e4..=area.upper_ha * 1e4).contains(&place.true_m2)
        };
        (!places.is_empty()).then(|| places.iter().filter(inside).count() as f64 / places.len() as f64)
    }
}

/// Nelder and Mead's search in two dimensions (Computer Journal 7(4), 1965), kept where logarithms mean something.
fn nelder_mead(cost: impl Fn([f64; 2]) -> f64, start: [f64; 2]) -> ([f64; 2], f64) {
    let at = |[x, y]: [f64; 2]| {
        let point = [x.clamp(-12.0, 12.0), y.clamp(-12.0, 3.0)];
        (cost(point), point)
    };
    let mut corners = [at(start), at([start[0] + 1.0, start[1]]), at([start[0], start[1] + 1.0])];
    for _ in 0..400 {
        corners.sort_by(|a, b| a.0.total_cmp(&b.0));
        let [best, middle, worst] = corners;
        if (worst.0 - best.0).abs() < 1e-10 * (1.0 + best.0.abs()) {
            break;
        }
        let centre = [f64::midpoint(best.1[0], middle.1[0]), f64::midpoint(best.1[1], middle.1[1])];
        let along = |t: f64| at([0, 1].map(|k| centre[k] + t * (centre[k] - worst.1[k])));
        let reflected = along(1.0);
        corners[2] = if reflected.0 < best.0 {
            let expanded = along(2.0);
            if expanded.0 < reflected.0 { expanded } else { reflected }
        } else if reflected.0 < middle.0 {
            reflected
        } else {
            let contracted = along(if reflected.0 < worst.0 { 0.5 } else { -0.5 });
            if contracted.0 < worst.0.min(reflected.0) {
                contracted
            } else {
                let shrunk = |c: (f64, [f64; 2])| at([0, 1].map(|k| f64::midpoint(c.1[k], best.1[k])));
                corners[1] = shrunk(middle);
                shrunk(worst)
            }
        };
    }
    corners.sort_by(|a, b| a.0.total_cmp(&b.0));
    (corners[0].1, corners[0].0)
}

/// The value below which a normal deviate lies so often, by bisection of the distribution function.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    let below = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
    let (mut low, mut high) = (-40.0, 40.0);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if below(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Dice;

    #[test]
    fn the_double_sum_is_that_of_the_definition() {
        let (width, height, decay) = (7, 5, 0.6_f64);
        let values: Vec<f32> = (0..width * height).map(|i| ((i * 37 + 11) % 23) as f32 / 23.0).collect();
        let mut expected = 0.0;
        for (i, &a) in values.iter().enumerate() {
            for (j, &b) in values.iter().enumerate() {
                let distance = (i % width).abs_diff(j % width) + (i / width).abs_diff(j / width);
                expected += f64::from(a) * f64::from(b) * decay.powi(distance as i32);
            }
        }
        let found = correlated_sum(&values, width, decay);
        assert!((found / expected - 1.0).abs() < 1e-5, "{found} {expected}");
        assert_eq!(correlated_sum(&[], 0, decay), 0.0);
    }

    #[test]
    fn independent_pixels_have_the_variance_of_coins() {
        // A range far below a pixel: 100 pixels of one half, 100 m2 each.
        let sd = [0.5_f32; 100];
        let found = correlated_sum(&sd, 10, (-10.0_f64 / 0.1).exp());
        assert!((found - 25.0).abs() < 1e-6, "{found}");
        // And a range without end: all the same coin.
        assert!((correlated_sum(&sd, 10, 1.0) - 2500.0).abs() < 1e-2);
    }

    #[test]
    fn quantiles_are_those_of_tables() {
        // scipy.stats.norm.ppf([0.95, 0.975, 0.5])
        for (p, x) in [(0.95, 1.644_853_626_951_472_2), (0.975, 1.959_963_984_540_054), (0.5, 0.0)] {
            assert!((normal_quantile(p) - x).abs() < 1e-9);
        }
    }

    /// Places whose errors have a known deviation.
    fn places(inflation: f64, relative: f64) -> Vec<KnownPlace> {
        let mut dice = Dice::new(5, "errors");
        (0..3000_u64)
            .map(|i| {
                let expected_m2 = 3e6 * (1.0 + (i % 40) as f64 / 10.0);
                let correlated = 2e8 * (1.0 + (i % 17) as f64) * if i % 3 == 0 { 1.0 } else { 30.0 };
                let sd = (inflation * correlated + (relative * expected_m2).powi(2)).sqrt();
                // Other ranges have another pattern.
                let mut correlated_m4 = std::array::from_fn(|k| correlated * (1.0 + ((i * 7 + k as u64) % 5) as f64));
                correlated_m4[2] = correlated;
                let moments = AreaMoments { expected_m2, correlated_m4, hidden_m4: 0.0 };
                KnownPlace { level: (i % 2) as usize, moments, true_m2: expected_m2 + sd * f64::from(dice.normal()) }
            })
            .collect()
    }

    #[test]
    fn what_was_put_in_is_found_and_intervals_hold_what_they_say() {
        for (inflation, relative) in [(4.0, 0.05), (30.0, 0.1), (9.0, 0.0)] {
            let known = places(inflation, relative);
            let fit = AreaErrorModel::fit(&known).unwrap();
            assert_eq!(fit.range_m, RANGES_M[2], "{fit:?}");
            assert!((fit.inflation / inflation - 1.0).abs() < 0.15, "{fit:?}");
            assert!((fit.relative_sd - relative).abs() < 0.02, "{fit:?}");
            let coverage = fit.coverage(&known, 90.0).unwrap();
            assert!((coverage - 0.9).abs() < 0.02, "{coverage}");
        }
        assert_eq!(AreaErrorModel::fit(&places(1.0, 0.1)[..10]), None);
    }

    #[test]
    fn what_one_cloud_hides_errs_as_a_whole_and_clouds_far_apart_err_each_by_itself() {
        // One row of 20 km: clouds of 100 m over 0.5, next to each other or 10 km apart.
        let hidden = |places: &[usize]| {
            let mut row = vec![f32::NAN; 2000];
            for &place in places {
                row[place..place + 10].fill(0.5);
            }
            let mut moments = AreaMoments::default();
            moments.add_hidden(&row, 2000, 10.0, 100.0);
            moments
        };
        let (one, near, far) = (hidden(&[0]), hidden(&[0, 10]), hidden(&[0, 1000]));
        assert_eq!((one.expected_m2, far.expected_m2), (500.0, 1000.0));
        let as_a_whole = (10.0 * 0.5 * 100.0_f64).powi(2);
        assert!((0.95..1.0).contains(&(one.hidden_m4 / as_a_whole)), "{}", one.hidden_m4);
        assert!((3.6..4.0).contains(&(near.hidden_m4 / one.hidden_m4)), "{}", near.hidden_m4);
        assert!((far.hidden_m4 / one.hidden_m4 - 2.0).abs() < 0.01, "{}", far.hidden_m4);
    }

    #[test]
    fn what_is_hidden_widens_the_interval_and_nothing_lies_below_zero() {
        let model = AreaErrorModel { range_m: 20.0, inflation: 1.0, relative_sd: 0.0, fitted_to: 1 };
        let mut map = vec![0.0_f32; 400];
        map[..100].fill(1.0);
        map[100..120].fill(f32::NAN);
        let mut moments = AreaMoments::of(&map, 20, 10.0, 100.0);
        let sure = model.area(&moments, 90.0, 4e4);
        assert_eq!((sure.ha, sure.lower_ha, sure.upper_ha), (1.0, 1.0, 1.0));
        moments.add_beyond([0.5; 20], 100.0);
        let area = model.area(&moments, 90.0, 4e4);
        assert!((area.ha - 1.1).abs() < 1e-9 && (area.upper_ha - 1.1 - 0.1 * 1.6449).abs() < 1e-4, "{area:?}");
        assert_eq!(moments, AreaMoments { hidden_m4: moments.hidden_m4, ..moments }.plus(&AreaMoments::default()));
        let unsure = AreaMoments { expected_m2: 1000.0, correlated_m4: [1e9; 6], hidden_m4: 0.0 };
        assert_eq!(model.area(&unsure, 90.0, 4e4).lower_ha, 0.0);
        let one = AreaMoments::of_model(&model, &map, 20, 10.0, 100.0);
        assert_eq!(one.correlated_m4[0], AreaMoments::of(&map, 20, 10.0, 100.0).correlated_m4[0]);
    }
}
