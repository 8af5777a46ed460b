//! Positions of overlapping patches that cover a window, and the weights that blend their results.

use crate::{Error, Result, resample::SignedWindow};

/// Largest width and height of a patch, in pixels. Twelve bands of such a patch take 0.8 GiB before any network has run.
pub const LARGEST_PATCH_PX: usize = 4096;

/// The positions of the patches along one axis, and their blending weights.
#[derive(Debug, Clone, PartialEq)]
struct Axis {
    /// First pixel of each patch, in ascending order.
    starts: Vec<i64>,
    /// `patch_size` weights for each patch. At every pixel of the window the weights of all patches sum to one.
    weights: Vec<Vec<f32>>,
}

impl Axis {
    fn new(len: usize, patch_size: usize, overlap: usize) -> Self {
        let starts = if len <= patch_size {
            vec![0]
        } else {
            // Spread evenly, so that no two patches overlap much more than the others.
            let count = (len - patch_size).div_ceil(patch_size - overlap) + 1;
            let span = (len - patch_size) as f64 / (count - 1) as f64;
            (0..count).map(|i| (i as f64 * span).round() as i64).collect()
        };
        let last = starts.len() - 1;
        let mut weights: Vec<Vec<f32>> = (0..=last)
            .map(|i| {
                (0..patch_size)
                    .map(|p| {
                        // At the border of the window there is no neighbouring patch, so the weight is full.
                        let from_start = if i == 0 { 1.0 } else { ramp(p, overlap) };
                        let from_end = if i == last { 1.0 } else { ramp(patch_size - 1 - p, overlap) };
                        from_start * from_end
                    })
                    .collect()
            })
            .collect();
        let mut sums = vec![0.0_f32; len];
        for (start, weight) in starts.iter().zip(&weights) {
            for (sum, w) in sums[*start as usize..].iter_mut().zip(weight) {
                *sum += w;
            }
        }
        for (start, weight) in starts.iter().zip(&mut weights) {
            for (sum, w) in sums[*start as usize..].iter().zip(weight) {
                *w /= sum;
            }
        }
        Self { starts, weights }
    }
}

/// Rises smoothly from 0 to 1 over the overlap (a squared sine), with no kink at either end.
fn ramp(pixel: usize, overlap: usize) -> f32 {
    if pixel >= overlap {
        return 1.0;
    }
    let x = (pixel as f64 + 0.5) / overlap as f64 * std::f64::consts::FRAC_PI_2;
    x.sin().powi(2) as f32
}

/// The patches that cover a window, row by row from the top, from left to right.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchGrid {
    /// Width and height of a patch, in pixels.
    pub patch_size: usize,
    x: Axis,
    y: Axis,
}

impl PatchGrid {
    /// Covers `width` x `height` pixels with patches that overlap by at least `overlap_px`.
    ///
    /// A window smaller than a patch gets one patch, which extends beyond the window to the right and below.
    pub fn new(width: usize, height: usize, patch_size: usize, overlap_px: usize) -> Result<Self> {
        if patch_size > LARGEST_PATCH_PX {
            return Err(Error::Argument {
                name: "patch size",
                value: patch_size.to_string(),
                accepted: format!("1 to {LARGEST_PATCH_PX} pixels"),
            });
        }
        if patch_size == 0 || overlap_px > patch_size / 2 {
            return Err(Error::Argument {
                name: "overlap",
                value: overlap_px.to_string(),
                accepted: format!("0 to {}, half the patch size of {patch_size} pixels", patch_size / 2),
            });
        }
        Ok(Self {
            patch_size,
            x: Axis::new(width, patch_size, overlap_px),
            y: Axis::new(height, patch_size, overlap_px),
        })
    }

    /// Number of rows of patches.
    pub fn rows(&self) -> usize {
        self.y.starts.len()
    }

    /// Number of patches in a row.
    pub fn cols(&self) -> usize {
        self.x.starts.len()
    }

    /// Number of patches.
    pub fn len(&self) -> usize {
        self.rows() * self.cols()
    }

    /// Always false: a window has at least one patch.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The window of a patch, relative to the upper left corner of the covered window.
    pub fn window(&self, row: usize, col: usize) -> SignedWindow {
        SignedWindow {
            col: self.x.starts[col],
            row: self.y.starts[row],
            width: self.patch_size,
            height: self.patch_size,
        }
    }

    /// First incomplete row of a window of `height` rows after the first `rows` rows of patches.
    pub fn complete_rows(&self, rows: usize, height: usize) -> usize {
        self.y.starts.get(rows).map_or(height, |&start| start as usize)
    }

    /// Blending weights of a patch, by column and by row: a pixel's weight is the product of both.
    pub fn weights(&self, row: usize, col: usize) -> (&[f32], &[f32]) {
        (&self.x.weights[col], &self.y.weights[row])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_one_everywhere_and_patches_stay_inside() {
        for (len, patch, overlap) in [(1, 8, 2), (8, 8, 4), (9, 8, 0), (100, 32, 8), (10_980, 512, 64), (513, 512, 256)]
        {
            let axis = Axis::new(len, patch, overlap);
            let mut sums = vec![0.0_f64; len];
            for (start, weights) in axis.starts.iter().zip(&axis.weights) {
                assert!(*start >= 0 && (len < patch || *start as usize + patch <= len));
                for (p, w) in weights.iter().enumerate().filter(|(p, _)| *start as usize + p < len) {
                    sums[*start as usize + p] += f64::from(*w);
                }
            }
            assert!(sums.iter().all(|s| (s - 1.0).abs() < 1e-6), "{len} {patch} {overlap}");
            for pair in axis.starts.windows(2) {
                assert!(pair[1] > pair[0] && pair[1] as usize + overlap <= pair[0] as usize + patch);
            }
        }
    }

    #[test]
    fn weights_fall_smoothly_to_nothing_at_inner_borders() {
        let grid = PatchGrid::new(1000, 1000, 256, 64).unwrap();
        let (x, _) = grid.weights(1, 1);
        assert!(x[0] < 0.002 && x[255] < 0.002, "{} {}", x[0], x[255]);
        assert!(x.windows(2).all(|w| (w[1] - w[0]).abs() < 0.03));
        let (x, _) = grid.weights(0, 0);
        assert_eq!(x[0], 1.0);
    }

    #[test]
    fn an_overlap_of_more_than_half_a_patch_is_refused() {
        let error = PatchGrid::new(1000, 1000, 256, 129).unwrap_err().to_string();
        assert!(error.contains("129") && error.contains("0 to 128"), "{error}");
    }
}
