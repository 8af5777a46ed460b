//! The change head of a model folder: a small network that compares two dates.

use minesegsat_core::Band;
use minesegsat_core::noise_floor::NoiseFloor;
use serde::{Deserialize, Serialize};

/// Name of the weights of the change head in a model folder.
pub const CHANGE_HEAD_FILE: &str = "change.safetensors";

/// A change head: `layers` convolutions of 3 x 3 pixels with ReLU, then one of 1 x 1 to the four classes none, stable, gain, loss.
/// [`ChangeClassifier`](minesegsat_core::ChangeClassifier) defines its input.
///
/// # Tensors
/// - `layers.{i}.weight`: `[width, channels, 3, 3]`, with `2 + 2 * bands` channels in the first layer and `width` in all others
/// - `layers.{i}.bias`: `[width]`
/// - `classifier.weight`: `[4, width, 1, 1]`; `classifier.bias`: `[4]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeHeadConfig {
    /// Bands that it reads from both dates.
    pub bands: Vec<Band>,
    /// Of each band, the mean of `ln(reflectance + 0.02)` in training.
    pub means: Vec<f32>,
    /// Number of convolutions of 3 x 3 pixels.
    pub layers: usize,
    /// Their output channels.
    pub width: usize,
    /// Maximum number of bands that both scenes may lack together.
    pub band_dropout_max: usize,
    /// SHA-256 of [`CHANGE_HEAD_FILE`], in lower-case hexadecimal.
    pub sha256: String,
    /// Training data, and what was measured.
    pub training: String,
    /// Apparent change at stable sites that it finds, learned from pairs of dates. The card's own noise floor is that of the rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_floor: Option<NoiseFloor>,
}

impl ChangeHeadConfig {
    /// Numbers per pixel of its input.
    pub fn in_channels(&self) -> usize {
        2 + 2 * self.bands.len()
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        let fail = |what: String| Err(format!("`change_head` of its card: {what}"));
        if self.bands.is_empty() || self.bands.len() != self.means.len() {
            return fail(format!(
                "{} bands and {} means; expected one mean for each band",
                self.bands.len(),
                self.means.len()
            ));
        }
        if let Some(band) = self.bands.iter().enumerate().find(|(i, band)| self.bands[..*i].contains(band)) {
            return fail(format!("band {} twice", band.1));
        }
        if self.means.iter().any(|mean| !mean.is_finite()) {
            return fail("means that are not finite".to_owned());
        }
        if !(1..=16).contains(&self.layers) || !(1..=512).contains(&self.width) {
            return fail(format!(
                "{} layers of width {}; expected 1 to 16 layers of width 1 to 512",
                self.layers, self.width
            ));
        }
        if self.band_dropout_max >= self.bands.len() {
            return fail(format!(
                "it may lack {} of {} bands; expected fewer",
                self.band_dropout_max,
                self.bands.len()
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_are_named() {
        let good = ChangeHeadConfig {
            bands: vec![Band::B04, Band::B08],
            means: vec![-2.0, -1.5],
            layers: 3,
            width: 8,
            band_dropout_max: 1,
            sha256: String::new(),
            training: String::new(),
            noise_floor: None,
        };
        assert_eq!(good.check(), Ok(()));
        assert_eq!(good.in_channels(), 6);
        let bad = [
            (ChangeHeadConfig { means: vec![0.0], ..good.clone() }, "2 bands and 1 means"),
            (ChangeHeadConfig { bands: vec![Band::B04; 2], ..good.clone() }, "band B04 twice"),
            (ChangeHeadConfig { means: vec![0.0, f32::NAN], ..good.clone() }, "not finite"),
            (ChangeHeadConfig { layers: 0, ..good.clone() }, "0 layers of width 8"),
            (ChangeHeadConfig { band_dropout_max: 2, ..good.clone() }, "may lack 2 of 2 bands"),
        ];
        for (head, what) in bad {
            let said = head.check().unwrap_err();
            assert!(said.starts_with("`change_head` of its card: ") && said.contains(what), "{said}");
        }
    }
}
