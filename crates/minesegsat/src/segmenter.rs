//! The seam between maps and networks.

use crate::Result;

/// Finds mining-disturbed land in patches. Everything that makes maps is written and tested against this trait; the
/// networks live in `minesegsat-nn`.
///
/// An implementation must give each patch the same answer whatever else is in its batch, and may be called from several
/// threads at once.
pub trait Segmenter: Send + Sync {
    /// Number of input channels: normalised bands, in the order of the model card.
    fn in_channels(&self) -> usize;

    /// Patches whose width and height are multiples of this, in pixels, go through the network as they are. Others are padded
    /// within [`segment`](Self::segment) by repeating their edges, and what is answered for that is cut off.
    fn size_divisor(&self) -> usize;

    /// Probability that a pixel is mining-disturbed.
    ///
    /// # Shapes
    /// - `patches`: `[N, C, H, W]`, row-major, normalised as the model card says
    /// - `probabilities`: `[N, H, W]`, row-major, values in 0 to 1; every element is overwritten. Where a value of the input is
    ///   not finite, that pixel's probability is NaN, and no other's
    fn segment(&self, patches: &[f32], shape: [usize; 4], probabilities: &mut [f32]) -> Result<()>;
}
