//! The description of a model: [`ModelCard`], the `model.json` beside the weights.

use std::path::Path;
use std::sync::Arc;

use minesegsat_core::Band;
use minesegsat_core::familiarity::Familiarity;
use minesegsat_core::model_description::{BandNormalisation, ModelDescription};
use minesegsat_core::noise_floor::NoiseFloor;
use minesegsat_core::persistence::Persistence;
use minesegsat_core::uncertainty::AreaErrorModel;
use serde::{Deserialize, Serialize};

use crate::{ChangeHeadConfig, Error, NetworkConfig, Result, check_patch_size, check_views};

/// Name of the card in a model folder.
pub const CARD_FILE: &str = "model.json";

/// Name of the weights in a model folder.
pub const WEIGHTS_FILE: &str = "model.safetensors";

/// Name of the recorded forward pass in a model folder, see [`verify_by`](crate::verify_by).
pub const FORWARD_FILE: &str = "forward.safetensors";

/// Version of the folder layout that this code reads and writes.
pub const FORMAT_VERSION: u32 = 1;

/// Description of a model: its network, its input, and the data that it was trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// Version of the folder layout, [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Display name.
    pub title: String,
    /// Licence of the weights, as an SPDX expression if possible.
    pub licence: String,
    /// Architecture and dimensions of the network.
    pub architecture: NetworkConfig,
    /// Bands of the input, in channel order.
    pub bands: Vec<Band>,
    /// Conversion of surface reflectance to the network's input.
    pub normalisation: Normalisation,
    /// Ground sampling distance of the training data, in metres.
    pub gsd_m: f64,
    /// Width and height of a patch, in pixels.
    pub patch_size: usize,
    /// Probability threshold for a mining-disturbed pixel.
    pub threshold: f32,
    /// Divisor of the logits before they become probabilities (Guo et al. 2017, <https://arxiv.org/abs/1706.04599>).
    #[serde(default = "default_temperature", skip_serializing_if = "is_default_temperature")]
    pub temperature: f32,
    /// Test-time augmentation: number of flips and rotations whose logits are averaged: 1, 2, 4 or 8.
    #[serde(default = "default_views", skip_serializing_if = "is_default_views")]
    pub views: usize,
    /// Name of each output channel. With more than one channel, the first is the background.
    pub classes: Vec<String>,
    /// Maximum number of missing bands of a scene. Training left out up to this number at random.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub band_dropout_max: usize,
    /// Error model of areas, fitted on sites with known truth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area_error: Option<AreaErrorModel>,
    /// Apparent change at stable sites, learned from pairs of dates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_floor: Option<NoiseFloor>,
    /// The network that compares two dates, if the model has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_head: Option<ChangeHeadConfig>,
    /// How long land stays as it is, and how much a map counts, for series of dates. `None` for the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistence: Option<Persistence>,
    /// What the training data look like. Land that is unlike is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub familiarity: Option<Familiarity>,
    /// Training data and its split.
    #[serde(default)]
    pub training: Training,
    /// Measured accuracy, by name of the metric.
    #[serde(default)]
    pub metrics: serde_json::Map<String, serde_json::Value>,
    /// Version of the program that wrote the folder.
    pub code_version: String,
    /// SHA-256 of the weights file, in lower-case hexadecimal.
    pub weights_sha256: String,
    /// Time at which the folder was written.
    pub created: jiff::Timestamp,
}

fn default_temperature() -> f32 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_default_temperature(temperature: &f32) -> bool {
    *temperature == 1.0
}

const fn default_views() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_default_views(views: &usize) -> bool {
    *views == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(value: &usize) -> bool {
    *value == 0
}

/// Training data and its split, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// The training data; `untrained` for random weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The split into training, validation and test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// The weights that the training started from: title, licence and SHA-256 of a model, or name and SHA-256 of a file. `None` if they
    /// were random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_from: Option<String>,
    /// Processing levels of the scenes: `L2A` (surface reflectance), `L1C` (top-of-atmosphere reflectance). Empty if unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<String>,
    /// Sources of pixels and labels, with their licences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
}

/// Conversion of reflectance (0 to 1, slightly more on bright targets) to the network's input, with one value per band.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Normalisation {
    /// `(reflectance - min) / (max - min)`. In the paper, min is 0 and max the maximum of the training set.
    MinMax {
        /// Reflectance that becomes 0.
        min: Vec<f32>,
        /// Reflectance that becomes 1.
        max: Vec<f32>,
    },
    /// `(reflectance - mean) / std`.
    MeanStd {
        /// Mean reflectance.
        mean: Vec<f32>,
        /// Standard deviation of reflectance.
        std: Vec<f32>,
    },
    /// `(reflectance - low) / (high - low)`, between two percentiles, usually the 2nd and the 98th. Values beyond them are not
    /// clipped, since fresh workings are among the brightest surfaces.
    Percentile {
        /// Reflectance that becomes 0.
        low: Vec<f32>,
        /// Reflectance that becomes 1.
        high: Vec<f32>,
    },
}

impl Normalisation {
    /// Division by a maximum per band.
    pub fn divide_by(max: Vec<f32>) -> Self {
        Self::MinMax { min: vec![0.0; max.len()], max }
    }

    /// Leaves reflectance unchanged.
    pub fn identity(bands: usize) -> Self {
        Self::divide_by(vec![1.0; bands])
    }

    /// Number of bands.
    pub fn len(&self) -> usize {
        let (Self::MinMax { min: values, .. }
        | Self::MeanStd { mean: values, .. }
        | Self::Percentile { low: values, .. }) = self;
        values.len()
    }

    /// Whether it has no bands.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `(offset, divisor)` of a band: the input is `(reflectance - offset) / divisor`.
    pub fn offset_divisor(&self, band: usize) -> (f32, f32) {
        match self {
            Self::MinMax { min, max } => (min[band], max[band] - min[band]),
            Self::MeanStd { mean, std } => (mean[band], std[band]),
            Self::Percentile { low, high } => (low[band], high[band] - low[band]),
        }
    }

    /// The bands at these places (counted from 0), in this order.
    pub fn reordered(&self, order: &[usize]) -> Self {
        let take = |values: &[f32]| order.iter().map(|&at| values[at]).collect();
        match self {
            Self::MinMax { min, max } => Self::MinMax { min: take(min), max: take(max) },
            Self::MeanStd { mean, std } => Self::MeanStd { mean: take(mean), std: take(std) },
            Self::Percentile { low, high } => Self::Percentile { low: take(low), high: take(high) },
        }
    }

    /// Normalises the pixels of a band (counted from 0) in place.
    pub fn apply(&self, band: usize, pixels: &mut [f32]) {
        let (offset, divisor) = self.offset_divisor(band);
        for pixel in pixels {
            *pixel = (*pixel - offset) / divisor;
        }
    }

    fn check(&self) -> Result<(), String> {
        let (Self::MinMax { min: a, max: b }
        | Self::MeanStd { mean: a, std: b }
        | Self::Percentile { low: a, high: b }) = self;
        if a.len() != b.len() {
            return Err(format!("its normalisation has {} and {} values", a.len(), b.len()));
        }
        for band in 0..self.len() {
            let (offset, divisor) = self.offset_divisor(band);
            if !offset.is_finite() || !divisor.is_finite() || divisor <= 0.0 {
                return Err(format!(
                    "its normalisation of channel {band} subtracts {offset} and divides by {divisor}; the divisor must \
                     be above 0"
                ));
            }
        }
        Ok(())
    }
}

impl ModelCard {
    /// Reads the card of a model folder and checks that it is consistent.
    pub fn read(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let path = folder.join(CARD_FILE);
        if !path.is_file() {
            let reason = format!("it has no {CARD_FILE}; a model is a folder with {CARD_FILE} and {WEIGHTS_FILE}");
            return Err(Error::model(folder, reason));
        }
        let text = fs_err::read_to_string(&path)?;
        let card: Self =
            serde_json::from_str(&text).map_err(|error| Error::model(folder, CARD_FILE).caused_by(error))?;
        card.check().map_err(|reason| Error::model(folder, reason))?;
        Ok(card)
    }

    /// Replaces the card of a model folder atomically.
    pub fn replace(&self, folder: impl AsRef<Path>) -> Result<()> {
        let folder = folder.as_ref();
        self.check().map_err(|reason| Error::model(folder, reason))?;
        let json = serde_json::to_string_pretty(self).map_err(|error| Error::model(folder, "").caused_by(error))?;
        Ok(minesegsat_core::output::atomic_write(&folder.join(CARD_FILE), (json + "\n").as_bytes())?)
    }

    /// The description of the model for mapping, manifests and reports.
    pub fn description(&self) -> ModelDescription {
        let normalisation = (0..self.bands.len())
            .map(|band| {
                let (offset, divisor) = self.normalisation.offset_divisor(band);
                BandNormalisation { offset, divisor }
            })
            .collect();
        let record = serde_json::json!({
            "title": self.title,
            "licence": self.licence,
            "weights_sha256": self.weights_sha256,
            "network": self.architecture.title(),
            "architecture": self.architecture,
            "normalisation": self.normalisation,
            "classes": self.classes,
            "temperature": self.temperature,
            "views": self.views,
            "training": self.training,
            "area_error": self.area_error,
            "noise_floor": self.noise_floor,
            "persistence": self.persistence,
        });
        ModelDescription {
            title: self.title.clone(),
            bands: self.bands.clone(),
            normalisation,
            absent: Vec::new(),
            familiarity: self.familiarity.clone().map(Arc::new),
            gsd_m: self.gsd_m,
            record,
        }
    }

    /// Checks that the card is consistent.
    pub fn check(&self) -> Result<(), String> {
        if self.format_version != FORMAT_VERSION {
            return Err(format!("its format_version is {}; this program reads {FORMAT_VERSION}", self.format_version));
        }
        self.architecture.check().map_err(|error| format!("`architecture` of its {CARD_FILE}: {error}"))?;
        let channels = self.architecture.in_channels();
        if self.bands.len() != channels {
            return Err(format!(
                "its card lists {} bands ({}), but the network takes {channels} channels",
                self.bands.len(),
                Band::list(&self.bands)
            ));
        }
        for (i, band) in self.bands.iter().enumerate() {
            if self.bands[..i].contains(band) {
                return Err(format!("its card lists band {band} twice"));
            }
        }
        if self.normalisation.len() != channels {
            return Err(format!(
                "its normalisation has {} values, but the network takes {channels} channels",
                self.normalisation.len()
            ));
        }
        self.normalisation.check()?;
        if self.classes.len() != self.architecture.num_classes() {
            return Err(format!(
                "its card names {} classes, but the network answers with {}",
                self.classes.len(),
                self.architecture.num_classes()
            ));
        }
        check_patch_size(self.patch_size, self.architecture.size_divisor())?;
        if !(0.0..=1.0).contains(&self.threshold) {
            return Err(format!("its threshold is {}; expected 0 to 1", self.threshold));
        }
        if !self.temperature.is_finite() || self.temperature <= 0.0 {
            return Err(format!("its temperature is {}; expected a number above 0", self.temperature));
        }
        check_views(self.views).map_err(|reason| format!("its views are {reason}"))?;
        if !self.gsd_m.is_finite() || self.gsd_m <= 0.0 {
            return Err(format!("its gsd_m is {}; expected metres above 0", self.gsd_m));
        }
        if let Some(head) = &self.change_head {
            head.check()?;
        }
        if let Some(familiarity) = &self.familiarity {
            familiarity.check(channels)?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::SegFormerConfig;

    pub(crate) fn card() -> ModelCard {
        ModelCard {
            format_version: FORMAT_VERSION,
            title: "Test".to_owned(),
            licence: "CC0-1.0".to_owned(),
            architecture: SegFormerConfig::b0().into(),
            bands: Band::PAPER.to_vec(),
            normalisation: Normalisation::divide_by(vec![0.5; 12]),
            gsd_m: 10.0,
            patch_size: 512,
            threshold: 0.5,
            temperature: 1.0,
            views: 1,
            classes: vec!["mining".to_owned()],
            band_dropout_max: 0,
            area_error: None,
            noise_floor: None,
            change_head: None,
            persistence: None,
            familiarity: None,
            training: Training::default(),
            metrics: serde_json::Map::new(),
            code_version: "0.1.0".to_owned(),
            weights_sha256: String::new(),
            created: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_card_survives_json() {
        let json = serde_json::to_string_pretty(&card()).unwrap();
        assert_eq!(serde_json::from_str::<ModelCard>(&json).unwrap(), card());
    }

    #[test]
    fn a_temperature_of_one_is_not_written_and_another_survives() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!serde_json::to_string(&card()).unwrap().contains("temperature"));
        let warm = ModelCard { temperature: 1.7, views: 4, threshold: 0.3, ..card() };
        warm.replace(folder.path()).unwrap();
        assert_eq!(ModelCard::read(folder.path()).unwrap(), warm);
        assert!(ModelCard { temperature: f32::NAN, ..card() }.replace(folder.path()).is_err());
        assert_eq!(ModelCard::read(folder.path()).unwrap(), warm, "a card that contradicts itself replaces nothing");
    }

    #[test]
    fn unknown_fields_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut json = serde_json::to_value(card()).unwrap();
        json["treshold"] = 0.4.into();
        fs_err::write(folder.path().join(CARD_FILE), json.to_string()).unwrap();
        let message = ModelCard::read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("unknown field `treshold`, expected one of `format_version`"), "{message}");
    }

    #[test]
    fn cards_that_contradict_themselves_are_refused() {
        let reason = |change: fn(&mut ModelCard)| {
            let mut card = card();
            change(&mut card);
            card.check().unwrap_err()
        };
        assert!(reason(|c| c.bands.truncate(3)).contains("3 bands (B04, B03, B02), but the network takes 12 channels"));
        assert!(reason(|c| c.bands[1] = Band::B04).contains("band B04 twice"));
        assert!(reason(|c| c.classes.clear()).contains("names 0 classes, but the network answers with 1"));
        assert!(reason(|c| c.patch_size = 500).contains("patch_size is 500; expected a multiple of 32"));
        assert!(reason(|c| c.threshold = 1.5).contains("threshold is 1.5"));
        assert!(reason(|c| c.temperature = 0.0).contains("temperature is 0; expected a number above 0"));
        assert!(reason(|c| c.normalisation = Normalisation::identity(4)).contains("normalisation has 4 values"));
        assert!(reason(|c| c.normalisation = Normalisation::divide_by(vec![0.0; 12])).contains("divides by 0"));
        assert!(reason(|c| c.format_version = 9).contains("format_version is 9; this program reads 1"));
    }

    #[test]
    fn normalisation_subtracts_then_divides() {
        let mut pixels = [0.25, 0.5];
        Normalisation::divide_by(vec![1.0, 0.5]).apply(1, &mut pixels);
        assert_eq!(pixels, [0.5, 1.0]);
        let mut pixels = [1.0];
        Normalisation::MeanStd { mean: vec![0.5], std: vec![0.25] }.apply(0, &mut pixels);
        assert_eq!(pixels, [2.0]);
        let mut pixels = [0.25, 0.5, 1.0];
        Normalisation::Percentile { low: vec![0.25], high: vec![0.75] }.apply(0, &mut pixels);
        assert_eq!(pixels, [0.0, 0.5, 1.5]);
        let json = serde_json::json!({ "method": "percentile", "low": [0.25], "high": [0.75] });
        assert_eq!(
            serde_json::from_value::<Normalisation>(json).unwrap(),
            Normalisation::Percentile { low: vec![0.25], high: vec![0.75] }
        );
    }
}
