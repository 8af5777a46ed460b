//! Source positions and weights of bilinear resampling: [`BilinearTaps`], [`bilinear_taps`].

use crate::simd::Tap;

/// Taps along rows and along columns.
pub(crate) type RowsAndColumns = [Vec<Tap>; 2];

/// Bilinear taps of the decoder for one patch size.
#[derive(Debug, Default)]
pub(crate) struct BilinearTaps {
    /// Sizes of the stages and of the patch that the taps belong to.
    sizes: Option<([[usize; 2]; 4], [usize; 2])>,
    /// From stages 2 to 4 to the first.
    pub(crate) stages: [RowsAndColumns; 3],
    /// From the first stage to the patch.
    pub(crate) resize: RowsAndColumns,
}

impl BilinearTaps {
    /// Recomputes the taps if the sizes of the stages or of the patch changed.
    pub(crate) fn ensure_for(&mut self, sizes: [[usize; 2]; 4], patch: [usize; 2]) {
        if self.sizes == Some((sizes, patch)) {
            return;
        }
        self.sizes = Some((sizes, patch));
        self.stages = [1, 2, 3].map(|stage| taps_of_both_axes(sizes[stage], sizes[0]));
        self.resize = taps_of_both_axes(sizes[0], patch);
    }
}

pub(crate) fn taps_of_both_axes(from: [usize; 2], to: [usize; 2]) -> RowsAndColumns {
    [0, 1].map(|i| bilinear_taps(from[i], to[i]))
}

/// Taps of a bilinear resampling along one axis, from `from` to `to` samples, with half-pixel centres.
pub fn bilinear_taps(from: usize, to: usize) -> Vec<Tap> {
    let ratio = from as f64 / to as f64;
    (0..to)
        .map(|i| {
            let position = ((i as f64 + 0.5) * ratio - 0.5).max(0.0);
            let first = (position as usize).min(from - 1);
            (first, (first + 1).min(from - 1), (position - first as f64) as f32)
        })
        .collect()
}
