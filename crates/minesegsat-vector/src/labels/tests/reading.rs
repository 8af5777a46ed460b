//! Tests of filters, classes and locations.

use serde_json::json;

use super::fixtures::*;
use crate::labels::*;

/// Three squares in EPSG:32611 with parts and numbers.
fn parts() -> Vec<serde_json::Value> {
    let part = |x: f64, part: &str, n: serde_json::Value| {
        feature(json!({"part": part, "n": n}), json!([square(x, 6e6, 100.0)]))
    };
    vec![part(600_000.0, "waste rock", json!(10)), part(600_050.0, "pit", json!(2)), part(601_000.0, "pit", json!(2.0))]
}

fn read_parts(options: &LabelOptions) -> Result<Labels> {
    let folder = tempfile::tempdir().unwrap();
    Labels::read(&write_geojson(folder.path(), 32611, &parts()), options)
}

#[test]
fn features_are_filtered_by_attributes_that_there_are() {
    let with = |filter: &str| LabelOptions { filter: Some(filter.parse().unwrap()), ..LabelOptions::default() };
    let labels = read_parts(&with("PART = pit and n = 2")).unwrap();
    assert_eq!((labels.features().len(), labels.report().filtered_out), (2, 1));
    assert_eq!(labels.source().filter.as_deref(), Some("PART = pit and n = 2"));
    assert_eq!(labels.source().features, 2);
    let error = read_parts(&with("colour = red")).unwrap_err().to_string();
    assert!(
        error.contains("has no attribute `colour`, or several that differ in capitals; it has `n`, `part`"),
        "{error}"
    );
    let error = read_parts(&with("part = mill")).unwrap_err().to_string();
    assert!(error.ends_with("none of its 3 features matches the filter `part = mill`"), "{error}");
}

#[test]
fn classes_are_numbered_in_sorted_order_or_as_asked_for() {
    let with = |attribute: &str, classes: &[(&str, u8)]| LabelOptions {
        class_attribute: Some(attribute.to_owned()),
        classes: classes.iter().map(|&(name, number)| (name.to_owned(), number)).collect(),
        ..LabelOptions::default()
    };
    let classes = |options: &LabelOptions| {
        let labels = read_parts(options).unwrap();
        let numbers: Vec<u8> = labels.features().iter().map(|feature| feature.class).collect();
        (numbers, labels.classes().classes.clone())
    };
    let named = |classes: &[(&str, u8)]| classes.iter().map(|&(name, n)| (name.to_owned(), n)).collect::<Vec<_>>();
    assert_eq!(classes(&with("part", &[])), (vec![2, 1, 1], named(&[("pit", 1), ("waste rock", 2)])));
    // Numbers by their value: 2 before 10.
    assert_eq!(classes(&with("n", &[])), (vec![2, 1, 1], named(&[("2", 1), ("10", 2)])));
    let asked = [("waste rock", 7), ("pit", 9), ("mill", 3)];
    assert_eq!(classes(&with("Part", &asked)), (vec![7, 9, 9], named(&[("mill", 3), ("waste rock", 7), ("pit", 9)])));
    let refused = |options: &LabelOptions| read_parts(options).unwrap_err().to_string();
    let error = refused(&with("part", &[("waste rock", 7)]));
    assert!(error.contains("attribute `part` has values without a class: `pit` (2); give them numbers"), "{error}");
    assert!(refused(&with("kind", &[])).contains("has no attribute `kind`"));
    assert!(refused(&with("part", &[("pit", 255)])).contains("class `pit=255` is not accepted: numbers from 1 to 254"));
    assert!(refused(&with("part", &[("pit", 1), ("pit", 2)])).contains("each value only once"));

    let mut features = parts();
    features[1]["properties"]["part"] = json!(null);
    let folder = tempfile::tempdir().unwrap();
    let path = write_geojson(folder.path(), 32611, &features);
    let error = refusal(&path, &with("part", &[]));
    assert!(
        error.contains("1 feature has no value of the class attribute `part`; leave them out with `part is not null`"),
        "{error}"
    );
    let many: Vec<_> = (0..255).map(|n| feature(json!({"n": n}), json!([square(6e5, 6e6, 10.0)]))).collect();
    let path = write_geojson(folder.path(), 32611, &many);
    assert!(refusal(&path, &with("n", &[])).contains("attribute `n` has 255 values; a mask can have 254 classes"));
}

#[test]
fn points_and_lines_are_dropped_and_collections_searched() {
    let geometry = |value: serde_json::Value| json!({"type": "Feature", "properties": {}, "geometry": value});
    let polygon = json!({"type": "Polygon", "coordinates": [square(6e5, 6e6, 100.0)]});
    let point = json!({"type": "Point", "coordinates": [6e5, 6e6]});
    let collection = json!({"type": "GeometryCollection", "geometries": [point, polygon]});
    let line = json!({"type": "LineString", "coordinates": [[6e5, 6e6], [6e5, 6.1e6]]});
    let features = [collection, line, point.clone(), point, json!(null), polygon].map(geometry);
    let labels = labels_of(&features).unwrap();
    let ids: Vec<&str> = labels.features().iter().map(|feature| feature.id.as_str()).collect();
    assert_eq!(ids, ["0", "5"]);
    let report = labels.report();
    assert_eq!((report.read, report.kept, report.dropped.len()), (6, 2, 4));
    assert_eq!(report.dropped[0].reason, "it is a LineString without polygons");
    assert_eq!(report.dropped[3].reason, "it has no geometry");
    assert_eq!(report.warnings, ["features without polygons are not used: 1 LineString, 2 Point"]);
    assert_eq!(report.geometry_types["Point"], 2);
    assert_eq!(report.geometry_types["none"], 1);
    let error = labels_of(&features[1..5]).unwrap_err().to_string();
    assert!(
        error.contains("no feature can be used, and polygons are needed: 2 because it is a Point without polygons"),
        "{error}"
    );
    assert!(labels_of(&[]).unwrap_err().to_string().contains("has no features; polygons are needed"));
}

#[test]
fn exchanged_axes_are_seen_and_can_be_turned() {
    let folder = tempfile::tempdir().unwrap();
    let swapped: Vec<Vec<[f64; 2]>> = vec![square(-117.0, 55.0, 0.01).iter().map(|c| [c[1], c[0]]).collect()];
    let path = write_geojson(folder.path(), 4326, &[feature(json!({}), json!(swapped))]);
    let error = refusal(&path, &LabelOptions::default());
    assert!(error.contains("position (55, -117) is not a longitude and a latitude in degrees"), "{error}");
    assert!(error.contains("latitudes before longitudes: exchange its axes"), "{error}");
    let labels = Labels::read(&path, &LabelOptions { swap_axes: true, ..LabelOptions::default() }).unwrap();
    assert_eq!(labels.bbox(), [-117.0, 55.0, -116.99, 55.01]);
    assert!(labels.source().swap_axes);

    // Metres in a file that states degrees.
    let path = write_geojson(folder.path(), 4326, &[feature(json!({}), json!([square(6e5, 6e6, 100.0)]))]);
    let error = refusal(&path, &LabelOptions::default());
    assert!(error.contains("position (600000, 6000000)"), "{error}");
    let crs = Some(Crs::from_epsg(32611).unwrap());
    let labels = Labels::read(&path, &LabelOptions { crs, ..LabelOptions::default() }).unwrap();
    assert_eq!(labels.crs().epsg(), 32611);
    assert!(
        labels.report().warnings[0]
            .contains("the requested CRS EPSG:32611 is used, although the file states EPSG:4326")
    );

    // One bad feature among good ones is dropped.
    let good = |x: f64| feature(json!({}), json!([square(x, 55.0, 0.01)]));
    let bad = feature(json!({}), json!([square(-117.0, 255.0, 0.01)]));
    let path = write_geojson(folder.path(), 4326, &[good(-117.0), bad, good(100.0)]);
    let labels = read(&path).unwrap();
    assert_eq!(labels.report().dropped[0].id, "1");
    assert!(labels.report().dropped[0].reason.contains("position (-117, 255) is not a longitude"));
}

#[test]
fn labels_that_touch_nothing_say_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    // 60 S 40 W instead of 40 S 60 W, both on the Earth.
    let path = write_geojson(folder.path(), 4326, &[feature(json!({}), json!([square(-40.0, -60.0, 0.01)]))]);
    let scene = Grid { crs: Crs::from_epsg(32721).unwrap(), ..grid(236_000.0, 5_572_000.0, 1000) };
    let labels = read(&path).unwrap();
    let error = labels.touch_nothing(std::slice::from_ref(&scene)).to_string();
    assert!(
        error.contains("its only feature does not touch the scene: it lies within -40.0000,-60.0000,-39.9900,-59.9900"),
        "{error}"
    );
    let labels = Labels::read(&path, &LabelOptions { swap_axes: true, ..LabelOptions::default() }).unwrap();
    let [west, south, east, north] =
        Transformer::new(&scene.crs, &Crs::WGS84).unwrap().transform_bounds(scene.bounds()).unwrap();
    let inside = west < -59.99 && east > -60.0 && south < -39.99 && north > -40.0;
    assert_eq!(
        error.contains("with longitudes and latitudes exchanged they would"),
        inside,
        "{error} {west} {south} {east} {north}"
    );
    assert!(inside, "{west} {south} {east} {north}");
    assert!(labels.index(&scene.crs, scene.bounds()).unwrap().touches(&scene));
    let two = labels.touch_nothing(&[scene.clone(), scene]).to_string();
    assert!(two.contains("its only feature touches no scene"), "{two}");
}

#[test]
fn mines_across_the_antimeridian_are_one_mine() {
    let folder = tempfile::tempdir().unwrap();
    // Chukotka, 2 km across 180 degrees: with a jump, with longitudes past 180 degrees, and cut in two.
    let jump = json!([[[179.98, 65.0], [-179.98, 65.0], [-179.98, 65.01], [179.98, 65.01], [179.98, 65.0]]]);
    let on = json!([[[179.98, 65.0], [180.02, 65.0], [180.02, 65.01], [179.98, 65.01], [179.98, 65.0]]]);
    let cut = json!([
        [[[179.98, 65.0], [180.0, 65.0], [180.0, 65.01], [179.98, 65.01], [179.98, 65.0]]],
        [[[-180.0, 65.0], [-179.98, 65.0], [-179.98, 65.01], [-180.0, 65.01], [-180.0, 65.0]]],
    ]);
    let scene = Grid { crs: Crs::from_epsg(32601).unwrap(), ..grid(355_000.0, 7_216_000.0, 500) };
    let mut masks = Vec::new();
    for (kind, coordinates, repairs) in [("Polygon", on, 0), ("Polygon", jump, 1), ("MultiPolygon", cut, 1)] {
        let geometry = json!({"type": kind, "coordinates": coordinates});
        let path =
            write_geojson(folder.path(), 4326, &[json!({"type": "Feature", "properties": {}, "geometry": geometry})]);
        let labels = Labels::read(&path, &LabelOptions { ignore_buffer_m: 30.0, ..LabelOptions::default() }).unwrap();
        assert_eq!(labels.report().repaired.len(), repairs);
        assert!(labels.report().repaired.iter().all(|repaired| repaired.repairs == [Repair::Antimeridian]));
        let bbox = labels.bbox().map(|v| (v * 1e6).round() / 1e6);
        assert_eq!(bbox, [179.98, 65.0, -179.98, 65.01]);
        let area = labels.areas_ha().unwrap()[0];
        // pyproj 3.7.2: Geod(ellps="WGS84").geometry_area_perimeter(shapely.box(179.98, 65, 180.02, 65.01))
        assert!((area - 210.349_73).abs() < 1e-3, "{area}");
        let index = labels.index(&scene.crs, scene.bounds()).unwrap();
        assert!(index.touches(&scene));
        masks.push(index.mask(&scene).unwrap().to_vec());
    }
    let burned = masks[0].iter().filter(|&&value| value == 1).count();
    assert!((15_000..21_000).contains(&burned), "{burned}");
    assert!(masks[0] == masks[1]);
    // The cut is not an edge; positions on it are rounded to 0.1 mm.
    let differ = masks[0].iter().zip(&masks[2]).filter(|(a, b)| a != b).count();
    assert!(differ <= 2, "{differ}");
}
