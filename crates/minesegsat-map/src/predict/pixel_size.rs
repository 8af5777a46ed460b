//! Whether a scene has the pixel size of the model's training data: [`check_pixel_size`].

use minesegsat_core::crs::wrap_longitude;
use minesegsat_core::{Crs, Error, Grid, Result, Transformer};
use minesegsat_scene::Scene;

/// Largest accepted ratio between the scene's pixel size and the model's, in both directions. Pixels of angular grids
/// have different sizes in x and y, so it is not 1. The next native size of Sentinel-2 is twice as large.
const GSD_TOLERANCE: f64 = 1.25;
/// Largest accepted ratio of height and width of pixels in degrees, which are narrow far from the equator: that at 60 degrees. The
/// scene warns of stretched shapes.
const LARGEST_STRETCH: f64 = 2.0;

/// Refuses a scene whose pixels have another size on the ground than those of the model's training data.
pub(super) fn check_pixel_size(scene: &Scene, gsd_m: f64) -> Result<()> {
    let grid = scene.grid();
    let fits = |metres: f64| (gsd_m / GSD_TOLERANCE..=gsd_m * GSD_TOLERANCE).contains(&metres);
    let is_right = |width: f64, height: f64| {
        if grid.crs.is_geographic() {
            fits(width.max(height)) && width.max(height) <= LARGEST_STRETCH * width.min(height)
        } else {
            fits(width) && fits(height)
        }
    };
    let Some((width, height)) = grid.ground_pixel_m().filter(|&(width, height)| !is_right(width, height)) else {
        return Ok(());
    };
    let rounded = |metres: f64| (metres * 100.0).round() / 100.0;
    let (found, advice) = if grid
        .crs
        .metres_per_unit()
        .is_some_and(|unit| rounded(unit * grid.transform.pixel_width) == rounded(width))
    {
        (format!("{} m", rounded(width)), String::new())
    } else {
        // Neither degrees nor Mercator keep lengths.
        let zone = utm_zone(grid).map_or_else(|| "its UTM zone".to_owned(), |zone| zone.to_string());
        let advice = format!("; reproject it, for example with `gdalwarp -t_srs {zone} -tr {gsd_m} {gsd_m}`");
        (format!("{} x {} m on the ground (in {})", rounded(width), rounded(height), grid.crs), advice)
    };
    Err(Error::scene(
        scene.location(),
        format!(
            "its finest band has pixels of {found}, but the model was made for {gsd_m} m: shapes would differ in size from \
             those in training{advice}"
        ),
    ))
}

/// The UTM zone at the centre of a grid.
fn utm_zone(grid: &Grid) -> Option<Crs> {
    let (x, y) = grid.transform.to_map(grid.width as f64 / 2.0, grid.height as f64 / 2.0);
    let (longitude, latitude) = Transformer::new(&grid.crs, &Crs::WGS84).ok()?.transform(x, y).ok()?;
    let zone = ((wrap_longitude(longitude) + 180.0) / 6.0).floor().clamp(0.0, 59.0) as u16 + 1;
    Crs::from_epsg(if latitude < 0.0 { 32_700 } else { 32_600 } + zone).ok()
}
