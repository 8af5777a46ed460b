//! GeoJSON (RFC 7946): longitude and latitude on WGS 84, right-hand rule, 8 decimals (1 mm).

use std::io::{BufWriter, Write};
use std::path::Path;

use ::geojson::{Feature, FeatureCollection, FeatureWriter, Geometry, GeometryValue, feature::Id};
use geo::{MapCoords, MultiPolygon};
use serde_json::{Value, json};

use super::{Attribute, LAYER, MinePolygon, PolygonMetadata, ToLonLat, bounds, bounds_of_all, vector_error};
use crate::{Crs, Result};

/// Coordinates are rounded to this part of a degree.
const SCALE: f64 = 1e8;

pub(super) fn write(path: &Path, crs: &Crs, polygons: &[MinePolygon], metadata: &PolygonMetadata) -> Result<()> {
    let to_lon_lat = ToLonLat::new(crs)?;
    let round = |v: f64| (v * SCALE).round() / SCALE;
    let geometries = polygons
        .iter()
        .map(|polygon| {
            Ok(to_lon_lat.run(&polygon.geometry)?.map_coords(|c| geo::Coord { x: round(c.x), y: round(c.y) }))
        })
        .collect::<Result<Vec<MultiPolygon<f64>>>>()?;

    let mut file = BufWriter::new(fs_err::File::create(path)?);
    if polygons.is_empty() {
        // The writer below leaves out the list of features where there is none.
        let members = json!({"name": LAYER, "metadata": metadata}).as_object().cloned();
        let collection = FeatureCollection { bbox: None, features: Vec::new(), foreign_members: members };
        serde_json::to_writer(&mut file, &collection).map_err(vector_error(path))?;
        return Ok(file.flush()?);
    }
    let mut writer = FeatureWriter::from_writer(&mut file);
    let mut write = || -> std::result::Result<(), ::geojson::Error> {
        writer.write_foreign_member("name", LAYER)?;
        writer.write_foreign_member("metadata", metadata)?;
        if let Some(bbox) = bounds_of_all(&geometries) {
            writer.write_foreign_member("bbox", &bbox)?;
        }
        for (polygon, geometry) in polygons.iter().zip(&geometries) {
            writer.write_feature(&feature(polygon, geometry))?;
        }
        writer.finish()
    };
    write().map_err(vector_error(path))?;
    drop(writer);
    Ok(file.flush()?)
}

fn feature(polygon: &MinePolygon, geometry: &MultiPolygon<f64>) -> Feature {
    let properties = polygon.attributes().into_iter().map(|(name, value)| {
        let value = match value {
            Attribute::Integer(v) => Value::from(v),
            Attribute::Real(v) => Value::from(v),
            Attribute::Boolean(v) => Value::from(v),
        };
        (name.to_owned(), value)
    });
    Feature {
        bbox: bounds(geometry).map(|b| b.to_vec()),
        geometry: Some(Geometry::new(GeometryValue::from(geometry))),
        id: Some(Id::Number(polygon.id.into())),
        properties: Some(properties.collect()),
        foreign_members: None,
    }
}
