//! Outlines of the disturbed land of a site, from the files of a map and of a comparison: [`mapped_land`] and [`changed_land`].
//!
//! The outlines hold the pixels whose centre lies inside the site, so their areas add up to the mapped hectares of the site
//! ([`crate::hectares`]).

use std::path::Path;
use std::time::Duration;

use geo::MultiPolygon;
use jiff::civil::Date;
use serde_json::Value;

use crate::change::CHANGE;
use crate::dated::DatedMap;
use crate::predict;
use crate::site::{SiteArea, SitePixels};
use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::pixel_class::Change;
use minesegsat_core::polygonize::{Connectivity, Polygonizer};
use minesegsat_core::{Crs, Error, Grid, Result};
use minesegsat_io::{Location, Pixels, open_raster};

/// How often a folder is read whose files are replaced meanwhile.
const ATTEMPTS: usize = 5;
/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// A connected piece of land.
#[derive(Debug, Clone, PartialEq)]
pub struct LandPiece {
    /// Outline along the edges of pixels, in the CRS of the map.
    pub outline: MultiPolygon<f64>,
    /// Hectares on the ellipsoid: the number of pixels times the area of the pixel at the middle of the site.
    pub area_ha: f64,
}

/// The mapped land of a site on one date.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedLand {
    /// CRS of the outlines.
    pub crs: Crs,
    /// Probability threshold of the map.
    pub threshold: f32,
    /// Title of the model.
    pub model_title: String,
    /// The pieces, from top to bottom. Empty if nothing is mapped, or if the site lies beyond the map.
    pub pieces: Vec<LandPiece>,
}

/// Gain and loss of a site between two dates.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangedLand {
    /// CRS of the outlines.
    pub crs: Crs,
    /// The earlier date.
    pub since: Option<Date>,
    /// Probability threshold of the comparison.
    pub threshold: Option<f32>,
    /// Newly disturbed land.
    pub gain: Vec<LandPiece>,
    /// Land that is no longer disturbed.
    pub loss: Vec<LandPiece>,
    /// Whether the gain is above the noise floor. `None` if the record does not say.
    pub gain_above_noise: Option<bool>,
    /// Whether the loss is above the noise floor. `None` if the record does not say.
    pub loss_above_noise: Option<bool>,
}

/// The mapped land of a site, from a folder that `predict` wrote: the pixels of `mask.tif`.
///
/// # Errors
/// Files of the map are missing or damaged, or another run replaces them.
pub fn mapped_land(folder: &Path, site: &SiteArea) -> Result<MappedLand> {
    read_together(folder, |_| {
        let (map, rasters) = DatedMap::describe_map(folder)?;
        let pieces = match SitePixels::rasterize(site, &map.grid)? {
            Some(pixels) => pieces(&pixels, &map.grid, &rasters.mapped(pixels.window)?)?,
            None => Vec::new(),
        };
        Ok(MappedLand { crs: map.grid.crs, threshold: map.threshold, model_title: map.model_title, pieces })
    })
}

/// Gain and loss of a site, from a folder that `change` wrote: the pixels of `change.tif`.
///
/// # Errors
/// Files of the comparison are missing or damaged, or another run replaces them.
pub fn changed_land(folder: &Path, site: &SiteArea) -> Result<ChangedLand> {
    read_together(folder, |record| {
        let raster = open_raster(&Location::from(folder.join(CHANGE).as_path()))?;
        let grid = raster.info().grid.clone();
        let (gain, loss) = match SitePixels::rasterize(site, &grid)? {
            Some(pixels) => {
                let Pixels::U8(classes) = raster.read(0, pixels.window)? else {
                    let found = raster.info().data_type;
                    let reason = format!("it is of type {found:?}; change maps are U8");
                    return Err(Error::raster(raster.info().location.clone(), reason));
                };
                let of = |class: Change| {
                    let is_class: Vec<bool> = classes.iter().map(|&value| value == class as u8).collect();
                    pieces(&pixels, &grid, &is_class)
                };
                (of(Change::Gain)?, of(Change::Loss)?)
            }
            None => Default::default(),
        };
        let of_site = record["sites"].as_array().into_iter().flatten().find(|found| found["id"] == site.id.as_str());
        let is_above_noise = |name: &str| of_site.and_then(|found| found.get(name)).map(|area| !area.is_null());
        Ok(ChangedLand {
            crs: grid.crs,
            since: record["dates"][0]["date"].as_str().and_then(|day| day.parse().ok()),
            threshold: record["rules"]["threshold"].as_f64().map(|threshold| threshold as f32),
            gain,
            loss,
            gain_above_noise: is_above_noise("gain"),
            loss_above_noise: is_above_noise("loss"),
        })
    })
}

/// The connected pieces of pixels of a site, `[H, W]` of its window.
fn pieces(pixels: &SitePixels, grid: &Grid, is_land: &[bool]) -> Result<Vec<LandPiece>> {
    let pixel_m2 = pixels.pixel_area_m2(grid, &GeodesicMeter::new(&grid.crs)?)?;
    let (transform, width) = (grid.window(&pixels.window).transform, pixels.window.width);
    let mut polygonizer = Polygonizer::new(width, Connectivity::Four);
    let probability = vec![0.0; width];
    for (inside, land) in pixels.inside.chunks_exact(width).zip(is_land.chunks_exact(width)) {
        let line: Vec<u8> = inside.iter().zip(land).map(|(&inside, &land)| u8::from(inside && land)).collect();
        polygonizer.push_row(&line, &probability);
    }
    let regions = polygonizer.finish();
    let piece = |region: &minesegsat_core::polygonize::Region| LandPiece {
        outline: region.to_map(&transform),
        area_ha: region.pixel_count as f64 * pixel_m2 / 1e4,
    };
    Ok(regions.iter().map(piece).collect())
}

/// Reads files that belong together from a folder of outputs. `read` gets the record. A run that replaces the files removes the
/// record first and writes it last. So the files belong together if the record is the same before and after.
fn read_together<T>(folder: &Path, read: impl Fn(&Value) -> Result<T>) -> Result<T> {
    let path = predict::manifest_path(folder);
    let record_now = || match fs_err::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::from(error)),
    };
    let mut was_there = false;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            std::thread::sleep(PAUSE);
        }
        let Some(before) = record_now()? else {
            // A second look, because a run may be about to place it.
            if attempt > 0 && !was_there {
                break;
            }
            continue;
        };
        was_there = true;
        let record = serde_json::from_slice(&before)
            .map_err(|error| Error::input(path.display().to_string(), "it is not JSON").caused_by(error))?;
        let found = read(&record);
        if record_now()?.as_ref() == Some(&before) {
            return found;
        }
    }
    let reason = if was_there { "another run replaces its files; try again" } else { "it has no manifest.json" };
    Err(Error::input(folder.display().to_string(), reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{Area, Rect, coord};
    use minesegsat_core::GeoTransform;
    use minesegsat_io::cog::{CogOptions, CogWriter};

    const SIDE: usize = 20;
    const ORIGIN: (f64, f64) = (600_000.0, 5_500_000.0);

    fn grid() -> Grid {
        Grid {
            crs: Crs::from_epsg(32610).unwrap(),
            transform: GeoTransform::north_up(ORIGIN.0, ORIGIN.1, 10.0),
            width: SIDE,
            height: SIDE,
        }
    }

    /// A site over the columns and rows 0 to 10.
    fn site() -> SiteArea {
        let (west, north) = ORIGIN;
        let outline = Rect::new(coord! {x: west, y: north - 100.0}, coord! {x: west + 100.0, y: north});
        SiteArea {
            id: "a".to_owned(),
            name: "A".to_owned(),
            boundary: outline.to_polygon().into(),
            crs: grid().crs,
            features: 1,
        }
    }

    /// A map whose land is a block of columns and rows that the site cuts.
    fn write_map(folder: &Path, title: &str, land: std::ops::Range<usize>) {
        let is_land = |i: usize| land.contains(&(i % SIDE)) && land.contains(&(i / SIDE));
        let grid = grid();
        let mut mask = CogWriter::create(&folder.join(predict::MASK), &grid, CogOptions::mask("mining")).unwrap();
        mask.write_rows(&[Pixels::U8((0..SIDE * SIDE).map(|i| u8::from(is_land(i))).collect())]).unwrap();
        mask.finish().unwrap();
        let mut probability =
            CogWriter::create(&folder.join(predict::PROBABILITY), &grid, CogOptions::default()).unwrap();
        probability.write_rows(&[Pixels::F32(vec![0.5; SIDE * SIDE])]).unwrap();
        probability.finish().unwrap();
        let record = serde_json::json!({
            "scene": {"name": "scene", "date": "2024-07-01", "level": "L2A"},
            "radiometry": {"decision": {"removes_offset": false, "statement": "none"}},
            "model": {"title": title, "weights_sha256": "ab"},
            "parameters": {"threshold": 0.4},
        });
        fs_err::write(predict::manifest_path(folder), record.to_string()).unwrap();
    }

    #[test]
    fn land_is_cut_at_the_site_and_counts_its_pixels() {
        let folder = tempfile::tempdir().unwrap();
        write_map(folder.path(), "b0", 8..14);
        let found = mapped_land(folder.path(), &site()).unwrap();
        assert_eq!((found.model_title.as_str(), found.threshold), ("b0", 0.4));
        assert_eq!(found.pieces.len(), 1);
        // Two columns and two rows of the block lie inside.
        assert_eq!(found.pieces[0].outline.unsigned_area(), 400.0);
        assert!((found.pieces[0].area_ha - 0.04).abs() < 1e-4, "{}", found.pieces[0].area_ha);
        let elsewhere = SiteArea { boundary: Rect::new((1.0, 1.0), (2.0, 2.0)).to_polygon().into(), ..site() };
        assert!(mapped_land(folder.path(), &elsewhere).unwrap().pieces.is_empty());
    }

    #[test]
    fn files_that_are_missing_or_replaced_meanwhile_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let error = mapped_land(folder.path(), &site()).unwrap_err().to_string();
        assert!(error.contains("no manifest.json"), "{error}");
        write_map(folder.path(), "b0", 8..14);
        // The record changes during every attempt.
        let attempts = std::cell::Cell::new(0);
        let error = read_together(folder.path(), |_| {
            attempts.set(attempts.get() + 1);
            write_map(folder.path(), &format!("b{}", attempts.get()), 2..4);
            Ok(())
        });
        assert!(error.unwrap_err().to_string().contains("try again"));
        assert_eq!(attempts.get(), ATTEMPTS);
        // It changes once: the second attempt reads files that belong together.
        let is_first = std::cell::Cell::new(true);
        let found = read_together(folder.path(), |record| {
            if is_first.replace(false) {
                write_map(folder.path(), "new", 2..4);
            }
            Ok(record["model"]["title"].as_str().unwrap().to_owned())
        });
        assert_eq!(found.unwrap(), "new");
    }
}
