//! Labels: mine polygons from a file, checked, reprojected and burned into masks.
//!
//! [`Labels::read`] reads and checks a file. [`Labels::index`] reprojects the features of an area to the CRS of a raster.
//! [`LabelIndex`] gives the features and the mask of a window.
//!
//! ```no_run
//! use minesegsat_core::Grid;
//! use minesegsat_vector::labels::{LabelOptions, Labels};
//!
//! # fn example(grid: &Grid) -> minesegsat_core::Result<()> {
//! let options = LabelOptions { filter: Some("COUNTRY_NAME = Canada".parse()?), ..LabelOptions::default() };
//! let labels = Labels::read("mines.gpkg".as_ref(), &options)?;
//! let index = labels.index(&grid.crs, grid.bounds())?;
//! if index.touches(grid) {
//!     let mask = index.mask(grid)?.to_vec();
//! }
//! # Ok(())
//! # }
//! ```

mod archive;
mod area;
mod check;
mod classes;
mod codepage;
mod dbf;
mod filter;
mod flatgeobuf;
mod geojson;
mod geopackage;
mod geoparquet;
mod index;
mod kml;
mod mask;
mod open;
mod parquet_pages;
mod place;
mod project;
mod raw;
mod repair;
mod report;
mod shapefile;
#[cfg(test)]
mod tests;
mod wkt;

use std::path::{Path, PathBuf};

use geo::{Coord, MultiPolygon};
use rayon::prelude::*;

pub use self::area::{outline_of_wkt, read_area, read_incomplete_area};
pub use self::check::valid_outline;
pub use self::classes::ClassMap;
pub use self::classes::text_of;
pub use self::filter::Filter;
pub use self::filter::find_name;
pub use self::geopackage::open_read_only;
pub use self::index::LabelIndex;
pub use self::mask::LabelMask;
use self::open::Wanted;
use self::place::LonLatBox;
use self::project::Projector;
pub use self::raw::polygons_of_gpkg;
pub use self::report::{Dropped, DroppedKind, LabelFile, LabelReport, LabelSource, Repair, Repaired};
use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::{Crs, Error, Grid, Result, Transformer};

/// Mask value of pixels outside all features.
pub const BACKGROUND: u8 = 0;
/// Mask value of pixels that training and evaluation ignore, near the edges of polygons.
pub const IGNORE: u8 = minesegsat_core::pixel_class::MASK_NODATA;

/// Attributes of a feature by name, as JSON values. Dates and times are texts. Bytes and nested values are left out.
pub type Attributes = serde_json::Map<String, serde_json::Value>;

/// Options for reading labels. The default reads every feature of the only layer as mining.
#[derive(Debug, Clone, Default)]
pub struct LabelOptions {
    /// Layer (table) of a GeoPackage, or name of a shapefile in a zip archive, without `.shp`. Required if there are several.
    pub layer: Option<String>,
    /// Filter of the features.
    pub filter: Option<Filter>,
    /// Accepts a file that states that it is incomplete, such as an answer that a server cut off. The report says so.
    pub allow_incomplete: bool,
    /// The CRS of the coordinates, for files with a missing or wrong CRS.
    pub crs: Option<Crs>,
    /// Exchanges x and y, for files that have latitudes before longitudes.
    pub swap_axes: bool,
    /// Attribute with the class of each feature. Default: every feature has class 1, `mining`.
    pub class_attribute: Option<String>,
    /// Class numbers, 1 to 254, by value of the attribute. Default: the values in sorted order are numbered from 1 on.
    pub classes: Vec<(String, u8)>,
    /// Ignore distance, in metres of the grid's CRS. Pixels with a centre within it of a polygon's edge are [`IGNORE`].
    pub ignore_buffer_m: f64,
    /// Author and version of the labels, recorded unchanged.
    pub source: Option<String>,
    /// Licence of the labels, recorded unchanged.
    pub licence: Option<String>,
}

impl LabelOptions {
    fn wanted(&self) -> Wanted<'_> {
        self.layer.as_deref().map_or(Wanted::Only, Wanted::Named)
    }
}

/// A labelled area.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelFeature {
    /// Id in the file (`fid` of a GeoPackage, `id` of GeoJSON), or the position from 0, as in GDAL and geopandas.
    pub id: String,
    /// Position in the file, from 0. Ids may be repeated.
    pub place: usize,
    /// All attributes.
    pub attributes: Attributes,
    /// Valid outline: shells counterclockwise, holes clockwise. Longitudes are continuous: across the antimeridian they go past
    /// 180 degrees.
    pub geometry: MultiPolygon<f64>,
    /// Value in masks: 1 to 254.
    pub class: u8,
}

/// The labels of a file.
#[derive(Debug, Clone)]
pub struct Labels {
    path: PathBuf,
    features: Vec<LabelFeature>,
    /// Per feature.
    boxes: Vec<LonLatBox>,
    crs: Crs,
    attribute_names: Vec<String>,
    classes: ClassMap,
    ignore_buffer_m: f64,
    source: LabelSource,
    report: LabelReport,
}

impl Labels {
    /// Reads a GeoPackage, Shapefile (`.shp`), GeoJSON (also newline-delimited, or as ArcGIS servers send it), FlatGeobuf,
    /// GeoParquet or KML file, or a `.zip` or `.kmz` that contains one. The content determines the format, not the name.
    ///
    /// Features are filtered, then checked. [`LabelReport`] lists repaired and dropped features. Points and lines are dropped.
    ///
    /// Fails in these cases:
    /// - No feature is left.
    /// - The file states that it is incomplete, and the options do not accept that.
    /// - Most features lie where the CRS is not defined.
    /// - Neither the file nor the options state a CRS.
    /// - The CRS is geographic, but the coordinates are not longitudes and latitudes.
    pub fn read(path: &Path, options: &LabelOptions) -> Result<Self> {
        if !(options.ignore_buffer_m.is_finite() && options.ignore_buffer_m >= 0.0) {
            return Err(Error::Argument {
                name: "ignore buffer",
                value: options.ignore_buffer_m.to_string(),
                accepted: "metres, 0 or more".to_owned(),
            });
        }
        let (layer, files) = open::read(path, options.wanted())?;
        check::check(path, options, layer, files)
    }

    /// The features, in the order of the file.
    pub fn features(&self) -> &[LabelFeature] {
        &self.features
    }

    /// The CRS of the features' outlines.
    pub fn crs(&self) -> &Crs {
        &self.crs
    }

    /// Names of the attributes, in the order of the layer.
    pub fn attribute_names(&self) -> &[String] {
        &self.attribute_names
    }

    /// The classes of mask values.
    pub fn classes(&self) -> &ClassMap {
        &self.classes
    }

    /// Provenance of the labels, for manifests. The same file and options give the same record on every machine.
    pub fn source(&self) -> &LabelSource {
        &self.source
    }

    /// Counts of the features, with the repaired and the dropped ones.
    pub fn report(&self) -> &LabelReport {
        &self.report
    }

    /// Bounding box in degrees: west, south, east, north. West > east across the antimeridian.
    pub fn bbox(&self) -> [f64; 4] {
        place::hull(&self.boxes)
    }

    /// Areas on the ellipsoid in hectares, one per feature.
    pub fn areas_ha(&self) -> Result<Vec<f64>> {
        let sizes = GeodesicMeter::new(&self.crs)?.measure_all(self.features.par_iter().map(|f| &f.geometry))?;
        Ok(sizes.into_iter().map(|size| size.area_m2 / 10_000.0).collect())
    }

    /// Reprojects the features near `bounds` (min x, min y, max x, max y, in `crs`) to `crs`.
    ///
    /// Straight edges of the file may be curves in `crs`. Vertices are added so that no point of an edge is off by more than
    /// 0.1 m. Parts of features more than 3 degrees beyond the bounds may be cut off.
    pub fn index(&self, crs: &Crs, bounds: [f64; 4]) -> Result<LabelIndex> {
        // Web Mercator stretches lengths six times at 80 degrees. The margin only selects features near the bounds.
        let stretch = if crs.epsg() == 3857 { 6.0 } else { 1.0 };
        let margin = stretch * self.ignore_buffer_m / crs.metres_per_unit().unwrap_or(f64::INFINITY);
        let [x0, y0, x1, y1] = bounds;
        let bounds = [x0 - margin, y0 - margin, x1 + margin, y1 + margin];
        let area = lon_lat_box(crs, bounds)?;
        let projector = Projector::new(&self.crs, crs)?;
        let near = f64::midpoint(x0, x1);
        let candidates: Vec<usize> =
            (0..self.features.len()).filter(|&place| place::meet(&self.boxes[place], &area)).collect();
        let projected = candidates
            .into_par_iter()
            .map(|place| {
                let feature = &self.features[place];
                let geometry = projector.project(&feature.geometry, &area, near)?;
                Ok(LabelFeature {
                    geometry,
                    attributes: feature.attributes.clone(),
                    id: feature.id.clone(),
                    ..*feature
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let meets = |feature: &LabelFeature| {
            let [west, south, east, north] = index::bounds(&feature.geometry);
            west <= bounds[2] && bounds[0] <= east && south <= bounds[3] && bounds[1] <= north
        };
        let features = projected.into_iter().filter(meets).collect();
        Ok(LabelIndex::new(crs.clone(), features, self.ignore_buffer_m))
    }

    /// The error for labels that touch none of the areas. It states both locations, and whether an exchange of longitudes and
    /// latitudes would help.
    pub fn touch_nothing(&self, areas: &[Grid]) -> Error {
        let boxes: Vec<LonLatBox> =
            areas.iter().filter_map(|grid| lon_lat_box(&grid.crs, grid.bounds()).ok()).collect();
        let shown = |[west, south, east, north]: [f64; 4]| format!("{west:.4},{south:.4},{east:.4},{north:.4}");
        let (scenes, labels) = (shown(place::hull(&boxes)), shown(self.bbox()));
        let mut reason = match (self.features.len(), areas.len()) {
            (1, 1) => {
                format!("its only feature does not touch the scene: it lies within {labels}, the scene within {scenes}")
            }
            (1, _) => format!("its only feature touches no scene: it lies within {labels}, the scenes within {scenes}"),
            (n, 1) => format!(
                "none of its {n} features touches the scene: they lie within {labels}, the scene within {scenes}"
            ),
            (n, _) => format!(
                "none of its {n} features touches a scene: they lie within {labels}, the scenes within {scenes}"
            ),
        };
        reason += " (west,south,east,north)";
        let swapped = |b: &LonLatBox| [b[1], b[0], b[3], b[2]];
        let would_help = self.boxes.iter().any(|b| boxes.iter().any(|area| place::meet(&swapped(b), area)));
        if would_help && self.crs.is_geographic() {
            reason += "; with longitudes and latitudes exchanged they would";
            return Error::vector(&self.path, reason).avoided_by(minesegsat_core::Setting::SwapAxes);
        }
        Error::vector(&self.path, reason)
    }
}

/// Attributes of all features of a file, for all geometry types. Formats and layers are those of [`Labels::read`].
pub fn read_attributes(path: &Path, layer: Option<&str>) -> Result<Vec<Attributes>> {
    let (layer, _) = open::read(path, layer.map_or(Wanted::Only, Wanted::Named))?;
    Ok(layer.features.into_iter().map(|feature| feature.attributes).collect())
}

/// Like [`Labels::read`], with the ids and attributes of all features in the order of the file, including dropped ones.
pub fn read_with_attributes(path: &Path, options: &LabelOptions) -> Result<(Labels, Vec<(String, Attributes)>)> {
    let (layer, files) = open::read(path, options.wanted())?;
    let attributes = layer.features.iter().map(|feature| (feature.id.clone(), feature.attributes.clone())).collect();
    Ok((check::check(path, options, layer, files)?, attributes))
}

/// The bounding box in degrees of bounds in a CRS.
fn lon_lat_box(crs: &Crs, bounds: [f64; 4]) -> Result<LonLatBox> {
    if crs.is_geographic() {
        return Ok(bounds);
    }
    Ok(place::continuous(Transformer::new(crs, &Crs::WGS84)?.transform_bounds(bounds)?))
}

/// Bounds of positions: min x, min y, max x, max y. Without positions min is +infinity and max is -infinity.
fn bounds_of<'a>(positions: impl IntoIterator<Item = &'a Coord<f64>>) -> [f64; 4] {
    let nothing = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    positions.into_iter().fold(nothing, |b, c| [b[0].min(c.x), b[1].min(c.y), b[2].max(c.x), b[3].max(c.y)])
}

/// Names for messages: the first eight, and the number of further ones.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => "none".to_owned(),
        n if n > SHOWN => format!("{shown} and {} more", n - SHOWN),
        _ => shown,
    }
}

/// The index of the requested layer, or of the only one.
fn choose_layer<'a>(path: &Path, wanted: Option<&str>, names: impl Iterator<Item = &'a str>) -> Result<usize> {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let fail = |reason: String| Err(Error::vector(path, reason));
    match (wanted, names.len()) {
        (_, 0) => fail("has no layer of features".to_owned()),
        (None, 1) => Ok(0),
        (None, _) => {
            let reason = format!("has several layers: {}; name the one to read", names.join(", "));
            Err(Error::vector(path, reason).avoided_by(minesegsat_core::Setting::Layer))
        }
        (Some(wanted), _) => match names.iter().position(|name| name[1..name.len() - 1] == *wanted) {
            Some(place) => Ok(place),
            None => fail(format!("has no layer `{wanted}`; it has {}", names.join(", "))),
        },
    }
}
