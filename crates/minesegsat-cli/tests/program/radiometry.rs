//! Scale, offset and missing pixels of scenes whose files state them wrongly or not at all: the pixels are believed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::scenes::{self, GeoTiff, SceneSpec, mask_file};
use crate::support::{
    Done, assert_same, manifest, model, names, predict_with, probability, raster, real_data, run, shipped_model,
};
use minesegsat_testing::reference::case;
use serde_json::{Value, json};

/// Hectares and share assessed of a map with the trained model, the run, and its manifest.
fn map(scene: &Path, more: &[&str]) -> (f64, f64, Done, Value) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("map");
    let mut command = predict_with(&shipped_model(), scene, &out, more);
    let done = Done::of(&mut command).succeeded();
    let manifest = manifest(&out);
    let number = |value: &Value| value.as_f64().unwrap();
    (number(&manifest["totals"]["area_ha"]), number(&manifest["assessed"]["share_assessed"]), done, manifest)
}

#[track_caller]
fn assert_near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} instead of {expected}");
}

fn info(scene: &Path, more: &[&str]) -> Value {
    run([&["scene", "info", scene.to_str().unwrap(), "--json"], more].concat()).succeeded().json()
}

/// The landscape of the test scenes as reflectance x 10,000 in twelve bands, 240 x 240 pixels, without clouds and fill.
fn landscape() -> GeoTiff {
    let spec = SceneSpec { size: 240, ..SceneSpec::new("2A", "02.14") };
    let bands = spec.bands();
    // The first rows are fill. They get the values of other rows.
    let filled = |band: &&str| {
        let (side, pixels) = spec.pixels(band, 10);
        (0..side * side).map(|i| if pixels[i] == 0 { pixels[i + side * side / 2] } else { pixels[i] }).collect()
    };
    let pixels = bands.iter().map(filled).collect();
    let mut tiff = GeoTiff::new(spec.epsg, spec.origin, 10.0, spec.size, spec.size, pixels);
    tiff.names = bands.iter().map(|&band| band.to_owned()).collect();
    tiff
}

/// The same with `change` applied to every value.
fn changed(change: impl Fn(u16) -> u16) -> GeoTiff {
    let mut tiff = landscape();
    tiff.bands.iter_mut().flatten().for_each(|value| *value = change(*value));
    tiff
}

/// Sets the columns of the first third to a value.
fn fill_third(tiff: &mut GeoTiff, value: u16) {
    let width = tiff.size.0;
    for band in &mut tiff.bands {
        for (i, pixel) in band.iter_mut().enumerate() {
            if i % width < width / 3 {
                *pixel = value;
            }
        }
    }
}

fn write(folder: &Path, name: &str, tiff: &GeoTiff) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, tiff.encode()).unwrap();
    path
}

// ---- Scale ----

#[test]
fn a_scale_tag_left_on_reflectance_changes_nothing() {
    let Some(case) = case("scenes/02_float_with_scale_tag") else { return };
    let (expected, ..) = map(&case.join("mine_float_ref.tif"), &[]);
    assert!(expected > 30.0, "{expected}");
    let (found, _, done, manifest) = map(&case.join("mine_float_tag.tif"), &[]);
    assert_near(found, expected, 1e-9);
    assert!(done.stderr.contains("the values are taken as reflectance itself"), "{}", done.stderr);
    assert_eq!(manifest["radiometry"]["bands"]["B04"]["scale"], json!(1.0));
    assert_eq!(manifest["radiometry"]["level"]["scale"], json!("pixels"));
    assert_ne!(manifest["radiometry"]["decision"]["confidence"], json!("high"));
    // The user's word counts, but is doubted.
    let (found, _, done, manifest) = map(&case.join("mine_float_tag.tif"), &["--scale", "0.0001", "--offset", "0"]);
    assert_near(found, 0.0, 0.0);
    assert!(done.stderr.contains("darker than water; the scale is used, as requested"), "{}", done.stderr);
    assert_eq!(manifest["radiometry"]["decision"]["confidence"], json!("low"));
    for name in ["float_scaled_with_tag.tif", "float_scaled_ref.tif"] {
        let found = info(&case.join(name), &[]);
        assert_near(found["radiometry"]["level"]["brightest"].as_f64().unwrap(), 0.45, 0.01);
    }
}

#[test]
fn scale_and_offset_tags_left_on_reflectance_are_overruled_in_a_folder_too() {
    let folder = tempfile::tempdir().unwrap();
    let whole = landscape();
    for (name, pixels) in whole.names.iter().zip(&whole.bands) {
        let mut tiff = GeoTiff::new(whole.epsg, whole.origin, whole.pixel, 240, 240, vec![pixels.clone()]);
        tiff.as_float = Some(1e-4);
        tiff.scale_offset = Some((1e-4, -0.1));
        write(folder.path(), &format!("{name}.tif"), &tiff);
    }
    let found = info(folder.path(), &[]);
    assert_eq!(
        found["radiometry"]["bands"]["B11"],
        json!({
            "scale": 1.0, "offset_dn": 0.0, "nodata": null, "zero_is_nodata": true
        })
    );
    assert_near(found["radiometry"]["level"]["brightest"].as_f64().unwrap(), 0.36, 0.01);
    // The tags of integers are right.
    let mut tiff = landscape();
    tiff.scale_offset = Some((1e-4, 0.0));
    let found = info(&write(folder.path(), "integers.tif", &tiff), &[]);
    assert_eq!(found["radiometry"]["level"]["scale"], json!("stated"));
    assert_eq!(found["radiometry"]["decision"]["confidence"], json!("high"));
    assert_eq!(found["warnings"], json!([]));
}

#[test]
fn other_scales_are_found_and_said() {
    let Some(case) = case("scenes/08_reflectance_scale_guess") else { return };
    let Some(reference) = minesegsat_testing::reference::case("scenes/02_float_with_scale_tag/mine_ref.tif") else {
        return;
    };
    let (expected, ..) = map(&reference, &[]);
    assert!(expected > 50.0, "{expected}");
    // Percents are too coarse for the same map, but not for the same level.
    for (name, scale, tolerance) in [("mine_dn1000.tif", 1e-3, 1.0), ("mine_dn100.tif", 1e-2, 15.0)] {
        let (found, _, done, manifest) = map(&case.join(name), &[]);
        assert_near(found, expected, tolerance);
        assert_eq!(manifest["radiometry"]["bands"]["B04"]["scale"], json!(scale));
        assert_eq!(manifest["radiometry"]["decision"]["confidence"], json!("moderate"));
        assert!(done.stderr.contains("the values are taken as reflectance"), "{}", done.stderr);
        assert!(manifest["warnings"].to_string().contains("darker than land"), "{manifest}");
    }
}

#[test]
fn every_known_scale_is_found_in_every_type() {
    let folder = tempfile::tempdir().unwrap();
    let integers = [
        ("x1000", 1e-3, changed(|v| v.div_ceil(10))),
        ("percent", 1e-2, changed(|v| v.div_ceil(100))),
        ("x65535", 1.0 / 65_535.0, changed(|v| (f64::from(v) * 6.5535) as u16)),
    ];
    for (name, scale, tiff) in integers {
        let found = info(&write(folder.path(), &format!("{name}.tif"), &tiff), &[]);
        assert_eq!(found["radiometry"]["bands"]["B04"]["scale"], json!(scale), "{name}");
        assert_eq!(found["radiometry"]["decision"]["confidence"], json!("moderate"), "{name}");
    }
    for (factor, scale, confidence) in
        [(1e-4, 1.0, "high"), (1.0, 1e-4, "high"), (1e-2, 1e-2, "moderate"), (1e-8, 1e4, "moderate")]
    {
        let mut tiff = landscape();
        tiff.as_float = Some(factor);
        let found = info(&write(folder.path(), "float.tif", &tiff), &[]);
        assert_eq!(found["radiometry"]["bands"]["B04"]["scale"], json!(scale), "x {factor}");
        assert_eq!(found["radiometry"]["decision"]["confidence"], json!(confidence), "x {factor}");
    }
}

#[test]
fn values_that_fit_no_scale_are_refused_and_the_user_can_state_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut tiff = landscape();
    tiff.as_float = Some(50.0);
    let scene = write(folder.path(), "odd.tif", &tiff);
    let done = run(["scene", "info", scene.to_str().unwrap()]);
    done.failed(1, &["odd.tif", "its values are no reflectance", "brighter than cloud", "hint: `--scale`"]);
    let found = info(&scene, &["--scale", "2e-6", "--offset", "0"]);
    let level = &found["radiometry"]["level"];
    assert_eq!((&level["scale"], &level["verdict"]), (&json!("user"), &json!("plausible")));
    // 2e-6 x 50 is 1e-4: the level of the same landscape in digital numbers.
    tiff.as_float = None;
    let usual = info(&write(folder.path(), "usual.tif", &tiff), &["--offset", "0"]);
    assert_eq!(level["brightest"], usual["radiometry"]["level"]["brightest"]);
}

#[test]
fn dark_scenes_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    // The western third is water.
    let mut water = landscape();
    let width = water.size.0;
    for band in &mut water.bands {
        *band = (0..band.len()).map(|i| band[i / width * width + i % width % (width / 3)]).collect();
    }
    let found = info(&write(folder.path(), "water.tif", &water), &[]);
    assert_eq!(found["radiometry"]["level"]["verdict"], json!("dark"));
    assert_eq!(found["radiometry"]["bands"]["B04"]["scale"], json!(1e-4));
    assert_eq!(found["radiometry"]["decision"]["confidence"], json!("moderate"), "water, or another scale");
    // The same water as reflectance, with a tag of the digital numbers left on it.
    (water.as_float, water.scale_offset) = (Some(1e-4), Some((1e-4, 0.0)));
    let found = info(&write(folder.path(), "float.tif", &water), &[]);
    assert_eq!(found["radiometry"]["bands"]["B04"]["scale"], json!(1.0));
    // A crop of a product in shadow: the product's scale is known.
    let shadow = changed(|v| v / 10);
    let name = "S2A_MSIL2A_20190712T190921_N0213_R056_T10UFV_20190713T010101.tif";
    let found = info(&write(folder.path(), name, &shadow), &[]);
    assert_eq!(found["radiometry"]["level"]["verdict"], json!("dark-land"));
    assert_eq!(found["radiometry"]["bands"]["B04"]["scale"], json!(1e-4));
    assert_eq!(found["radiometry"]["decision"]["confidence"], json!("low"));
    for name in ["sentinel2_l1c_18SVG_20160112", "real_no_mine/EuroSAT_MS/SeaLake/SeaLake_3000.tif"] {
        let Some(scene) = real_data(name) else { return };
        let bands = ["--bands", "B01,B02,B03,B04,B05,B06,B07,B08,B09,B10,B11,B12,B8A"];
        let found = info(&scene, if scene.is_dir() { &[] } else { &bands });
        assert_eq!(found["radiometry"]["bands"]["B04"]["scale"], json!(1e-4), "{name}");
        let verdict = if scene.is_dir() { "plausible" } else { "dark" };
        assert_eq!(found["radiometry"]["level"]["verdict"], json!(verdict), "{name}");
    }
}

// ---- Fill ----

#[test]
fn undeclared_fill_is_no_evidence_and_no_land() {
    let Some(case) = case("scenes/03_untagged_fill") else { return };
    let at = |name: &str| case.join(name);
    let (expected, share, _, tagged) = map(&at("off1000_fill-9999_tagged.tif"), &["--offset", "-1000"]);
    assert_near(share, 0.667, 0.001);
    // Without the tag: the same verdict of the pixels, not "no offset, confidence high".
    let path = at("off1000_fill-9999_untagged.tif");
    for name in ["off1000_fill-9999_tagged.tif", "off1000_fill-9999_untagged.tif"] {
        let out = tempfile::tempdir().unwrap();
        let mut command = predict_with(&shipped_model(), at(name), &out.path().join("map"), &[]);
        Done::of(&mut command).failed(1, &["cannot tell whether its digital numbers contain the offset", "`--offset"]);
    }
    let (found, share, done, manifest) = map(&path, &["--offset", "-1000"]);
    assert_near(found, expected, 1e-9);
    assert_near(share, 0.667, 0.001);
    assert!(
        done.stderr.contains("33.3 % of the sampled pixels have values that no reflectance can have, such as -9999")
    );
    assert_eq!(manifest["radiometry"]["decision"]["floors"], tagged["radiometry"]["decision"]["floors"]);
    // The fill does not overrule the baseline in the name.
    let named = "S2A_MSIL2A_20190712T190921_N0510_R056_T10UFV_20240101T010101.tif";
    let (found, share, _, manifest) = map(&at(named), &[]);
    assert_near(found, expected, 1e-9);
    assert_near(share, 0.667, 0.001);
    assert_eq!(manifest["radiometry"]["decision"]["removes_offset"], json!(true));
    assert_eq!(manifest["radiometry"]["decision"]["rule"], json!("processing-baseline"));
    // A value that reflectance could have is known by its pile.
    let path = at("int16_fill-1000.tif");
    let (found, share, done, manifest) = map(&path, &[]);
    assert_near(found, expected, 1e-9);
    assert_near(share, 0.667, 0.001);
    assert!(done.stderr.contains("have the value -1000 in every band"), "{}", done.stderr);
    assert_eq!(
        manifest["radiometry"]["undeclared_nodata"],
        json!([{"value": -1000.0, "percent": 33.33, "is_given": false}])
    );
    let (_, share, done, manifest) = map(&path, &["--nodata", "-1000"]);
    assert_near(share, 0.667, 0.001);
    assert!(!done.stderr.contains("in every band"), "{}", done.stderr);
    assert_eq!(manifest["radiometry"]["undeclared_nodata"][0]["is_given"], json!(true));
    let (_, share, ..) = map(&path, &["--nodata", "none", "--offset", "0"]);
    assert_near(share, 1.0, 0.0);
}

#[test]
fn fill_of_every_kind_is_missing_in_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut fills: Vec<(String, GeoTiff)> = Vec::new();
    for value in [-32_768_i16, -9999, -1000, -1, 32_767] {
        let mut tiff = landscape();
        fill_third(&mut tiff, value as u16);
        tiff.signed = true;
        fills.push((format!("i16_{value}"), tiff));
    }
    for value in [65_535, 55_537] {
        let mut tiff = landscape();
        fill_third(&mut tiff, value);
        fills.push((format!("u16_{value}"), tiff));
    }
    // Reflectance, and a fill that is 6.5 in it; digital numbers, and a fill of 65535.
    for factor in [1e-4, 1.0] {
        let mut tiff = landscape();
        fill_third(&mut tiff, 65_535);
        tiff.as_float = Some(factor);
        fills.push((format!("f32_{factor}"), tiff));
    }
    for (name, tiff) in &fills {
        let found = info(&write(folder.path(), &format!("{name}.tif"), tiff), &[]);
        assert_near(found["nodata_percent"].as_f64().unwrap(), 33.3333, 1e-3);
        assert_eq!(found["radiometry"]["decision"]["removes_offset"], json!(false), "{name}");
        assert_eq!(found["warnings"].as_array().unwrap().len(), 1, "{name}: {}", found["warnings"]);
    }
    // The pixels beside the fill are those beside a declared one.
    let mut zeros = landscape();
    fill_third(&mut zeros, 0);
    let zeros = write(folder.path(), "zeros.tif", &zeros);
    for (name, scene) in [("a", zeros), ("b", at("i16_-9999.tif")), ("c", at("u16_65535.tif"))] {
        Done::of(&mut predict_with(model(), scene, &at(name), &[])).succeeded();
    }
    assert_same(&probability(&at("a")), &probability(&at("b")), 0.0);
    assert_same(&probability(&at("a")), &probability(&at("c")), 0.0);
}

#[test]
fn measurements_are_no_fill() {
    let folder = tempfile::tempdir().unwrap();
    let mut cases = Vec::new();
    // Dark water, clamped to 1 by processors before baseline 04.00; clouds that are cut off; clouds saturated in the visible.
    let mut clamped = landscape();
    fill_third(&mut clamped, 1);
    cases.push(("clamped", clamped));
    let bright = |v: u16, i: usize| if i % 9 < 2 { 10_000 } else { v + (i % 6000) as u16 };
    let mut cut = landscape();
    cut.bands.iter_mut().for_each(|band| band.iter_mut().enumerate().for_each(|(i, v)| *v = bright(*v, i).min(10_000)));
    cases.push(("cut", cut));
    let mut saturated = landscape();
    for band in &mut saturated.bands[..5] {
        band.iter_mut().step_by(50).for_each(|v| *v = 65_535);
    }
    cases.push(("saturated", saturated));
    for (name, tiff) in cases {
        let found = info(&write(folder.path(), &format!("{name}.tif"), &tiff), &["--offset", "0"]);
        assert_eq!(found["nodata_percent"], json!(0.0), "{name}: {}", found["warnings"]);
        assert_eq!(found["radiometry"]["undeclared_nodata"], json!([]), "{name}");
    }
}

// ---- Masks ----

#[test]
fn an_internal_mask_counts() {
    let Some(case) = case("scenes/04_internal_mask_and_alpha") else { return };
    let (zeros, share, ..) = map(&case.join("mine_zeros_reference.tif"), &[]);
    assert!(zeros > 50.0, "{zeros}");
    assert_near(share, 0.667, 0.001);
    let (masked, share, ..) = map(&case.join("mine_internal_mask.tif"), &[]);
    assert_near(masked, zeros, 1e-9);
    assert_near(share, 0.667, 0.001);
}

/// The landscape with its first third marked as missing, in each of the ways.
fn masked_scenes(folder: &Path) -> Vec<PathBuf> {
    let (width, height) = (240, 240);
    let valid: Vec<bool> = (0..width * height).map(|i| i % width >= width / 3).collect();
    let mut internal = landscape();
    internal.mask = Some(valid.clone());
    let mut alpha = landscape();
    alpha.bands.push(valid.iter().map(|&valid| if valid { 65_535 } else { 0 }).collect());
    alpha.names.push("coverage".to_owned());
    alpha.alpha = true;
    let mut data_mask = landscape();
    data_mask.bands.push(valid.iter().map(|&valid| u16::from(valid)).collect());
    data_mask.names.push("dataMask".to_owned());
    let mut float = landscape();
    float.as_float = Some(1e-4);
    float.mask = Some(valid.clone());
    let mut scenes = Vec::new();
    for (name, tiff) in [("internal", &internal), ("alpha", &alpha), ("data_mask", &data_mask), ("float", &float)] {
        scenes.push(write(folder, &format!("{name}.tif"), tiff));
    }
    scenes.push(write(folder, "side_car.tif", &landscape()));
    fs::write(folder.join("side_car.tif.msk"), mask_file(width, height, &valid)).unwrap();
    scenes
}

#[test]
fn masks_of_every_kind_count_in_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut zeros = landscape();
    fill_third(&mut zeros, 0);
    let zeros = write(folder.path(), "zeros.tif", &zeros);
    Done::of(&mut predict_with(model(), &zeros, &at("zeros"), &[])).succeeded();
    let expected = probability(&at("zeros"));
    assert_eq!(expected.iter().filter(|p| p.is_nan()).count(), 240 * 80);
    for scene in masked_scenes(folder.path()) {
        let name = scene.file_stem().unwrap().to_str().unwrap().to_owned();
        assert_eq!(info(&scene, &[])["nodata_percent"], json!(33.3333), "{name}");
        Done::of(&mut predict_with(model(), &scene, &at(&name), &[])).succeeded_quietly();
        // Reflectance in 32 bits is rounded.
        let tolerance = if name == "float" { 1e-3 } else { 0.0 };
        assert_same(&probability(&at(&name)), &expected, tolerance);
    }
    // The user names the bands, not the mask.
    let mut unnamed = landscape();
    unnamed.names.clear();
    unnamed.bands.push((0..240 * 240).map(|i| u16::from(i % 240 >= 80)).collect());
    unnamed.alpha = true;
    let bands = landscape().names.join(",");
    let found = info(&write(folder.path(), "unnamed.tif", &unnamed), &["--bands", &bands]);
    assert_eq!(found["nodata_percent"], json!(33.3333));
    // A mask of another size.
    fs::write(at("side_car.tif.msk"), mask_file(24, 24, &[true; 576])).unwrap();
    run(["scene", "info", at("side_car.tif").to_str().unwrap()])
        .failed(1, &["side_car.tif", "side_car.tif.msk has 24x24 pixels, the image 240x240"]);
}

#[test]
fn files_beside_the_bands_say_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // Band files with a mask of all bands beside them, as Sentinel Hub delivers them.
    let whole = landscape();
    let band_files = |folder: &Path, tiff: &GeoTiff| {
        fs::create_dir(folder).unwrap();
        for (name, pixels) in tiff.names.iter().zip(&tiff.bands) {
            let mut band = GeoTiff::new(tiff.epsg, tiff.origin, tiff.pixel, 240, 240, vec![pixels.clone()]);
            band.signed = tiff.signed;
            write(folder, &format!("{name}.tif"), &band);
        }
    };
    band_files(&at("masked"), &whole);
    assert_eq!(info(&at("masked"), &[])["nodata_percent"], json!(0.0));
    let valid = (0..240 * 240).map(|i| u16::from(i % 240 >= 80)).collect();
    let mask = GeoTiff::new(whole.epsg, whole.origin, whole.pixel, 240, 240, vec![valid]);
    write(&at("masked"), "dataMask.tif", &mask);
    assert_eq!(info(&at("masked"), &[])["nodata_percent"], json!(33.3333));
    // A nodata value that GDAL stored beside the bands, because it did not change them.
    let mut filled = landscape();
    fill_third(&mut filled, -9999_i16 as u16);
    filled.signed = true;
    band_files(&at("filled"), &filled);
    for name in &filled.names {
        let xml = "<PAMDataset><PAMRasterBand band=\"1\"><NoDataValue>-9999</NoDataValue></PAMRasterBand></PAMDataset>";
        fs::write(at("filled").join(format!("{name}.tif.aux.xml")), xml).unwrap();
    }
    let found = info(&at("filled"), &[]);
    assert_eq!(found["nodata_percent"], json!(33.3333));
    assert_eq!(found["radiometry"]["undeclared_nodata"], json!([]), "it is declared");
    // Both make the map that zeros make.
    let mut zeros = landscape();
    fill_third(&mut zeros, 0);
    let zeros = write(folder.path(), "zeros.tif", &zeros);
    Done::of(&mut predict_with(model(), &zeros, &at("expected"), &[])).succeeded();
    for scene in ["masked", "filled"] {
        Done::of(&mut predict_with(model(), at(scene), &at(&format!("{scene}-map")), &[])).succeeded();
        assert_same(&probability(&at("expected")), &probability(&at(&format!("{scene}-map"))), 0.0);
    }
    // A description in the same file names the bands of a stack.
    let mut unnamed = landscape();
    unnamed.names.clear();
    let stack = write(folder.path(), "unnamed.tif", &unnamed);
    let bands = (1..).zip(&whole.names);
    let described =
        |(number, name)| format!("<PAMRasterBand band=\"{number}\"><Description>{name}</Description></PAMRasterBand>");
    let described: String = bands.map(described).collect();
    fs::write(at("unnamed.tif.aux.xml"), format!("<PAMDataset>{described}</PAMDataset>")).unwrap();
    assert_eq!(info(&stack, &[])["bands"].as_array().unwrap().len(), 12);
}

#[test]
fn masked_pixels_are_missing_in_data_sets_and_previews() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut zeros = landscape();
    fill_third(&mut zeros, 0);
    let zeros = write(folder.path(), "zeros.tif", &zeros);
    let mut fill = landscape();
    fill_third(&mut fill, -1000_i16 as u16);
    fill.signed = true;
    let mut scenes = masked_scenes(folder.path());
    scenes.push(write(folder.path(), "fill.tif", &fill));
    // A mine on the border of the missing third. Patches of 24 pixels, of which half may be missing.
    let ring = [[600_900.0, 5_498_800.0], [601_100.0, 5_498_800.0], [601_100.0, 5_499_000.0], [600_900.0, 5_498_800.0]];
    let labels = json!({
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "EPSG:32610"}},
        "features": [
            {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        ]
    });
    fs::write(at("mine.geojson"), labels.to_string()).unwrap();
    // Values of B11 in all patches.
    let build = |scene: &Path, out: &str| -> Vec<(String, Vec<f64>)> {
        let out = at(out);
        let mut command = crate::support::program();
        command.args(["dataset", "build", "--patch-size", "36", "--min-data", "0", "--negatives", "0.9", "--scenes"]);
        command.arg(scene).arg("--labels").arg(at("mine.geojson")).arg("--output").arg(&out);
        Done::of(&mut command).succeeded();
        let patches = out.join("patches");
        let band = |id: String| (raster(&patches.join(&id).join("B11.tif")).1, id);
        names(&patches).into_iter().map(band).map(|(values, id)| (id, values)).collect()
    };
    let missing = |patches: &[(String, Vec<f64>)]| -> Vec<(String, Vec<bool>)> {
        let is_missing = |values: &Vec<f64>| values.iter().map(|v| *v == 0.0 || v.is_nan()).collect();
        patches.iter().map(|(id, values)| (id.clone(), is_missing(values))).collect()
    };
    let expected = missing(&build(&zeros, "zeros-set"));
    let all = || expected.iter().flat_map(|(_, missing)| missing);
    assert!(all().any(|&missing| missing) && all().any(|&missing| !missing), "{} patches", expected.len());
    for scene in scenes {
        let name = scene.file_stem().unwrap().to_str().unwrap();
        assert_eq!(missing(&build(&scene, &format!("{name}-set"))), expected, "{name}");
    }
    // A preview draws missing pixels in the colour of missing pixels.
    let draw = |scene: &str| {
        // The sheet names the scene, so all have one name.
        let drawn = at(&format!("{scene}-drawn"));
        fs::create_dir(&drawn).unwrap();
        fs::copy(at(scene), drawn.join("scene.tif")).unwrap();
        if at(&format!("{scene}.msk")).exists() {
            fs::copy(at(&format!("{scene}.msk")), drawn.join("scene.tif.msk")).unwrap();
        }
        let (scene, out) = (drawn.join("scene.tif"), drawn.join("sheet.png"));
        run([
            "scene",
            "preview",
            scene.to_str().unwrap(),
            "-o",
            out.to_str().unwrap(),
            "--sheet",
            "true-color",
            "--size",
            "120",
        ])
        .succeeded();
        fs::read(out).unwrap()
    };
    let expected = draw("zeros.tif");
    for scene in ["internal.tif", "alpha.tif", "data_mask.tif", "side_car.tif", "fill.tif"] {
        assert!(draw(scene) == expected, "{scene}");
    }
}

// ---- Neighbours that were right ----

#[test]
fn declared_nodata_stays_right() {
    let Some(case) = case("scenes/pass/nodata") else { return };
    for name in ["S2_SR_HARMONIZED.tif", "nan_tag9999.tif"] {
        let found = info(&case.join(name), &[]);
        assert_eq!(found["warnings"], json!([]), "{name}");
        assert_eq!(found["radiometry"]["level"]["verdict"], json!("plausible"), "{name}");
        assert_eq!(found["radiometry"]["undeclared_nodata"], json!([]), "{name}");
        assert!(found["nodata_percent"].as_f64().unwrap() > 0.0, "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["contam_0", "contam_fill"] {
        Done::of(&mut predict_with(model(), case.join(name), &at(name), &["--offset", "0"])).succeeded();
    }
    assert_same(&probability(&at("contam_0")), &probability(&at("contam_fill")), 0.0);
}

#[test]
fn all_encodings_give_one_map() {
    let Some(case) = case("scenes/pass/codecs") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut expected: Option<Vec<f64>> = None;
    for name in names(&case).iter().filter(|name| *name != "sparse.tif") {
        let out = folder.path().join(name);
        Done::of(&mut predict_with(model(), case.join(name), &out, &["--offset", "0"])).succeeded_quietly();
        let found = probability(&out);
        assert_same(expected.get_or_insert_with(|| found.clone()), &found, 0.0);
    }
    let sparse = info(&case.join("sparse.tif"), &["--offset", "0"]);
    assert!(sparse["nodata_percent"].as_f64().unwrap() > 0.0, "tiles that are left out are missing");
}

// ---- Other sensors ----

#[test]
fn files_of_other_sensors_are_named_and_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let landsat = at("landsat");
    fs::create_dir(&landsat).unwrap();
    let whole = landscape();
    for (i, pixels) in whole.bands.iter().take(7).enumerate() {
        let tiff = GeoTiff::new(whole.epsg, whole.origin, 30.0, 240, 240, vec![pixels.clone()]);
        write(&landsat, &format!("LC08_L2SP_045022_20210710_20210720_02_T1_SR_B{}.TIF", i + 1), &tiff);
    }
    run(["scene", "info", landsat.to_str().unwrap()]).failed(1, &["SR_B1.TIF` is named like Landsat", "Sentinel-2"]);
    let mut stack = landscape();
    stack.names = (1..=12).map(|i| format!("SR_B{i}")).collect();
    let stack = write(folder.path(), "export.tif", &stack);
    run(["scene", "info", stack.to_str().unwrap()]).failed(1, &["`SR_B1` is named like Landsat"]);
    let planet = write(folder.path(), "20210710_184512_1032_3B_AnalyticMS_SR.tif", &landscape());
    run(["scene", "info", planet.to_str().unwrap()]).failed(1, &["is named like PlanetScope"]);
}

#[test]
fn hls_of_sentinel_2_is_surface_reflectance_with_its_quality_layer() {
    let folder = tempfile::tempdir().unwrap();
    let whole = landscape();
    let name = |layer: &str| format!("HLS.S30.T10UFV.2021193T190919.v2.0.{layer}.tif");
    let mut layers: Vec<(&str, Vec<u16>)> =
        whole.names.iter().zip(&whole.bands).map(|(name, band)| (name.as_str(), band.clone())).collect();
    // The product has the cirrus band, and is surface reflectance nevertheless.
    layers.push(("B10", vec![15; 240 * 240]));
    for (layer, pixels) in layers {
        let mut tiff = GeoTiff::new(whole.epsg, whole.origin, 30.0, 240, 240, vec![pixels]);
        fill_third(&mut tiff, -9999_i16 as u16);
        (tiff.signed, tiff.nodata, tiff.scale_offset) = (true, Some(-9999.0), Some((1e-4, 0.0)));
        write(folder.path(), &name(layer), &tiff);
    }
    // Rows of clear land, cloud, beside cloud, and shadow; the low aerosol level; no image in the first third.
    let row = |i: usize| [64, 66, 68, 72][i / 240 / 60];
    let bits = (0..240 * 240).map(|i| if i % 240 < 80 { 255 } else { row(i) }).collect();
    write(folder.path(), &name("Fmask"), &GeoTiff::new(whole.epsg, whole.origin, 30.0, 240, 240, vec![bits]));
    let found = info(folder.path(), &[]);
    assert_eq!((&found["level"], &found["collection"]), (&json!("L2A"), &json!("HLSS30")));
    assert_eq!((&found["date"], &found["mgrs_tile"]), (&json!("2021-07-12"), &json!("10UFV")));
    assert_eq!(found["radiometry"]["decision"]["removes_offset"], json!(false));
    assert_eq!(found["radiometry"]["decision"]["confidence"], json!("high"));
    assert_eq!(found["nodata_percent"], json!(33.3333));
    assert_eq!(found["cloud_percent"], json!(50.0));
    assert_eq!(found["cloud_shadow_percent"], json!(25.0));
    assert_eq!(found["assessable_percent"], json!(16.6667));
    assert!(found["warnings"].to_string().contains("pixels of 30 m"));
}

#[test]
fn a_product_keeps_its_radiometry() {
    let folder = tempfile::tempdir().unwrap();
    let found = info(&scenes::write_safe(folder.path(), &SceneSpec::new("2A", "05.10")), &[]);
    assert_eq!(found["radiometry"]["level"]["scale"], json!("stated"));
    assert_eq!(found["radiometry"]["level"]["verdict"], json!("plausible"));
    assert_eq!(found["radiometry"]["decision"]["confidence"], json!("high"));
    assert_eq!(found["warnings"], json!([]));
}
