//! `labels info` and `labels rasterize` on the built program.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::scenes::GeoTiff;
use crate::support::{Done, names, program, raster, run};
use serde_json::{Value, json};

/// West, south, east, north as a ring.
fn square(west: f64, south: f64, side: f64) -> Vec<[f64; 2]> {
    let (east, north) = (west + side, south + side);
    vec![[west, south], [east, south], [east, north], [west, north], [west, south]]
}

/// Parts of two mines in EPSG:32610, a bow tie, a ring that goes round twice, a point.
fn mines() -> Value {
    let feature = |id: &str, properties: Value, kind: &str, coordinates: Value| json!({"type": "Feature", "id": id, "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}});
    let part = |mine: &str, part: &str| json!({"mine": mine, "part": part, "since": 1998});
    let (x, y) = (600_000.0, 5_500_000.0);
    let at = |points: &[(f64, f64)]| points.iter().map(|(dx, dy)| [x + dx, y + dy]).collect::<Vec<_>>();
    let bow_tie = at(&[(500.0, 0.0), (600.0, 100.0), (600.0, 0.0), (500.0, 100.0), (500.0, 0.0)]);
    let twice = at(&[
        (700.0, 0.0),
        (800.0, 0.0),
        (800.0, 100.0),
        (720.0, 100.0),
        (720.0, 20.0),
        (760.0, 20.0),
        (760.0, 60.0),
        (700.0, 60.0),
        (700.0, 0.0),
    ]);
    json!({
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32610"}},
        "features": [
            feature("a1", part("Alpha", "pit"), "Polygon", json!([square(x, y, 200.0)])),
            feature("a2", part("Alpha", "waste rock"), "Polygon", json!([square(x + 150.0, y + 150.0, 200.0)])),
            feature("b1", part("Beta", "pit"), "Polygon", json!([bow_tie])),
            feature("b2", part("Beta", "pit"), "Polygon", json!([twice])),
            feature("b3", part("Beta", "mill"), "Point", json!([x, y])),
        ],
    })
}

fn write_mines(folder: &Path) -> PathBuf {
    let path = folder.join("mines.geojson");
    fs::write(&path, mines().to_string()).unwrap();
    path
}

/// A raster of 100 x 60 pixels of 10 m that holds the mines, in EPSG:32610.
fn write_raster(folder: &Path) -> PathBuf {
    let path = folder.join("like.tif");
    let tiff = GeoTiff::new(32610, (599_900.0, 5_500_500.0), 10.0, 100, 60, vec![vec![1; 6000]]);
    fs::write(&path, tiff.encode()).unwrap();
    path
}

fn info(labels: &Path, more: &[&str]) -> Done {
    Done::of(program().args(["labels", "info"]).arg(labels).args(more))
}

fn rasterize(labels: &Path, like: &Path, output: &Path, more: &[&str]) -> Done {
    Done::of(
        program().args(["labels", "rasterize"]).arg(labels).arg("--like").arg(like).arg("-o").arg(output).args(more),
    )
}

#[test]
fn info_says_what_a_file_is() {
    let folder = tempfile::tempdir().unwrap();
    let labels = write_mines(folder.path());
    let done = info(&labels, &["--json"]).succeeded_quietly().json();
    assert_eq!(done["source"]["files"][0]["name"], "mines.geojson");
    assert_eq!(done["source"]["format"], "GeoJSON");
    assert_eq!(done["crs"], json!({"code": "EPSG:32610", "name": "WGS 84 / UTM zone 10N"}));
    let report = &done["report"];
    assert_eq!((&report["read"], &report["kept"]), (&json!(5), &json!(3)));
    assert_eq!(report["geometry_types"], json!({"Polygon": 4, "Point": 1}));
    assert_eq!(report["repaired"], json!([{"id": "b1", "repairs": ["self-intersection"]}]));
    assert_eq!(report["dropped"][0]["id"], "b2");
    let reason = report["dropped"][0]["reason"].as_str().unwrap();
    assert_eq!(reason, "its outline crosses itself and is ambiguous: two readings differ by 1600 m2");
    assert_eq!(report["dropped"][1], json!({"id": "b3", "reason": "it is a Point without polygons"}));
    // Two squares of 4 ha and two triangles of 0.25 ha on the grid, where a hectare is 0.08 % larger than on the ground.
    let area = done["area_ha"].as_f64().unwrap();
    assert!((area - 8.5).abs() < 0.01, "{area}");
    let attributes = &done["attributes"];
    assert_eq!(attributes[0], json!({"name": "mine", "type": "text", "missing": 0, "examples": ["Alpha", "Beta"]}));
    assert_eq!(attributes[2], json!({"name": "since", "type": "integer", "missing": 0, "examples": [1998]}));

    let text = info(&labels, &["--where", "mine = Alpha", "--class-attribute", "part"]).succeeded_quietly().stdout;
    for line in [
        "mines.geojson: GeoJSON",
        "CRS        EPSG:32610 WGS 84 / UTM zone 10N",
        "geometry   2 Polygon",
        "features   5 read, 3 left out by the filter, 0 repaired, 0 dropped, 2 used",
        "class 1    pit: 1 features, 4.00 ha",
        "class 2    waste rock: 1 features, 4.00 ha",
        "attribute  mine: text; \"Alpha\"",
    ] {
        assert!(text.lines().any(|found| found == line), "`{line}` is not in\n{text}");
    }
    let text = info(&labels, &[]).succeeded_quietly().stdout;
    assert!(text.contains("repaired   b1: self-intersection\n"), "{text}");
    assert!(text.contains("dropped    b2: its outline crosses itself"), "{text}");
    assert!(text.contains("warning    features without polygons are not used: 1 Point\n"), "{text}");
}

#[test]
fn masks_have_the_pixels_of_the_raster_and_the_classes_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (labels, like, out) = (write_mines(folder.path()), write_raster(folder.path()), folder.path().join("mask.tif"));
    let done = rasterize(
        &labels,
        &like,
        &out,
        &["--label-source", "by hand, version 2", "--label-licence", "CC-BY-4.0", "--json"],
    );
    assert!(done.stderr.contains("dropped 1 feature, its outline crosses itself"), "{}", done.stderr);
    assert!(done.stderr.contains("features without polygons are not used: 1 Point"), "{}", done.stderr);
    let done = done.succeeded().json();
    assert_eq!((&done["width"], &done["height"], &done["features"]), (&json!(100), &json!(60), &json!(3)));
    assert_eq!(done["labels"]["source"], "by hand, version 2");
    assert_eq!(done["labels"]["licence"], "CC-BY-4.0");
    let (info, mask) = raster(&out);
    assert_eq!((info.grid.width, info.grid.height, info.nodata), (100, 60, Some(255.0)));
    assert_eq!(info.grid.transform, raster(&like).0.grid.transform);
    // Squares of 20 x 20 pixels that share 5 x 5; a bow tie of 10 x 10 pixels, half of which it covers.
    let count = |mask: &[f64], value: f64| mask.iter().filter(|&&v| v == value).count();
    let ones = count(&mask, 1.0);
    assert!((823..=827).contains(&ones), "{ones}");
    assert_eq!(done["classes"], json!([{"name": "mining", "number": 1, "pixels": ones}]));
    assert_eq!(ones + count(&mask, 0.0), 6000);

    // Nothing is overwritten unasked.
    let before = fs::read(&out).unwrap();
    rasterize(&labels, &like, &out, &[]).failed(1, &["mask.tif exists already", "hint: use `--overwrite`"]);
    assert!(fs::read(&out).unwrap() == before);
    let classes = ["--class-attribute", "part", "--classes", "pit=3,waste rock=2", "--overwrite", "-q"];
    let done = rasterize(&labels, &like, &out, &classes).succeeded_quietly();
    assert_eq!(done.stdout, "");
    let (_, mask) = raster(&out);
    assert_eq!(count(&mask, 2.0), 375);
    assert_eq!(count(&mask, 2.0) + count(&mask, 3.0), ones);
    // The pit wins where both are: row 34 is 5 500 155 m north.
    assert_eq!(mask[34 * 100 + 27], 3.0);

    let ignored = ["--where", "mine = Alpha and part = pit", "--ignore-buffer", "10", "--overwrite"];
    let text = rasterize(&labels, &like, &out, &ignored).succeeded_quietly().stdout;
    let (_, mask) = raster(&out);
    // Centres lie 5 m from the edges: a ring of 20 x 20 - 18 x 18 within, and 4 x 20 pixels and the corners beyond.
    assert_eq!((count(&mask, 1.0), count(&mask, 255.0)), (324, 76 + 80 + 4));
    assert!(text.starts_with("1 feature on 100 x 60 pixels\n    1 mining: 324 pixels, 5.400 %\n"), "{text}");
    assert!(text.contains("255 ignored: 160 pixels, 2.667 %"), "{text}");
    assert_eq!(names(folder.path()), ["like.tif", "mask.tif", "mines.geojson"]);
}

#[test]
fn masks_of_scenes_are_on_their_10_m_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let scene = crate::support::folder_scene(folder.path());
    let labels = folder.path().join("mine.geojson");
    let (x, y) = (600_300.0, 5_499_300.0);
    let ring = square(x, y, 100.0);
    let crs = json!({"type": "name", "properties": {"name": "EPSG:32610"}});
    fs::write(&labels, json!({"type": "Polygon", "crs": crs, "coordinates": [ring]}).to_string()).unwrap();
    let out = folder.path().join("mask.tif");
    let done = rasterize(&labels, &scene, &out, &["--json"]).succeeded_quietly().json();
    assert_eq!((&done["width"], &done["height"]), (&json!(120), &json!(120)));
    assert_eq!(done["classes"][0]["pixels"], 100);
}

#[test]
fn labels_that_cannot_be_used_are_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (labels, like, out) = (write_mines(folder.path()), write_raster(folder.path()), folder.path().join("mask.tif"));
    let refused = |labels: &Path, more: &[&str], said: &[&str]| {
        rasterize(labels, &like, &out, more).failed(1, said);
        let left = names(folder.path());
        assert!(!left.iter().any(|name| name.starts_with('.') || name == "mask.tif"), "{left:?}");
    };
    refused(&labels, &["--where", "colour = red"], &["has no attribute `colour`", "it has `mine`, `part`, `since`"]);
    refused(&labels, &["--where", "mine = Gamma"], &["none of its 5 features matches the filter `mine = Gamma`"]);
    refused(&labels, &["--layer", "x"], &["has no layers, not `x`"]);
    refused(
        &labels,
        &["--class-attribute", "part", "--classes", "pit=1"],
        &["values without a class: `waste rock` (1)"],
    );
    refused(&folder.path().join("none.gpkg"), &[], &["none.gpkg", "No such file"]);
    // Elsewhere, and elsewhere because x and y are exchanged.
    let write = |coordinates: Value| {
        let path = folder.path().join("other.geojson");
        fs::write(&path, json!({"type": "Polygon", "coordinates": coordinates}).to_string()).unwrap();
        path
    };
    let far = write(json!([square(20.0, 40.0, 0.01)]));
    refused(&far, &[], &["its only feature does not touch the scene: it lies within 20.0000,40.0000,20.0100,40.0100"]);
    let exchanged: Vec<[f64; 2]> = square(-121.612, 49.645, 0.001).iter().map(|c| [c[1], c[0]]).collect();
    let exchanged = write(json!([exchanged]));
    refused(
        &exchanged,
        &[],
        &["position (49.645, -121.612)", "latitudes before longitudes", "hint: ", "`--swap-axes`"],
    );
    rasterize(&exchanged, &like, &out, &["--swap-axes"]).succeeded_quietly();
    fs::remove_file(&out).unwrap();
    let metres = write(json!([square(600_000.0, 5_500_000.0, 100.0)]));
    refused(&metres, &[], &["is not a longitude and a latitude in degrees", "`--labels-crs EPSG:CODE`"]);
    let done = rasterize(&metres, &like, &out, &["--labels-crs", "EPSG:32610"]).succeeded();
    assert!(
        done.stderr.contains("the requested CRS EPSG:32610 is used, although the file states EPSG:4326"),
        "{}",
        done.stderr
    );
    fs::remove_file(&out).unwrap();
    // A shapefile without its content.
    let shp = folder.path().join("mines.shp");
    fs::write(&shp, [0, 0, 0x27, 0x0A]).unwrap();
    refused(&shp, &[], &["mines.shp"]);
    // What the command line cannot mean.
    for (more, said) in [
        (&["--where", "a b"][..], &["filter `a b` is not accepted", "is expected, not the end"][..]),
        (&["--labels-crs", "WGS84"], &["expected an EPSG code, such as EPSG:4326"]),
        (&["--labels-crs", "EPSG:23032"], &["EPSG:23032", "ED50"]),
        (&["--classes", "pit=1"], &["--class-attribute"]),
        (&["--class-attribute", "part", "--classes", "pit=255"], &["expected VALUE=NUMBER", "1 to 254"]),
        (&["--ignore-buffer", "-1"], &["metres, 0 or more"]),
    ] {
        rasterize(&labels, &like, &out, more).failed(2, said);
    }
    run(["labels", "rasterize"]).failed(2, &["--like <RASTER|SCENE>", "--output <FILE>", "<LABELS>"]);
    run(["labels", "info"]).failed(2, &["<LABELS>"]);
}

#[test]
fn real_collections_of_mines_are_read() {
    let Some(folder) = crate::support::real_data("mining_polygons") else { return };
    // Made with geopandas 1.2.0 and pyproj 3.7.2 by scripts/compare_labels.py, which makes invalid polygons valid first:
    //   sum(Geod(ellps="WGS84").geometry_area_perimeter(segmentize(orient(p), 0.01))[0]) / 1e4
    let gpkg = "jasansky_116_tiles_maus_tang.gpkg";
    let real = [
        ("brazil_polygon_with_grId.geojson", "", 459, 149_356.06),
        ("gem_coal_mine_boundaries_v1.0.2.geojson", "", 332, 1_787_375.22),
        (gpkg, "tiles", 116, 4_866_835.77),
        (gpkg, "polygons_original", 116, 276_170.27),
        (gpkg, "polygons_annotated", 116, 283_420.19),
    ];
    for (name, layer, features, area_ha) in real {
        let layer_flag = ["--layer", layer];
        let more = [&["--json"][..], if layer.is_empty() { &[] } else { &layer_flag[..] }].concat();
        let done = info(&folder.join(name), &more).succeeded_quietly().json();
        assert_eq!(done["report"]["kept"], json!(features), "{name} {layer}");
        let area = done["area_ha"].as_f64().unwrap();
        assert!((area / area_ha - 1.0).abs() < 1e-6, "{name} {layer}: {area}");
    }
}
