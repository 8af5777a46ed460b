//! Input requirements of a model: bands, normalisation, resolution.

use std::sync::Arc;

use crate::Band;
use crate::familiarity::Familiarity;

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
    /// What the model has learned from, if the card says.
    pub familiarity: Option<Arc<Familiarity>>,
    /// Entry of the model in manifests: title, licence, hash of the weights and so on.
    pub record: serde_json::Value,
}

impl ModelDescription {
    /// A warning if the model learned from scenes of other processing levels than `level`: surface and top-of-atmosphere
    /// reflectance differ. `None` if the levels agree, or if one of them is unknown.
    pub fn level_warning(&self, level: Option<&str>) -> Option<String> {
        let level = level?;
        let learned: Vec<&str> =
            self.record["training"]["levels"].as_array()?.iter().filter_map(|level| level.as_str()).collect();
        let differs = !learned.is_empty() && !learned.contains(&level);
        differs.then(|| format!("the scene is {level}, but the model learned from {} scenes", learned.join(" and ")))
    }

    /// The description for a scene that lacks bands. If it lacks at most `most` bands, they become [`absent`](Self::absent);
    /// otherwise all bands are required.
    pub fn without_absent(&self, most: usize, has: impl Fn(Band) -> bool) -> Self {
        let absent: Vec<Band> = self.bands.iter().copied().filter(|&band| !has(band)).collect();
        Self { absent: if absent.len() <= most { absent } else { Vec::new() }, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_that_were_not_learned_are_named() {
        let model = |levels: serde_json::Value| ModelDescription {
            title: "test".to_owned(),
            bands: Vec::new(),
            normalisation: Vec::new(),
            absent: Vec::new(),
            familiarity: None,
            gsd_m: 10.0,
            record: serde_json::json!({"training": {"levels": levels}}),
        };
        let said = model(serde_json::json!(["L2A"])).level_warning(Some("L1C"));
        assert_eq!(said.as_deref(), Some("the scene is L1C, but the model learned from L2A scenes"));
        for (levels, level) in [
            (serde_json::json!(["L2A"]), Some("L2A")),
            (serde_json::json!(["L1C", "L2A"]), Some("L1C")),
            (serde_json::json!([]), Some("L1C")),
            (serde_json::Value::Null, Some("L1C")),
            (serde_json::json!(["L2A"]), None),
        ] {
            assert_eq!(model(levels).level_warning(level), None);
        }
    }
}
