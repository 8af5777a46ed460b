//! How much land resembles what a model has learned from: [`Familiarity`].
//!
//! Land is looked at in square cells of [`CELL_PX`] pixels. A cell is described by the mean of each band and by the logarithm of
//! its standard deviation, both of the network's normalised input. Its distance is that to the nearest of some prototypes, the
//! centres of clusters of the training data (k-means). A distance above the limit means: unlike anything that was learned from.

use serde::{Deserialize, Serialize};

/// Width and height of a cell in pixels.
pub const CELL_PX: usize = 32;
/// Added to the standard deviation of a cell, in units of the normalised input, so that water without texture has a logarithm.
const FLAT: f32 = 0.03;
/// Smallest share of a cell that must be visible.
const VISIBLE: f32 = 0.5;

/// What a cell looks like: two numbers per band of the model, `None` for a band that is absent.
pub type CellFeatures = Vec<Option<f32>>;

/// What a model has learned from, in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Familiarity {
    /// Mean and standard deviation of each feature over the training cells.
    pub scale: Vec<[f32; 2]>,
    /// Centres of the clusters in scaled features. In JSON, a line of numbers each, with `-` for what is unknown.
    #[serde(with = "lines")]
    pub prototypes: Vec<CellFeatures>,
    /// Largest familiar distance for each number of bands: `[bands, distance]`, in the order of the numbers.
    pub limits: Vec<(usize, f32)>,
    /// Number of cells that the limits were fitted to.
    pub fitted_to: usize,
}

impl Familiarity {
    /// Checks that the numbers fit together, for a model of `bands` bands.
    pub fn check(&self, bands: usize) -> Result<(), String> {
        let features = 2 * bands;
        if self.scale.len() != features || self.prototypes.iter().any(|one| one.len() != features) {
            return Err(format!(
                "its familiarity does not have {features} features, two for each of its {bands} bands"
            ));
        }
        let is_scale = |scale: &[f32; 2]| scale[0].is_finite() && scale[1].is_finite() && scale[1] > 0.0;
        let is_limit = |limit: &(usize, f32)| limit.1.is_finite() && limit.1 > 0.0;
        if !self.scale.iter().all(is_scale) || self.limits.is_empty() || !self.limits.iter().all(is_limit) {
            return Err("its familiarity has scales or limits that are not positive numbers".to_owned());
        }
        if self.prototypes.is_empty() {
            return Err("its familiarity has no prototypes".to_owned());
        }
        Ok(())
    }

    /// Features in units of the training cells' standard deviations.
    pub fn scaled(&self, features: &CellFeatures) -> CellFeatures {
        let one = |(value, [mean, deviation]): (&Option<f32>, &[f32; 2])| value.map(|value| (value - mean) / deviation);
        features.iter().zip(&self.scale).map(one).collect()
    }

    /// Distance of a cell relative to the limit: above 1 it is unlike anything that was learned from. `None` if no prototype has
    /// its bands.
    pub fn distance(&self, features: &CellFeatures) -> Option<f32> {
        let scaled = self.scaled(features);
        let known = scaled.iter().flatten().count();
        let nearest = self.prototypes.iter().filter_map(|one| distance_between(&scaled, one)).min_by(f32::total_cmp)?;
        let bands = known / 2;
        let nearer = |limit: &&(usize, f32)| limit.0.abs_diff(bands);
        let (_, limit) = self.limits.iter().min_by_key(nearer)?;
        Some(nearest / limit)
    }
}

/// Prototypes as lines of text: a list of thousands of numbers is not readable.
mod lines {
    use super::CellFeatures;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(prototypes: &[CellFeatures], serializer: S) -> Result<S::Ok, S::Error> {
        let number = |value: &Option<f32>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let line = |one: &CellFeatures| one.iter().map(number).collect::<Vec<_>>().join(" ");
        serializer.collect_seq(prototypes.iter().map(line))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<CellFeatures>, D::Error> {
        let number = |word: &str| -> Result<Option<f32>, D::Error> {
            match word {
                "-" => Ok(None),
                _ => match word.parse::<f32>() {
                    Ok(value) if value.is_finite() => Ok(Some(value)),
                    _ => Err(D::Error::custom(format!("`{word}` in a prototype is not a number or `-`"))),
                },
            }
        };
        let lines = Vec::<String>::deserialize(deserializer)?;
        lines.iter().map(|line| line.split_whitespace().map(number).collect()).collect()
    }
}

/// Root of the mean square difference over the features that both have; `None` if `b` lacks over a third of those that `a` has.
pub fn distance_between(a: &CellFeatures, b: &CellFeatures) -> Option<f32> {
    let (mut sum, mut shared, mut of_a) = (0.0, 0_usize, 0_usize);
    for (a, b) in a.iter().zip(b) {
        of_a += usize::from(a.is_some());
        if let (Some(a), Some(b)) = (a, b) {
            sum += (a - b) * (a - b);
            shared += 1;
        }
    }
    (shared > 0 && 3 * shared >= 2 * of_a).then(|| (sum / shared as f32).sqrt())
}

/// The features of each cell of a patch with enough visible pixels, with the cell's row and column. Cells that the patch cuts are
/// left out.
///
/// `data` is `[C, H, W]`, the network's normalised input. `is_visible` is asked for the index of a pixel, `is_absent` for that of a
/// channel.
pub fn cells(
    data: &[f32],
    (height, width): (usize, usize),
    is_visible: impl Fn(usize) -> bool,
    is_absent: impl Fn(usize) -> bool,
) -> Vec<([usize; 2], CellFeatures)> {
    let plane = height * width;
    let channels = data.len() / plane.max(1);
    let mut found = Vec::new();
    let mut pixels = Vec::with_capacity(CELL_PX * CELL_PX);
    for row in 0..height / CELL_PX {
        for col in 0..width / CELL_PX {
            pixels.clear();
            for y in 0..CELL_PX {
                let first = (row * CELL_PX + y) * width + col * CELL_PX;
                pixels.extend((first..first + CELL_PX).filter(|&at| is_visible(at)));
            }
            if (pixels.len() as f32) < VISIBLE * (CELL_PX * CELL_PX) as f32 {
                continue;
            }
            let count = pixels.len() as f32;
            let mut features = Vec::with_capacity(2 * channels);
            for channel in 0..channels {
                if is_absent(channel) {
                    features.extend([None, None]);
                    continue;
                }
                let values = &data[channel * plane..][..plane];
                let mean = pixels.iter().map(|&at| values[at]).sum::<f32>() / count;
                let variance = pixels.iter().map(|&at| (values[at] - mean).powi(2)).sum::<f32>() / count;
                features.extend([Some(mean), Some((variance.sqrt() + FLAT).ln())]);
            }
            found.push(([row, col], features));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Familiarity {
        Familiarity {
            scale: vec![[0.0, 1.0]; 4],
            prototypes: vec![vec![Some(0.0); 4], vec![Some(2.0), Some(0.0), None, None]],
            limits: vec![(1, 0.5), (2, 1.0)],
            fitted_to: 10,
        }
    }

    #[test]
    fn a_cell_is_described_by_mean_and_spread_of_its_visible_pixels() {
        let (height, width) = (CELL_PX, 2 * CELL_PX + 5);
        let plane = height * width;
        let mut data: Vec<f32> =
            (0..plane).map(|at| if at % width < CELL_PX { 1.0 } else { (at % 2) as f32 * 2.0 }).collect();
        data.extend(vec![0.0; plane]);
        let all = cells(&data, (height, width), |_| true, |channel| channel == 1);
        assert_eq!(all.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [[0, 0], [0, 1]]);
        assert_eq!(all[0].1, [Some(1.0), Some(FLAT.ln()), None, None]);
        let Some(spread) = all[1].1[1] else { panic!() };
        assert!((spread - (1.0 + FLAT).ln()).abs() < 1e-5, "{spread}");
        // The left half of the left cell is hidden, and a bit more: too little is left.
        let hidden = cells(&data, (height, width), |at| at % width > CELL_PX / 2, |_| false);
        assert_eq!(hidden.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [[0, 1]]);
        assert!(cells(&data, (CELL_PX - 1, 0), |_| true, |_| false).is_empty());
    }

    #[test]
    fn the_nearest_prototype_with_the_same_bands_decides() {
        let model = model();
        model.check(2).unwrap();
        let of = |values: [Option<f32>; 4]| model.distance(&values.to_vec());
        assert_eq!(of([Some(0.0); 4]), Some(0.0));
        // The second prototype lacks half of the features and is not asked.
        assert_eq!(of([Some(2.0), Some(0.0), Some(0.0), Some(0.0)]), Some(1.0));
        // One band: both are asked, and the limit is that of one band.
        assert_eq!(of([Some(2.0), Some(0.0), None, None]), Some(0.0));
        assert_eq!(of([Some(3.0), Some(1.0), None, None]), Some(2.0));
        assert_eq!(of([None; 4]), None);
    }

    #[test]
    fn prototypes_are_lines_in_json() {
        let json = serde_json::to_value(model()).unwrap();
        assert_eq!(json["prototypes"][1], "2 0 - -");
        assert_eq!(serde_json::from_value::<Familiarity>(json).unwrap(), model());
        let broken = serde_json::json!({ "scale": [], "prototypes": ["1 NaN"], "limits": [], "fitted_to": 0 });
        let message = serde_json::from_value::<Familiarity>(broken).unwrap_err().to_string();
        assert!(message.contains("`NaN` in a prototype"), "{message}");
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        assert!(model().check(3).unwrap_err().contains("6 features"));
        assert!(Familiarity { limits: vec![], ..model() }.check(2).is_err());
        assert!(Familiarity { scale: vec![[0.0, 0.0]; 4], ..model() }.check(2).is_err());
        assert!(Familiarity { prototypes: vec![], ..model() }.check(2).unwrap_err().contains("no prototypes"));
    }
}
