//! Input requirements of a model: bands, normalisation, resolution.

use crate::Band;

/// Scales reflectance to the range of the training data: `value = (reflectance - offset) / divisor`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BandNormalisation {
    /// Subtracted first: the minimum or the mean of the training data.
    pub offset: f32,
    /// Divisor: maximum minus minimum, or the standard deviation.
    pub divisor: f32,
}

impl BandNormalisation {
    /// Leaves reflectance unchanged.
    pub const IDENTITY: Self = Self { offset: 0.0, divisor: 1.0 };
}

/// Input requirements of a model. The network itself is a [`Segmenter`](crate::Segmenter).
#[derive(Debug, Clone)]
pub struct ModelDescription {
    /// Human-readable name.
    pub title: String,
    /// Bands in the order of the input channels.
    pub bands: Vec<Band>,
    /// Normalisation of each band.
    pub normalisation: Vec<BandNormalisation>,
    /// Bands that the scene may lack, because training left out bands at random.
    pub absent: Vec<Band>,
    /// Ground sampling distance of the network's input, in metres.
    pub gsd_m: f64,
    /// Entry of the model in manifests: title, licence, hash of the weights and so on.
    pub record: serde_json::Value,
}

impl ModelDescription {
    /// The description for a scene that lacks bands. If it lacks at most `most` bands, they become [`absent`](Self::absent);
    /// otherwise all bands are required.
    pub fn without_absent(&self, most: usize, has: impl Fn(Band) -> bool) -> Self {
        let absent: Vec<Band> = self.bands.iter().copied().filter(|&band| !has(band)).collect();
        Self { absent: if absent.len() <= most { absent } else { Vec::new() }, ..self.clone() }
    }
}
