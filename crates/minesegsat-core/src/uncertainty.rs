//! Uncertainty of areas: from the probabilities of a map to hectares with an interval.
//!
//! A map gives each pixel i a probability p_i of being disturbed. If the probabilities are calibrated, the expected area of a
//! set of pixels of size a is `E = a sum p_i`. Its standard deviation is
//!
//! ```text
//! sd^2 = inflation a^2 sum_i sum_j s_i s_j exp(-(|dx_ij| + |dy_ij|) / range) + (relative_sd E)^2,   s_i^2 = p_i (1 - p_i)
//! ```
//! The first term is the variance of a sum of correlated errors, after Wadoux and Heuvelink ("Uncertainty of spatial averages
//! and totals of natural resource maps", Methods in Ecology and Evolution 14(5), 2023,
//! <https://doi.org/10.1111/2041-210X.14106>). A network that errs at a pixel also errs at its neighbours, so errors do not
//! cancel like independent errors. The correlation is exponential in each direction, so two passes over rows and columns
//! compute the double sum.
//!
//! The second term is the error that all pixels of a scene share, because the light, the season or the landscape suit the
//! model more or less. [`AreaErrorModel::fit`] fits the three parameters to regions with a known area, at several region
//! sizes at once: small regions determine the range, whole scenes the shared error.

use serde::{Deserialize, Serialize};

/// Candidate correlation ranges in metres. In regions of one or two kilometres a longer range looks the same as the shared
/// error of the scene, which has its own term. Over a whole scene a longer range would correlate the faint probabilities of
/// all background.
pub const RANGES_M: [f64; 6] = [20.0, 40.0, 80.0, 120.0, 180.0, 250.0];

/// Correlation range of the presence of a mine under clouds, in metres: the usual size of a mine.
const HIDDEN_RANGE_M: f64 = 1000.0;

/// Default confidence level in percent. [`AreaErrorModel::fit`] calibrates the coverage of intervals at this level.
pub const DEFAULT_LEVEL_PERCENT: f64 = 90.0;

/// An area with an interval, in hectares.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Area {
    /// Best estimate.
    pub ha: f64,
    /// Lower end of the interval.
    pub lower_ha: f64,
    /// Upper end of the interval.
    pub upper_ha: f64,
}

/// Parameters of the error of an area. See the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AreaErrorModel {
    /// Correlation range of errors in metres: the distance at which the correlation has fallen to 1/e.
    pub range_m: f64,
    /// Factor on the variance of correlated pixel errors.
    pub inflation: f64,
    /// Standard deviation of the error that all pixels of a scene share, relative to the area.
    pub relative_sd: f64,
    /// Number of regions in the fit; 0 for the cautious default guess.
    pub fitted_to: usize,
}

impl Default for AreaErrorModel {
    /// A cautious guess for models without a fit: errors correlate over 120 m, and the shared error is a quarter of the area.
    fn default() -> Self {
        Self { range_m: 120.0, inflation: 8.0, relative_sd: 0.25, fitted_to: 0 }
    }
}

/// Moments of the area of a set of pixels: the expected area and the parts of its variance.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct AreaMoments {
    /// Expected area in square metres.
    pub expected_m2: f64,
    /// The double sum of the [module](self) without inflation, in m^4, for each of [`RANGES_M`].
    pub correlated_m4: [f64; RANGES_M.len()],
    /// Variance of unseen pixels in m^4: see [`AreaMoments::add_hidden`] and [`AreaMoments::add_beyond`].
    pub hidden_m4: f64,
}

impl AreaMoments {
    /// Moments of the pixels of a window. NaN pixels are left out.
    ///
    /// # Shapes
    /// - `probability`: `[H, W]`, row-major, with `width` columns
    pub fn from_pixels(probability: &[f32], width: usize, pixel_m: f64, pixel_area_m2: f64) -> Self {
        Self::for_ranges(probability, width, pixel_m, pixel_area_m2, &RANGES_M)
    }

    /// Like [`AreaMoments::from_pixels`], for the range of one model only; the sums of other ranges stay 0.
    pub fn for_model(
        model: &AreaErrorModel,
        probability: &[f32],
        width: usize,
        pixel_m: f64,
        pixel_area_m2: f64,
    ) -> Self {
        let nearest = nearest_range(model.range_m);
        Self::for_ranges(probability, width, pixel_m, pixel_area_m2, &RANGES_M[nearest..=nearest])
    }

    fn for_ranges(probability: &[f32], width: usize, pixel_m: f64, pixel_area_m2: f64, ranges: &[f64]) -> Self {
        let expected: f64 = probability.iter().filter(|p| !p.is_nan()).map(|&p| f64::from(p)).sum();
        let mut moments = Self { expected_m2: expected * pixel_area_m2, ..Self::default() };
        for &range in ranges {
            moments.correlated_m4[nearest_range(range)] =
                correlated_sum(probability, width, pixel_m, range) * pixel_area_m2.powi(2);
        }
        moments
    }

    /// Adds unseen pixels of a window. Their probabilities come from another source, such as an earlier date or the mean of the
    /// visible pixels. NaN pixels are left out.
    ///
    /// The presence of a mine correlates over the size of a mine. So the pixels under one cloud share their error, and distant
    /// clouds have independent errors.
    ///
    /// # Shapes
    /// - `probability`: `[H, W]`, row-major, with `width` columns
    pub fn add_hidden(&mut self, probability: &[f32], width: usize, pixel_m: f64, pixel_area_m2: f64) {
        let hidden = Self::for_ranges(probability, width, pixel_m, pixel_area_m2, &[]);
        self.expected_m2 += hidden.expected_m2;
        self.hidden_m4 += correlated_sum(probability, width, pixel_m, HIDDEN_RANGE_M) * pixel_area_m2.powi(2);
    }

    /// Adds pixels outside the map, with probabilities from another source. Their errors are treated as fully correlated.
    pub fn add_beyond(&mut self, probability: impl IntoIterator<Item = f32>, pixel_area_m2: f64) {
        let (mut expected, mut sd) = (0.0, 0.0);
        for p in probability {
            expected += f64::from(p);
            sd += f64::from((p * (1.0 - p)).max(0.0).sqrt());
        }
        self.expected_m2 += expected * pixel_area_m2;
        self.hidden_m4 += (sd * pixel_area_m2).powi(2);
    }

    /// Adds the moments of a set that lies beyond the correlation range. The shared errors of scenes add up.
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

/// Standard deviation of the class of a pixel (disturbed or not); 0 for NaN.
fn deviation(p: f32) -> f32 {
    if p.is_nan() { 0.0 } else { (p * (1.0 - p)).max(0.0).sqrt() }
}

/// [`CorrelatedSum`] of the deviations of a window, `[H, W]`.
fn correlated_sum(probability: &[f32], width: usize, pixel_m: f64, range_m: f64) -> f64 {
    let (mut sum, mut line) = (CorrelatedSum::new(width, pixel_m, range_m), Vec::with_capacity(width));
    if width > 0 {
        for row in probability.chunks_exact(width) {
            push(&mut sum, &mut line, row);
        }
    }
    sum.total
}

/// Index of the nearest range in [`RANGES_M`], on a logarithmic scale.
fn nearest_range(range_m: f64) -> usize {
    let distance = |tried: f64| (tried / range_m).ln().abs();
    (0..RANGES_M.len()).min_by(|&a, &b| distance(RANGES_M[a]).total_cmp(&distance(RANGES_M[b]))).unwrap_or(0)
}

/// `sum_i sum_j s_i s_j decay^(|dx| + |dy|)` over pixels that arrive row by row. Memory holds one row.
///
/// A recursive filter runs forwards and backwards along each row. Its results, summed over all rows above with their decay, meet the
/// values of the next row. Each pair of rows is met once and counts twice.
#[derive(Debug, Clone)]
struct CorrelatedSum {
    decay: f32,
    total: f64,
    /// Filtered rows so far, decayed to the next row.
    above: Vec<f32>,
    forward: Vec<f32>,
}

impl CorrelatedSum {
    fn new(width: usize, pixel_m: f64, range_m: f64) -> Self {
        let decay = (-pixel_m / range_m).exp() as f32;
        Self { decay, total: 0.0, above: vec![0.0; width], forward: vec![0.0; width] }
    }

    fn push(&mut self, line: &[f32]) {
        let decay = self.decay;
        let mut sum = 0.0;
        for (to, &v) in self.forward.iter_mut().zip(line) {
            sum = v + decay * sum;
            *to = sum;
        }
        let mut sum = 0.0;
        for ((&v, &forward), above) in line.iter().zip(&self.forward).zip(&mut self.above).rev() {
            sum = v + decay * sum;
            let along = forward + sum - v;
            self.total += f64::from(v) * f64::from(along + 2.0 * *above);
            *above = decay * (*above + along);
        }
    }
}

/// Moments of a window of a map that arrives row by row. Memory holds a few rows.
#[derive(Debug, Clone)]
pub struct MomentRows {
    pixel_area_m2: f64,
    /// Place of the range in [`RANGES_M`].
    range: usize,
    seen: CorrelatedSum,
    hidden: CorrelatedSum,
    seen_pixels: f64,
    hidden_pixels: f64,
    line: Vec<f32>,
}

impl MomentRows {
    /// For rows of `width` pixels, with the range of a model.
    pub fn new(model: &AreaErrorModel, width: usize, pixel_m: f64, pixel_area_m2: f64) -> Self {
        let range = nearest_range(model.range_m);
        Self {
            pixel_area_m2,
            range,
            seen: CorrelatedSum::new(width, pixel_m, RANGES_M[range]),
            hidden: CorrelatedSum::new(width, pixel_m, HIDDEN_RANGE_M),
            seen_pixels: 0.0,
            hidden_pixels: 0.0,
            line: Vec::with_capacity(width),
        }
    }

    /// Adds the seen pixels of the next row, `[W]`. NaN pixels are left out.
    pub fn push_seen(&mut self, probability: &[f32]) {
        self.seen_pixels += push(&mut self.seen, &mut self.line, probability);
    }

    /// Adds the unseen pixels of the next row, `[W]`, as [`AreaMoments::add_hidden`] does. NaN pixels are left out.
    pub fn push_hidden(&mut self, probability: &[f32]) {
        self.hidden_pixels += push(&mut self.hidden, &mut self.line, probability);
    }

    /// Moments of the seen pixels alone.
    pub fn seen(&self) -> AreaMoments {
        let mut moments = AreaMoments { expected_m2: self.seen_pixels * self.pixel_area_m2, ..AreaMoments::default() };
        moments.correlated_m4[self.range] = self.seen.total * self.pixel_area_m2.powi(2);
        moments
    }

    /// Moments of all pixels.
    pub fn all(&self) -> AreaMoments {
        let mut moments = self.seen();
        moments.expected_m2 += self.hidden_pixels * self.pixel_area_m2;
        moments.hidden_m4 = self.hidden.total * self.pixel_area_m2.powi(2);
        moments
    }
}

/// Adds a row of probabilities to a sum, and returns their sum.
fn push(sum: &mut CorrelatedSum, line: &mut Vec<f32>, probability: &[f32]) -> f64 {
    line.clear();
    line.extend(probability.iter().map(|&p| deviation(p)));
    sum.push(line);
    probability.iter().filter(|p| !p.is_nan()).map(|&p| f64::from(p)).sum()
}

/// A region with a known area, for [`AreaErrorModel::fit`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnownPlace {
    /// Size class of the region: part of a patch, patch, scene. All size classes have equal weight, whatever their number of
    /// regions.
    pub level: usize,
    /// Moments of the mapped area.
    pub moments: AreaMoments,
    /// True area in square metres.
    pub true_m2: f64,
}

impl AreaErrorModel {
    /// From the record of a model in a manifest, `model.area_error`; the default without one.
    pub fn of_record(model: &serde_json::Value) -> Self {
        model.get("area_error").and_then(|value| serde_json::from_value(value.clone()).ok()).unwrap_or_default()
    }

    /// Variance in m^4.
    fn variance(&self, moments: &AreaMoments) -> f64 {
        self.inflation * moments.correlated_m4[nearest_range(self.range_m)]
            + (self.relative_sd * moments.expected_m2).powi(2)
            + moments.hidden_m4
    }

    /// The area with its confidence interval at a level in percent. The interval is the expected area plus and minus normal
    /// deviations, clipped to 0 and `largest_m2`.
    pub fn area(&self, moments: &AreaMoments, level_percent: f64, largest_m2: f64) -> Area {
        let half = normal_quantile(0.5 + level_percent / 200.0) * self.variance(moments).sqrt();
        let ha = |m2: f64| m2.clamp(0.0, largest_m2) / 1e4;
        Area {
            ha: ha(moments.expected_m2),
            lower_ha: ha(moments.expected_m2 - half),
            upper_ha: ha(moments.expected_m2 + half),
        }
    }

    /// Fits the parameters to regions with a known area, by maximum likelihood with normal errors.
    ///
    /// For each of [`RANGES_M`] a Nelder-Mead search finds the best inflation and shared deviation; the best range wins. The
    /// deviations are then scaled so that 90 % intervals contain the true area of 90 % of the regions. Regions without mapped
    /// and without true area are left out. `None` if fewer than 20 regions remain.
    pub fn fit(places: &[KnownPlace]) -> Option<Self> {
        // 0.01 ha, for rounding and edges.
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
        // Negligible values become 0.
        let relative_sd = if log_relative < -7.0 { 0.0 } else { log_relative.exp() };
        let normal =
            Self { range_m: RANGES_M[range], inflation: log_inflation.exp(), relative_sd, fitted_to: used.len() };
        let scale = normal.scale(&used, &counts);
        Some(Self { inflation: normal.inflation * scale * scale, relative_sd: relative_sd * scale, ..normal })
    }

    /// Factor on the deviations that gives [`DEFAULT_LEVEL_PERCENT`] intervals their nominal coverage. Size classes have equal
    /// weight. Errors of networks have heavier tails than normal errors: a few completely missed regions make the
    /// maximum-likelihood deviation too large for all others.
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
        let wanted = total * DEFAULT_LEVEL_PERCENT / 100.0;
        let reached = deviations.iter().find(|(_, weight)| {
            sum += weight;
            sum >= wanted
        });
        reached.map_or(1.0, |(deviation, _)| deviation / normal_quantile(0.5 + DEFAULT_LEVEL_PERCENT / 200.0))
    }

    /// Share of regions whose true area lies in the interval.
    pub fn coverage(&self, places: &[KnownPlace], level_percent: f64) -> Option<f64> {
        let inside = |place: &&KnownPlace| {
            let area = self.area(&place.moments, level_percent, f64::INFINITY);
            (area.lower_ha * 1e4..=area.upper_ha * 1e4).contains(&place.true_m2)
        };
        (!places.is_empty()).then(|| places.iter().filter(inside).count() as f64 / places.len() as f64)
    }
}

/// Nelder-Mead search in two dimensions (Computer Journal 7(4), 1965), limited to a range where logarithms are meaningful.
fn nelder_mead(cost: impl Fn([f64; 2]) -> f64, start: [f64; 2]) -> ([f64; 2], f64) {
    let evaluate = |[x, y]: [f64; 2]| {
        let point = [x.clamp(-12.0, 12.0), y.clamp(-12.0, 3.0)];
        (cost(point), point)
    };
    let mut corners = [evaluate(start), evaluate([start[0] + 1.0, start[1]]), evaluate([start[0], start[1] + 1.0])];
    for _ in 0..400 {
        corners.sort_by(|a, b| a.0.total_cmp(&b.0));
        let [best, middle, worst] = corners;
        if (worst.0 - best.0).abs() < 1e-10 * (1.0 + best.0.abs()) {
            break;
        }
        let centre = [f64::midpoint(best.1[0], middle.1[0]), f64::midpoint(best.1[1], middle.1[1])];
        let along = |t: f64| evaluate([0, 1].map(|k| centre[k] + t * (centre[k] - worst.1[k])));
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
                let shrunk = |c: (f64, [f64; 2])| evaluate([0, 1].map(|k| f64::midpoint(c.1[k], best.1[k])));
                corners[1] = shrunk(middle);
                shrunk(worst)
            }
        };
    }
    corners.sort_by(|a, b| a.0.total_cmp(&b.0));
    (corners[0].1, corners[0].0)
}

/// Quantile of the standard normal distribution, by bisection of the distribution function.
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
        let (width, height, pixel_m, range_m) = (7, 5, 10.0, 20.0);
        let values: Vec<f32> = (0..width * height).map(|i| ((i * 37 + 11) % 23) as f32 / 23.0).collect();
        let mut expected = 0.0;
        for (i, &a) in values.iter().enumerate() {
            for (j, &b) in values.iter().enumerate() {
                let distance = (i % width).abs_diff(j % width) + (i / width).abs_diff(j / width);
                let decay = (-(distance as f64) * pixel_m / range_m).exp();
                expected += f64::from(deviation(a)) * f64::from(deviation(b)) * decay;
            }
        }
        let found = correlated_sum(&values, width, pixel_m, range_m);
        assert!((found / expected - 1.0).abs() < 1e-5, "{found} {expected}");
        assert_eq!(correlated_sum(&[], 0, pixel_m, range_m), 0.0);
        // Row by row, seen and hidden, the moments are those of whole windows.
        let model = AreaErrorModel { range_m, ..AreaErrorModel::default() };
        let mut rows = MomentRows::new(&model, width, pixel_m, 100.0);
        for row in values.chunks_exact(width) {
            rows.push_seen(row);
            rows.push_hidden(row);
        }
        let mut whole = AreaMoments::for_model(&model, &values, width, pixel_m, 100.0);
        assert_eq!(rows.seen(), whole);
        whole.add_hidden(&values, width, pixel_m, 100.0);
        assert_eq!(rows.all(), whole);
    }

    #[test]
    fn independent_pixels_have_the_variance_of_coins() {
        // A range far below a pixel: 100 pixels of one half, 100 m2 each.
        let half = [0.5_f32; 100];
        let found = correlated_sum(&half, 10, 10.0, 0.1);
        assert!((found - 25.0).abs() < 1e-6, "{found}");
        // An unlimited range: all pixels share one outcome.
        assert!((correlated_sum(&half, 10, 10.0, f64::INFINITY) - 2500.0).abs() < 1e-2);
    }

    #[test]
    fn quantiles_are_those_of_tables() {
        // scipy.stats.norm.ppf([0.95, 0.975, 0.5])
        for (p, x) in [(0.95, 1.644_853_626_951_472_2), (0.975, 1.959_963_984_540_054), (0.5, 0.0)] {
            assert!((normal_quantile(p) - x).abs() < 1e-9);
        }
    }

    /// Regions whose errors have a known deviation.
    fn places(inflation: f64, relative: f64) -> Vec<KnownPlace> {
        let mut dice = Dice::new(5, "errors");
        (0..3000_u64)
            .map(|i| {
                let expected_m2 = 3e6 * (1.0 + (i % 40) as f64 / 10.0);
                let correlated = 2e8 * (1.0 + (i % 17) as f64) * if i % 3 == 0 { 1.0 } else { 30.0 };
                let sd = (inflation * correlated + (relative * expected_m2).powi(2)).sqrt();
                // The double sums differ between ranges.
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
        let mut moments = AreaMoments::from_pixels(&map, 20, 10.0, 100.0);
        let sure = model.area(&moments, 90.0, 4e4);
        assert_eq!((sure.ha, sure.lower_ha, sure.upper_ha), (1.0, 1.0, 1.0));
        moments.add_beyond([0.5; 20], 100.0);
        let area = model.area(&moments, 90.0, 4e4);
        assert!((area.ha - 1.1).abs() < 1e-9 && (area.upper_ha - 1.1 - 0.1 * 1.6449).abs() < 1e-4, "{area:?}");
        assert_eq!(moments, AreaMoments { hidden_m4: moments.hidden_m4, ..moments }.plus(&AreaMoments::default()));
        let unsure = AreaMoments { expected_m2: 1000.0, correlated_m4: [1e9; 6], hidden_m4: 0.0 };
        assert_eq!(model.area(&unsure, 90.0, 4e4).lower_ha, 0.0);
        let one = AreaMoments::for_model(&model, &map, 20, 10.0, 100.0);
        assert_eq!(one.correlated_m4[0], AreaMoments::from_pixels(&map, 20, 10.0, 100.0).correlated_m4[0]);
    }
}
