//! What goes wrong before or while a map is made: the exit code, a message that names what is wrong, and nothing left
//! behind.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::scenes::{self, GeoTiff, SceneSpec};
use crate::support::{
    Done, OUTPUTS, clean, copy_of_model, folder_scene, json_file, manifest, model, names, noise_stack, predict,
    predict_with, probability, program, raster, rgb_model, run, spec,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const OFFSET: [&str; 2] = ["--offset", "-1000"];

/// A run that must fail with exit code 1, say all of this, and leave nothing behind.
#[track_caller]
fn refused(scene: &Path, more: &[&str], said: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    predict(scene, &folder.path().join("deep/out"), more).failed(1, said);
    assert_eq!(names(folder.path()), [""; 0], "something was left behind");
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
}

/// Three bands (B02 to B04) in compressed blocks.
const COMPRESSED: &[u8] = include_bytes!("../../../minesegsat-testing/fixtures/rasters/u16_deflate2_tiles.tif");

#[test]
fn truncated_tiffs_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder_scene(folder.path());
    let band = scene.join("B04.tif");
    let whole = fs::read(&band).unwrap();
    for len in [0, 3, 7, 11, 100, 5000, whole.len() / 2, whole.len() - 5] {
        write(&band, &whole[..len]);
        refused(&scene, &OFFSET, &["cannot read raster", "B04.tif"]);
    }
    write(&band, &whole);
    // Found while the patches are read, when some of the map is written already.
    let cut = folder.path().join("cut.tif");
    let mut tiff = noise(192);
    tiff.truncate(tiff.len() / 2);
    write(&cut, &tiff);
    refused(&cut, &["--offset", "0"], &["cut.tif"]);
}

fn noise(side: usize) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    noise_stack(&folder.path().join("noise.tif"), side, side);
    fs::read(folder.path().join("noise.tif")).unwrap()
}

#[test]
fn damaged_blocks_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene.tif");
    let run = |out: &str| {
        let how = ["--offset", "0", "--scale", "0.0001"];
        Done::of(&mut predict_with(rgb_model(), &scene, &folder.path().join(out), &how))
    };
    write(&scene, COMPRESSED);
    run("fine").succeeded();
    // The blocks follow the header, the last one ends the file.
    let mut damaged = COMPRESSED.to_vec();
    let end = damaged.len();
    for byte in &mut damaged[end - 60..end - 20] {
        *byte ^= 0xA5;
    }
    write(&scene, &damaged);
    run("out").failed(1, &["cannot read raster", "scene.tif"]);
    assert_eq!(names(folder.path()), ["fine", "scene.tif"]);
}

/// Flips one bit of the last byte of a file: a pixel's, in the images of the test scenes.
fn flip_a_bit(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    write(path, &bytes);
}

#[test]
fn images_that_are_not_those_of_the_manifest_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let product = scenes::write_safe(folder.path(), &spec());
    let images: Vec<PathBuf> = ["R10m", "R20m", "R60m"]
        .iter()
        .flat_map(|resolution| {
            let granule = fs::read_dir(product.join("GRANULE")).unwrap().next().unwrap().unwrap().path();
            let images = granule.join("IMG_DATA").join(resolution);
            names(&images).into_iter().map(move |name| images.join(name))
        })
        .collect();
    let checksums: Vec<(String, String)> = images
        .iter()
        .map(|image| {
            let name = image.strip_prefix(&product).unwrap().to_str().unwrap().to_owned();
            (name, Sha256::digest(fs::read(image).unwrap()).iter().map(|byte| format!("{byte:02X}")).collect())
        })
        .collect();
    scenes::write_manifest_safe(&product, "SHA-256", &checksums);
    predict(&product, &folder.path().join("out"), &[]).succeeded();

    let red = images.iter().find(|image| image.ends_with("T10UFV_20210710T190919_B04_10m.tif")).unwrap();
    flip_a_bit(red);
    refused(&product, &[], &["B04_10m.tif", "its SHA-256 is", "manifest.safe states"]);
    fs::remove_file(product.join("manifest.safe")).unwrap();
    predict(&product, &folder.path().join("other"), &[]).succeeded();
}

#[test]
fn a_stored_entry_that_is_not_the_one_archived_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let zip = scenes::write_safe_zip(folder.path(), &spec());
    predict(&zip, &folder.path().join("out"), &[]).succeeded();
    let mut bytes = fs::read(&zip).unwrap();
    // The image of the red band at 10 m follows its name in the archive; its pixels end it.
    let name = b"B04_10m.tif";
    let at = bytes.windows(name.len()).position(|found| found == name).unwrap() + name.len();
    bytes[at + 20_000] ^= 1;
    write(&zip, &bytes);
    refused(&zip, &[], &["B04_10m.tif", "it is damaged: its CRC-32 is", "the archive states"]);
}

#[test]
fn assets_that_are_not_those_of_the_item_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let item = scenes::write_stac_item(folder.path(), &spec(), scenes::Provider::EarthSearchC1);
    let mut document = json_file(&item);
    let (key, asset) = document["assets"].as_object_mut().unwrap().iter_mut().find(|(key, _)| *key == "red").unwrap();
    assert_eq!(key, "red");
    let image = folder.path().join(asset["href"].as_str().unwrap().trim_start_matches("./"));
    let digest: String = minesegsat::hex::encode(&Sha256::digest(fs::read(&image).unwrap()));
    asset["file:checksum"] = json!(format!("1220{digest}"));
    write(&item, document.to_string().as_bytes());
    predict(&item, &folder.path().join("out"), &[]).succeeded();
    flip_a_bit(&image);
    refused(&item, &[], &["its SHA-256 is", "but the item states"]);
}

#[test]
fn pixels_of_another_size_than_the_model_was_made_for_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let only_20_m = SceneSpec { without: &["B02", "B03", "B04", "B08"], ..spec() };
    let scene = scenes::write_folder(&folder.path().join("scene"), &only_20_m);
    let model = folder.path().join("model");
    let bands = "B05,B06,B07,B8A,B11,B12";
    let random = ["model", "random", "b0", "--patch-size", "32", "--bands", bands, "--output"];
    Done::of(program().args(random).arg(&model)).succeeded_quietly();
    let out = folder.path().join("out");
    Done::of(&mut predict_with(&model, &scene, &out, &OFFSET))
        .failed(1, &["its finest band has pixels of 20 m, but the model was made for 10 m"]);
    assert!(!out.exists());
}

/// Where a tag's entry stands in a TIFF of the test scenes (little-endian, one directory).
fn entry(tiff: &[u8], tag: u16) -> usize {
    let number = |at: usize| u32::from_le_bytes(tiff[at..at + 4].try_into().unwrap()) as usize;
    let directory = number(4);
    let count = usize::from(u16::from_le_bytes(tiff[directory..directory + 2].try_into().unwrap()));
    let entries = (0..count).map(|i| directory + 2 + 12 * i);
    entries.into_iter().find(|&at| tiff[at..at + 2] == tag.to_le_bytes()).expect("the tag is there")
}

#[test]
fn headers_that_lie_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("hostile.tif");
    let fine = noise(64);
    let largest = u32::MAX.to_le_bytes();
    // Tag, offset in its entry (type, count, value), and what stands there instead.
    let lies: [(u16, usize, &[u8]); 12] = [
        (256, 8, &largest),
        (257, 8, &largest),
        (256, 8, &[0; 4]),
        (277, 8, &[0xFF, 0xFF]),
        (258, 4, &largest),
        (258, 8, &largest),
        (273, 4, &largest),
        (273, 8, &largest),
        (279, 8, &largest),
        (278, 8, &[0; 4]),
        (33550, 8, &largest),
        (34735, 4, &largest),
    ];
    for (tag, at, lie) in lies {
        let mut bytes = fine.clone();
        let at = entry(&bytes, tag) + at;
        bytes[at..at + lie.len()].copy_from_slice(lie);
        write(&scene, &bytes);
        refused(&scene, &["--offset", "0"], &["hostile.tif"]);
    }
    // A directory that lies behind the end, and one that is its own header.
    for at in [largest, [4, 0, 0, 0]] {
        let mut bytes = fine.clone();
        bytes[4..8].copy_from_slice(&at);
        write(&scene, &bytes);
        refused(&scene, &["--offset", "0"], &["hostile.tif"]);
    }
    write(&scene, b"GIF89a, not an image of the ground");
    refused(&scene, &["--offset", "0"], &["hostile.tif", "neither a GeoTIFF nor JPEG 2000", "GIF89a"]);
}

#[test]
fn truncated_and_damaged_jpeg_2000_images_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SceneSpec { jp2: Some(scenes::recorded_jp2), ..SceneSpec::new("1C", "02.09") };
    let safe = scenes::write_safe(folder.path(), &spec);
    predict(&safe, &folder.path().join("fine"), &[]).succeeded();
    let granule = safe.join("GRANULE");
    let images = granule.join(&names(&granule)[0]).join("IMG_DATA");
    let band = images.join(names(&images).iter().find(|name| name.contains("_B04")).unwrap());
    let whole = fs::read(&band).unwrap();
    for len in [0, 5, 60, 200, whole.len() / 2, whole.len() - 3] {
        write(&band, &whole[..len]);
        refused(&safe, &[], &["cannot read raster", "_B04.jp2"]);
    }
    // The marker that starts the codestream, its size, and the start of the first tile.
    let find = |marker: [u8; 2]| whole.windows(2).position(|pair| pair == marker).unwrap();
    for (at, bytes) in
        [(find([0xFF, 0x4F]), &[0; 2][..]), (find([0xFF, 0x51]) + 6, &[0xFF; 8]), (find([0xFF, 0x90]), &[0; 12])]
    {
        let mut damaged = whole.clone();
        damaged[at..at + bytes.len()].copy_from_slice(bytes);
        write(&band, &damaged);
        refused(&safe, &[], &["cannot read raster", "_B04.jp2"]);
    }
}

#[test]
fn damaged_archives_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let zip = scenes::write_safe_zip(folder.path(), &spec());
    let whole = fs::read(&zip).unwrap();
    for len in [0, 100, whole.len() / 2, whole.len() - 10] {
        write(&zip, &whole[..len]);
        refused(&zip, &[], &[".zip"]);
    }
    write(&zip, &scenes::zip(&[("readme.txt".to_owned(), b"no product".to_vec())]));
    refused(&zip, &[], &["the archive holds no SAFE product"]);
}

#[test]
fn all_missing_bands_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let scene =
        scenes::write_folder(&folder.path().join("s"), &SceneSpec { without: &["B02", "B8A", "B09"], ..spec() });
    let said = ["lacks bands B02, B8A, B09", "it has B01, B03", "hint: ", "--substitute"];
    refused(&scene, &OFFSET, &said);
}

#[test]
fn bands_that_do_not_fit_together_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder_scene(folder.path());
    let band = |epsg: u16, x: f64, side: usize| {
        let tiff = GeoTiff::new(epsg, (x, 5_500_020.0), 20.0, side, side, vec![vec![2000; side * side]]);
        write(&scene.join("B05.tif"), &tiff.encode());
    };
    band(32611, 600_000.0, 60);
    refused(&scene, &OFFSET, &["different coordinate systems", "EPSG:32610", "B05.tif", "EPSG:32611"]);
    band(32610, 700_000.0, 60);
    refused(&scene, &OFFSET, &["different places", "B05.tif", "700000", "without overlap"]);
    band(32610, 600_000.0, 50);
    refused(&scene, &OFFSET, &["different places", "B05.tif", "601000"]);
}

#[test]
fn systems_that_cannot_be_transformed_exactly_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("ed50.tif");
    for (epsg, said) in [(23032, "ED50 / UTM zone 32N"), (26710, "NAD27"), (9999, "not a known EPSG code")] {
        let mut tiff = GeoTiff::new(epsg, (600_000.0, 5_500_020.0), 10.0, 8, 8, vec![vec![2000; 64]; 12]);
        tiff.names = minesegsat::Band::PAPER.map(|band| band.to_string()).to_vec();
        write(&scene, &tiff.encode());
        refused(&scene, &["--offset", "0"], &["ed50.tif", &format!("EPSG:{epsg}"), said, "reproject"]);
    }
}

/// A map of a scene of which no pixel can be assessed.
fn check_not_assessable(scene: &Path, more: &[&str], counts: [u64; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let more = [more, &["--format", "gpkg,geojson,fgb,parquet"]].concat();
    let done = predict(scene, &out, &more).succeeded();
    assert!(done.stdout.starts_with("not assessable: no pixel has data in every band"), "{}", done.stdout);
    assert!(probability(&out).iter().all(|p| p.is_nan()));
    assert!(raster(&out.join("mask.tif")).1.iter().all(|m| *m == 255.0));
    let manifest = manifest(&out);
    assert_eq!(manifest["status"], json!("not assessable"));
    assert_eq!(manifest["totals"], json!({"polygons": 0, "area_ha": 0.0, "largest_ha": 0.0, "estimated": null}));
    let assessed = &manifest["assessed"];
    let found = ["assessed_pixels", "nodata_pixels", "masked_pixels"].map(|name| assessed[name].as_u64().unwrap());
    assert_eq!(found, [0, counts[0], counts[1]]);
    assert_eq!(assessed["share_assessed"], json!(0.0));
    let warnings = manifest["warnings"].as_array().unwrap();
    assert!(warnings.iter().any(|w| w.as_str().unwrap().starts_with("not assessable")), "{warnings:?}");
    assert_eq!(json_file(&out.join("polygons.geojson"))["features"], json!([]));
    let gpkg = rusqlite::Connection::open(out.join("polygons.gpkg")).unwrap();
    assert_eq!(gpkg.query_row("SELECT count(*) FROM mining", [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

#[test]
fn a_scene_without_data_is_not_assessable() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder_scene(folder.path());
    for (band, resolution) in scenes::BANDS.iter().zip(scenes::RESOLUTIONS).filter(|(band, _)| **band != "B10") {
        let side = 1200 / resolution;
        let tiff =
            GeoTiff::new(32610, (600_000.0, 5_500_020.0), resolution as f64, side, side, vec![vec![0; side * side]]);
        write(&scene.join(format!("{band}.tif")), &tiff.encode());
    }
    fs::remove_file(scene.join("SCL.tif")).unwrap();
    // Nothing tells the offset here, and nothing needs to.
    check_not_assessable(&scene, &[], [14_400, 0]);
    // A stack of floats without a value.
    let stack = folder.path().join("nan.tif");
    let mut tiff = GeoTiff::new(32610, (600_000.0, 5_500_020.0), 10.0, 70, 70, vec![vec![0; 4900]; 12]);
    tiff.names = minesegsat::Band::PAPER.map(|band| band.to_string()).to_vec();
    tiff.as_float = Some(1e-4);
    write(&stack, &tiff.encode());
    check_not_assessable(&stack, &[], [4900, 0]);
}

#[test]
fn a_scene_below_clouds_is_not_assessable() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder_scene(folder.path());
    let clouds = GeoTiff::new(32610, (600_000.0, 5_500_020.0), 20.0, 60, 60, vec![vec![9; 3600]]);
    write(&scene.join("SCL.tif"), &clouds.encode());
    check_not_assessable(&scene, &OFFSET, [1200, 13_200]);
}

#[test]
fn a_scene_of_unknown_offset_asks_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene.tif");
    noise_stack(&scene, 70, 70);
    let mut tiff = GeoTiff::new(32610, (600_000.0, 5_500_020.0), 10.0, 70, 70, vec![vec![2000; 4900]; 12]);
    tiff.names = minesegsat::Band::PAPER.map(|band| band.to_string()).to_vec();
    write(&scene, &tiff.encode());
    refused(&scene, &[], &["scene.tif", "cannot tell", "--offset 0", "--offset -1000"]);
}

/// A copy of the model whose card was changed.
fn changed_card(change: impl FnOnce(&mut Value)) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let copy = copy_of_model(folder.path());
    let mut card = json_file(&copy.join("model.json"));
    change(&mut card);
    write(&copy.join("model.json"), card.to_string().as_bytes());
    (folder, copy)
}

#[test]
fn cards_that_do_not_fit_their_weights_are_refused() {
    let scenes = tempfile::tempdir().unwrap();
    let scene = folder_scene(scenes.path());
    let check = |change: fn(&mut Value), said: &[&str]| {
        let (folder, model) = changed_card(change);
        let out = folder.path().join("out");
        Done::of(&mut predict_with(&model, &scene, &out, &OFFSET)).failed(1, said);
        assert_eq!(names(folder.path()), ["model"]);
        // Not only when it is used.
        run(["model".as_ref(), "verify".as_ref(), model.as_os_str()]).failed(1, said);
    };
    check(|card| card["bands"] = json!(["B04", "B03", "B02"]), &["lists 3 bands (B04, B03, B02)", "12 channels"]);
    check(|card| card["bands"][0] = json!("B02"), &["lists band B02 twice"]);
    check(|card| card["bands"][0] = json!("B77"), &["model.json", "B77"]);
    check(|card| card["weights_sha256"] = json!("00"), &["the SHA-256 of model.safetensors is", "the card says 00"]);
    check(|card| card["architecture"]["depths"] = json!([3, 2, 2, 2]), &["model.safetensors", "another network"]);
    check(
        |card| card["architecture"]["embed_dims"] = json!([64, 64, 160, 256]),
        &["model.safetensors", "tensor `", "has shape"],
    );
    check(|card| card["treshold"] = json!(0.4), &["model.json", "unknown field `treshold`"]);
    check(|card| card["threshold"] = json!(2), &["its threshold is 2; expected 0 to 1"]);
    check(|card| card["patch_size"] = json!(100), &["its patch_size is 100; expected a multiple of 32"]);
    check(|card| card["format_version"] = json!(9), &["its format_version is 9; this program reads 1"]);
    check(|card| *card = json!([]), &["model.json"]);
    check(|card| card["normalisation"]["max"] = json!([1.0]), &["normalisation has"]);
}

#[test]
fn damaged_and_missing_model_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder_scene(folder.path());
    let copy = copy_of_model(folder.path());
    let out = folder.path().join("out");
    let check = |model: &Path, said: &[&str]| {
        Done::of(&mut predict_with(model, &scene, &out, &OFFSET)).failed(1, said);
        assert!(!out.exists());
    };
    let weights = fs::read(copy.join("model.safetensors")).unwrap();
    write(&copy.join("model.safetensors"), &weights[..weights.len() / 2]);
    check(&copy, &["the SHA-256 of model.safetensors", "damaged"]);
    fs::remove_file(copy.join("model.safetensors")).unwrap();
    check(&copy, &["model.safetensors"]);
    fs::remove_file(copy.join("model.json")).unwrap();
    check(&copy, &["it has no model.json; a model is a folder with model.json and model.safetensors"]);
    check(&folder.path().join("nowhere"), &["nowhere", "model.json"]);
    check(&scene.join("B04.tif"), &["B04.tif", "a model is a folder"]);
}

#[test]
fn what_is_no_scene_says_what_is() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("empty")).unwrap();
    refused(&at("empty"), &[], &["empty", "no .tif, .tiff or .jp2 files", "B04.tif"]);
    write(&at("notes.txt"), b"a text");
    refused(&at("notes.txt"), &[], &["notes.txt", "not a scene", "a STAC item (.json)"]);
    refused(&at("missing"), &[], &["missing", "no such file or folder"]);
    fs::create_dir(at("other")).unwrap();
    write(&at("other/picture.tif"), &noise(8));
    refused(&at("other"), &[], &["no file is named by a band (found picture.tif)"]);
    refused(Path::new("gs://bucket/scene"), &[], &["gs://bucket/scene", "https"]);
    refused(Path::new("https://"), &[], &["the URL names no server"]);
    write(&at("broken.json"), b"{\"type\": ");
    refused(&at("broken.json"), &[], &["broken.json", "JSON"]);
    let item = |id: &str| json!({"type": "Feature", "id": id, "properties": {}, "assets": {}});
    let several = json!({"type": "FeatureCollection", "features": [item("first"), item("second")]});
    write(&at("items.json"), several.to_string().as_bytes());
    refused(&at("items.json"), &[], &["items.json", "2 items: first, second"]);
    write(&at("none.json"), json!({"type": "FeatureCollection", "features": []}).to_string().as_bytes());
    refused(&at("none.json"), &[], &["none.json", "found no items"]);
    write(&at("bare.json"), item("bare").to_string().as_bytes());
    refused(&at("bare.json"), &[], &["bare.json", "none of the item's assets is a band"]);
    // An item whose images are gone.
    fs::create_dir(at("item")).unwrap();
    let item = scenes::write_stac_item(&at("item"), &spec(), scenes::Provider::PlanetaryComputer);
    fs::remove_file(at("item").join("images/B08.tif")).unwrap();
    refused(&item, &[], &["images/B08.tif"]);
}

#[test]
fn values_out_of_range_are_named_with_what_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder_scene(folder.path());
    // Known from the command line alone: usage errors.
    let bbox = "expected west,south,east,north in degrees";
    for (more, said) in [
        (&["--threshold", "2"][..], &["'2'", "--threshold", "expected 0 to 1"][..]),
        (&["--threshold", "-1"], &["'-1'", "expected 0 to 1"]),
        (&["--threshold", "NaN"], &["'NaN'", "expected 0 to 1"]),
        (&["--threshold", "half"], &["'half'", "expected 0 to 1"]),
        (&["--offset", "nan"], &["'nan'", "normally 0 or -1000"]),
        (&["--scale", "0"], &["'0'", "a number above 0"]),
        (&["--scale", "-1"], &["'-1'", "a number above 0"]),
        (&["--min-area", "-5"], &["'-5'", "--min-area", "square metres, 0 or more"]),
        (&["--min-area", "nan"], &["'nan'", "square metres, 0 or more"]),
        (&["--bbox", "1,2,3"], &["'1,2,3'", "3 numbers given", bbox]),
        (&["--bbox", "a,b,c,d"], &["'a,b,c,d'", bbox]),
        (&["--bbox", "3,2,1,4"], &["'3,2,1,4'", bbox, "west < east"]),
        (&["--bbox", "1,4,3,2"], &["'1,4,3,2'", "south < north"]),
        (&["--bbox", "-190,1,3,2"], &["'-190,1,3,2'", bbox]),
        (&["--format", "shp"], &["'shp'", "gpkg, geojson, fgb, parquet"]),
        (&["--bands", "B99"], &["'B99'", "B01 to B12"]),
        (&["--substitute", "B8A"], &["'B8A'", "MISSING=BAND"]),
        (&["--connectivity", "6"], &["'6'", "4, 8"]),
        (&["--batch-size", "0"], &["'0'", "1..=256"]),
        (&["--num-workers", "0"], &["'0'", "1..=64"]),
        (&["--patch-size", "many"], &["'many'"]),
        (&["--bbox", "1,2,3,4", "--intersects", "x.geojson"], &["cannot be used with"]),
        (&["--frobnicate"], &["--frobnicate"]),
    ] {
        let out = folder.path().join("out");
        predict(&scene, &out, more).failed(2, said);
        assert!(!out.exists());
    }
    // Known from the model, the device and the scene.
    for (more, said) in [
        (&["--patch-size", "0"][..], &["patch size `0`", "best a multiple of 32 pixels"][..]),
        (&["--overlap", "400"], &["overlap `400`", "0 to 32, half the patch size of 64"]),
        (&["--device", "cuda:0"], &["device `cuda:0`", "--features cuda"]),
        (&["--device", "vulkan"], &["device `vulkan`", "--features vulkan"]),
        (&["--device", "gpu"], &["device `gpu`", "cpu, cuda:N, vulkan:N, wgpu:N"]),
        (&["--device", "cuda:first"], &["`first` is not a device number"]),
        (
            &["--bbox", "3,4,5,6"],
            &["area `3,4,5,6`", "does not touch the scene", "-121.6151,49.6334,-121.5982,49.6444"],
        ),
        (&["--bbox", "57,-50,59,-49"], &["area `57,-50,59,-49`", "does not touch the scene"]),
    ] {
        if more[0] == "--device" && cfg!(any(feature = "cuda", feature = "vulkan")) {
            continue;
        }
        refused(&scene, &[&OFFSET[..], more].concat(), said);
    }
    run(["predict"]).failed(2, &["--output <DIR>", "<SCENE>"]);
    run(["frobnicate"]).failed(2, &["unrecognized subcommand 'frobnicate'"]);
    predict(&scene, &folder.path().join("out"), &["-q", "-v"]).failed(2, &["cannot be used with"]);
}

#[test]
fn areas_of_interest_that_are_none_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder_scene(folder.path());
    let area = folder.path().join("area.geojson");
    let path = area.to_str().unwrap();
    let check = |text: &str, said: &[&str]| {
        write(&area, text.as_bytes());
        refused(&scene, &[&OFFSET[..], &["--intersects", path]].concat(), &[&["area.geojson"], said].concat());
    };
    check("mine", &["not valid GeoJSON"]);
    check("", &["not valid GeoJSON"]);
    check(r#"{"type": "Point", "coordinates": [1, 2]}"#, &["only Point", "a Polygon or MultiPolygon is needed"]);
    check(r#"{"type": "FeatureCollection", "features": []}"#, &["has nothing", "is needed"]);
    let ring = "[[600000, 5500000], [600100, 5500000], [600100, 5499000], [600000, 5500000]]";
    check(&format!(r#"{{"type": "Polygon", "coordinates": [{ring}]}}"#), &["(600000, 5500000)", "EPSG:4326"]);
    let crs = r#""crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::23032"}}"#;
    check(&format!(r#"{{"type": "Polygon", {crs}, "coordinates": [{ring}]}}"#), &["EPSG:23032", "ED50"]);
    // Elsewhere, in degrees.
    write(&area, br#"{"type": "Polygon", "coordinates": [[[3, 4], [5, 4], [5, 6], [3, 4]]]}"#);
    let said = ["area `3.0000,4.0000,5.0000,6.0000`", "does not touch the scene"];
    refused(&scene, &[&OFFSET[..], &["--intersects", path]].concat(), &said);
    fs::remove_file(&area).unwrap();
    refused(&scene, &[&OFFSET[..], &["--intersects", path]].concat(), &["area.geojson", "No such file"]);
}

#[test]
fn output_folders_that_cannot_be_written_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder_scene(folder.path());
    let file = folder.path().join("file");
    write(&file, b"mine");
    predict(&scene, &file, &OFFSET).failed(1, &["cannot write to output folder", "file`: it is a file"]);
    predict(&scene, &file.join("below"), &OFFSET).failed(1, &["file/below"]);
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    if cfg!(target_os = "linux") {
        predict(&scene, Path::new("/proc/maps-of-mines"), &OFFSET).failed(1, &["/proc/maps-of-mines"]);
    }
    assert_eq!(names(folder.path()), ["file", "scene"]);
}

/// A shell command that runs `predict` with its arguments from the second on.
#[cfg(unix)]
fn through_shell(shell: &mut std::process::Command, script: &str, scene: &Path, out: &Path) -> Done {
    shell.args(["-c", script, "sh"]).arg(crate::support::program_path());
    shell.arg("predict").arg(scene).arg("-m").arg(model()).arg("-o").arg(out);
    shell.args(["--overlap", "16", "--offset", "0", "--threshold", "0", "--format", "gpkg,geojson,fgb,parquet"]);
    clean(shell);
    Done::of(shell)
}

#[cfg(unix)]
#[test]
fn files_that_cannot_grow_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("noise.tif");
    noise_stack(&scene, 200, 200);
    let mut failed = 0;
    // Blocks of 512 or 1024 bytes, as the shell has it. Where exactly a run fails depends on the sizes of its files.
    for blocks in [1, 4, 16, 50, 100, 200, 100_000] {
        let out = folder.path().join("out");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let done = through_shell(&mut std::process::Command::new("sh"), &script, &scene, &out);
        if done.code == Some(0) {
            assert_eq!(names(&out).len(), OUTPUTS.len() + 3, "{blocks} blocks");
            fs::remove_dir_all(&out).unwrap();
            continue;
        }
        failed += 1;
        let done = done.failed(1, &[]);
        let reasons = ["File too large", "disk I/O error", "database or disk is full"];
        assert!(reasons.iter().any(|reason| done.stderr.contains(reason)), "{blocks} blocks: {}", done.stderr);
        assert_eq!(names(folder.path()), ["noise.tif"], "{blocks} blocks");
        assert_ne!(blocks, 100_000, "there was room enough");
    }
    assert!(failed >= 3, "{failed}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_nothing_behind() {
    let may = std::process::Command::new("unshare").args(["-rm", "true"]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        minesegsat_testing::reference::skip("this system does not let users mount (unshare -rm)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (scene, disk) = (folder.path().join("noise.tif"), folder.path().join("disk"));
    noise_stack(&scene, 200, 200);
    fs::create_dir(&disk).unwrap();
    let mut failed = 0;
    for kilobytes in [24, 64, 120, 200, 20_000] {
        // The disk is gone with the shell: what is left on it is listed before.
        let script = format!(
            "mount -t tmpfs -o size={kilobytes}k tmpfs '{disk}' && {{ \"$@\"; code=$?; ls -A '{disk}' >&2; exit $code; }}",
            disk = disk.display()
        );
        let mut shell = std::process::Command::new("unshare");
        shell.args(["-rm", "sh"]);
        let done = through_shell(&mut shell, &script, &scene, &disk.join("out"));
        if done.code == Some(0) {
            assert_eq!(done.stderr, "out\n");
            continue;
        }
        failed += 1;
        assert_eq!(done.code, Some(1), "{kilobytes} KiB: {}", done.stderr);
        assert_ne!(kilobytes, 20_000, "there was room enough");
        let lines: Vec<&str> = done.stderr.lines().collect();
        assert!(lines.len() == 1 && lines[0].starts_with("error: "), "{kilobytes} KiB: {}", done.stderr);
        let reasons = ["No space left on device", "disk I/O error", "database or disk is full"];
        assert!(reasons.iter().any(|reason| lines[0].contains(reason)), "{}", lines[0]);
    }
    assert!(failed >= 2, "{failed}");
}

#[test]
fn a_closed_pipe_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder_scene(folder.path());
    let mut child = program()
        .args(["scene", "info", "--json", "--offset", "-1000"])
        .arg(&scene)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Closed before the first byte can be written.
    drop(child.stdout.take());
    let done = Done::from(child.wait_with_output().unwrap());
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
}

#[cfg(target_os = "linux")]
#[test]
fn messages_that_cannot_be_written_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, out) = (folder_scene(folder.path()), folder.path().join("out"));
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = crate::support::predict_command(folder.path().join("nowhere"), &out, &OFFSET);
    assert_eq!(command.stderr(full()).status().unwrap().code(), Some(1));
    // A warning is not worth a map.
    let mut command = crate::support::predict_command(&scene, &out, &["--offset", "-1000", "--substitute", "B8A=B08"]);
    assert_eq!(command.stderr(full()).stdout(std::process::Stdio::null()).status().unwrap().code(), Some(0));
    assert_eq!(names(&out), OUTPUTS);
    // The summary is: scripts read it.
    fs::remove_dir_all(&out).unwrap();
    let mut command = crate::support::predict_command(&scene, &out, &OFFSET);
    let done = Done::from(
        command.stdout(full()).stderr(std::process::Stdio::piped()).spawn().unwrap().wait_with_output().unwrap(),
    );
    done.failed(1, &["cannot print the summary", "No space left on device"]);
    assert_eq!(names(&out), OUTPUTS);
}

#[test]
fn help_and_version_are_answers() {
    let version = run(["--version"]).succeeded_quietly();
    assert_eq!(version.stdout, concat!("minesegsat ", env!("CARGO_PKG_VERSION"), "\n"));
    let commands: [&[&str]; 9] = [
        &[],
        &["predict"],
        &["scene"],
        &["scene", "info"],
        &["model"],
        &["model", "import"],
        &["model", "list"],
        &["model", "verify"],
        &["model", "random"],
    ];
    for command in commands {
        let done = run(command.iter().chain(&["--help"])).succeeded_quietly();
        assert!(done.stdout.contains("Usage: minesegsat"), "{}", done.stdout);
    }
}

#[test]
fn numbers_of_options_have_a_decimal_point() {
    let with = |option: &str, value: &str| run(["predict", "scene", "-o", "out", option, value]);
    with("--min-area", "12,5").failed(2, &["'12,5'", "hint: numbers have a decimal point here; write `12.5`"]);
    with("--threshold", "0,5").failed(2, &["write `0.5`"]);
    with("--min-area", "1,200").failed(2, &["hint: `1,200` has two readings, 1.2 and 1200; write `1.2` or `1200`"]);
    for (option, value) in [("--bbox", "1,2"), ("--min-area", "many, or few")] {
        let done = with(option, value);
        assert!(done.code == Some(2) && !done.stderr.contains("decimal point"), "{}", done.stderr);
    }
}
