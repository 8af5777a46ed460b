//! Small label files for tests.

use std::path::{Path, PathBuf};

use ::shapefile::dbase::{FieldName, FieldValue, Record, TableWriterBuilder};
use ::shapefile::{Point, Polygon, PolygonRing};
use geo::{Geometry, MultiPolygon, polygon};
use geozero::{CoordDimensions, ToWkb};
use rusqlite::Connection;
use serde_json::{Value, json};

use super::super::*;

/// West, south, east, north as a ring, counterclockwise.
pub(super) fn square(west: f64, south: f64, side: f64) -> Vec<[f64; 2]> {
    let (east, north) = (west + side, south + side);
    vec![[west, south], [east, south], [east, north], [west, north], [west, south]]
}

/// A GeoJSON feature.
pub(super) fn feature(properties: Value, coordinates: Value) -> Value {
    json!({"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": coordinates}})
}

/// Writes a feature collection, with an EPSG code unless that is 4326.
pub(super) fn write_geojson(folder: &Path, epsg: u16, features: &[Value]) -> PathBuf {
    let path = folder.join("labels.geojson");
    let mut collection = json!({"type": "FeatureCollection", "features": features});
    if epsg != 4326 {
        collection["crs"] = json!({"type": "name", "properties": {"name": format!("urn:ogc:def:crs:EPSG::{epsg}")}});
    }
    fs_err::write(&path, collection.to_string()).unwrap();
    path
}

pub(super) fn read(path: &Path) -> Result<Labels> {
    Labels::read(path, &LabelOptions::default())
}

/// The message of an error. It must name the file.
#[track_caller]
pub(super) fn refusal(path: &Path, options: &LabelOptions) -> String {
    let error = Labels::read(path, options).unwrap_err().to_string();
    assert!(error.contains(path.file_name().unwrap().to_str().unwrap()), "{error}");
    error
}

/// The labels of GeoJSON features in EPSG:32611.
pub(super) fn labels_of(features: &[Value]) -> Result<Labels> {
    let folder = tempfile::tempdir().unwrap();
    read(&write_geojson(folder.path(), 32611, features))
}

/// Two mines with attributes of every kind, in EPSG:32611: one with a hole, one of two parts.
pub(super) fn mines() -> Vec<(MultiPolygon<f64>, Value)> {
    let with_hole = polygon!(
        exterior: [(x: 600_000., y: 6e6), (x: 601_000., y: 6e6), (x: 601_000., y: 6.001e6), (x: 600_000., y: 6.001e6)],
        interiors: [[(x: 600_200., y: 6.0002e6), (x: 600_200., y: 6.0006e6), (x: 600_600., y: 6.0006e6), (x: 600_600., y: 6.0002e6)]],
    );
    let left =
        polygon![(x: 605_000., y: 6e6), (x: 605_500., y: 6e6), (x: 605_500., y: 6.0005e6), (x: 605_000., y: 6.0005e6)];
    let right = polygon![(x: 606_000., y: 6e6), (x: 606_500., y: 6e6), (x: 606_250., y: 6.0005e6)];
    vec![
        (
            MultiPolygon(vec![with_hole]),
            json!({"name": "Höyry & \"Co\"", "area": 84.125_678_901_2, "count": 3, "active": true, "note": null}),
        ),
        (
            MultiPolygon(vec![left, right]),
            json!({"name": "Pit", "area": 37.5, "count": -12, "active": false, "note": "b"}),
        ),
    ]
}

/// Writes a GeoPackage with layers (name, mines), as GDAL does.
pub(super) fn write_geopackage(folder: &Path, organization: &str, code: i32, layers: &[&str]) -> PathBuf {
    let path = folder.join("labels.gpkg");
    let database = Connection::open(&path).unwrap();
    database
        .execute_batch(
            "CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT, srs_id INTEGER PRIMARY KEY, organization TEXT,
               organization_coordsys_id INTEGER, definition TEXT, description TEXT);
             CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT, srs_id INTEGER);
             CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, geometry_type_name TEXT,
               srs_id INTEGER, z TINYINT, m TINYINT);",
        )
        .unwrap();
    database
        .execute(
            "INSERT INTO gpkg_spatial_ref_sys VALUES ('name', ?2, ?1, ?2, 'undefined', NULL)",
            (organization, code),
        )
        .unwrap();
    database.execute("INSERT INTO gpkg_contents VALUES ('styles', 'attributes', 0)", []).unwrap();
    for layer in layers {
        database
            .execute_batch(&format!(
                "CREATE TABLE \"{layer}\" (key INTEGER PRIMARY KEY, shape MULTIPOLYGON, name TEXT, area DOUBLE,
                   count MEDIUMINT, active BOOLEAN, note TEXT);
                 INSERT INTO gpkg_contents VALUES ('{layer}', 'features', {code});
                 INSERT INTO gpkg_geometry_columns VALUES ('{layer}', 'shape', 'MULTIPOLYGON', {code}, 0, 0);"
            ))
            .unwrap();
        for ((geometry, attributes), key) in mines().into_iter().zip([7, 9]) {
            let blob = Geometry::from(geometry).to_gpkg_wkb(CoordDimensions::xy(), Some(code), vec![]).unwrap();
            database
                .execute(
                    &format!("INSERT INTO \"{layer}\" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
                    (
                        key,
                        blob,
                        attributes["name"].as_str(),
                        attributes["area"].as_f64(),
                        attributes["count"].as_i64(),
                        attributes["active"].as_bool(),
                        attributes["note"].as_str(),
                    ),
                )
                .unwrap();
        }
    }
    path
}

/// The rings of an outline as a shapefile polygon.
pub(super) fn shape(geometry: &MultiPolygon<f64>) -> Polygon {
    let points = |ring: &geo::LineString<f64>| ring.0.iter().map(|c| Point::new(c.x, c.y)).collect::<Vec<_>>();
    let mut rings = Vec::new();
    for part in geometry {
        rings.push(PolygonRing::Outer(points(part.exterior())));
        rings.extend(part.interiors().iter().map(|hole| PolygonRing::Inner(points(hole))));
    }
    Polygon::with_rings(rings)
}

/// WGS 84 / UTM zone 11N in ESRI's words, made with pyproj 3.7.2: `CRS(32611).to_wkt("WKT1_ESRI")`.
pub(super) const PRJ: &str = r#"PROJCS["WGS_1984_UTM_Zone_11N",GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",-117.0],PARAMETER["Scale_Factor",0.9996],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]"#;

/// Writes `mines` with all the files of a shapefile.
pub(super) fn write_shapefile(folder: &Path) -> PathBuf {
    let path = folder.join("mines.shp");
    let name = |name: &str| FieldName::try_from(name).unwrap();
    let table = TableWriterBuilder::new()
        .add_character_field(name("name"), 40)
        .add_float_field(name("area"), 24, 10)
        .add_numeric_field(name("count"), 10, 0)
        .add_logical_field(name("active"))
        .add_character_field(name("note"), 10);
    let mut writer = ::shapefile::Writer::from_path(&path, table).unwrap();
    for (geometry, attributes) in mines() {
        let mut record = Record::default();
        let text = |key: &str| FieldValue::Character(attributes[key].as_str().map(str::to_owned));
        record.insert("name".to_owned(), text("name"));
        // The writer supports single precision only; the exact digits are inserted below.
        record.insert("area".to_owned(), FieldValue::Float(Some(0.0)));
        record.insert("count".to_owned(), FieldValue::Numeric(attributes["count"].as_f64()));
        record.insert("active".to_owned(), FieldValue::Logical(attributes["active"].as_bool()));
        record.insert("note".to_owned(), text("note"));
        writer.write_shape_and_record(&shape(&geometry), &record).unwrap();
    }
    drop(writer);
    let dbf = path.with_extension("dbf");
    let mut bytes = fs_err::read(&dbf).unwrap();
    let (start, width) = (usize::from(u16::from_le_bytes([bytes[8], bytes[9]])), 1 + 40 + 24 + 10 + 1 + 10);
    for (row, (_, attributes)) in mines().iter().enumerate() {
        let text = format!("{:>24}", attributes["area"].to_string());
        let at = start + row * width + 1 + 40;
        bytes[at..at + 24].copy_from_slice(text.as_bytes());
    }
    fs_err::write(&dbf, bytes).unwrap();
    fs_err::write(path.with_extension("prj"), PRJ).unwrap();
    fs_err::write(path.with_extension("cpg"), "UTF-8").unwrap();
    path
}

/// A square grid in EPSG:32611 from its upper left corner.
pub(super) fn grid(x: f64, y: f64, pixels: usize) -> Grid {
    Grid {
        crs: Crs::from_epsg(32611).unwrap(),
        transform: minesegsat_core::GeoTransform::north_up(x, y, 10.0),
        width: pixels,
        height: pixels,
    }
}
