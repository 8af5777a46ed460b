//! Polygon files. [`write_polygons`] writes GeoPackage, GeoJSON, FlatGeobuf and GeoParquet. [`write_lon_lat`] writes layers with
//! any attributes also as Shapefile and KML. [`read_area_of_interest`] reads areas of interest.

mod flatgeobuf;
mod geojson;
pub mod gpkg;
mod kml;
mod parquet;
mod shapefile;
mod style;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use geo::{BooleanOps, BoundingRect, Coord, Geometry, LineString, MapCoords, MultiPolygon, Rect, Winding};
use serde::Serialize;

pub use self::geojson::parse_geometry;
pub use self::style::{LayerStyle, StyleClass};
pub use crate::labels::read_area as read_area_of_interest;
use minesegsat_core::{Cause, Crs, Error, Result, Transformer};

/// A polygon of mining-disturbed land.
#[derive(Debug, Clone, PartialEq)]
pub struct MinePolygon {
    /// Number of the polygon in its file.
    pub id: u64,
    /// Outline, in the CRS of the scene.
    pub geometry: MultiPolygon<f64>,
    /// Area on the ellipsoid, in hectares.
    pub area_ha: f64,
    /// Length of the outer boundary on the ellipsoid, in metres.
    pub perimeter_m: f64,
    /// Mean probability of its pixels.
    pub mean_probability: f64,
    /// Highest probability of a pixel.
    pub max_probability: f64,
    /// Whether the edge of the scene cuts it.
    pub touches_edge: bool,
    /// Whether it borders on pixels that are not assessable, for example under clouds.
    pub touches_nodata: bool,
}

impl MinePolygon {
    /// Names and values of the attributes, in the order of every format.
    fn attributes(&self) -> [(&'static str, Attribute); 7] {
        [
            ("id", Attribute::Integer(self.id as i64)),
            ("area_ha", Attribute::Real(self.area_ha)),
            ("perimeter_m", Attribute::Real(self.perimeter_m)),
            ("mean_probability", Attribute::Real(self.mean_probability)),
            ("max_probability", Attribute::Real(self.max_probability)),
            ("touches_edge", Attribute::Boolean(self.touches_edge)),
            ("touches_nodata", Attribute::Boolean(self.touches_nodata)),
        ]
    }
}

/// Value of an attribute.
#[derive(Debug, Clone, Copy)]
enum Attribute {
    Integer(i64),
    Real(f64),
    Boolean(bool),
}

/// Value of an attribute of a [`FeatureLayer`].
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the variants say it all")]
pub enum Value {
    Integer(i64),
    Real(f64),
    Boolean(bool),
    Text(String),
    Date(jiff::civil::Date),
    /// No value, for columns of optional types only.
    Null,
}

/// As text, for tables. Empty if there is no value.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => value.fmt(f),
            Self::Real(value) => value.fmt(f),
            Self::Boolean(value) => value.fmt(f),
            Self::Text(value) => f.write_str(value),
            Self::Date(value) => value.fmt(f),
            Self::Null => Ok(()),
        }
    }
}

/// Type of an attribute of a [`FeatureLayer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say it all")]
pub enum ColumnType {
    Integer,
    Real,
    Boolean,
    Text,
    /// A text that may be missing, for users to fill in.
    OptionalText,
    OptionalReal,
    OptionalBoolean,
    Date,
    OptionalDate,
}

/// Geometry type of a [`FeatureLayer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the variants say it all")]
pub enum ShapeType {
    #[default]
    MultiPolygon,
    Point,
}

/// Geometries with attributes, for [`write_layer`].
#[derive(Debug, Clone)]
pub struct FeatureLayer {
    /// Name of the layer: lower-case letters, digits and underscores, starting with a letter.
    pub name: &'static str,
    /// Human-readable title.
    pub title: String,
    /// One-sentence description.
    pub description: String,
    /// Time of the data, written as the time of the last change.
    pub datetime: Option<jiff::Timestamp>,
    /// Additional metadata as JSON.
    pub metadata: String,
    /// Geometry type.
    pub shape: ShapeType,
    /// Names and types of the attributes. The rule for layer names applies to them too.
    pub columns: Vec<(&'static str, ColumnType)>,
    /// Allowed values of columns. QGIS and other editors offer them in a list.
    pub choices: Vec<(&'static str, Vec<String>)>,
    /// How programs draw it. `None`: as they like.
    pub style: Option<LayerStyle>,
    /// Geometries in the CRS of the file, each with one value per column.
    pub features: Vec<(Geometry<f64>, Vec<Value>)>,
}

/// Writes a layer as a GeoPackage to exactly this path. Replaces an existing file. The same input gives the same bytes.
pub fn write_layer(path: &Path, crs: &Crs, layer: &FeatureLayer) -> Result<()> {
    write_layers(path, crs, std::slice::from_ref(layer))
}

/// Like [`write_layer`], for several layers in one file. Programs open the first layer by default.
pub fn write_layers(path: &Path, crs: &Crs, layers: &[FeatureLayer]) -> Result<()> {
    gpkg::write_layers(path, crs, layers)
}

/// File format of [`write_lon_lat`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerFormat {
    /// OGC GeoPackage 1.3 with styles for QGIS.
    GeoPackage,
    /// GeoJSON (RFC 7946).
    GeoJson,
    /// A zip archive with a Shapefile. Texts are UTF-8, cut at 254 bytes; names of fields are cut at 10 characters.
    Shapefile,
    /// KML 2.2 with styles.
    Kml,
    /// GeoParquet 1.1 with a bounding box column.
    GeoParquet,
    /// FlatGeobuf with its spatial index.
    FlatGeobuf,
}

/// Writes a layer of polygons in longitude and latitude on WGS 84 to exactly this path. Replaces an existing file. The same
/// input gives the same bytes.
pub fn write_lon_lat(path: &Path, format: LayerFormat, layer: &FeatureLayer) -> Result<()> {
    match format {
        LayerFormat::GeoPackage => write_layer(path, &Crs::WGS84, layer),
        LayerFormat::GeoJson => geojson::write_layer(path, layer),
        LayerFormat::Shapefile => shapefile::write(path, layer),
        LayerFormat::Kml => kml::write(path, layer),
        LayerFormat::GeoParquet => parquet::write_layer(path, layer),
        LayerFormat::FlatGeobuf => flatgeobuf::write_layer(path, layer),
    }
}

/// Provenance of the polygons in a file.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PolygonMetadata {
    /// The scene.
    pub scene: String,
    /// Acquisition time of the scene.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datetime: Option<jiff::Timestamp>,
    /// The model.
    pub model: String,
    /// Additional parameters, such as threshold, minimum area and version of the program.
    #[serde(flatten)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

impl PolygonMetadata {
    /// One-sentence description.
    fn description(&self) -> String {
        let taken = self.datetime.map(|t| format!(" of {t}")).unwrap_or_default();
        format!("Mining-disturbed land found by the model {} in the scene {}{taken}", self.model, self.scene)
    }

    fn json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::Io(error.into()))
    }
}

/// Human-readable title of the layer.
const TITLE: &str = "Mining-disturbed land";
/// Name of the layer.
const LAYER: &str = "mining";

/// File format of polygons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VectorFormat {
    /// OGC GeoPackage 1.3, in the CRS of the scene.
    #[default]
    GeoPackage,
    /// GeoJSON (RFC 7946), in longitude and latitude.
    GeoJson,
    /// FlatGeobuf with its spatial index, in the CRS of the scene.
    FlatGeobuf,
    /// GeoParquet 1.1, in longitude and latitude.
    GeoParquet,
}

impl VectorFormat {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::GeoPackage, Self::GeoJson, Self::FlatGeobuf, Self::GeoParquet];

    /// File name extension, which is also the name of the format on the command line.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::GeoPackage => "gpkg",
            Self::GeoJson => "geojson",
            Self::FlatGeobuf => "fgb",
            Self::GeoParquet => "parquet",
        }
    }
}

impl fmt::Display for VectorFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

impl FromStr for VectorFormat {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|format| format.extension().eq_ignore_ascii_case(name)).ok_or_else(|| {
            Error::Argument {
                name: "vector format",
                value: name.to_owned(),
                accepted: Self::ALL.map(Self::extension).join(", "),
            }
        })
    }
}

/// Writes polygons to exactly this path. Replaces an existing file. The same input gives the same bytes.
pub fn write_polygons(
    path: &Path,
    format: VectorFormat,
    crs: &Crs,
    polygons: &[MinePolygon],
    metadata: &PolygonMetadata,
) -> Result<()> {
    match format {
        VectorFormat::GeoPackage => gpkg::write(path, crs, polygons, metadata),
        VectorFormat::GeoJson => geojson::write(path, crs, polygons, metadata),
        VectorFormat::FlatGeobuf => flatgeobuf::write(path, crs, polygons, metadata),
        VectorFormat::GeoParquet => parquet::write(path, crs, polygons, metadata),
    }
}

/// An [`Error::Vector`] with its cause, for `map_err`.
fn vector_error<E: Into<Cause>>(path: &Path) -> impl Fn(E) -> Error + '_ {
    move |error| Error::vector(path, "").caused_by(error)
}

/// Bounds of a geometry: min x, min y, max x, max y.
fn bounds(geometry: &MultiPolygon<f64>) -> Option<[f64; 4]> {
    let rect = geometry.bounding_rect()?;
    Some([rect.min().x, rect.min().y, rect.max().x, rect.max().y])
}

/// Bounds of all polygons.
fn bounds_of_all<'a>(geometries: impl IntoIterator<Item = &'a MultiPolygon<f64>>) -> Option<[f64; 4]> {
    geometries
        .into_iter()
        .filter_map(bounds)
        .reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])])
}

/// The geometry as a geozero type.
fn geometry(geometry: &MultiPolygon<f64>) -> Geometry<f64> {
    Geometry::MultiPolygon(geometry.clone())
}

/// The outline of a feature of a layer of polygons.
fn outline<'a>(path: &Path, geometry: &'a Geometry<f64>) -> Result<&'a MultiPolygon<f64>> {
    match geometry {
        Geometry::MultiPolygon(outline) => Ok(outline),
        _ => Err(Error::vector(path, "this format is written for multipolygons only")),
    }
}

/// Maximum edge length in metres before the transformation to longitude and latitude, in which straight edges of the scene
/// are curves. A 10 km edge would be off by 3 m at 60 degrees, a 1 km edge by 3 cm.
const MAX_EDGE_M: f64 = 1000.0;

/// Transforms polygons to longitude and latitude on WGS 84. Exteriors run counterclockwise and holes clockwise (the right-hand
/// rule of RFC 7946). Polygons across the antimeridian are cut in two.
#[derive(Debug)]
pub struct ToLonLat {
    transformer: Transformer,
    max_edge: f64,
}

impl ToLonLat {
    /// From a CRS.
    pub fn new(crs: &Crs) -> Result<Self> {
        let max_edge = crs.metres_per_unit().map_or(f64::INFINITY, |metres| MAX_EDGE_M / metres);
        Ok(Self { transformer: Transformer::new(crs, &Crs::WGS84)?, max_edge })
    }

    /// Transforms polygons of that CRS.
    pub fn run(&self, geometry: &MultiPolygon<f64>) -> Result<MultiPolygon<f64>> {
        let mut geometry = self.transformer.transform_densified(geometry, self.max_edge)?;
        if bounds(&geometry).is_some_and(|b| b[0] < -180.0 || b[2] > 180.0) {
            geometry = cut_at_antimeridian(&geometry);
        }
        for polygon in &mut geometry {
            polygon.exterior_mut(LineString::make_ccw_winding);
            polygon.interiors_mut(|holes| holes.iter_mut().for_each(LineString::make_cw_winding));
        }
        Ok(geometry)
    }
}

/// Cuts a geometry with longitudes past 180 degrees at the antimeridian, and shifts each part to -180 to 180.
pub fn cut_at_antimeridian(geometry: &MultiPolygon<f64>) -> MultiPolygon<f64> {
    let mut out = Vec::new();
    for polygon in geometry {
        let Some([min_x, min_y, max_x, max_y]) = bounds(&MultiPolygon(vec![polygon.clone()])) else { continue };
        for turn in [-360.0, 0.0, 360.0] {
            // The box is as small as possible, because clipping uses a grid whose resolution depends on the size of the box.
            let (west, east) = (min_x.max(turn - 180.0), max_x.min(turn + 180.0));
            if west < east {
                let part = Rect::new(Coord { x: west, y: min_y }, Coord { x: east, y: max_y }).to_polygon();
                let moved = |c: Coord<f64>| Coord { x: (c.x - turn).clamp(-180.0, 180.0), y: c.y };
                out.extend(polygon.intersection(&part).into_iter().map(|part| part.map_coords(moved)));
            }
        }
    }
    MultiPolygon(out)
}

#[cfg(test)]
mod tests;
