//! Reading of areas of interest from common vector formats.

use std::io::BufReader;
use std::path::Path;

use ::flatgeobuf::{FallibleStreamingIterator, FgbReader};
use ::geojson::{GeoJson, GeometryValue};
use geo::{Geometry, MultiPolygon, Polygon};
use geozero::ToGeo;
use geozero::wkb::GpkgWkb;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::geojson::parse_geometry;
use super::vector_error;
use minesegsat_core::{Crs, Error, Result};

/// Reads the polygons of a GeoJSON (geometry, feature or collection), GeoPackage (its first layer) or FlatGeobuf file as one
/// geometry, and their CRS. The content determines the format, not the name. Parts may overlap.
///
/// GeoJSON is in longitude and latitude, unless it has the `crs` member of the 2008 edition, which GDAL still writes.
pub fn read_area_of_interest(path: &Path) -> Result<(MultiPolygon<f64>, Crs)> {
    let fail = |reason: String| Error::vector(path, reason);
    let bytes = fs_err::read(path)?;
    let (geometries, crs) = if bytes.starts_with(b"SQLite format 3\0") {
        drop(bytes);
        read_geopackage(path)?
    } else if bytes.starts_with(b"fgb") {
        read_flatgeobuf(path, &bytes)?
    } else {
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| fail("neither GeoJSON, GeoPackage nor FlatGeobuf, which are accepted".to_owned()))?;
        read_geojson(path, text.trim_start_matches('\u{feff}'))?
    };
    let mut polygons = Vec::new();
    let mut others = Vec::new();
    for geometry in geometries {
        collect(geometry, &mut polygons, &mut others);
    }
    if polygons.is_empty() {
        others.dedup();
        let found = if others.is_empty() { "nothing".to_owned() } else { format!("only {}", others.join(", ")) };
        return Err(fail(format!("has {found}; a Polygon or MultiPolygon is needed")));
    }
    for c in polygons.iter().flat_map(|polygon: &Polygon<f64>| &polygon.exterior().0) {
        let lon_lat = c.x.abs() <= 540.0 && c.y.abs() <= 90.0;
        if !c.x.is_finite() || !c.y.is_finite() || (crs.is_geographic() && !lon_lat) {
            return Err(fail(format!(
                "position ({}, {}) is not a longitude and a latitude in degrees, which {crs} takes",
                c.x, c.y
            )));
        }
    }
    Ok((MultiPolygon(polygons), crs))
}

/// Collects the polygons of a geometry, and the type names of its other parts.
fn collect(geometry: Geometry<f64>, polygons: &mut Vec<Polygon<f64>>, others: &mut Vec<&'static str>) {
    match geometry {
        Geometry::Polygon(polygon) => polygons.extend(Some(polygon).filter(|p| !p.exterior().0.is_empty())),
        Geometry::MultiPolygon(parts) => polygons.extend(parts.into_iter().filter(|p| !p.exterior().0.is_empty())),
        Geometry::GeometryCollection(parts) => parts.into_iter().for_each(|part| collect(part, polygons, others)),
        Geometry::Rect(rect) => polygons.push(rect.to_polygon()),
        Geometry::Triangle(triangle) => polygons.push(triangle.to_polygon()),
        Geometry::Point(_) => others.push("Point"),
        Geometry::MultiPoint(_) => others.push("MultiPoint"),
        Geometry::Line(_) | Geometry::LineString(_) => others.push("LineString"),
        Geometry::MultiLineString(_) => others.push("MultiLineString"),
    }
}

fn read_geojson(path: &Path, text: &str) -> Result<(Vec<Geometry<f64>>, Crs)> {
    let fail = |reason: String| Error::vector(path, reason);
    let json: GeoJson =
        text.parse().map_err(|error: ::geojson::Error| fail("not valid GeoJSON".to_owned()).caused_by(error))?;
    let (members, values): (_, Vec<GeometryValue>) = match json {
        GeoJson::Geometry(geometry) => (geometry.foreign_members, vec![geometry.value]),
        GeoJson::Feature(feature) => (feature.foreign_members, feature.geometry.map(|g| g.value).into_iter().collect()),
        GeoJson::FeatureCollection(collection) => {
            let values = collection.features.into_iter().filter_map(|feature| Some(feature.geometry?.value));
            (collection.foreign_members, values.collect())
        }
    };
    let crs = match members.as_ref().and_then(|members| members.get("crs")).filter(|crs| !crs.is_null()) {
        None => Crs::WGS84,
        Some(crs) => {
            let name = crs.pointer("/properties/name").and_then(|name| name.as_str()).unwrap_or_default();
            let epsg = epsg_of_name(name).ok_or_else(|| fail(format!("its `crs` member {crs} has no EPSG code")))?;
            Crs::from_epsg(epsg).map_err(vector_error(path))?
        }
    };
    let geometries = values.iter().map(|value| parse_geometry(value).map_err(fail)).collect::<Result<Vec<_>>>()?;
    Ok((geometries, crs))
}

/// The EPSG code of names such as `urn:ogc:def:crs:EPSG::32611`, `EPSG:32611` and `urn:ogc:def:crs:OGC:1.3:CRS84`.
fn epsg_of_name(name: &str) -> Option<u16> {
    if name.ends_with("CRS84") {
        return Some(Crs::WGS84.epsg());
    }
    let (authority, code) = name.rsplit_once(':')?;
    code.parse().ok().filter(|_| authority.to_ascii_uppercase().contains("EPSG"))
}

fn read_geopackage(path: &Path) -> Result<(Vec<Geometry<f64>>, Crs)> {
    let fail = |reason: String| Error::vector(path, reason);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(path, flags).map_err(vector_error(path))?;
    let layer = database
        .query_row(
            "SELECT c.table_name, g.column_name, s.organization, s.organization_coordsys_id
             FROM gpkg_contents c
             JOIN gpkg_geometry_columns g ON g.table_name = c.table_name
             JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id
             WHERE c.data_type = 'features' ORDER BY c.rowid LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .optional()
        .map_err(vector_error(path))?;
    let (table, column, organization, code): (String, String, String, i64) =
        layer.ok_or_else(|| fail("has no layer of features".to_owned()))?;
    let epsg = u16::try_from(code).ok().filter(|_| organization.eq_ignore_ascii_case("EPSG"));
    let epsg =
        epsg.ok_or_else(|| fail(format!("layer `{table}` has the CRS {organization}:{code}; an EPSG code is needed")))?;
    let crs = Crs::from_epsg(epsg).map_err(vector_error(path))?;

    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let mut statement =
        database.prepare(&format!("SELECT {} FROM {}", quote(&column), quote(&table))).map_err(vector_error(path))?;
    let mut rows = statement.query([]).map_err(vector_error(path))?;
    let mut geometries = Vec::new();
    while let Some(row) = rows.next().map_err(vector_error(path))? {
        let blob: Option<Vec<u8>> = row.get(0).map_err(vector_error(path))?;
        if let Some(blob) = blob {
            geometries.push(GpkgWkb(blob).to_geo().map_err(vector_error(path))?);
        }
    }
    Ok((geometries, crs))
}

fn read_flatgeobuf(path: &Path, bytes: &[u8]) -> Result<(Vec<Geometry<f64>>, Crs)> {
    let reader = FgbReader::open(BufReader::new(bytes)).map_err(vector_error(path))?;
    let (organization, code) = reader
        .header()
        .crs()
        .map_or((String::new(), 0), |crs| (crs.org().unwrap_or("EPSG").to_ascii_uppercase(), crs.code()));
    let epsg = u16::try_from(code).ok().filter(|&code| code > 0 && organization == "EPSG");
    let epsg = epsg
        .ok_or_else(|| Error::vector(path, "has no CRS with an EPSG code in its header, which is needed".to_owned()))?;
    let crs = Crs::from_epsg(epsg).map_err(vector_error(path))?;
    let mut features = reader.select_all_seq().map_err(vector_error(path))?;
    let mut geometries = Vec::new();
    while let Some(feature) = features.next().map_err(vector_error(path))? {
        geometries.push(feature.to_geo().map_err(vector_error(path))?);
    }
    Ok((geometries, crs))
}
