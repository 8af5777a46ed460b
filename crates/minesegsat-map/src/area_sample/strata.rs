//! The stratum of each pixel of a map, by strips of rows.

use std::sync::Arc;

use minesegsat_core::pixel_class::MASK_NODATA;
use minesegsat_core::{Error, Grid, Result, Window};
use minesegsat_io::{Location, Pixels, RasterSource, open_raster};

/// Code of a pixel's stratum while the map is read: the value of its class, or one of the two codes below.
pub(super) type Code = u16;
/// Pixels of the class [`BACKGROUND`] near one of another class.
pub(super) const NEAR: Code = 256;
/// Pixels that were not assessable, or that the user leaves out.
pub(super) const OUTSIDE: Code = 257;
/// Number of codes.
pub(super) const CODES: usize = 258;

/// The class that contains the buffer.
pub(super) const BACKGROUND: u8 = 0;

/// Maximum width of the buffer in pixels. This many rows above and below each strip are read for it.
pub(super) const MAX_BUFFER: usize = 1000;

/// Rows processed together.
const STRIP_ROWS: usize = 256;

/// A map of classes and its division into strata.
#[derive(Debug)]
pub(super) struct StrataMap {
    raster: Arc<dyn RasterSource>,
    /// Whether each value is excluded.
    outside: [bool; 256],
    /// Width of the buffer in pixels, 0 for none.
    buffer: usize,
}

impl StrataMap {
    /// Opens a uint8 raster with one band. 255, its nodata value and `exclude` are left out.
    pub(super) fn open(location: &Location, exclude: &[u8], buffer: usize) -> Result<Self> {
        if buffer > MAX_BUFFER {
            return Err(Error::Argument {
                name: "buffer",
                value: buffer.to_string(),
                accepted: format!("0 to {MAX_BUFFER} pixels"),
            });
        }
        let raster = open_raster(location)?;
        let info = raster.info();
        if info.data_type != minesegsat_io::DataType::U8 {
            return Err(Error::raster(
                &info.location,
                format!(
                    "its pixels are {:?}, and a map of classes has to be uint8, one number per class",
                    info.data_type
                )
                .to_lowercase(),
            ));
        }
        if info.band_names.len() != 1 {
            let bands = info.band_names.len();
            return Err(Error::raster(&info.location, format!("it has {bands} bands, and a map of classes has one")));
        }
        let mut outside = [false; 256];
        outside[usize::from(MASK_NODATA)] = true;
        for &value in exclude {
            outside[usize::from(value)] = true;
        }
        if let Some(nodata) = info.nodata.filter(|v| (0.0..=255.0).contains(v) && v.fract() == 0.0) {
            outside[nodata as usize] = true;
        }
        Ok(Self { raster, outside, buffer })
    }

    /// Grid of the pixels.
    pub(super) fn grid(&self) -> &Grid {
        &self.raster.info().grid
    }

    /// Path or URL of the map.
    pub(super) fn name(&self) -> &str {
        &self.raster.info().location
    }

    /// First row and number of rows of each strip.
    pub(super) fn strips(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let height = self.grid().height;
        (0..height).step_by(STRIP_ROWS).map(move |first| (first, STRIP_ROWS.min(height - first)))
    }

    /// The codes of `rows` rows from row `first`, row-major.
    pub(super) fn codes(&self, first: usize, rows: usize) -> Result<Vec<Code>> {
        let Grid { width, height, .. } = *self.grid();
        let above = first.saturating_sub(self.buffer);
        let below = (first + rows + self.buffer).min(height);
        let values = match self.raster.read(0, Window::new(0, above, width, below - above))? {
            Pixels::U8(values) => values,
            other => {
                let reason = format!("its blocks are {:?} instead of uint8", other.data_type());
                return Err(Error::raster(&self.raster.info().location, reason));
            }
        };
        let own = (first - above) * width..(first - above + rows) * width;
        let code = |&value: &u8| if self.outside[usize::from(value)] { OUTSIDE } else { Code::from(value) };
        let mut codes: Vec<Code> = values[own].iter().map(code).collect();
        if self.buffer > 0 && !self.outside[usize::from(BACKGROUND)] {
            self.mark_near(&values, first - above, &mut codes);
        }
        Ok(codes)
    }

    /// Marks background pixels whose centre lies within the buffer of the centre of a pixel of another class.
    ///
    /// `values` has extra rows above and below those of `codes`; the first row of `codes` is its row `offset`. For
    /// each column, the distance to the nearest such pixel above or below gives the reach of the disc to the left and
    /// right.
    fn mark_near(&self, values: &[u8], offset: usize, codes: &mut [Code]) {
        let width = self.grid().width;
        let (rows, own_rows) = (values.len() / width, codes.len() / width);
        let is_other = |value: u8| value != BACKGROUND && !self.outside[usize::from(value)];
        let far = self.buffer + 1;
        // Distance in rows to the nearest such pixel at or below each row of the strip.
        let mut below = vec![far as u16; own_rows * width];
        let mut distance = vec![far; width];
        for row in (offset..rows).rev() {
            step(&mut distance, &values[row * width..(row + 1) * width], far, is_other);
            if row < offset + own_rows {
                let out = &mut below[(row - offset) * width..(row - offset + 1) * width];
                out.iter_mut().zip(&distance).for_each(|(out, &distance)| *out = distance as u16);
            }
        }
        // Reach of a disc to the sides, by distance in rows from its centre.
        let reach: Vec<usize> = (0..far).map(|v| (self.buffer * self.buffer - v * v).isqrt()).collect();
        distance.fill(far);
        let mut edges = vec![0i32; width + 1];
        for row in 0..offset + own_rows {
            step(&mut distance, &values[row * width..(row + 1) * width], far, is_other);
            if row < offset {
                continue;
            }
            let place = (row - offset) * width;
            edges.fill(0);
            for col in 0..width {
                let nearest = distance[col].min(usize::from(below[place + col]));
                if nearest < far {
                    edges[col.saturating_sub(reach[nearest])] += 1;
                    edges[(col + reach[nearest] + 1).min(width)] -= 1;
                }
            }
            let mut discs = 0;
            for (code, edge) in codes[place..place + width].iter_mut().zip(&edges) {
                discs += edge;
                if discs > 0 && *code == Code::from(BACKGROUND) {
                    *code = NEAR;
                }
            }
        }
    }
}

/// Updates the rows since the last matching pixel for the next row.
fn step(distance: &mut [usize], row: &[u8], far: usize, counts: impl Fn(u8) -> bool) {
    for (distance, &value) in distance.iter_mut().zip(row) {
        *distance = if counts(value) { 0 } else { (*distance + 1).min(far) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minesegsat_core::{Crs, GeoTransform};
    use minesegsat_io::cog::{CogOptions, CogWriter};

    fn write(path: &std::path::Path, width: usize, values: &[u8]) {
        let transform = GeoTransform::north_up(500_000.0, 5_500_000.0, 10.0);
        let grid = Grid { crs: Crs::from_epsg(32610).unwrap(), transform, width, height: values.len() / width };
        let options = CogOptions { block_size: 64, ..CogOptions::mask("mining") };
        let mut cog = CogWriter::create(path, &grid, options).unwrap();
        cog.write_rows(&[Pixels::U8(values.to_vec())]).unwrap();
        cog.finish().unwrap();
    }

    /// 600 rows, so that strips meet within buffers; a few mines, some nodata.
    fn map(width: usize, height: usize) -> Vec<u8> {
        let mut values = vec![0; width * height];
        let mut dice = minesegsat_core::noise::Dice::new(3, "map");
        let mut below = |bound: usize| crate::area_sample::draw::below(&mut dice, bound as u64) as usize;
        for _ in 0..12 {
            values[below(width * height)] = 1 + (below(2) as u8);
        }
        for _ in 0..40 {
            values[below(width * height)] = 255;
        }
        values[256 * width + 7] = 1;
        values
    }

    #[test]
    fn buffers_are_discs_across_strips() {
        let (width, height) = (70, 600);
        let values = map(width, height);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.tif");
        write(&path, width, &values);
        for buffer in [0usize, 1, 2, 9, 40, 300] {
            let strata = StrataMap::open(&Location::from(&*path), &[], buffer).unwrap();
            let codes: Vec<Code> =
                strata.strips().flat_map(|(first, rows)| strata.codes(first, rows).unwrap()).collect();
            let mines: Vec<usize> = (0..values.len()).filter(|&i| matches!(values[i], 1 | 2)).collect();
            for (i, &value) in values.iter().enumerate() {
                let near = mines.iter().any(|&mine| {
                    let (dy, dx) = ((mine / width).abs_diff(i / width), (mine % width).abs_diff(i % width));
                    buffer > 0 && dx * dx + dy * dy <= buffer * buffer
                });
                let expected = match value {
                    255 => OUTSIDE,
                    0 if near => NEAR,
                    value => Code::from(value),
                };
                assert_eq!(codes[i], expected, "buffer {buffer}, row {}, col {}", i / width, i % width);
            }
        }
    }

    #[test]
    fn values_that_are_left_out_are_outside_and_no_mines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.tif");
        write(&path, 3, &[0, 2, 0, 1, 0, 255]);
        let strata = StrataMap::open(&Location::from(&*path), &[2], 1).unwrap();
        assert_eq!(strata.codes(0, 2).unwrap(), [NEAR, OUTSIDE, 0, 1, NEAR, OUTSIDE]);
        let error = StrataMap::open(&Location::from(&*path), &[], 1001).unwrap_err().to_string();
        assert!(error.contains("buffer `1001`") && error.contains("0 to 1000"), "{error}");
    }
}
