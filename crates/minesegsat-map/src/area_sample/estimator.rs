//! Areas and accuracies with their standard errors, from a stratified random sample: [`Estimator`].

use serde::Serialize;

/// Size of a stratum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StratumSize {
    /// Area, in any unit common to all strata.
    pub area: f64,
    /// Number of pixels in the stratum.
    pub pixels: u64,
}

/// An interpreted point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// Index of its stratum.
    pub stratum: usize,
    /// Index of its map class.
    pub map: usize,
    /// Index of its true class.
    pub reference: usize,
    /// Area of its pixel relative to the mean pixel of the stratum. 1 if pixels are equal.
    pub weight: f64,
}

/// An estimate and its uncertainty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
}

/// The estimators of a stratified random sample whose strata may differ from the classes of the map.
///
/// Every result is a ratio `R = Y / X` of totals of indicators over the map (Stehman 2014, "Estimating area and map
/// accuracy for stratified random sampling when the strata are different from the map classes", International Journal of
/// Remote Sensing 35, 4923-4939, <https://doi.org/10.1080/01431161.2014.930207>):
///
/// | | `y_u` is 1 if | `x_u` is 1 if |
/// |---|---|---|
/// | overall accuracy | map and reference agree | always |
/// | share of class j | the reference is j | always |
/// | cell i, j of the error matrix | the map is i, the reference j | always |
/// | user's accuracy of i | map and reference are i | the map is i |
/// | producer's accuracy of j | map and reference are j | the reference is j |
///
/// With `A_h` the area of stratum h and bars for means over its `n_h` points, `Y = sum A_h y_h`, `X = sum A_h x_h` (eqs. 1, 3
/// and 27) and `V(R) = 1 / X^2 sum A_h^2 (s_yh^2 + R^2 s_xh^2 - 2 R s_xyh) / n_h` (eqs. 25 and 28), which is the variance of
/// the residuals `y - R x` within strata. If strata are the map's classes, these are the estimators of Olofsson et
/// al. 2014, eqs. 1 to 11, which also have no correction for finite populations: few of a stratum's many pixels are
/// points, and its omission overestimates the error. Only a stratum whose every pixel is a point has no error.
///
/// Pixels of geographic grids differ in area. Points are drawn by pixel, so means and residuals are weighted with
/// pixel areas (Särndal, Swensson, Wretman 1992, section 5.7). Equal weights change nothing.
#[derive(Debug, Clone)]
pub struct Estimator<'a> {
    strata: &'a [StratumSize],
    /// Per stratum.
    observations: Vec<Vec<Observation>>,
}

impl<'a> Estimator<'a> {
    /// Needs strata with at least two points, or with all their pixels.
    pub fn new(strata: &'a [StratumSize], observations: &[Observation]) -> Self {
        let mut by_stratum = vec![Vec::new(); strata.len()];
        for point in observations {
            by_stratum[point.stratum].push(*point);
        }
        for (place, (stratum, points)) in strata.iter().zip(&by_stratum).enumerate() {
            let points = points.len() as u64;
            assert!(
                points >= 2 || points >= stratum.pixels.max(1),
                "stratum {place} has {points} points, and needs two"
            );
        }
        Self { strata, observations: by_stratum }
    }

    /// Area of all strata.
    pub fn area(&self) -> f64 {
        self.strata.iter().map(|stratum| stratum.area).sum()
    }

    /// The ratio of two totals, of the points with `y` and the points with `x`. `None` if no point has `x`.
    pub fn ratio(&self, y: impl Fn(&Observation) -> bool, x: impl Fn(&Observation) -> bool) -> Option<Estimate> {
        let value = |holds: bool| if holds { 1.0 } else { 0.0 };
        // Per stratum: points, mean weight, means of y and x.
        let means: Vec<[f64; 4]> = self
            .observations
            .iter()
            .map(|points| {
                let mut sums = [0.0; 4];
                for point in points {
                    let terms = [1.0, point.weight, point.weight * value(y(point)), point.weight * value(x(point))];
                    sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
                }
                let [points, weight, y, x] = sums;
                [points, weight / points, y / weight, x / weight]
            })
            .collect();
        let total =
            |k: usize| self.strata.iter().zip(&means).map(|(stratum, mean)| stratum.area * mean[k]).sum::<f64>();
        let (total_y, total_x) = (total(2), total(3));
        if total_x <= 0.0 {
            return None;
        }
        let ratio = total_y / total_x;
        let mut variance = 0.0;
        for ((stratum, observed), &[points, weight, mean_y, mean_x]) in
            self.strata.iter().zip(&self.observations).zip(&means)
        {
            if points as u64 >= stratum.pixels {
                continue;
            }
            let residual = |point: &Observation| {
                (value(y(point)) - mean_y - ratio * (value(x(point)) - mean_x)) * point.weight / weight
            };
            let squares: f64 = observed.iter().map(|point| residual(point).powi(2)).sum();
            variance += stratum.area.powi(2) * squares / ((points - 1.0) * points);
        }
        Some(Estimate { value: ratio, standard_error: variance.sqrt() / total_x })
    }

    /// Share of the area with a property.
    pub fn share(&self, holds: impl Fn(&Observation) -> bool) -> Estimate {
        self.ratio(holds, |_| true).unwrap_or_default()
    }

    /// Overall accuracy: share of the area with a correct map.
    pub fn overall_accuracy(&self) -> Estimate {
        self.share(|point| point.map == point.reference)
    }

    /// User's accuracy: share of the mapped `class` that is correct. `None` if the map has no point of it.
    pub fn users_accuracy(&self, class: usize) -> Option<Estimate> {
        self.ratio(|point| point.map == class && point.reference == class, |point| point.map == class)
    }

    /// Producer's accuracy: share of the true `class` that the map has. `None` if there is no such point.
    pub fn producers_accuracy(&self, class: usize) -> Option<Estimate> {
        self.ratio(|point| point.map == class && point.reference == class, |point| point.reference == class)
    }
}

/// Number of standard errors to each side that contain a given part of the normal distribution: 1.96 for 0.95.
pub fn normal_quantile(confidence: f64) -> f64 {
    assert!(confidence > 0.0 && confidence < 1.0, "a part between 0 and 1, not {confidence}");
    // The part outside decreases with the distance, so bisection finds it.
    let outside = |z: f64| libm::erfc(z / std::f64::consts::SQRT_2);
    let (mut below, mut above) = (0.0, 40.0);
    for _ in 0..100 {
        let middle = f64::midpoint(below, above);
        if outside(middle) > 1.0 - confidence { below = middle } else { above = middle }
    }
    above
}
