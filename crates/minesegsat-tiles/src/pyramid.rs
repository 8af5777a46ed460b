//! One band of a raster with its overviews: [`Pyramid`].

use std::sync::{Arc, OnceLock};

use minesegsat_core::{GeoTransform, Grid, Result, Window};
use minesegsat_io::{Pixels, RasterSource};

/// Tolerance for rounded sizes: pixels of an overview may be larger than those of the tile by this factor.
const SLACK: f64 = 1.01;
/// Margin in pixels around a window, for the interpolation and the tolerance of positions.
const MARGIN_PX: f64 = 2.0;
/// Maximum number of pixels per read when a window must be reduced. Bounds the memory.
const STRIP_PIXELS: usize = 1 << 22;

/// A band of a raster with its overviews.
#[derive(Debug)]
pub(super) struct Pyramid {
    source: Arc<dyn RasterSource>,
    index: usize,
    overviews: OnceLock<Vec<Arc<dyn RasterSource>>>,
}

/// Pixels of a part of a raster with their georeference.
#[derive(Debug)]
pub(super) struct Part {
    /// Geotransform of the part.
    pub(super) transform: GeoTransform,
    /// Number of columns and rows.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Values, `[H, W]`.
    pub(super) pixels: Pixels,
}

impl Pyramid {
    pub(super) fn new(source: Arc<dyn RasterSource>, index: usize) -> Self {
        Self { source, index, overviews: OnceLock::new() }
    }

    /// The grid of the full raster.
    pub(super) fn grid(&self) -> &Grid {
        &self.source.info().grid
    }

    /// Nodata value of the file.
    pub(super) fn nodata(&self) -> Option<f64> {
        self.source.info().nodata
    }

    /// The coarsest overview whose pixels are not larger than `pixel` (along x and y of the map). Also the number of its pixels to
    /// combine along each axis if they are less than half as large.
    fn level(&self, pixel: [f64; 2]) -> Result<(&Arc<dyn RasterSource>, [usize; 2])> {
        let parts = |raster: &Arc<dyn RasterSource>| {
            let t = &raster.info().grid.transform;
            [pixel[0] / t.pixel_width, pixel[1] / -t.pixel_height]
        };
        let mut best = &self.source;
        if parts(best).iter().any(|&p| p >= 1.0 / SLACK) {
            let overviews = if let Some(found) = self.overviews.get() {
                found
            } else {
                let found = self.source.overviews()?;
                self.overviews.get_or_init(|| found)
            };
            let fits = |raster: &&Arc<dyn RasterSource>| parts(raster).iter().all(|&p| p >= 1.0 / SLACK);
            best = overviews.iter().rfind(fits).unwrap_or(best);
        }
        Ok((best, parts(best).map(|p| (p + 1.0 - 1.0 / SLACK).floor().max(1.0) as usize)))
    }

    /// Size of the pixels that [`Self::read`] returns for a tile with pixels of this size, along x and y of the map.
    pub(super) fn pixel_size(&self, pixel: [f64; 2]) -> Result<[f64; 2]> {
        let (raster, step) = self.level(pixel)?;
        let t = &raster.info().grid.transform;
        Ok([t.pixel_width * step[0] as f64, -t.pixel_height * step[1] as f64])
    }

    /// Reads the pixels within bounds (min x, min y, max x, max y) and a margin, at a resolution for the pixels of a tile. `None`
    /// outside of the raster.
    ///
    /// If no overview is coarse enough, it averages pixels without those of `is_nodata` (NaN if there are no others). For classes it
    /// takes the pixel in the middle.
    pub(super) fn read(
        &self,
        bounds: [f64; 4],
        pixel: [f64; 2],
        classes: bool,
        is_nodata: impl Fn(f32) -> bool,
    ) -> Result<Option<Part>> {
        let (raster, step) = self.level(pixel)?;
        let grid = &raster.info().grid;
        let t = &grid.transform;
        let (dx, dy) = (t.pixel_width * MARGIN_PX * step[0] as f64, -t.pixel_height * MARGIN_PX * step[1] as f64);
        let wide = [bounds[0] - dx, bounds[1] - dy, bounds[2] + dx, bounds[3] + dy];
        let Some(window) = grid.window_of_bounds(wide) else { return Ok(None) };
        if step == [1, 1] {
            let pixels = raster.read(self.index, window)?;
            return Ok(Some(Part { transform: t.window(&window), width: window.width, height: window.height, pixels }));
        }
        // Aligned to cells of the full raster, so that neighbouring tiles read equal values.
        let (col, row) = (window.col / step[0] * step[0], window.row / step[1] * step[1]);
        let (width, height) = ((window.col_end() - col).div_ceil(step[0]), (window.row_end() - row).div_ceil(step[1]));
        let end = |start: usize, cells: usize, step: usize, len: usize| (start + cells * step).min(len) - start;
        let window =
            Window::new(col, row, end(col, width, step[0], grid.width), end(row, height, step[1], grid.height));
        let mut reduced = Vec::with_capacity(width * height);
        let cells = (STRIP_PIXELS / (window.width * step[1])).max(1);
        for first in (0..window.height).step_by(cells * step[1]) {
            let strip = Window { row: row + first, height: (cells * step[1]).min(window.height - first), ..window };
            let pixels = raster.read(self.index, strip)?;
            reduce(&pixels, (strip.width, strip.height), step, classes, &is_nodata, &mut reduced);
        }
        let transform = GeoTransform {
            pixel_width: t.pixel_width * step[0] as f64,
            pixel_height: t.pixel_height * step[1] as f64,
            ..t.window(&window)
        };
        Ok(Some(Part { transform, width, height, pixels: Pixels::F32(reduced) }))
    }
}

/// Appends rows of cells of `step` pixels. Cells at the right and lower edge may be smaller.
fn reduce(
    pixels: &Pixels,
    (width, height): (usize, usize),
    step: [usize; 2],
    classes: bool,
    is_nodata: impl Fn(f32) -> bool,
    out: &mut Vec<f32>,
) {
    let values = pixels.to_f32();
    for row in (0..height).step_by(step[1]) {
        let rows = step[1].min(height - row);
        for col in (0..width).step_by(step[0]) {
            let columns = step[0].min(width - col);
            if classes {
                out.push(values[(row + rows / 2) * width + col + columns / 2]);
                continue;
            }
            let (mut sum, mut count) = (0.0_f64, 0_u32);
            for line in values[row * width..].chunks(width).take(rows) {
                for &value in line[col..col + columns].iter().filter(|v| !is_nodata(**v)) {
                    sum += f64::from(value);
                    count += 1;
                }
            }
            out.push(if count == 0 { f32::NAN } else { (sum / f64::from(count)) as f32 });
        }
    }
}
