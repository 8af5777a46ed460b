//! GeoTIFF tags to a [`Grid`] (OGC 19-008r4, GeoTIFF 1.1).

use super::directory::{Directory, tag};
use crate::raster::Georeference;
use crate::raster::bytes::ByteSource;
use minesegsat_core::{Crs, GeoTransform, Grid, Result};

const KEY_MODEL_TYPE: u64 = 1024;
const KEY_RASTER_TYPE: u64 = 1025;
const KEY_GEODETIC_CRS: u64 = 2048;
const KEY_PROJECTED_CRS: u64 = 3072;
const USER_DEFINED: u64 = 32_767;

/// The grid of an image of `width` columns and `height` rows. An image without a georeference, if allowed, gets pixels of one
/// degree from the origin on, which only count pixels.
pub(super) fn grid(directory: &mut Directory<'_>, width: usize, height: usize) -> Result<Grid> {
    match placed_grid(directory, width, height) {
        Err(error) if directory.may_be_unplaced => {
            directory.georeference = match affine(directory)? {
                Some(affine) => Georeference::Unused { reason: error.to_string(), affine },
                None => Georeference::Absent,
            };
            Ok(Grid { crs: Crs::WGS84, transform: GeoTransform::north_up(0.0, 0.0, 1.0), width, height })
        }
        found => found,
    }
}

fn placed_grid(directory: &mut Directory<'_>, width: usize, height: usize) -> Result<Grid> {
    let keys = geo_keys(directory)?;
    let key = |id: u64| keys.iter().find(|(k, _)| *k == id).map(|(_, v)| *v);
    let crs = crs(directory, key(KEY_MODEL_TYPE), key(KEY_PROJECTED_CRS), key(KEY_GEODETIC_CRS))?;
    let mut transform = transform(directory)?;
    // In a "pixel is point" raster the tie point is the centre of a pixel.
    if key(KEY_RASTER_TYPE) == Some(2) {
        (transform.origin_x, transform.origin_y) = transform.to_map(-0.5, -0.5);
    }
    let grid = Grid { crs, transform, width, height };
    grid.check().map_err(|reason| directory.error(reason))?;
    Ok(grid)
}

/// The grid that a degenerate GeoTIFF (the GeoJP2 box of a JPEG 2000 file) describes, with another size.
pub(in crate::raster) fn degenerate_grid(name: &str, tiff: bytes::Bytes, width: usize, height: usize) -> Result<Grid> {
    let source = ByteSource::from_bytes(name, tiff);
    grid(&mut Directory::read(&source)?, width, height)
}

/// Keys with a number in the directory itself. Other keys are texts and parameters.
fn geo_keys(directory: &mut Directory<'_>) -> Result<Vec<(u64, u64)>> {
    let Some(words) = directory.numbers(tag::GEO_KEY_DIRECTORY)? else { return Ok(Vec::new()) };
    let entries = words.chunks_exact(4).skip(1);
    Ok(entries.filter(|entry| entry[1] == 0).map(|entry| (entry[0], entry[3])).collect())
}

fn crs(directory: &Directory<'_>, model: Option<u64>, projected: Option<u64>, geodetic: Option<u64>) -> Result<Crs> {
    let code = match (model, projected, geodetic) {
        (Some(1) | None, Some(code), _) | (Some(2) | None, _, Some(code)) => code,
        (None, None, None) => {
            return Err(directory.error(
                "it has no coordinate reference system; add one, for instance with: gdal_edit.py -a_srs EPSG:32618",
            ));
        }
        _ => USER_DEFINED,
    };
    match u16::try_from(code) {
        Ok(code) if code != 0 && u64::from(code) != USER_DEFINED => Crs::from_epsg(code).map_err(|e| directory.error(e)),
        _ => Err(directory.error(
            "its coordinate reference system is given by parameters and not by an EPSG code; set the code, for instance \
             with: gdal_edit.py -a_srs EPSG:32618",
        )),
    }
}

/// The affine map that the tags state, in any orientation; `None` if they state none.
fn affine(directory: &mut Directory<'_>) -> Result<Option<[f64; 6]>> {
    let tie = directory.doubles(tag::MODEL_TIEPOINT)?;
    let scale = directory.doubles(tag::MODEL_PIXEL_SCALE)?;
    let matrix = directory.doubles(tag::MODEL_TRANSFORMATION)?;
    let half = if geo_keys(directory)?.contains(&(KEY_RASTER_TYPE, 2)) { 0.5 } else { 0.0 };
    let [a, b, x, d, e, y] = match (scale.as_deref(), tie.as_deref(), matrix.as_deref()) {
        (Some([sx, sy, ..]), Some([col, row, _, x, y, _, ..]), _) => {
            let sy = -sy.abs();
            [*sx, 0.0, x - col * sx, 0.0, sy, y - row * sy]
        }
        (_, _, Some([a, b, _, x, d, e, _, y, ..])) => [*a, *b, *x, *d, *e, *y],
        _ => return Ok(None),
    };
    Ok(Some([a, b, x - half * (a + b), d, e, y - half * (d + e)]))
}

fn transform(directory: &mut Directory<'_>) -> Result<GeoTransform> {
    let tie = directory.doubles(tag::MODEL_TIEPOINT)?;
    let scale = directory.doubles(tag::MODEL_PIXEL_SCALE)?;
    let matrix = directory.doubles(tag::MODEL_TRANSFORMATION)?;
    let transform = match (scale.as_deref(), tie.as_deref(), matrix.as_deref()) {
        (Some([sx, sy, ..]), Some([col, row, _, x, y, _, ..]), _) => {
            // Some writers state a negative height. Like GDAL, treat both signs as north-up.
            let sy = -sy.abs();
            GeoTransform { origin_x: x - col * sx, origin_y: y - row * sy, pixel_width: *sx, pixel_height: sy }
        }
        (_, _, Some([a, b, _, x, d, e, _, y, ..])) => {
            if *b != 0.0 || *d != 0.0 {
                return Err(directory.error("it is rotated; warp it north-up first, for instance with: gdalwarp"));
            }
            GeoTransform { origin_x: *x, origin_y: *y, pixel_width: *a, pixel_height: *e }
        }
        (None, Some(_), None) => {
            return Err(directory.error(
                "it is georeferenced by ground control points only; warp it first, for instance with: gdalwarp",
            ));
        }
        _ => {
            return Err(
                directory.error("it has no georeference (ModelPixelScale with ModelTiepoint, or ModelTransformation)")
            );
        }
    };
    if transform.pixel_width.is_nan() || transform.pixel_width <= 0.0 || transform.pixel_height.is_nan() {
        return Err(directory.error(format!("its pixels are {} wide", transform.pixel_width)));
    }
    if transform.pixel_height >= 0.0 {
        return Err(
            directory.error("its rows run from south to north; warp it north-up first, for instance with: gdalwarp")
        );
    }
    Ok(transform)
}
