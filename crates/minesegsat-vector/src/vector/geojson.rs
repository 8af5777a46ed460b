//! GeoJSON (RFC 7946): longitude and latitude on WGS 84, right-hand rule, 8 decimals (1 mm).

use std::io::{BufWriter, Write};
use std::path::Path;

use geo::{Coord, Geometry, MapCoords, MultiPolygon};
use serde::{Serialize, Serializer};

use super::{
    Attribute, FeatureLayer, LAYER, MinePolygon, PolygonMetadata, ToLonLat, Value, bounds, bounds_of_all, outline,
    vector_error,
};
use minesegsat_core::{Crs, Result, guard};

/// Steps per degree to which coordinates are rounded.
const SCALE: f64 = 1e8;

/// The members in their order. The writer of the `geojson` crate sorts properties by name and leaves out an empty list.
#[derive(Serialize)]
struct Collection<'a> {
    r#type: &'static str,
    name: &'static str,
    metadata: &'a PolygonMetadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    bbox: Option<[f64; 4]>,
    features: Vec<Feature<'a>>,
}

#[derive(Serialize)]
struct Feature<'a> {
    r#type: &'static str,
    id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bbox: Option<[f64; 4]>,
    #[serde(serialize_with = "serialize_attributes")]
    properties: &'a MinePolygon,
    #[serde(serialize_with = "serialize_outline")]
    geometry: MultiPolygon<f64>,
}

/// A geometry of GeoJSON. The conversion of the crate `geojson` panics at positions with fewer than two numbers.
pub fn parse_geometry(value: &::geojson::GeometryValue) -> std::result::Result<Geometry<f64>, String> {
    guard(
        || Geometry::try_from(value).map_err(|error| error.to_string()),
        |_| "a position has fewer than two numbers".to_owned(),
    )
}

fn serialize_attributes<S: Serializer>(polygon: &MinePolygon, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_map(polygon.attributes())
}

fn serialize_outline<S: Serializer>(
    geometry: &MultiPolygon<f64>,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    ::geojson::GeometryValue::from(geometry).serialize(serializer)
}

impl Serialize for Attribute {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match *self {
            Self::Integer(v) => serializer.serialize_i64(v),
            Self::Real(v) => serializer.serialize_f64(v),
            Self::Boolean(v) => serializer.serialize_bool(v),
        }
    }
}

fn round(c: Coord<f64>) -> Coord<f64> {
    Coord { x: (c.x * SCALE).round() / SCALE, y: (c.y * SCALE).round() / SCALE }
}

pub(super) fn write(path: &Path, crs: &Crs, polygons: &[MinePolygon], metadata: &PolygonMetadata) -> Result<()> {
    let to_lon_lat = ToLonLat::new(crs)?;
    let features = polygons
        .iter()
        .map(|polygon| {
            let geometry = to_lon_lat.run(&polygon.geometry)?.map_coords(round);
            Ok(Feature { r#type: "Feature", id: polygon.id, bbox: bounds(&geometry), properties: polygon, geometry })
        })
        .collect::<Result<Vec<_>>>()?;
    let collection = Collection {
        r#type: "FeatureCollection",
        name: LAYER,
        metadata,
        bbox: bounds_of_all(features.iter().map(|feature| &feature.geometry)),
        features,
    };
    let mut file = BufWriter::new(fs_err::File::create(path)?);
    serde_json::to_writer(&mut file, &collection).map_err(vector_error(path))?;
    Ok(file.flush()?)
}

/// A collection whose features have any attributes.
#[derive(Serialize)]
struct Layer<'a> {
    r#type: &'static str,
    name: &'static str,
    metadata: serde_json::Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    bbox: Option<[f64; 4]>,
    features: Vec<LayerFeature<'a>>,
}

#[derive(Serialize)]
struct LayerFeature<'a> {
    r#type: &'static str,
    id: usize,
    properties: Properties<'a>,
    #[serde(serialize_with = "serialize_outline")]
    geometry: MultiPolygon<f64>,
}

/// Attributes of a feature, in the order of the columns.
struct Properties<'a> {
    layer: &'a FeatureLayer,
    values: &'a [Value],
}

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.layer.columns.iter().map(|(name, _)| name).zip(self.values))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Integer(v) => serializer.serialize_i64(*v),
            Self::Real(v) => serializer.serialize_f64(*v),
            Self::Boolean(v) => serializer.serialize_bool(*v),
            Self::Text(v) => serializer.serialize_str(v),
            Self::Date(v) => serializer.collect_str(v),
            Self::Null => serializer.serialize_none(),
        }
    }
}

/// A layer in longitude and latitude.
pub(super) fn write_layer(path: &Path, layer: &FeatureLayer) -> Result<()> {
    let mut features = Vec::with_capacity(layer.features.len());
    for (id, (geometry, values)) in (1..).zip(&layer.features) {
        let geometry = outline(path, geometry)?.map_coords(round);
        features.push(LayerFeature { r#type: "Feature", id, properties: Properties { layer, values }, geometry });
    }
    let collection = Layer {
        r#type: "FeatureCollection",
        name: layer.name,
        metadata: serde_json::from_str(&layer.metadata).map_err(vector_error(path))?,
        bbox: bounds_of_all(features.iter().map(|feature| &feature.geometry)),
        features,
    };
    let mut file = BufWriter::new(fs_err::File::create(path)?);
    serde_json::to_writer(&mut file, &collection).map_err(vector_error(path))?;
    Ok(file.flush()?)
}
