use ::geojson::GeoJson;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use geo::{Area, Polygon, polygon};
use rusqlite::Connection;

use super::*;
use minesegsat_core::area::GeodesicMeter;

fn utm11() -> Crs {
    Crs::from_epsg(32611).unwrap()
}

/// A square with a hole and an island in it, and an L of two polygons that touch in a corner.
fn polygons() -> Vec<MinePolygon> {
    let square = |x: f64, y: f64, side: f64| polygon![(x: x, y: y), (x: x + side, y: y), (x: x + side, y: y + side), (x: x, y: y + side)];
    let (outer, hole) = (square(633_000.0, 4_174_000.0, 100.0), square(633_030.0, 4_174_030.0, 40.0));
    let mut hole = hole.exterior().clone();
    hole.0.reverse();
    let island = square(633_040.0, 4_174_040.0, 10.0);
    let with_hole = MultiPolygon(vec![Polygon::new(outer.exterior().clone(), vec![hole]), island]);
    let corner = MultiPolygon(vec![square(640_000.0, 4_180_000.0, 2500.0), square(642_500.0, 4_182_500.0, 10.0)]);
    [with_hole, corner]
        .into_iter()
        .zip(1..)
        .map(|(geometry, id)| MinePolygon {
            id: id * 10,
            geometry,
            area_ha: 0.85 * id as f64,
            perimeter_m: 440.0,
            mean_probability: 0.75,
            max_probability: f64::from(0.953f32),
            touches_edge: id == 1,
            touches_nodata: id == 2,
        })
        .collect()
}

fn metadata() -> PolygonMetadata {
    PolygonMetadata {
        scene: "S2B_11SPC_20240615_0_L2A".to_owned(),
        datetime: Some("2024-06-15T18:29:19.5Z".parse().unwrap()),
        model: "b0".to_owned(),
        extra: serde_json::json!({"threshold": 0.5}).as_object().unwrap().clone(),
    }
}

fn write(folder: &Path, format: VectorFormat, polygons: &[MinePolygon]) -> std::path::PathBuf {
    let path = folder.join(format!("sites?mode=memory#1.{format}"));
    write_polygons(&path, format, &utm11(), polygons, &metadata()).unwrap();
    path
}

/// Symmetric difference in square metres, in the CRS of the scene.
fn difference(a: &MultiPolygon<f64>, b: &MultiPolygon<f64>) -> f64 {
    a.xor(b).unsigned_area()
}

#[test]
fn geometries_are_read_back_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let all = MultiPolygon(polygons().into_iter().flat_map(|p| p.geometry).collect());
    for format in [VectorFormat::GeoPackage, VectorFormat::GeoJson, VectorFormat::FlatGeobuf] {
        let (geometry, crs) = read_area_of_interest(&write(folder.path(), format, &polygons())).unwrap();
        let lon_lat = format == VectorFormat::GeoJson;
        assert_eq!(crs, if lon_lat { Crs::WGS84 } else { utm11() });
        let geometry = Transformer::new(&crs, &utm11()).unwrap().transform_polygons(&geometry).unwrap();
        // 1 mm along 10 km of edges
        assert!(difference(&geometry, &all) < if lon_lat { 10.0 } else { 1e-6 }, "{format}");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes_and_replaces_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    for format in VectorFormat::ALL {
        let path = write(folder.path(), format, &polygons());
        let first = fs_err::read(&path).unwrap();
        write(folder.path(), format, &polygons()[..1]);
        assert_ne!(fs_err::read(&path).unwrap(), first, "{format}");
        write(folder.path(), format, &polygons());
        assert!(fs_err::read(&path).unwrap() == first, "{format}");
    }
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 4);
}

#[test]
fn no_polygons_give_valid_empty_files() {
    let folder = tempfile::tempdir().unwrap();
    for format in VectorFormat::ALL {
        let path = write(folder.path(), format, &[]);
        if format == VectorFormat::GeoParquet {
            let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
            assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
        } else {
            let error = read_area_of_interest(&path).unwrap_err().to_string();
            assert!(error.contains("has nothing; a Polygon or MultiPolygon is needed"), "{error}");
        }
    }
}

#[test]
fn geopackage_has_what_the_standard_asks_for() {
    let folder = tempfile::tempdir().unwrap();
    let database = Connection::open_with_flags(
        write(folder.path(), VectorFormat::GeoPackage, &polygons()),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
    )
    .unwrap();
    let number = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("PRAGMA application_id"), i64::from(u32::from_be_bytes(*b"GPKG")));
    assert_eq!(number("PRAGMA user_version"), 10300);
    assert_eq!(number("SELECT count(*) FROM mining"), 2);
    assert_eq!(number("SELECT count(*) FROM rtree_mining_geom"), 2);
    assert_eq!(number("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'"), 6);
    assert_eq!(number("SELECT srs_id FROM gpkg_contents"), 32611);
    assert_eq!(number("SELECT id FROM mining WHERE touches_nodata"), 20);
    let text = |sql: &str| database.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(text("PRAGMA integrity_check"), "ok");
    assert_eq!(text("SELECT last_change FROM gpkg_contents"), "2024-06-15T18:29:19.500Z");
    assert!(text("SELECT definition FROM gpkg_spatial_ref_sys WHERE srs_id = 32611").starts_with("PROJCS[\"WGS 84"));
    assert!(text("SELECT metadata FROM gpkg_metadata").contains("\"threshold\":0.5"));
    let violations = database.prepare("PRAGMA foreign_key_check").unwrap().query([]).unwrap().next().unwrap().is_some();
    assert!(!violations);
}

#[test]
fn geojson_follows_rfc_7946() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs_err::read_to_string(write(folder.path(), VectorFormat::GeoJson, &polygons())).unwrap();
    let GeoJson::FeatureCollection(collection) = text.parse().unwrap() else { panic!("no collection") };
    assert_eq!(collection.features.len(), 2);
    let bbox = collection.bbox.unwrap();
    // pyproj: Transformer.from_crs(32611, 4326, always_xy=True).transform(633000, 4174000)
    assert!((bbox[0] - -115.491_226_93).abs() < 1e-3 && (bbox[1] - 37.703_6).abs() < 1e-2, "{bbox:?}");
    for feature in collection.features {
        assert!(feature.bbox.is_some());
        let geometry: MultiPolygon<f64> = feature.geometry.unwrap().try_into().unwrap();
        for polygon in &geometry {
            assert!(polygon.exterior().is_ccw());
            assert!(polygon.interiors().iter().all(Winding::is_cw));
        }
    }
}

#[test]
fn long_edges_keep_their_place_in_longitude_and_latitude() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.geojson");
    let mut long = polygons().remove(0);
    let utm = Crs::from_epsg(32611).unwrap();
    long.geometry = MultiPolygon(vec![
        polygon![(x: 600_000., y: 7e6), (x: 700_000., y: 7e6), (x: 700_000., y: 7.001e6), (x: 600_000., y: 7.001e6)],
    ]);
    let expected = GeodesicMeter::new(&utm).unwrap().measure(&long.geometry).unwrap().area_m2;
    write_polygons(&path, VectorFormat::GeoJson, &utm, &[long], &metadata()).unwrap();
    let (geometry, crs) = read_area_of_interest(&path).unwrap();
    let area = GeodesicMeter::new(&crs).unwrap().measure(&geometry).unwrap().area_m2;
    assert!((area / expected - 1.0).abs() < 1e-5, "{area} instead of {expected}");
}

#[test]
fn polygons_across_the_antimeridian_are_cut_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.geojson");
    let utm = Crs::from_epsg(32601).unwrap();
    let mut site = polygons().remove(0);
    site.geometry = MultiPolygon(vec![
        polygon![(x: 355_000., y: 7.2e6), (x: 365_000., y: 7.2e6), (x: 365_000., y: 7.21e6), (x: 355_000., y: 7.21e6)],
    ]);
    let expected = GeodesicMeter::new(&utm).unwrap().measure(&site.geometry).unwrap().area_m2;
    write_polygons(&path, VectorFormat::GeoJson, &utm, &[site], &metadata()).unwrap();
    let (geometry, crs) = read_area_of_interest(&path).unwrap();
    assert_eq!(geometry.0.len(), 2);
    for c in geometry.iter().flat_map(|polygon| &polygon.exterior().0) {
        assert!((179.0..=180.0).contains(&c.x.abs()), "{c:?}");
    }
    let area = GeodesicMeter::new(&crs).unwrap().measure(&geometry).unwrap().area_m2;
    assert!((area / expected - 1.0).abs() < 1e-6, "{area} instead of {expected}");
}

#[test]
fn parquet_says_where_its_geometries_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), VectorFormat::GeoParquet, &polygons());
    let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
    let file = reader.metadata().file_metadata();
    assert_eq!(file.num_rows(), 2);
    let geo = file.key_value_metadata().unwrap().iter().find(|pair| pair.key == "geo").unwrap();
    let geo: serde_json::Value = serde_json::from_str(geo.value.as_ref().unwrap()).unwrap();
    assert_eq!(geo["columns"]["geometry"]["encoding"], "WKB");
    assert_eq!(geo["columns"]["geometry"]["bbox"].as_array().unwrap().len(), 4);
}

#[test]
fn areas_of_interest_are_read_from_every_kind_of_geojson() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aoi.json");
    let read = |text: &str| {
        fs_err::write(&path, text).unwrap();
        read_area_of_interest(&path)
    };
    let polygon = r#"{"type":"Polygon","coordinates":[[[18,54],[19,54],[19,55],[18,54]]]}"#;
    let (geometry, crs) = read(polygon).unwrap();
    assert_eq!((geometry.0.len(), crs), (1, Crs::WGS84));
    let feature = format!(r#"{{"type":"Feature","properties":null,"geometry":{polygon}}}"#);
    assert_eq!(read(&feature).unwrap().0, geometry);
    let collection = format!(r#"{{"type":"FeatureCollection","features":[{feature},{feature}]}}"#);
    assert_eq!(read(&format!("\u{feff}{collection}")).unwrap().0.0.len(), 2);
    let geometries = format!(r#"{{"type":"GeometryCollection","geometries":[{polygon}]}}"#);
    assert_eq!(read(&geometries).unwrap().0, geometry);

    let utm = r#"{"type":"FeatureCollection",
        "crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::32634"}},
        "features":[{"type":"Feature","properties":{},"geometry":
            {"type":"Polygon","coordinates":[[[300000,6000000],[310000,6000000],[310000,6010000],[300000,6000000]]]}}]}"#;
    assert_eq!(read(utm).unwrap().1.epsg(), 32634);

    for (text, expected) in [
        (utm.replace("EPSG::32634", "EPSG::23032"), "EPSG:23032"),
        (utm.replace("crs", "srs"), "position (300000, 6000000) is not a longitude and a latitude"),
        (r#"{"type":"Point","coordinates":[1,2]}"#.to_owned(), "has only Point; a Polygon"),
        (r#"{"type":"FeatureCollection","features":[]}"#.to_owned(), "has nothing"),
        ("lat,lon".to_owned(), "not valid GeoJSON"),
    ] {
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("aoi.json") || error.contains("EPSG:23032"), "{error}");
    }
    fs_err::write(&path, b"\x89PNG\xff").unwrap();
    assert!(
        read_area_of_interest(&path).unwrap_err().to_string().contains("it is not a GeoPackage, Shapefile, GeoJSON")
    );
    assert!(read_area_of_interest(&folder.path().join("missing")).unwrap_err().to_string().contains("missing"));
}

#[test]
fn damaged_files_are_errors_that_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for format in [VectorFormat::GeoPackage, VectorFormat::FlatGeobuf] {
        let path = write(folder.path(), format, &polygons());
        let bytes = fs_err::read(&path).unwrap();
        for length in (16..bytes.len()).step_by(101) {
            fs_err::write(&path, &bytes[..length]).unwrap();
            let error = read_area_of_interest(&path).unwrap_err().to_string();
            assert!(error.contains("sites?mode"), "{format} cut at {length}: {error}");
        }
    }
}

#[test]
fn formats_are_named_by_their_extension() {
    for format in VectorFormat::ALL {
        assert_eq!(format.extension().parse::<VectorFormat>().unwrap(), format);
    }
    let error = "shp".parse::<VectorFormat>().unwrap_err().to_string();
    assert_eq!(error, "vector format `shp` is not accepted: gpkg, geojson, fgb, parquet");
}

#[test]
fn layers_of_flatgeobuf_have_every_kind_of_value() {
    let folder = tempfile::tempdir().unwrap();
    let square = |x: f64| polygon![(x: x, y: 1.0), (x: x + 0.1, y: 1.0), (x: x + 0.1, y: 1.1), (x: x, y: 1.1)];
    let features = [(30.0, Value::Null), (-60.0, Value::Text("a b".to_owned()))].map(|(x, parents)| {
        let values = vec![
            Value::Text("ä".to_owned()),
            Value::Date(jiff::civil::date(2024, 2, 29)),
            Value::Integer(7),
            Value::Real(0.5),
            Value::Boolean(true),
            parents,
        ];
        (Geometry::MultiPolygon(MultiPolygon(vec![square(x)])), values)
    });
    let mut layer = FeatureLayer {
        name: "land",
        title: "Land".to_owned(),
        description: String::new(),
        datetime: None,
        metadata: "{}".to_owned(),
        shape: ShapeType::MultiPolygon,
        columns: vec![
            ("id", ColumnType::Text),
            ("first_day", ColumnType::Date),
            ("count", ColumnType::Integer),
            ("area_ha", ColumnType::Real),
            ("touches_unseen", ColumnType::Boolean),
            ("parents", ColumnType::OptionalText),
        ],
        choices: Vec::new(),
        style: None,
        features: features.to_vec(),
    };
    let path = folder.path().join("land.fgb");
    write_lon_lat(&path, LayerFormat::FlatGeobuf, &layer).unwrap();
    let labels = crate::labels::Labels::read(&path, &crate::labels::LabelOptions::default()).unwrap();
    assert_eq!(labels.features().len(), 2);
    for feature in labels.features() {
        let values = &feature.attributes;
        assert_eq!((values["id"].as_str(), values["first_day"].as_str()), (Some("ä"), Some("2024-02-29")));
        assert_eq!((values["count"].as_i64(), values["area_ha"].as_f64()), (Some(7), Some(0.5)));
        assert_eq!(values["touches_unseen"].as_bool(), Some(true));
        let is_east = feature.geometry.0[0].exterior().0[0].x > 0.0;
        let parents = values.get("parents").and_then(|value| value.as_str());
        assert_eq!(parents, if is_east { None } else { Some("a b") });
    }
    // The same layer has the same bytes, and one without features is a file too.
    let bytes = fs_err::read(&path).unwrap();
    write_lon_lat(&path, LayerFormat::FlatGeobuf, &layer).unwrap();
    assert!(bytes == fs_err::read(&path).unwrap());
    layer.features.clear();
    write_lon_lat(&path, LayerFormat::FlatGeobuf, &layer).unwrap();
    assert!(fs_err::read(&path).unwrap().starts_with(b"fgb\x03"));
}
