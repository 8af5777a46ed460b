//! `minesegsat predict` on every kind of scene, with every option: what it writes, and that its parts agree.

use std::fs;
use std::path::Path;

use crate::support::http::{Fault, Server};
use crate::support::scenes::{self, GeoTiff, Provider, SceneSpec};
use crate::support::{
    OUTPUTS, assert_same, folder_scene, manifest, names, noise_stack, predict, predict_command, probability, quantile,
    raster, spec,
};
use minesegsat::vector::read_area_of_interest;
use minesegsat::{Band, Crs, Transformer};
use rusqlite::Connection;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const OFFSET: [&str; 2] = ["--offset", "-1000"];
/// Probabilities are rounded to this step.
const STEP: f64 = 1.0 / 65_536.0;

fn sha256(path: &Path) -> String {
    let digest = Sha256::digest(fs::read(path).unwrap());
    minesegsat::hex::encode(&digest)
}

/// Puts all files below a folder on a server.
fn serve_folder(server: &Server, folder: &Path, at: &str) {
    for name in names(folder) {
        let (path, at) = (folder.join(&name), format!("{at}/{name}"));
        if path.is_dir() {
            serve_folder(server, &path, &at);
        } else {
            server.serve(&at, fs::read(path).unwrap(), Fault::None);
        }
    }
}

/// `west,south,east,north` of some columns and rows (ends excluded) of the test scenes.
fn degrees([col, row, col_end, row_end]: [f64; 4]) -> [f64; 4] {
    let to_wgs84 = Transformer::new(&Crs::from_epsg(32610).unwrap(), &Crs::WGS84).unwrap();
    let (x, y) = (|col| 600_000.0 + 10.0 * col, |row| 5_500_020.0 - 10.0 * row);
    to_wgs84.transform_bounds([x(col), y(row_end), x(col_end), y(row)]).unwrap()
}

#[test]
fn every_kind_of_scene_gives_the_same_map() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let bands = folder_scene(folder.path());
    fs::create_dir(at("item")).unwrap();
    let item = scenes::write_stac_item(&at("item"), &spec(), Provider::PlanetaryComputer);
    let server = Server::start();
    serve_folder(&server, &at("item"), "/item");
    let url = server.url(&format!("/item/{}", item.file_name().unwrap().to_str().unwrap()));
    let scenes = [
        ("folder", bands.into_os_string(), &OFFSET[..]),
        ("safe", scenes::write_safe(folder.path(), &spec()).into(), &[]),
        ("safe-zip", scenes::write_safe_zip(folder.path(), &spec()).into(), &[]),
        ("stac-item", item.into(), &[]),
        ("stac-item", url.into(), &[]),
    ];
    let mut expected: Option<Vec<f64>> = None;
    for (i, (kind, scene, more)) in scenes.into_iter().enumerate() {
        let out = at(&format!("out{i}"));
        let done = predict(&scene, &out, more).succeeded();
        assert!(done.stdout.contains("66.7 % of the area assessed"), "{kind}: {}", done.stdout);
        assert_eq!(names(&out), OUTPUTS, "{kind}");
        let manifest = manifest(&out);
        assert_eq!((&manifest["scene"]["kind"], &manifest["status"]), (&json!(kind), &json!("assessed")));
        assert_eq!(manifest["radiometry"]["decision"]["removes_offset"], json!(true), "{kind}");
        let found = probability(&out);
        assert_same(expected.get_or_insert_with(|| found.clone()), &found, 0.0);
    }
}

#[test]
fn a_geotiff_with_all_bands_is_read_with_and_without_names() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let named = scenes::write_stack(&at("named.tif"), &spec(), true);
    let unnamed = scenes::write_stack(&at("unnamed.tif"), &spec(), false);
    predict(&named, &at("a"), &OFFSET).succeeded();
    predict(&unnamed, &at("b"), &OFFSET).failed(1, &["unnamed.tif", "--bands"]);
    let bands = spec().bands().join(",");
    predict(&unnamed, &at("b"), &[&OFFSET[..], &["--bands", &bands]].concat()).succeeded();
    predict(&unnamed, &at("c"), &[&OFFSET[..], &["--bands", "B02,B03"]].concat())
        .failed(1, &["the list of bands names 2 bands, but the file has 12"]);
    let found = probability(&at("a"));
    assert_same(&found, &probability(&at("b")), 0.0);
    // There is no classification: only the fill of the first tenth is missing.
    assert!(found.iter().enumerate().all(|(i, p)| p.is_nan() == (i < 10 * 120)));
}

#[test]
fn scenes_of_any_size_are_covered() {
    let folder = tempfile::tempdir().unwrap();
    // Smaller than a patch, a single pixel wide, one pixel more than a patch, and no multiple of anything.
    for (width, height) in [(37, 23), (1, 9), (65, 64), (101, 77)] {
        let scene = folder.path().join(format!("{width}x{height}.tif"));
        noise_stack(&scene, width, height);
        let out = folder.path().join(format!("{width}x{height}"));
        predict(&scene, &out, &["--offset", "0"]).succeeded();
        let (info, found) = raster(&out.join("probability.tif"));
        assert_eq!((info.grid.width, info.grid.height, info.grid.crs.epsg()), (width, height, 32610));
        assert_eq!((info.grid.transform.origin_x, info.grid.transform.pixel_width), (600_000.0, 10.0));
        assert!(found.iter().all(|p| (0.0..=1.0).contains(p)), "all of {width}x{height} is assessed");
        assert_eq!(manifest(&out)["assessed"]["share_assessed"], json!(1.0));
    }
    // Bands at 10, 20 and 60 m whose sizes are no multiples of each other.
    let scene = folder.path().join("odd");
    fs::create_dir(&scene).unwrap();
    for (band, resolution) in scenes::BANDS.iter().zip(scenes::RESOLUTIONS).filter(|(band, _)| **band != "B10") {
        let (width, height) = ((1010_usize).div_ceil(resolution), (770_usize).div_ceil(resolution));
        let pixels = (0..width * height).map(|i| 300 + (i * 37 % 1000) as u16).collect();
        let tiff = GeoTiff::new(32610, (600_000.0, 5_500_020.0), resolution as f64, width, height, vec![pixels]);
        fs::write(scene.join(format!("{band}.tif")), tiff.encode()).unwrap();
    }
    let out = folder.path().join("odd-out");
    predict(&scene, &out, &["--offset", "0"]).succeeded();
    let (info, found) = raster(&out.join("probability.tif"));
    assert_eq!((info.grid.width, info.grid.height), (101, 77));
    assert!(found.iter().all(|p| !p.is_nan()));
}

#[test]
fn patches_of_any_size_are_padded_and_the_map_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder_scene(folder.path());
    let at = |size: &str| folder.path().join(size);
    for size in ["100", "128"] {
        predict(&scene, &at(size), &[&OFFSET[..], &["--patch-size", size]].concat()).succeeded_quietly();
    }
    let (odd, even) = (probability(&at("100")), probability(&at("128")));
    assert!(odd.iter().zip(&even).all(|(a, b)| a.is_nan() == b.is_nan()), "the same pixels are assessed");
    assert!(odd.iter().any(|p| !p.is_nan()));
}

#[test]
fn a_map_is_complete_and_its_parts_agree() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder_scene(folder.path());
    let (first, out) = (folder.path().join("first"), folder.path().join("out"));
    predict(&scene, &first, &OFFSET).succeeded_quietly();
    let threshold = quantile(&first, 0.7);
    let options = ["--threshold", &threshold, "--json", "--format", "gpkg,geojson,fgb,parquet"];
    let done = predict(&scene, &out, &[&OFFSET[..], &options].concat()).succeeded_quietly();

    // One document on stdout, the same as in the folder.
    let manifest = manifest(&out);
    assert_eq!(done.json(), manifest);
    let files = [
        "manifest.json",
        "mask.tif",
        "mask.tif.aux.xml",
        "polygons.fgb",
        "polygons.geojson",
        "polygons.gpkg",
        "polygons.parquet",
        "probability.tif",
        "quicklook.png",
    ];
    assert_eq!(names(&out), files);

    // What cannot be assessed: no data in the first tenth and a bit, then clouds and shadow; snow is assessed.
    let (info, probability) = raster(&out.join("probability.tif"));
    let (mask_info, mask) = raster(&out.join("mask.tif"));
    assert_eq!(info.grid, mask_info.grid);
    assert_eq!((info.grid.width, info.grid.height), (120, 120));
    assert_eq!((info.band_names[0].as_deref(), mask_info.nodata), (Some("mining_probability"), Some(255.0)));
    let least: f64 = threshold.parse().unwrap();
    for (i, (&p, &m)) in probability.iter().zip(&mask).enumerate() {
        let assessed = i / 120 >= 40;
        assert_eq!(!p.is_nan(), assessed, "pixel {i}");
        assert_eq!(m, if assessed { f64::from(u8::from(p >= least)) } else { 255.0 }, "pixel {i}: {p}");
    }

    // Polygons, the same in all formats, with the area of the mask.
    let totals = &manifest["totals"];
    let (count, area) = (totals["polygons"].as_u64().unwrap(), totals["area_ha"].as_f64().unwrap());
    let pixels = mask.iter().filter(|m| **m == 1.0).count();
    assert!(count > 0 && pixels > 0);
    // At the edge of a UTM zone's middle, lengths are up to 0.04 % off.
    assert!((area / (pixels as f64 / 100.0) - 1.0).abs() < 0.001, "{area} ha, {pixels} pixels");
    let gpkg = Connection::open(out.join("polygons.gpkg")).unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, f64>(1)?, row.get::<_, f64>(2)?));
    let (n, sum, largest) = gpkg.query_row("SELECT count(*), sum(area_ha), max(area_ha) FROM mining", [], row).unwrap();
    assert_eq!(n as u64, count);
    assert!((sum - area).abs() < 1e-9 && (largest - totals["largest_ha"].as_f64().unwrap()).abs() < 1e-9);
    let geojson = crate::support::json_file(&out.join("polygons.geojson"));
    let features = geojson["features"].as_array().unwrap();
    let sum: f64 = features.iter().map(|f| f["properties"]["area_ha"].as_f64().unwrap()).sum();
    assert!(features.len() as u64 == count && (sum - area).abs() < 1e-9);
    for (name, epsg) in [("polygons.gpkg", 32610), ("polygons.fgb", 32610), ("polygons.geojson", 4326)] {
        let (polygons, crs) = read_area_of_interest(&out.join(name)).unwrap();
        assert_eq!(crs.epsg(), epsg, "{name}");
        assert!(polygons.0.len() as u64 >= count, "{name}");
    }
    let parquet = fs::read(out.join("polygons.parquet")).unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    assert!(fs::read(out.join("quicklook.png")).unwrap().starts_with(b"\x89PNG"));

    check_manifest(&manifest, &scene, &out, &threshold);
}

/// The manifest tells what a map was made from, with what, and what came out.
fn check_manifest(manifest: &Value, scene: &Path, out: &Path, threshold: &str) {
    assert_eq!(manifest["manifest_version"], json!(1));
    assert_eq!(manifest["software"]["name"], json!("minesegsat"));
    assert!(manifest["created"].as_str().unwrap().ends_with('Z'));
    assert_eq!((&manifest["status"], &manifest["warnings"]), (&json!("assessed"), &json!([])));

    let inputs = manifest["inputs"].as_array().unwrap();
    assert_eq!(inputs.len(), 13, "twelve bands and the classification");
    for input in inputs {
        let path = Path::new(input["location"].as_str().unwrap());
        assert_eq!(path.parent().unwrap().file_name(), scene.file_name());
        assert_eq!(input["sha256"], json!(sha256(path)), "{}", path.display());
        assert_eq!(input["size"], json!(fs::metadata(path).unwrap().len()));
    }
    let outputs = manifest["outputs"].as_array().unwrap();
    assert_eq!(outputs.len(), names(out).len() - 2, "all but the manifest and the class file");
    for output in outputs {
        let path = out.join(output["name"].as_str().unwrap());
        assert_eq!(output["sha256"], json!(sha256(&path)), "{}", path.display());
        assert_eq!(output["size"], json!(fs::metadata(&path).unwrap().len()));
    }

    let model = &manifest["model"];
    assert_eq!(model["weights_sha256"], json!(sha256(&crate::support::model().join("model.safetensors"))));
    assert_eq!((&model["title"], &model["training"]["data"]), (&json!("scaled"), &json!("untrained")));
    assert_eq!(model["architecture"]["embed_dims"], json!([32, 64, 160, 256]));

    let parameters = &manifest["parameters"];
    assert_eq!(parameters["threshold"].to_string(), threshold);
    for (name, value) in [
        ("patch_size", json!(64)),
        ("overlap_px", json!(16)),
        ("batch_size", json!(1)),
        ("min_area_m2", json!(0.0)),
        ("connectivity", json!(4)),
        ("area", json!("scene")),
        ("device", json!("cpu")),
        ("formats", json!(["gpkg", "geojson", "fgb", "parquet"])),
        ("bands", json!(Band::PAPER.map(|band| band.to_string()))),
    ] {
        assert_eq!(parameters[name], value, "{name}");
    }
    let decision = &manifest["radiometry"]["decision"];
    assert_eq!((&decision["rule"], &decision["removes_offset"]), (&json!("user"), &json!(true)));
    assert_eq!(manifest["radiometry"]["bands"]["B04"]["offset_dn"], json!(-1000.0));
    let expected = json!({"epsg": 32610, "transform": [600_000.0, 10.0, 0.0, 5_500_020.0, 0.0, -10.0], "width": 120, "height": 120});
    assert_eq!(manifest["grid"], expected);
    let assessed = &manifest["assessed"];
    for (name, rows) in [("pixels", 120), ("assessed_pixels", 80), ("nodata_pixels", 10), ("masked_pixels", 30)] {
        assert_eq!(assessed[name], json!(rows * 120), "{name}");
    }
    assert!((assessed["share_assessed"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-12);
    let timings = &manifest["timings"];
    assert_eq!(timings["patches"], json!(9));
    for name in ["wall_s", "patches_s", "read_s", "infer_s", "write_s"] {
        assert!(timings[name].as_f64().unwrap() > 0.0, "{name}");
    }
}

#[test]
fn snow_is_left_out_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    predict(folder_scene(folder.path()), &out, &[&OFFSET[..], &["--mask-snow"]].concat()).succeeded();
    assert!(probability(&out).iter().enumerate().all(|(i, p)| p.is_nan() == (i / 120 < 50)));
    assert_eq!(manifest(&out)["parameters"]["mask"]["mask_snow"], json!(true));
}

#[test]
fn a_bounding_box_gives_the_window_that_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder_scene(folder.path());
    let out = folder.path().join("out");
    let bbox = degrees([30.0, 35.0, 90.0, 100.0]).map(|v| v.to_string()).join(",");
    predict(&scene, &out, &[&OFFSET[..], &["--bbox", &bbox]].concat()).succeeded();
    let (info, found) = raster(&out.join("probability.tif"));
    // The box in degrees is turned against the grid: the window that holds it may be a pixel or two larger.
    let t = &info.grid.transform;
    let (col, row) = ((t.origin_x - 600_000.0) / 10.0, (5_500_020.0 - t.origin_y) / 10.0);
    assert!((27.0..=30.0).contains(&col) && col.fract() == 0.0, "{col}");
    assert!((32.0..=35.0).contains(&row) && row.fract() == 0.0, "{row}");
    assert!((90.0..=93.0).contains(&(col + info.grid.width as f64)));
    assert!((100.0..=103.0).contains(&(row + info.grid.height as f64)));
    let clouds = 40 - row as usize;
    assert!(found.iter().enumerate().all(|(i, p)| p.is_nan() == (i / info.grid.width < clouds)));
    let bounds = manifest(&out)["parameters"]["area"]["bbox"].clone();
    assert_eq!(bounds.as_array().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>().join(","), bbox);

    // One that holds the scene gives all of it, however large.
    for (i, bbox) in ["-123,49,-120,51", "-180,-90,180,90"].into_iter().enumerate() {
        let out = folder.path().join(format!("all{i}"));
        predict(&scene, &out, &[&OFFSET[..], &["--bbox", bbox]].concat()).succeeded();
        assert_eq!(manifest(&out)["assessed"]["pixels"], json!(14_400), "{bbox}");
    }
}

#[test]
fn pixels_outside_of_the_polygons_asked_for_are_not_assessed() {
    let folder = tempfile::tempdir().unwrap();
    let (area, out) = (folder.path().join("area.geojson"), folder.path().join("out"));
    let [west, south, east, north] = degrees([40.0, 50.0, 100.0, 110.0]);
    let ring = [[west, south], [east, south], [west, north], [west, south]];
    let geojson = json!({"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}});
    fs::write(&area, geojson.to_string()).unwrap();
    let more = [&OFFSET[..], &["--intersects", area.to_str().unwrap(), "--threshold", "0"]].concat();
    predict(folder_scene(folder.path()), &out, &more).succeeded();
    let assessed = manifest(&out)["assessed"].clone();
    let inside = assessed["assessed_pixels"].as_f64().unwrap();
    // Half of 60 x 60 pixels.
    assert!((inside / 1800.0 - 1.0).abs() < 0.05, "{inside}");
    assert_eq!(assessed["share_assessed"], json!(1.0), "of the polygon");
    let (info, found) = raster(&out.join("probability.tif"));
    let width = info.grid.width;
    assert_eq!(found.iter().filter(|p| !p.is_nan()).count() as f64, inside);
    let south_west = found.len() - 4 * width + 4;
    assert!(found[4 * width - 4].is_nan() && !found[south_west].is_nan(), "the north-east is outside");
    // With a threshold of 0 the map is the polygon.
    let area = manifest(&out)["totals"]["area_ha"].as_f64().unwrap();
    assert!((area / (inside / 100.0) - 1.0).abs() < 0.001, "{area}");
}

#[test]
fn small_polygons_are_left_out_and_corners_join_where_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, area) = (folder.path().join("noise.tif"), folder.path().join("area.geojson"));
    noise_stack(&scene, 100, 90);
    // Two squares that touch in a corner, and a single pixel: with a threshold of 0 the map is this area.
    let square = |col: f64, row: f64, side: f64| {
        let ([x0, x1], [y0, y1]) =
            ([col, col + side].map(|c| 600_000.0 + 10.0 * c), [row, row + side].map(|r| 5_500_020.0 - 10.0 * r));
        json!([[[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]])
    };
    let squares = [square(10.0, 10.0, 10.0), square(20.0, 20.0, 5.0), square(60.0, 50.0, 1.0)];
    let crs = json!({"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32610"}});
    fs::write(&area, json!({"type": "MultiPolygon", "crs": crs, "coordinates": squares}).to_string()).unwrap();
    let map = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let how = ["--offset", "0", "--threshold", "0", "--format", "geojson", "--intersects", area.to_str().unwrap()];
        predict(&scene, &out, &[&how[..], more].concat()).succeeded_quietly();
        let collection = crate::support::json_file(&out.join("polygons.geojson"));
        let areas = collection["features"].as_array().unwrap().iter().map(|f| f["properties"]["area_ha"].as_f64());
        // In pixels: the projection's scale is off by 0.04 % at most.
        let pixels: Vec<f64> = areas.map(|area| (area.unwrap() * 100.0).round()).collect();
        let burnt = raster(&out.join("mask.tif")).1.iter().filter(|m| **m == 1.0).count();
        assert_eq!(burnt as f64, pixels.iter().sum::<f64>(), "{name}: the mask is that of the polygons");
        pixels
    };
    assert_eq!(map("four", &[]), [100.0, 25.0, 1.0]);
    assert_eq!(map("eight", &["--connectivity", "8"]), [125.0, 1.0]);
    assert_eq!(map("large", &["--min-area", "200"]), [100.0, 25.0]);
    assert_eq!(map("largest", &["--min-area", "3000"]), [100.0]);
    assert_eq!(map("larger", &["--min-area", "3000", "--connectivity", "8"]), [125.0]);
    assert_eq!(map("none", &["--min-area", "1e9"]), [0.0; 0]);
}

#[test]
fn outputs_are_replaced_only_with_overwrite() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, out) = (folder_scene(folder.path()), folder.path().join("out"));
    predict(&scene, &out, &OFFSET).succeeded();
    fs::write(out.join("notes.txt"), "mine").unwrap();
    let bytes = |name: &str| fs::read(out.join(name)).unwrap();
    let before: Vec<Vec<u8>> = names(&out).iter().map(|name| bytes(name)).collect();
    predict(&scene, &out, &OFFSET).failed(1, &["probability.tif exists already", "hint: use `--overwrite`"]);
    assert_eq!(names(&out).iter().map(|name| bytes(name)).collect::<Vec<_>>(), before);

    let more = [&OFFSET[..], &["--overwrite", "--threshold", "0", "--format", "geojson"]].concat();
    predict(&scene, &out, &more).succeeded();
    let expected = [
        "manifest.json",
        "mask.tif",
        "mask.tif.aux.xml",
        "notes.txt",
        "polygons.geojson",
        "probability.tif",
        "quicklook.png",
    ];
    assert_eq!(names(&out), expected, "polygons of the other format would contradict the new ones");
    assert_eq!(manifest(&out)["parameters"]["threshold"], json!(0.0));
    assert_eq!(fs::read_to_string(out.join("notes.txt")).unwrap(), "mine");
}

#[test]
fn one_of_the_outputs_in_the_way_is_enough_to_refuse() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, out) = (folder_scene(folder.path()), folder.path().join("out"));
    fs::create_dir(&out).unwrap();
    for name in OUTPUTS {
        fs::write(out.join(name), "mine").unwrap();
        predict(&scene, &out, &OFFSET).failed(1, &[name, "exists already and is not overwritten"]);
        assert_eq!(names(&out), [name]);
        assert_eq!(fs::read_to_string(out.join(name)).unwrap(), "mine");
        fs::remove_file(out.join(name)).unwrap();
    }
}

#[test]
fn quiet_runs_say_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let done = predict(folder_scene(folder.path()), &out, &[&OFFSET[..], &["--quiet"]].concat()).succeeded_quietly();
    assert_eq!(done.stdout, "");
    assert_eq!(names(&out), OUTPUTS);
}

#[test]
fn a_format_named_twice_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    predict(folder_scene(folder.path()), &out, &[&OFFSET[..], &["--format", "gpkg,GPKG"]].concat()).succeeded();
    assert_eq!(names(&out), OUTPUTS);
}

#[test]
fn warnings_reach_stderr_and_the_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, out) = (folder.path().join("scene"), folder.path().join("out"));
    scenes::write_folder(&scene, &SceneSpec { without: &["B8A"], ..spec() });
    let done = predict(&scene, &out, &[&OFFSET[..], &["--substitute", "B8A=B08"]].concat()).succeeded();
    let warning = "B8A is missing: B08 replaces it, as requested";
    assert!(done.stderr.contains(warning), "{}", done.stderr);
    assert_eq!(manifest(&out)["warnings"], json!([warning]));
    // -q is for scripts: errors only.
    let more = [&OFFSET[..], &["--substitute", "B8A=B08", "--quiet", "--overwrite"]].concat();
    predict(&scene, &out, &more).succeeded_quietly();
}

#[test]
fn repeated_runs_write_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, first) = (folder_scene(folder.path()), folder.path().join("first"));
    predict(&scene, &first, &OFFSET).succeeded();
    let threshold = quantile(&first, 0.7);
    let runs = [
        ("again", vec![]),
        ("more", vec!["--batch-size", "3", "--num-workers", "1"]),
        ("most", vec!["--batch-size", "64", "--num-workers", "4"]),
    ];
    let base = folder.path().join("base");
    let more = [&OFFSET[..], &["--threshold", &threshold, "--format", "gpkg,geojson,fgb,parquet"]].concat();
    predict(&scene, &base, &more).succeeded();
    for (name, how) in runs {
        let out = folder.path().join(name);
        predict(&scene, &out, &[&more[..], &how].concat()).succeeded();
        for file in names(&base).iter().filter(|file| *file != "manifest.json") {
            assert!(fs::read(base.join(file)).unwrap() == fs::read(out.join(file)).unwrap(), "{name}: {file}");
        }
    }
    // Other numbers of threads may add in another order inside the network.
    for threads in ["1", "3"] {
        let out = folder.path().join(format!("threads{threads}"));
        let done = predict_command(&scene, &out, &more).env("RAYON_NUM_THREADS", threads).output().unwrap();
        crate::support::Done::from(done).succeeded();
        assert_same(&probability(&base), &probability(&out), STEP);
    }
}

#[test]
fn blending_keeps_within_what_the_network_answered() {
    // All patches of a constant scene are the same, so that all answers are, and every pixel of the map is an average of
    // some of them: within their range, and where only one patch counts, exactly its answer.
    let folder = tempfile::tempdir().unwrap();
    let constant = |name: &str, side: usize| {
        let path = folder.path().join(name);
        let mut tiff =
            GeoTiff::new(32610, (600_000.0, 5_500_020.0), 10.0, side, side, vec![vec![2000; side * side]; 12]);
        tiff.names = Band::PAPER.map(|band| band.to_string()).to_vec();
        fs::write(&path, tiff.encode()).unwrap();
        let out = folder.path().join(format!("{name}-out"));
        predict(&path, &out, &["--offset", "0"]).succeeded();
        probability(&out)
    };
    let (one, many) = (constant("one.tif", 64), constant("many.tif", 160));
    let (low, high) = one.iter().fold((1.0_f64, 0.0_f64), |(low, high), &p| (low.min(p), high.max(p)));
    assert!(high - low > 10.0 * STEP, "the network answers with some contrast: {low} to {high}");
    assert!(many.iter().all(|p| (low - STEP..=high + STEP).contains(p)));
    for row in 0..48 {
        assert_same(&one[row * 64..][..48], &many[row * 160..][..48], 0.0);
    }
}

#[test]
fn a_real_scene_of_level_2a_is_mapped() {
    let Some(scene) = crate::support::real_data("sentinel2_l2a_barbellino") else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let stack = walk(&scene).into_iter().find(|path| path.to_str().unwrap().ends_with("_BOA_10.tif"));
    let Some(stack) = stack else { panic!("{} holds no stack", scene.display()) };
    predict(&stack, &out, &[]).failed(1, &["lacks band B8A", "--substitute B8A=B08"]);
    assert!(!out.exists());
    predict(&stack, &out, &["--substitute", "B8A=B08"]).succeeded();
    assert_eq!(names(&out), OUTPUTS);
    let manifest = manifest(&out);
    assert_eq!(manifest["radiometry"]["decision"]["removes_offset"], json!(false), "of 2017");
    assert!(manifest["assessed"]["share_assessed"].as_f64().unwrap() > 0.0);
}

/// All files below a folder.
fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let paths = names(folder).into_iter().map(|name| folder.join(name));
    paths.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
