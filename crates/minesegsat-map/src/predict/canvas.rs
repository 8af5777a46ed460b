//! A rolling strip that blends overlapping patches into rows.

use minesegsat_core::{patch_grid::PatchGrid, resample::SignedWindow};

/// Probabilities are rounded to this step, 2^-16. It is far below the precision of a network, and it halves the file
/// size.
pub(crate) const PROBABILITY_STEP: f32 = 1.0 / 65_536.0;

/// Blends patches into rows. Holds the rows of one patch height.
#[derive(Debug)]
pub(crate) struct Canvas {
    width: usize,
    height: usize,
    /// Index of the first row held.
    first: usize,
    /// `[rows held, width]`, sums of weighted probabilities.
    sum: Vec<f32>,
    /// `[rows held, width]`, [`minesegsat_scene::patch::Validity`].
    validity: Vec<u8>,
}

/// Complete rows, top to bottom.
#[derive(Debug)]
pub(crate) struct Rows {
    /// Index of the first row, in the covered window.
    pub first: usize,
    /// `[rows, width]`, rounded to [`PROBABILITY_STEP`].
    pub probability: Vec<f32>,
    /// `[rows, width]`.
    pub validity: Vec<u8>,
}

impl Canvas {
    pub(crate) fn new(width: usize, height: usize, patch_size: usize) -> Self {
        let rows = patch_size.min(height);
        Self { width, height, first: 0, sum: vec![0.0; rows * width], validity: vec![0; rows * width] }
    }

    /// Adds one patch. `probability` is `None` for a patch without an assessable pixel.
    pub(crate) fn add(
        &mut self,
        window: SignedWindow,
        weights: (&[f32], &[f32]),
        probability: Option<&[f32]>,
        validity: &[u8],
    ) {
        let cols = self.width.min((window.col + window.width as i64) as usize) - window.col as usize;
        let rows = self.height.min((window.row + window.height as i64) as usize) - window.row as usize;
        for r in 0..rows {
            let at = (window.row as usize + r - self.first) * self.width + window.col as usize;
            self.validity[at..at + cols].copy_from_slice(&validity[r * window.width..][..cols]);
            let Some(probability) = probability else { continue };
            let weight_y = weights.1[r];
            let line = &probability[r * window.width..][..cols];
            for ((sum, p), weight_x) in self.sum[at..at + cols].iter_mut().zip(line).zip(weights.0) {
                *sum += p * (weight_x * weight_y);
            }
        }
    }

    /// Removes and returns the rows that no later patch touches, after `rows_done` rows of patches.
    pub(crate) fn take_complete(&mut self, grid: &PatchGrid, rows_done: usize) -> Rows {
        let end = grid.complete_rows(rows_done, self.height);
        let count = (end - self.first) * self.width;
        let mut probability = self.sum[..count].to_vec();
        for p in &mut probability {
            *p = (*p / PROBABILITY_STEP).round().clamp(0.0, 65_536.0) * PROBABILITY_STEP;
        }
        let rows = Rows { first: self.first, probability, validity: self.validity[..count].to_vec() };
        self.sum.copy_within(count.., 0);
        let kept = self.sum.len() - count;
        self.sum[kept..].fill(0.0);
        self.validity.copy_within(count.., 0);
        self.first = end;
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_patches_blend_to_the_constant_without_seams() {
        for (width, height, patch, overlap) in [(5, 3, 8, 2), (40, 33, 16, 4), (64, 64, 16, 8), (17, 16, 16, 0)] {
            let grid = PatchGrid::new(width, height, patch, overlap).unwrap();
            let mut canvas = Canvas::new(width, height, patch);
            let mut all = Vec::new();
            for row in 0..grid.rows() {
                for col in 0..grid.cols() {
                    let answer = vec![0.625; patch * patch];
                    canvas.add(grid.window(row, col), grid.weights(row, col), Some(&answer), &vec![0; patch * patch]);
                }
                let rows = canvas.take_complete(&grid, row + 1);
                assert_eq!(rows.first * width, all.len());
                all.extend(rows.probability);
            }
            assert_eq!(all.len(), width * height);
            assert!(all.iter().all(|p| *p == 0.625), "{width}x{height}");
        }
    }
}
