//! Windows of remote images, read by ranges and written as Cloud Optimized GeoTIFFs.

use minesegsat_core::job::Job;
use std::path::Path;
use std::sync::Arc;

use crate::Layer;
use minesegsat_core::area_of_interest::{self, AreaOfInterest};
use minesegsat_core::{Error, Grid, Result, Window};
use minesegsat_io::cog::{BandMeta, CogOptions, CogWriter, OverviewResampling};
use minesegsat_io::{DataType, Location, RasterSource, open_jp2_with_grid, open_raster};

/// Alignment of windows in metres from the corner of the scene. It is a multiple of 10, 20 and 60 m, so the windows
/// of all bands cover the same ground.
const ALIGN_M: f64 = 60.0;
/// Alignment of grids that are not in metres, in pixels of the finest band: 60 m for pixels of 10 m.
const ALIGN_PX: f64 = 6.0;
/// Rows read at a time.
const ROWS: usize = 512;

/// Opens an image. `grid` is for JPEG 2000 images without georeferencing.
pub(super) fn open(location: &Location, grid: Option<&Grid>) -> Result<Arc<dyn RasterSource>> {
    match grid {
        Some(grid) => open_jp2_with_grid(location, grid.clone()),
        None => open_raster(location),
    }
}

/// Aligned bounds of the area's bounding box, in the CRS of `grid`. `None` if the scene does not overlap the area.
pub(super) fn bounds(grid: &Grid, area: &AreaOfInterest) -> Result<Option<[f64; 4]>> {
    let window = match area_of_interest::locate(grid, area) {
        Ok((window, _)) => window,
        Err(Error::Argument { name: "area", .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let [min_x, min_y, max_x, max_y] = grid.window(&window).bounds();
    let whole = grid.bounds();
    let (left, top) = (whole[0], whole[3]);
    // Corners are sums of whole pixels. One millimetre of tolerance covers rounding.
    let (pixel_x, pixel_y) = (grid.transform.pixel_width, -grid.transform.pixel_height);
    let is_metric = grid.crs.metres_per_unit() == Some(1.0) && (ALIGN_M / pixel_x).fract() == 0.0;
    let (align_x, align_y) = if is_metric { (ALIGN_M, ALIGN_M) } else { (ALIGN_PX * pixel_x, ALIGN_PX * pixel_y) };
    let slack = 1e-3 / ALIGN_M;
    let west = left + ((min_x - left) / align_x + slack).floor() * align_x;
    let east = left + ((max_x - left) / align_x - slack).ceil() * align_x;
    let north = top - ((top - max_y) / align_y + slack).floor() * align_y;
    let south = top - ((top - min_y) / align_y - slack).ceil() * align_y;
    Ok(Some([west, south.max(whole[1]), east.min(whole[2]), north]))
}

/// Writes the window of an image that covers `bounds` (first band only), and returns its grid.
pub(super) fn write(
    source: &dyn RasterSource,
    layer: Layer,
    bounds: [f64; 4],
    target: &Path,
    job: Job<'_>,
) -> Result<Grid> {
    let info = source.info();
    let window = info.grid.window_of_bounds(bounds).ok_or_else(|| {
        Error::raster(info.location.clone(), "it does not cover the place that the other bands of its scene cover")
    })?;
    let grid = info.grid.window(&window);
    let scale_offset = info.scale_offset.first().copied().flatten();
    let (scale, offset) = scale_offset.unwrap_or((1.0, 0.0));
    let options = CogOptions {
        data_type: info.data_type,
        nodata: info.nodata.filter(|&value| is_value_of(info.data_type, value)),
        bands: vec![BandMeta { scale, offset, ..BandMeta::named(layer.to_string()) }],
        overview_resampling: match layer {
            Layer::Band(_) => OverviewResampling::Average,
            Layer::Classification => OverviewResampling::Mode,
        },
        ..CogOptions::default()
    };
    let bytes_per_pixel = match info.data_type {
        DataType::U8 => 1,
        DataType::U16 | DataType::I16 => 2,
        DataType::F32 => 4,
    };
    job.progress.expect_bytes((window.len() * bytes_per_pixel) as u64);
    let mut cog = CogWriter::create(target, &grid, options)?;
    // Strips follow the image's blocks, so that no block is fetched twice.
    let block = info.block_size.1.max(1);
    let step = ROWS.next_multiple_of(block);
    let mut row = window.row;
    while row < window.row_end() {
        job.check()?;
        let end = ((row / step + 1) * step).min(window.row_end());
        let part = Window::new(window.col, row, window.width, end - row);
        cog.write_rows(&[source.read(0, part)?])?;
        job.progress.bytes((part.len() * bytes_per_pixel) as u64);
        row = end;
    }
    cog.finish()?;
    Ok(grid)
}

fn is_value_of(kind: DataType, value: f64) -> bool {
    let within = |low: f64, high: f64| value.fract() == 0.0 && (low..=high).contains(&value);
    match kind {
        DataType::U8 => within(0.0, 255.0),
        DataType::U16 => within(0.0, 65_535.0),
        DataType::I16 => within(-32_768.0, 32_767.0),
        DataType::F32 => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minesegsat_core::{Crs, GeoTransform, Transformer};

    fn grid(pixel: f64, side: usize) -> Grid {
        let transform = GeoTransform::north_up(600_000.0, 5_500_020.0, pixel);
        Grid { crs: Crs::from_epsg(32610).unwrap(), transform, width: side, height: side }
    }

    #[test]
    fn windows_of_all_bands_cover_the_same_ground() {
        let (ten, sixty) = (grid(10.0, 10980), grid(60.0, 1830));
        let to_lon_lat = Transformer::new(&ten.crs, &Crs::WGS84).unwrap();
        for (x, y, size) in
            [(612_345.0, 5_432_101.0, 777.0), (600_000.0, 5_500_020.0, 60.0), (709_790.0, 5_390_225.0, 5.0)]
        {
            let bbox = to_lon_lat.transform_bounds([x, y - size, x + size, y]).unwrap();
            let found = bounds(&ten, &AreaOfInterest::Bbox(bbox)).unwrap().unwrap();
            let fine = ten.window(&ten.window_of_bounds(found).unwrap());
            let coarse = sixty.window(&sixty.window_of_bounds(found).unwrap());
            assert_eq!(fine.bounds(), found);
            assert_eq!(coarse.bounds(), found);
            assert!(
                found[0] <= x && x + size <= found[2] + 1e-6 && found[1] <= y - size + 1e-6 && y <= found[3] + 1e-6
            );
            assert!(found[2] - found[0] < size + 130.0, "no more than needed: {found:?}");
        }
        let far = AreaOfInterest::Bbox([10.0, 50.0, 11.0, 51.0]);
        assert_eq!(bounds(&ten, &far).unwrap(), None);
    }
}
