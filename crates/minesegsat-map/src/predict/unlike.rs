//! How much of a map resembles what the model has learned from: [`UnlikeCells`].

use std::path::Path;

use minesegsat_core::familiarity::CELL_PX;
use minesegsat_core::resample::SignedWindow;
use minesegsat_core::{Grid, Result, Window};
use minesegsat_io::Pixels;
use minesegsat_io::cog::{BandMeta, CogOptions, CogWriter};
use minesegsat_scene::manifest::FamiliarityRecord;

/// Distances of the cells of the covered window from what the model has learned from; NaN where none is known.
pub(super) struct UnlikeCells {
    rows: usize,
    cols: usize,
    distances: Vec<f32>,
}

impl UnlikeCells {
    pub(super) fn new(covered: Window) -> Self {
        let (rows, cols) = (covered.height.div_ceil(CELL_PX), covered.width.div_ceil(CELL_PX));
        Self { rows, cols, distances: vec![f32::NAN; rows * cols] }
    }

    /// Adds the cells of a patch. Patches overlap and need not begin at a cell: the smallest distance counts, and a cell belongs
    /// where its centre is.
    pub(super) fn add(&mut self, patch: SignedWindow, cells: &[([usize; 2], f32)]) {
        let place = |first: i64, cell: usize, count: usize| {
            let at = (first + (cell * CELL_PX + CELL_PX / 2) as i64).div_euclid(CELL_PX as i64);
            usize::try_from(at).ok().filter(|at| *at < count)
        };
        for ([row, col], distance) in cells {
            if let (Some(row), Some(col)) = (place(patch.row, *row, self.rows), place(patch.col, *col, self.cols)) {
                let known = &mut self.distances[row * self.cols + col];
                *known = known.min(*distance);
            }
        }
    }

    /// Writes the cells of the covered window, whose grid is `grid`.
    pub(super) fn write(&self, path: &Path, mut grid: Grid, metadata: Vec<(String, String)>) -> Result<()> {
        (grid.width, grid.height) = (self.cols, self.rows);
        grid.transform.pixel_width *= CELL_PX as f64;
        grid.transform.pixel_height *= CELL_PX as f64;
        let bands = vec![BandMeta::named("distance_from_what_was_learned")];
        let options = CogOptions { bands, metadata, ..CogOptions::default() };
        let mut cog = CogWriter::create(path, &grid, options)?;
        cog.write_rows(&[Pixels::F32(self.distances.clone())])?;
        cog.finish()
    }

    /// Counts the cells whose centre lies in the mapped window.
    pub(super) fn record(&self, covered: Window, window: Window) -> FamiliarityRecord {
        let inside = |cell: usize, first: usize, range: std::ops::Range<usize>| {
            range.contains(&(first + cell * CELL_PX + CELL_PX / 2).min(range.end.max(1) - 1))
        };
        let known = (0..self.rows * self.cols).filter_map(|at| {
            let is_inside = inside(at / self.cols, covered.row, window.row..window.row_end())
                && inside(at % self.cols, covered.col, window.col..window.col + window.width);
            Some(self.distances[at]).filter(|distance| is_inside && !distance.is_nan())
        });
        let (mut cells, mut unlike) = (0, 0);
        for distance in known {
            cells += 1;
            unlike += usize::from(distance > 1.0);
        }
        FamiliarityRecord { cell_px: CELL_PX, cells, unlike_share: unlike as f64 / cells.max(1) as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_lie_where_their_centres_are_and_those_of_the_context_are_not_counted() {
        // The map is the right half of what is read, which has context to the left of it.
        let (covered, window) = (Window::new(100, 40, 128, 64), Window::new(164, 40, 64, 64));
        let mut cells = UnlikeCells::new(covered);
        assert_eq!((cells.rows, cells.cols), (2, 4));
        // A patch that begins before the covered window and between its cells.
        let patch = SignedWindow { col: -10, row: -40, width: 128, height: 128 };
        let found = [([0, 0], 9.0), ([1, 0], 0.5), ([1, 3], 2.0), ([2, 3], 3.0)];
        cells.add(patch, &found);
        // Of two patches the one that knows the cell better counts.
        cells.add(
            SignedWindow { col: 64, row: 0, width: 128, height: 128 },
            &[([0, 0], 0.9), ([0, 1], 4.0), ([0, 3], 7.0)],
        );
        let nan = f32::NAN;
        let expected = [0.5, nan, 0.9, 2.0, nan, nan, nan, 3.0];
        for (at, (found, expected)) in cells.distances.iter().zip(expected).enumerate() {
            assert!(*found == expected || found.is_nan() && expected.is_nan(), "{at}: {found} instead of {expected}");
        }
        let record = cells.record(covered, window);
        assert_eq!((record.cells, record.unlike_share), (3, 2.0 / 3.0));
        assert!(record.warning().unwrap().starts_with("67 % of the land is unlike"));
    }
}
