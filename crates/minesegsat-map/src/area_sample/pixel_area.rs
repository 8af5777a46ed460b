//! Ground areas of the pixels of a grid.

use geo::{LineString, MultiPolygon, Polygon};
use rayon::prelude::*;

use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::{Grid, Result, Window};

/// Maximum number of cells along each axis of a projected grid. All pixels of a cell count as equal. A cell of a
/// Sentinel-2 tile is 1.7 km wide. Across it, areas on the UTM grid change by less than 3e-5.
const DIVISIONS: usize = 64;

/// Maximum number of cells of a geographic grid. Above it a cell has several rows, which differ by less than 1e-5.
const GEOGRAPHIC_CELLS: usize = 1 << 18;

/// Pixel areas on the ellipsoid, computed for cells of pixels.
#[derive(Debug)]
pub(super) struct PixelAreas {
    /// Rows and columns of a cell.
    cell: (usize, usize),
    /// Number of cells in a row of cells.
    columns: usize,
    /// Area of a pixel in square metres, per cell, row by row.
    areas_m2: Vec<f64>,
}

impl PixelAreas {
    /// Measures the cells. In geographic systems a pixel's area depends only on its row, so a cell is a row or a
    /// few rows of a huge grid.
    pub(super) fn new(grid: &Grid) -> Result<Self> {
        let meter = GeodesicMeter::new(&grid.crs)?;
        let is_geographic = grid.crs.is_geographic();
        let cell = if is_geographic {
            (grid.height.div_ceil(GEOGRAPHIC_CELLS), grid.width)
        } else {
            (grid.height.div_ceil(DIVISIONS), grid.width.div_ceil(DIVISIONS))
        };
        let columns = grid.width.div_ceil(cell.1);
        let areas_m2 = (0..columns * grid.height.div_ceil(cell.0))
            .into_par_iter()
            .map(|place| {
                let (row, col) = (place / columns * cell.0, place % columns * cell.1);
                let width = if is_geographic { 1 } else { cell.1.min(grid.width - col) };
                let window = Window::new(col, row, width, cell.0.min(grid.height - row));
                Ok(meter.measure(&outline(grid, &window))?.area_m2 / window.len() as f64)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { cell, columns, areas_m2 })
    }

    /// Rows of a cell.
    pub(super) fn cell_rows(&self) -> usize {
        self.cell.0
    }

    /// Columns of a cell.
    pub(super) fn cell_columns(&self) -> usize {
        self.cell.1
    }

    /// The cells of a row of the grid, from the left.
    pub(super) fn of_row(&self, row: usize) -> &[f64] {
        let first = row / self.cell.0 * self.columns;
        &self.areas_m2[first..first + self.columns]
    }

    /// Area of one pixel in square metres.
    pub(super) fn pixel_m2(&self, row: usize, col: usize) -> f64 {
        self.of_row(row)[col / self.cell.1]
    }

    /// Areas of the smallest and the largest pixel in square metres.
    pub(super) fn range(&self) -> [f64; 2] {
        self.areas_m2.iter().fold([f64::INFINITY, 0.0], |[low, high], &area| [low.min(area), high.max(area)])
    }
}

/// The outline of a window of a grid, in map coordinates.
pub(super) fn outline(grid: &Grid, window: &Window) -> MultiPolygon<f64> {
    let at = |col: usize, row: usize| grid.transform.to_map(col as f64, row as f64);
    let (c0, r0, c1, r1) = (window.col, window.row, window.col_end(), window.row_end());
    let ring = vec![at(c0, r0), at(c0, r1), at(c1, r1), at(c1, r0), at(c0, r0)];
    MultiPolygon(vec![Polygon::new(LineString::from(ring), Vec::new())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use minesegsat_core::{Crs, GeoTransform};

    fn grid(epsg: u16, transform: GeoTransform, width: usize, height: usize) -> Grid {
        Grid { crs: Crs::from_epsg(epsg).unwrap(), transform, width, height }
    }

    fn whole(grid: &Grid) -> f64 {
        GeodesicMeter::new(&grid.crs).unwrap().measure(&outline(grid, &grid.full_window())).unwrap().area_m2
    }

    #[test]
    fn pixels_add_up_to_the_whole() {
        let cases = [
            (32633, GeoTransform::north_up(300_000.0, 5_500_000.0, 10.0), 777, 500),
            (4326, GeoTransform::north_up(15.0, 60.0, 0.01), 30, 300),
            (3857, GeoTransform::north_up(1e6, 8e6, 100.0), 300, 1000),
        ];
        for (epsg, transform, width, height) in cases {
            let grid = grid(epsg, transform, width, height);
            let areas = PixelAreas::new(&grid).unwrap();
            let sum: f64 = (0..height)
                .flat_map(|row| (0..width).map(move |col| (row, col)))
                .map(|(r, c)| areas.pixel_m2(r, c))
                .sum();
            // A large box has straight edges between its corners' neighbours, 1 km apart; that is all that differs.
            assert!((sum / whole(&grid) - 1.0).abs() < 1e-7, "EPSG:{epsg}: {sum} {}", whole(&grid));
        }
    }

    #[test]
    fn pixels_of_degrees_shrink_to_the_pole() {
        let grid = grid(4326, GeoTransform::north_up(-120.0, 70.0, 0.1), 10, 600);
        let areas = PixelAreas::new(&grid).unwrap();
        let ratio = areas.pixel_m2(0, 3) / areas.pixel_m2(599, 3);
        // cos(69.95 degrees) / cos(10.05 degrees) on the sphere; the ellipsoid's radii add about 1 %.
        assert!((ratio / 0.348_1 - 1.0).abs() < 0.02, "{ratio}");
        assert_eq!(areas.pixel_m2(5, 0), areas.pixel_m2(5, 9));
        let [low, high] = areas.range();
        assert!((low, high) == (areas.pixel_m2(0, 0), areas.pixel_m2(599, 0)));
    }
}
