//! Reads polygons of maps and changes, in longitude and latitude.

use std::path::Path;

use geo::MultiPolygon;
use geozero::ToGeo;
use geozero::wkb::GpkgWkb;
use minesegsat_core::{Crs, GeoTransform, Grid, Transformer};
use minesegsat_io::{Location, read_json};
use minesegsat_scene::manifest::GridRecord;
use minesegsat_watch::register::geometry_json;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value, json};

use crate::problem::Problem;

/// Longest edge in metres that is not densified before reprojection.
const MAX_EDGE_M: f64 = 1000.0;
/// Inverse of the rounding step of coordinates: 1e-7 degrees, about a centimetre.
const SCALE: f64 = 1e7;

/// A polygon with its properties.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) outline: MultiPolygon<f64>,
    pub(crate) properties: Map<String, Value>,
}

impl Shape {
    /// As a GeoJSON feature.
    pub(crate) fn feature(&self, id: Option<Value>) -> Value {
        let mut feature = json!({
            "type": "Feature",
            "properties": self.properties,
            "geometry": geometry_json(&rounded(&self.outline)),
        });
        if let Some(id) = id {
            feature["id"] = id;
        }
        feature
    }
}

fn rounded(outline: &MultiPolygon<f64>) -> MultiPolygon<f64> {
    use geo::MapCoords;
    outline.map_coords(|c| geo::Coord { x: (c.x * SCALE).round() / SCALE, y: (c.y * SCALE).round() / SCALE })
}

/// Disturbed land of a map, from a folder that `predict` wrote. `None` if it has no file of polygons.
pub(crate) fn read_disturbed(folder: &Path) -> Result<Option<Vec<Shape>>, Problem> {
    let path = folder.join("polygons.gpkg");
    let shapes = if path.is_file() {
        read_layer(&path, &["area_ha", "perimeter_m", "mean_probability", "max_probability"])?
    } else {
        let path = folder.join("polygons.geojson");
        if !path.is_file() {
            return Ok(None);
        }
        read_geojson(&path)?
    };
    Ok(Some(shapes.into_iter().map(|shape| with(shape, "kind", "disturbed".into())).collect()))
}

/// Gain and loss of a comparison, from its folder. `None` if the file is missing.
pub(crate) fn read_changes(folder: &Path, since: Option<String>) -> Result<Option<Vec<Shape>>, Problem> {
    let path = folder.join("change.gpkg");
    if !path.is_file() {
        return Ok(None);
    }
    let mut shapes = read_layer(&path, &["change", "area_ha", "above_noise"])?;
    shapes.retain(|shape| matches!(shape.properties["change"].as_str(), Some("gain" | "loss")));
    let since = since.map_or(Value::Null, Value::String);
    Ok(Some(
        shapes
            .into_iter()
            .map(|mut shape| {
                let kind = shape.properties.remove("change").unwrap_or_default();
                with(with(shape, "kind", kind), "since", since.clone())
            })
            .collect(),
    ))
}

fn with(mut shape: Shape, name: &str, value: Value) -> Shape {
    shape.properties.insert(name.to_owned(), value);
    shape
}

/// The first layer of a GeoPackage that this program wrote, with some of its columns.
fn read_layer(path: &Path, columns: &[&str]) -> Result<Vec<Shape>, Problem> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let fail = |error: &dyn std::fmt::Display| Problem::internal(format!("`{name}` cannot be read: {error}"));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(path, flags).map_err(|error| fail(&error))?;
    let layer = "SELECT table_name, column_name, srs_id FROM gpkg_geometry_columns LIMIT 1";
    let (table, geometry, epsg): (String, String, u16) = database
        .query_row(layer, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .map_err(|error| fail(&error))?;
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let selected: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
    let query = format!("SELECT {}, {} FROM {} ORDER BY rowid", quoted(&geometry), selected.join(", "), quoted(&table));
    let mut statement = database.prepare(&query).map_err(|error| fail(&error))?;
    let mut rows = statement.query([]).map_err(|error| fail(&error))?;
    let to_degrees = ToDegrees::new(&Crs::from_epsg(epsg)?)?;
    let mut shapes = Vec::new();
    while let Some(row) = rows.next().map_err(|error| fail(&error))? {
        let blob: Vec<u8> = row.get(0).map_err(|error| fail(&error))?;
        let outline = match GpkgWkb(blob).to_geo().map_err(|error| fail(&error))? {
            geo::Geometry::MultiPolygon(outline) => outline,
            geo::Geometry::Polygon(polygon) => polygon.into(),
            _ => continue,
        };
        let mut properties = Map::new();
        for (at, column) in columns.iter().enumerate() {
            let value = row.get_ref(at + 1).map_err(|error| fail(&error))?;
            properties.insert((*column).to_owned(), column_value(column, value));
        }
        shapes.push(Shape { outline: to_degrees.run(&outline)?, properties });
    }
    Ok(shapes)
}

fn column_value(column: &str, value: rusqlite::types::ValueRef<'_>) -> Value {
    use rusqlite::types::ValueRef;
    match value {
        ValueRef::Integer(number) if column == "above_noise" => Value::Bool(number != 0),
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
        ValueRef::Null | ValueRef::Blob(_) => Value::Null,
    }
}

/// A GeoJSON geometry.
pub(crate) fn parse_geometry(value: &Value) -> Result<geo::Geometry<f64>, String> {
    let geometry: geojson::Geometry = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
    minesegsat_vector::vector::parse_geometry(&geometry.value)
}

fn read_geojson(path: &Path) -> Result<Vec<Shape>, Problem> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let fail = |error: &dyn std::fmt::Display| Problem::internal(format!("`{name}` cannot be read: {error}"));
    let document: Value = read_json(&Location::from(path))?;
    let mut shapes = Vec::new();
    for feature in document["features"].as_array().into_iter().flatten() {
        let outline = match parse_geometry(&feature["geometry"]).map_err(|error| fail(&error))? {
            geo::Geometry::MultiPolygon(outline) => outline,
            geo::Geometry::Polygon(polygon) => polygon.into(),
            _ => continue,
        };
        let properties = feature["properties"].as_object().cloned().unwrap_or_default();
        shapes.push(Shape { outline, properties });
    }
    Ok(shapes)
}

/// Transforms from the CRS of a map to longitude and latitude.
struct ToDegrees {
    transformer: Transformer,
    max_edge: f64,
}

impl ToDegrees {
    fn new(crs: &Crs) -> Result<Self, Problem> {
        let max_edge = crs.metres_per_unit().map_or(f64::INFINITY, |metres| MAX_EDGE_M / metres);
        Ok(Self { transformer: Transformer::new(crs, &Crs::WGS84)?, max_edge })
    }

    fn run(&self, outline: &MultiPolygon<f64>) -> Result<MultiPolygon<f64>, Problem> {
        Ok(self.transformer.transform_densified(outline, self.max_edge)?)
    }
}

/// Reads the grid from the record of a map.
pub(crate) fn read_grid(record: &Value) -> Result<Grid, Problem> {
    let record: GridRecord = serde_json::from_value(record.clone())
        .map_err(|error| Problem::internal(format!("the record of a map has no usable grid: {error}")))?;
    let [origin_x, pixel_width, _, origin_y, _, pixel_height] = record.transform;
    Ok(Grid {
        crs: Crs::from_epsg(record.epsg)?,
        transform: GeoTransform { origin_x, origin_y, pixel_width, pixel_height },
        width: record.width,
        height: record.height,
    })
}

/// Bounds of the grid in the record of a map: west, south, east, north in degrees.
pub(crate) fn grid_bounds(record: &Value) -> Result<[f64; 4], Problem> {
    let grid = read_grid(record)?;
    Ok(Transformer::new(&grid.crs, &Crs::WGS84)?.transform_bounds(grid.bounds())?)
}
