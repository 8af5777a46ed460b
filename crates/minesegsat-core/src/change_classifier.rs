//! The interface between the comparison of two dates and a network for both: [`ChangeClassifier`].

use std::fmt::Debug;

use crate::noise_floor::NoiseFloor;
use crate::{Band, Result};

/// Finds gain and loss in the pixels of two dates. The comparison depends on this trait only. `minesegsat-cpu` has the network.
///
/// # Channels of a pixel
/// With `B` bands there are `2 + 2 B`:
/// - the logit of the earlier map, then that of the later one: `ln(p / (1 - p))`, with p limited to 0.0001 to 0.9999;
/// - of each band, `ln(reflectance + 0.02)` of the earlier date, minus its [mean](Self::means);
/// - of each band, that value of the later date minus that of the earlier one, minus the median of this difference over the map. The
///   median takes away light, season and sensor.
///
/// A channel is 0 where its band is absent. All channels are 0 where a date is not assessable.
pub trait ChangeClassifier: Debug + Send + Sync {
    /// Bands that it reads. A scene may lack some.
    fn bands(&self) -> &[Band];

    /// Of each band, the mean of `ln(reflectance + 0.02)` in training.
    fn means(&self) -> &[f32];

    /// Maximum number of its bands that one of the scenes may lack.
    fn max_absent(&self) -> usize;

    /// Distance in pixels beyond which other pixels have no influence on a pixel.
    fn reach(&self) -> usize;

    /// SHA-256 of its weights, for records.
    fn sha256(&self) -> &str;

    /// SHA-256 of the weights of the model whose maps it reads.
    fn model_sha256(&self) -> &str;

    /// Apparent change at stable sites that it finds. `None` if it was not measured.
    fn noise_floor(&self) -> Option<NoiseFloor>;

    /// Probabilities of the [classes](crate::pixel_class::Change) none, stable, gain, loss. Several threads may call it at once.
    ///
    /// # Shapes
    /// - `pixels`: `[H, W, 2 + 2 B]`, row-major; `size`: `[H, W]`
    /// - result: `[H, W, 4]`, row-major
    fn probabilities(&self, pixels: &[f32], size: [usize; 2]) -> Result<Vec<f32>>;
}
