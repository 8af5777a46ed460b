//! GeoJSON (RFC 7946), its 2008 edition with a `crs` member, and one feature per line.

use std::collections::BTreeSet;
use std::path::Path;

use ::geojson::feature::Id;
use ::geojson::{Feature, GeoJson, Geometry, GeometryValue, JsonObject};
use geo::Coord;

use super::Attributes;
use super::raw::{Layer, RawFeature, RawGeometry, Ring};
use minesegsat_core::{Crs, Error, Result};

pub(super) fn read(path: &Path, text: &str) -> Result<Layer> {
    let fail = |reason: String| Error::vector(path, reason);
    let text = text.trim_start_matches('\u{feff}');
    let mut features = Vec::new();
    let members = match text.parse() {
        Ok(GeoJson::FeatureCollection(collection)) => {
            features = collection.features;
            collection.foreign_members
        }
        Ok(GeoJson::Feature(feature)) => {
            let members = feature.foreign_members.clone();
            features.push(feature);
            members
        }
        Ok(GeoJson::Geometry(mut geometry)) => {
            let members = geometry.foreign_members.take();
            features.push(Feature::from(geometry));
            members
        }
        Err(whole) => {
            features = read_lines(text)
                .map_err(|line| fail(line.unwrap_or_else(|| format!("it is not valid GeoJSON: {whole}"))))?;
            None
        }
    };
    let mut names = BTreeSet::new();
    let features = features
        .into_iter()
        .enumerate()
        .map(|(place, feature)| {
            let id = match feature.id {
                Some(Id::String(id)) => id,
                Some(Id::Number(id)) => id.to_string(),
                None => place.to_string(),
            };
            let attributes: Attributes = feature.properties.unwrap_or_default();
            for name in attributes.keys().filter(|name| !names.contains(*name)).cloned().collect::<Vec<_>>() {
                names.insert(name);
            }
            let geometry = feature.geometry.map(|geometry| raw_geometry(&geometry)).transpose();
            RawFeature { id, attributes, geometry }
        })
        .collect();
    Ok(Layer {
        format: "GeoJSON",
        name: None,
        crs: crs_of(members.as_ref()),
        attributes: names.into_iter().collect(),
        features,
        warnings: Vec::new(),
    })
}

/// Features line by line; record separators (RFC 8142) are skipped. The error describes a bad line. It is `None` if the first
/// line is not a feature.
fn read_lines(text: &str) -> Result<Vec<Feature>, Option<String>> {
    let mut features = Vec::new();
    for (place, line) in text.lines().enumerate() {
        let line = line.trim_start_matches('\u{1e}').trim();
        if line.is_empty() {
            continue;
        }
        match line.parse() {
            Ok(GeoJson::Feature(feature)) => features.push(feature),
            Ok(GeoJson::Geometry(geometry)) => features.push(Feature::from(geometry)),
            Ok(GeoJson::FeatureCollection(collection)) => features.extend(collection.features),
            Err(_) if features.is_empty() => return Err(None),
            Err(error) => return Err(Some(format!("line {} is not valid GeoJSON: {error}", place + 1))),
        }
    }
    if features.is_empty() { Err(None) } else { Ok(features) }
}

/// Longitude and latitude, unless the `crs` member of the 2008 edition, which GDAL still writes, states another CRS.
fn crs_of(members: Option<&JsonObject>) -> Result<Crs, String> {
    let Some(crs) = members.and_then(|members| members.get("crs")).filter(|crs| !crs.is_null()) else {
        return Ok(Crs::WGS84);
    };
    let name = crs.pointer("/properties/name").and_then(|name| name.as_str()).unwrap_or_default();
    if name.ends_with("CRS84") {
        return Ok(Crs::WGS84);
    }
    let code = name.rsplit_once(':').filter(|(authority, _)| authority.to_ascii_uppercase().contains("EPSG"));
    let code = code.and_then(|(_, code)| code.parse().ok());
    let code = code.ok_or_else(|| format!("its `crs` member {crs} has no EPSG code"))?;
    Crs::from_epsg(code).map_err(|error| error.to_string())
}

fn raw_geometry(geometry: &Geometry) -> Result<RawGeometry, String> {
    let mut raw = RawGeometry::new(geometry.value.type_name());
    collect(&geometry.value, &mut raw)?;
    Ok(raw)
}

fn collect(value: &GeometryValue, raw: &mut RawGeometry) -> Result<(), String> {
    match value {
        GeometryValue::Polygon { coordinates } => push_polygon(coordinates, raw)?,
        GeometryValue::MultiPolygon { coordinates } => {
            for polygon in coordinates {
                push_polygon(polygon, raw)?;
            }
        }
        GeometryValue::GeometryCollection { geometries } => {
            for geometry in geometries {
                collect(&geometry.value, raw)?;
            }
        }
        _ => raw.others += 1,
    }
    Ok(())
}

fn push_polygon(rings: &[Vec<::geojson::Position>], raw: &mut RawGeometry) -> Result<(), String> {
    let ring = |positions: &Vec<::geojson::Position>| {
        let position = |position: &::geojson::Position| match *position.as_slice() {
            [x, y, ..] => Ok(Coord { x, y }),
            ref short => Err(format!("position {short:?} has fewer than two numbers")),
        };
        positions.iter().map(position).collect::<Result<Ring, String>>()
    };
    let rings = rings.iter().map(ring).collect::<Result<Vec<_>, String>>()?;
    if !rings.is_empty() {
        raw.polygons.push(rings);
    }
    Ok(())
}
