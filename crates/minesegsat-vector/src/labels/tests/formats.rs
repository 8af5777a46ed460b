//! All formats give the same mines.

use std::io::Write;

use geo::{Area, BooleanOps};
use serde_json::json;

use super::fixtures::*;
use crate::labels::*;
use crate::vector::{MinePolygon, PolygonMetadata, VectorFormat, write_polygons};

/// The features are the two of `mines`, with these ids.
#[track_caller]
fn assert_mines(labels: &Labels, ids: [&str; 2]) {
    assert_eq!(labels.features().len(), 2);
    for ((feature, (geometry, attributes)), id) in labels.features().iter().zip(mines()).zip(ids) {
        assert_eq!(feature.id, id);
        assert_eq!(serde_json::Value::from(feature.attributes.clone()), attributes);
        assert_eq!(feature.class, 1);
        assert_eq!(feature.geometry.0.len(), geometry.0.len());
        assert!(feature.geometry.xor(&geometry).unsigned_area() < 1e-3);
    }
    let report = labels.report();
    assert_eq!((report.read, report.kept, report.dropped.len(), report.filtered_out), (2, 2, 0, 0));
    assert!(report.repaired.is_empty(), "{report:?}");
    assert_eq!(labels.crs().epsg(), 32611);
}

#[test]
fn geopackages_are_read_layer_by_layer() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_geopackage(folder.path(), "epsg", 32611, &["mines", "more \"mines\"".replace('"', "").as_str()]);
    let error = refusal(&path, &LabelOptions::default());
    assert!(error.ends_with("has several layers: `mines`, `more mines`; name the one to read"), "{error}");
    let with = |layer: &str| LabelOptions { layer: Some(layer.to_owned()), ..LabelOptions::default() };
    let error = refusal(&path, &with("mine"));
    assert!(error.ends_with("has no layer `mine`; it has `mines`, `more mines`"), "{error}");
    let labels = Labels::read(&path, &with("more mines")).unwrap();
    assert_mines(&labels, ["7", "9"]);
    assert_eq!(labels.attribute_names(), ["name", "area", "count", "active", "note"]);
    let source = serde_json::to_value(labels.source()).unwrap();
    assert_eq!(source["format"], "GeoPackage");
    assert_eq!(source["layer"], "more mines");
    assert_eq!(source["files"][0]["name"], "labels.gpkg");
    assert_eq!(source["files"][0]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(source["classes"], json!({"classes": [["mining", 1]]}));
}

#[test]
fn geopackages_without_a_crs_need_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_geopackage(folder.path(), "NONE", -1, &["mines"]);
    let error = refusal(&path, &LabelOptions::default());
    assert!(error.contains("layer `mines` does not state its CRS; if you know"), "{error}");
    let crs = Some(Crs::from_epsg(32611).unwrap());
    assert_mines(&Labels::read(&path, &LabelOptions { crs, ..LabelOptions::default() }).unwrap(), ["7", "9"]);
}

#[test]
fn shapefiles_are_read_from_folders_and_archives() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_shapefile(folder.path());
    let labels = read(&path).unwrap();
    assert_mines(&labels, ["0", "1"]);
    let names: Vec<&str> = labels.source().files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["mines.shp", "mines.shx", "mines.dbf", "mines.prj", "mines.cpg"]);
    assert_eq!(labels.source().layer.as_deref(), Some("mines"));

    let archive = folder.path().join("mines.zip");
    let zip_up = |names: &[&str]| {
        let mut zip = zip::ZipWriter::new(fs_err::File::create(&archive).unwrap());
        for name in names {
            let extension = name.rsplit('.').next().unwrap().to_ascii_lowercase();
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(&fs_err::read(path.with_extension(extension)).unwrap()).unwrap();
        }
        zip.finish().unwrap();
    };
    zip_up(&[
        "data/Mines.SHP",
        "data/Mines.SHX",
        "data/Mines.DBF",
        "data/mines.prj",
        "data/Mines.cpg",
        "__MACOSX/._Mines.shp",
    ]);
    let labels = read(&archive).unwrap();
    assert_mines(&labels, ["0", "1"]);
    assert_eq!(labels.source().files.len(), 1);
    zip_up(&["a.shp", "a.dbf", "a.prj", "b.shp", "b.dbf", "b.prj"]);
    assert!(refusal(&archive, &LabelOptions::default()).contains("several layers: `a`, `b`"));
    let options = LabelOptions { layer: Some("b".to_owned()), ..LabelOptions::default() };
    assert_eq!(Labels::read(&archive, &options).unwrap().features().len(), 2);
    zip_up(&["a.prj"]);
    assert!(refusal(&archive, &LabelOptions::default()).contains("the archive holds no vector file (.shp, .gpkg,"));
}

#[test]
fn a_damaged_record_of_a_shapefile_is_one_damaged_feature() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_shapefile(folder.path());
    let whole = fs_err::read(&path).unwrap();
    // After the file's header of 100 bytes and the record's header of 8: the type of the shape, and the number of its parts.
    for (at, value) in [(108, 99_u32), (144, u32::MAX)] {
        let mut bytes = whole.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        fs_err::write(&path, &bytes).unwrap();
        let labels = read(&path).unwrap();
        let kept: Vec<&str> = labels.features().iter().map(|feature| feature.id.as_str()).collect();
        assert_eq!(kept, ["1"], "{at}");
        assert_eq!(labels.features()[0].attributes["name"], mines()[1].1["name"]);
        let [dropped] = labels.report().dropped.as_slice() else { panic!("{:?}", labels.report()) };
        assert!(dropped.id == "0" && dropped.reason.contains("its shape cannot be read"), "{dropped:?}");
    }
    // Without its index nothing says where the next record begins.
    fs_err::remove_file(path.with_extension("shx")).unwrap();
    let error = refusal(&path, &LabelOptions::default());
    assert!(error.contains("shape 0 cannot be read") && error.contains("damaged or cut off"), "{error}");
}

#[test]
fn parquet_is_read_in_all_compressions_and_encodings() {
    use ::parquet::basic::{BrotliLevel, Compression, Encoding, GzipLevel, ZstdLevel};
    use ::parquet::data_type::{ByteArray, ByteArrayType};
    use ::parquet::file::metadata::KeyValue;
    use ::parquet::file::properties::WriterProperties;
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::file::writer::SerializedFileWriter;
    use geozero::{CoordDimensions, ToWkb};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.parquet");
    let schema = "message m { required byte_array name (UTF8); required byte_array geometry; }";
    let schema = std::sync::Arc::new(::parquet::schema::parser::parse_message_type(schema).unwrap());
    let crs = json!({"name": "UTM 11N", "id": {"authority": "EPSG", "code": 32611}});
    let geo = json!({"version": "1.0.0", "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": [], "crs": crs}}});
    // Enough rows for a dictionary and several pages.
    let repeated = || mines().into_iter().cycle().take(3000);
    let names: Vec<ByteArray> = repeated().map(|(_, a)| a["name"].as_str().unwrap().into()).collect();
    let wkb = |(geometry, _): (geo::MultiPolygon<f64>, _)| {
        geo::Geometry::MultiPolygon(geometry).to_wkb(CoordDimensions::xy()).unwrap().into()
    };
    let geometries: Vec<ByteArray> = repeated().map(wkb).collect();
    let dictionary = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::BROTLI(BrotliLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
    ]
    .map(|compression| (compression, None));
    let encodings = [Encoding::PLAIN, Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY]
        .map(|encoding| (Compression::SNAPPY, Some(encoding)));
    for (compression, encoding) in dictionary.into_iter().chain(encodings) {
        let mut properties = WriterProperties::builder()
            .set_compression(compression)
            .set_data_page_row_count_limit(1000)
            .set_key_value_metadata(Some(vec![KeyValue::new("geo".to_owned(), geo.to_string())]));
        if let Some(encoding) = encoding {
            properties = properties.set_dictionary_enabled(false).set_encoding(encoding);
        }
        let properties = properties.build();
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = SerializedFileWriter::new(file, std::sync::Arc::clone(&schema), properties.into()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        for values in [&names, &geometries] {
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(values, None, None).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
        writer.close().unwrap();
        let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
        let stored: Vec<Encoding> = reader.metadata().row_group(0).column(0).encodings().collect();
        assert!(encoding.is_none_or(|encoding| stored.contains(&encoding)), "{stored:?}");
        let labels = read(&path).unwrap();
        assert_eq!((labels.features().len(), labels.crs().epsg()), (3000, 32611), "{compression:?}, {encoding:?}");
        let last = &labels.features()[2999];
        assert_eq!(last.attributes["name"], mines()[1].1["name"]);
        assert!(last.geometry.xor(&mines()[1].0).unsigned_area() < 1e-3);
    }
}

#[test]
fn parts_of_shapefiles_that_are_missing_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_shapefile(folder.path());
    let part = |extension: &str| path.with_extension(extension);
    // The index is not needed, because the shapes are contiguous.
    fs_err::remove_file(part("shx")).unwrap();
    let labels = read(&path).unwrap();
    assert_mines(&labels, ["0", "1"]);
    assert!(labels.report().warnings[0].contains("its .shx is missing"), "{:?}", labels.report());

    let prj = fs_err::read(part("prj")).unwrap();
    fs_err::remove_file(part("prj")).unwrap();
    let error = refusal(&path, &LabelOptions::default());
    assert!(error.contains("its .prj, which states the CRS, is missing; if you know"), "{error}");
    assert!(error.ends_with("if you know the CRS of its coordinates, name it"), "{error}");
    let crs = Some(Crs::from_epsg(32611).unwrap());
    assert_mines(&Labels::read(&path, &LabelOptions { crs, ..LabelOptions::default() }).unwrap(), ["0", "1"]);
    fs_err::write(part("prj"), &prj).unwrap();

    let dbf = fs_err::read(part("dbf")).unwrap();
    fs_err::remove_file(part("dbf")).unwrap();
    let bare = read(&path).unwrap();
    assert_eq!((bare.features().len(), bare.attribute_names().len()), (2, 0));
    assert!(bare.report().warnings[0].contains("its .dbf is missing"), "{:?}", bare.report());
    // Extensions may be in upper case.
    fs_err::write(folder.path().join("mines.DBF"), &dbf).unwrap();
    assert_mines(&read(&path).unwrap(), ["0", "1"]);
    assert!(refusal(&part("prj"), &LabelOptions::default()).contains("give the path of its .shp"));
    assert!(refusal(folder.path(), &LabelOptions::default()).contains("it is a folder"));
}

#[test]
fn deleted_records_take_their_shapes_with_them_and_tables_must_fit() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_shapefile(folder.path());
    let dbf = path.with_extension("dbf");
    let bytes = fs_err::read(&dbf).unwrap();
    let start = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let mut deleted = bytes.clone();
    deleted[start] = b'*';
    fs_err::write(&dbf, deleted).unwrap();
    let labels = read(&path).unwrap();
    assert_eq!(labels.features().len(), 1);
    assert_eq!((labels.features()[0].id.as_str(), &labels.features()[0].attributes["name"]), ("1", &json!("Pit")));
    assert!(labels.report().warnings[0].contains("1 features are marked as deleted"));
    let mut short = bytes.clone();
    short[4] = 1;
    fs_err::write(&dbf, short).unwrap();
    assert!(refusal(&path, &LabelOptions::default()).contains("it has 1 records and the .shp 2 shapes"));
    fs_err::write(&dbf, &bytes[..start + 20]).unwrap();
    assert!(refusal(&path, &LabelOptions::default()).contains("mines.dbf: it is cut off"));
    // Bad numbers empty a value, not the record.
    let mut bad = bytes.clone();
    bad[start + 1 + 40 + 24..][..10].copy_from_slice(b"      1,5 ");
    fs_err::write(&dbf, bad).unwrap();
    let labels = read(&path).unwrap();
    assert_eq!(labels.features()[0].attributes["count"], json!(null));
    assert_eq!(labels.features()[0].attributes["name"], json!("Höyry & \"Co\""));
    assert!(labels.report().warnings[0].contains("1 values are not valid numbers"));
}

#[test]
fn encodings_of_shapefiles_are_those_they_state() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_shapefile(folder.path());
    let (dbf, cpg) = (path.with_extension("dbf"), path.with_extension("cpg"));
    let mut bytes = fs_err::read(&dbf).unwrap();
    let start = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    // "Ø" and "ш" as single bytes of Windows-1252 and 1251.
    bytes[start + 1..][..8].copy_from_slice(b"H\xD8\xF8     ");
    let name = |label: Option<&str>, language: u8| {
        bytes[29] = language;
        fs_err::write(&dbf, &bytes).unwrap();
        match label {
            Some(label) => fs_err::write(&cpg, label).unwrap(),
            None => _ = fs_err::remove_file(&cpg),
        }
        let labels = read(&path).unwrap();
        let name = labels.features()[0].attributes["name"].as_str().unwrap().trim().to_owned();
        (name.chars().take(3).collect::<String>(), labels.report().warnings.len())
    };
    let mut name = name;
    for label in ["1251", "CP1251", "windows-1251\r\n", "ANSI 1251"] {
        assert_eq!(name(Some(label), 0), ("HШш".to_owned(), 0), "{label}");
    }
    for label in ["ISO-8859-1", "ISO 8859-1", "88591", "LATIN1", "1252"] {
        assert_eq!(name(Some(label), 0xC9), ("HØø".to_owned(), 0), "{label}");
    }
    assert_eq!(name(None, 0xC9), ("HШш".to_owned(), 0));
    assert_eq!(name(None, 0), ("HØø".to_owned(), 1));
    fs_err::write(&cpg, "EBCDIC").unwrap();
    assert!(
        refusal(&path, &LabelOptions::default()).contains("the encoding `EBCDIC` that the .cpg names is not known")
    );
}

#[test]
fn shapes_are_nested_by_what_they_hold_whatever_their_winding() {
    use ::shapefile::{Point, PolygonRing};
    let folder = tempfile::tempdir().unwrap();
    let path = write_shapefile(folder.path());
    let ring = |x: f64, side: f64, clockwise: bool| {
        let mut points: Vec<Point> = square(x, x, side).iter().map(|c| Point::new(c[0], c[1])).collect();
        if clockwise {
            points.reverse();
        }
        // The crate turns rings by the role they are given, so that a counterclockwise ring has to be an inner one.
        if clockwise { PolygonRing::Outer(points) } else { PolygonRing::Inner(points) }
    };
    // A shell, a hole in it, an island in the hole, and another shell: once with correct winding and once with all reversed.
    for clockwise in [true, false] {
        let rings = vec![
            ring(40.0, 20.0, clockwise),
            ring(20.0, 60.0, !clockwise),
            ring(0.0, 100.0, clockwise),
            ring(200.0, 10.0, clockwise),
        ];
        let mut writer = ::shapefile::ShapeWriter::from_path(&path).unwrap();
        for _ in 0..2 {
            writer.write_shape(&::shapefile::Polygon::with_rings(rings.clone())).unwrap();
        }
        drop(writer);
        let labels = read(&path).unwrap();
        let geometry = &labels.features()[0].geometry;
        assert_eq!(geometry.0.len(), 3);
        assert!((geometry.unsigned_area() - (10_000.0 - 3600.0 + 400.0 + 100.0)).abs() < 1e-9);
        assert!(labels.report().repaired.is_empty());
    }
}

#[test]
fn z_and_m_are_left_out() {
    use ::shapefile::{PointZ, PolygonRing, PolygonZ};
    let folder = tempfile::tempdir().unwrap();
    let path = write_shapefile(folder.path());
    let points = square(600_000.0, 6e6, 100.0).iter().rev().map(|c| PointZ::new(c[0], c[1], 7.0, 8.0)).collect();
    let mut writer = ::shapefile::ShapeWriter::from_path(&path).unwrap();
    let shape = PolygonZ::new(PolygonRing::Outer(points));
    writer.write_shape(&shape).unwrap();
    writer.write_shape(&shape).unwrap();
    drop(writer);
    assert!((read(&path).unwrap().features()[0].geometry.unsigned_area() - 10_000.0).abs() < 1e-6);
    let three: Vec<[f64; 3]> = square(600_000.0, 6e6, 100.0).iter().map(|c| [c[0], c[1], 5.0]).collect();
    let labels = labels_of(&[feature(json!({}), json!([three]))]).unwrap();
    assert!((labels.features()[0].geometry.unsigned_area() - 10_000.0).abs() < 1e-6);
}

#[test]
fn geojson_is_read_whole_and_by_lines() {
    let folder = tempfile::tempdir().unwrap();
    let features: Vec<serde_json::Value> = mines()
        .into_iter()
        .map(|(geometry, attributes)| {
            let geometry = ::geojson::GeometryValue::from(&geometry);
            json!({"type": "Feature", "properties": attributes, "geometry": ::geojson::Geometry::new(geometry)})
        })
        .collect();
    assert_mines(&read(&write_geojson(folder.path(), 32611, &features)).unwrap(), ["0", "1"]);
    // One per line, in longitude and latitude as lines have no other CRS.
    let path = folder.path().join("lines.geojsonl");
    let mine = |id: &str, x: f64| {
        let mut feature = feature(json!({"n": x}), json!([square(x, 55.0, 0.01)]));
        feature["id"] = json!(id);
        feature.to_string()
    };
    fs_err::write(&path, format!("\u{1e}{}\n\n{}\r\n", mine("a", -117.0), mine("b", -118.0))).unwrap();
    let labels = read(&path).unwrap();
    let ids: Vec<&str> = labels.features().iter().map(|feature| feature.id.as_str()).collect();
    assert_eq!((ids, labels.crs()), (vec!["a", "b"], &Crs::WGS84));
    assert_eq!(labels.bbox().map(|v| (v * 100.0).round()), [-11_800.0, 5500.0, -11_699.0, 5501.0]);
    fs_err::write(&path, format!("{}\n{{\"type\":", mine("a", -117.0))).unwrap();
    let labels = read(&path).unwrap();
    assert_eq!(labels.features().len(), 1);
    assert!(labels.report().dropped[0].reason.contains("line 2 is not valid GeoJSON"), "{:?}", labels.report());
    fs_err::write(&path, "mine").unwrap();
    assert!(refusal(&path, &LabelOptions::default()).contains("it is not valid GeoJSON"));
    fs_err::write(&path, b"\x89PNG\xFF").unwrap();
    assert!(refusal(&path, &LabelOptions::default()).contains("it is not a GeoPackage, Shapefile, GeoJSON"));
}

#[test]
fn our_own_files_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let polygons: Vec<MinePolygon> = mines()
        .into_iter()
        .zip(1..)
        .map(|((geometry, _), id)| MinePolygon {
            id,
            geometry,
            area_ha: 84.25 * id as f64,
            perimeter_m: 4000.0,
            mean_probability: 0.75,
            max_probability: 0.875,
            touches_edge: id == 1,
            touches_nodata: false,
        })
        .collect();
    for format in VectorFormat::ALL {
        let path = folder.path().join(format!("mines.{format}"));
        let utm = Crs::from_epsg(32611).unwrap();
        write_polygons(&path, format, &utm, &polygons, &PolygonMetadata::default()).unwrap();
        let labels = read(&path).unwrap();
        let lon_lat = [VectorFormat::GeoJson, VectorFormat::GeoParquet].contains(&format);
        assert_eq!(labels.crs(), if lon_lat { &Crs::WGS84 } else { &utm }, "{format}");
        assert!(labels.report().repaired.is_empty(), "{format}: {:?}", labels.report());
        let index = labels.index(&utm, [6e5, 5.9e6, 7e5, 6.1e6]).unwrap();
        // FlatGeobuf orders features along a curve.
        for feature in index.features() {
            let id = feature.attributes["id"].as_i64().unwrap();
            let (geometry, _) = &mines()[id as usize - 1];
            // Edges of 1 km, rounded to 1 mm.
            assert!(feature.geometry.xor(geometry).unsigned_area() < 10.0, "{format}");
            assert_eq!(feature.attributes["area_ha"], json!(84.25 * id as f64), "{format}");
            assert_eq!(feature.attributes["touches_edge"], json!(id == 1), "{format}");
        }
        assert_eq!(index.features().len(), 2);
        let area: f64 = labels.areas_ha().unwrap().iter().sum();
        // In the CRS, where a hectare is 0.05 % larger than on the ground.
        assert!((area - (84.0 + 25.0 + 12.5)).abs() < 0.1, "{format}: {area}");
    }
}

#[test]
fn damaged_files_are_errors_and_no_panics() {
    let folder = tempfile::tempdir().unwrap();
    let polygons: Vec<MinePolygon> = mines()
        .into_iter()
        .map(|(geometry, _)| MinePolygon {
            id: 1,
            geometry,
            area_ha: 1.0,
            perimeter_m: 1.0,
            mean_probability: 1.0,
            max_probability: 1.0,
            touches_edge: false,
            touches_nodata: false,
        })
        .collect();
    let mut paths: Vec<std::path::PathBuf> = VectorFormat::ALL
        .iter()
        .map(|&format| {
            let path = folder.path().join(format!("mines.{format}"));
            let utm = Crs::from_epsg(32611).unwrap();
            write_polygons(&path, format, &utm, &polygons, &PolygonMetadata::default()).unwrap();
            path
        })
        .collect();
    let shp = write_shapefile(folder.path());
    paths.extend(["shp", "shx", "dbf"].map(|extension| shp.with_extension(extension)));
    for path in paths {
        let bytes = fs_err::read(&path).unwrap();
        let is_part = path.extension().is_some_and(|extension| extension == "dbf" || extension == "shx");
        let read_it = || if is_part { read(&shp) } else { read(&path) };
        read_it().unwrap();
        for length in (0..bytes.len()).step_by(bytes.len() / 60 + 1) {
            fs_err::write(&path, &bytes[..length]).unwrap();
            // A GeoPackage may be cut off after its last used page.
            if let Err(error) = read_it() {
                assert!(error.to_string().contains("mines."), "{} cut at {length}: {error}", path.display());
            } else {
                assert!(path.ends_with("mines.gpkg") || path.ends_with("mines.shx"), "{} at {length}", path.display());
            }
        }
        // Changes of single bytes give a result or an error, but no panic.
        for at in (0..bytes.len()).step_by(bytes.len() / 200 + 1) {
            let mut changed = bytes.clone();
            changed[at] ^= 0xFF;
            fs_err::write(&path, changed).unwrap();
            let _ = read_it();
        }
        fs_err::write(&path, bytes).unwrap();
    }
}
