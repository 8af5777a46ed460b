//! Grids of a scene: do its bands belong together, and do their pixels have the size and place that they should?

use std::collections::BTreeMap;

use geo::{BoundingRect, Intersects, MultiPolygon, Rect};

use crate::SceneBand;
use minesegsat_core::area_of_interest::polygons_on_scene;
use minesegsat_core::{Band, Crs, Error, Grid, Result, Transformer};

/// A warning if an item's geometry does not touch the ground that its files cover.
pub(crate) fn beside_footprint(grid: &Grid, footprint: &MultiPolygon<f64>) -> Option<String> {
    let [west, south, east, north] = grid.bounds();
    let covered = Rect::new((west, south), (east, north));
    let near = polygons_on_scene(grid, footprint, &Crs::WGS84).ok()?;
    if near.iter().any(|polygon| polygon.intersects(&covered)) {
        return None;
    }
    let stated = footprint.bounding_rect()?;
    let [w, s, e, n] = Transformer::new(&grid.crs, &Crs::WGS84).ok()?.transform_bounds(grid.bounds()).ok()?;
    Some(format!(
        "the item's geometry lies at {:.3} to {:.3} east, {:.3} to {:.3} north, but its files cover {w:.3} to {e:.3} east, \
         {s:.3} to {n:.3} north",
        stated.min().x,
        stated.max().x,
        stated.min().y,
        stated.max().y
    ))
}

/// A warning if pixels in degrees are clearly narrower than high.
pub(crate) fn stretched(grid: &Grid) -> Option<String> {
    let (width, height) = grid.ground_pixel_m().filter(|_| grid.crs.is_geographic())?;
    (height > 1.25 * width).then(|| {
        format!(
            "its pixels are {width:.2} x {height:.2} m on the ground (in {}), so shapes are stretched and models see them less \
             well; reproject it to its UTM zone",
            grid.crs
        )
    })
}

/// A warning if some bands are there only at a coarser resolution than their own, beside finer bands.
///
/// They are upsampled to the reference grid, so that details of their native resolution are missing.
pub(crate) fn coarser_than_native(bands: &BTreeMap<Band, SceneBand>, reference: &Grid) -> Option<String> {
    // Between 10 and 20 m.
    const TOLERANCE: f64 = 1.5;
    let width_m = |grid: &Grid| grid.ground_pixel_m().map(|(width, _)| width);
    let finest = width_m(reference)?;
    let mut coarse: BTreeMap<String, Vec<Band>> = BTreeMap::new();
    for (&band, open) in bands {
        let native = f64::from(band.gsd_m());
        if let Some(found) = width_m(&open.grid)
            && found > TOLERANCE * native
            && found > TOLERANCE * finest
        {
            coarse.entry(format!("pixels of {found:.0} m instead of {native:.0} m")).or_default().push(band);
        }
    }
    let named: Vec<String> =
        coarse.into_iter().map(|(what, bands)| format!("{} with {what}", Band::list(&bands))).collect();
    (!named.is_empty()).then(|| {
        format!(
            "the scene has {}: these bands are upsampled to {finest:.0} m, and small shapes in them are blurred; get the \
             images of native resolution",
            named.join(", ")
        )
    })
}

/// The finest band's grid, after checking that all bands cover the same area.
///
/// Edges may differ by one coarse pixel: a crop cut to whole pixels of each band gives coarse grids another corner.
pub(crate) fn reference_grid(
    scene: &str,
    bands: &BTreeMap<Band, SceneBand>,
    classification: Option<&SceneBand>,
) -> Result<Grid> {
    let named = bands.iter().map(|(band, b)| (band.to_string(), b));
    let named: Vec<(String, &SceneBand)> = named.chain(classification.map(|b| ("SCL".to_owned(), b))).collect();
    let finest =
        bands.iter().min_by(|(_, a), (_, b)| a.grid.transform.pixel_width.total_cmp(&b.grid.transform.pixel_width));
    let Some((reference_name, reference)) = finest else {
        return Err(Error::scene(scene, "it has no bands"));
    };
    let grid = &reference.grid;
    for (name, band) in &named {
        if band.grid.crs != grid.crs {
            return Err(Error::scene(
                scene,
                format!(
                    "its bands are in different coordinate systems: {reference_name} in EPSG:{}, {name} ({}) in EPSG:{}",
                    grid.crs.epsg(),
                    band.location,
                    band.grid.crs.epsg()
                ),
            ));
        }
        let (a, b) = (grid.bounds(), band.grid.bounds());
        let pixel = |g: &Grid| g.transform.pixel_width.max(-g.transform.pixel_height);
        // One thousandth of tolerance for rounded coordinates.
        let tolerance = pixel(grid).max(pixel(&band.grid)) * 1.001;
        if a.iter().zip(b).any(|(a, b)| (a - b).abs() > tolerance) {
            let overlap = a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
            return Err(Error::scene(
                scene,
                format!(
                    "its bands lie in different places: {reference_name} covers {}, {name} ({}) covers {}{}; edges may \
                     differ by one pixel of the coarser band",
                    format_bounds(a),
                    band.location,
                    format_bounds(b),
                    if overlap { "" } else { ", without overlap" }
                ),
            ));
        }
    }
    Ok(grid.clone())
}

/// Bounds for a message: west, south, east, north.
fn format_bounds([west, south, east, north]: [f64; 4]) -> String {
    format!("{west} to {east} east, {south} to {north} north")
}
