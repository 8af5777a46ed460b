//! The interface between mapping code and networks: [`Segmenter`].

use crate::Result;

/// Finds mining-disturbed land in patches. Mapping code depends on this trait only. `minesegsat-nn` has the networks.
///
/// The result for a patch must not depend on the other patches of its batch. Several threads may call an implementation
/// at once.
pub trait Segmenter: Send + Sync {
    /// Number of input channels: normalised bands, in the order of the model card.
    fn in_channels(&self) -> usize;

    /// The network takes patches whose width and height are multiples of this, in pixels. [`segment`](Self::segment) pads
    /// other patches by repeating their edges, and crops the result.
    fn size_divisor(&self) -> usize;

    /// Probability that a pixel is mining-disturbed.
    ///
    /// # Shapes
    /// - `patches`: `[N, C, H, W]`, row-major, normalised as the model card states
    /// - `probabilities`: `[N, H, W]`, row-major, values in 0 to 1; every element is overwritten. A pixel with a non-finite
    ///   input value gets the probability NaN; other pixels are not affected
    fn segment(&self, patches: &[f32], shape: [usize; 4], probabilities: &mut [f32]) -> Result<()>;
}
