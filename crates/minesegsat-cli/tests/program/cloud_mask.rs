//! Masks of clouds: from the classification, from the pixels, or none.

use std::fs;
use std::path::{Path, PathBuf};

use minesegsat_testing::reference;
use minesegsat_testing::scenes::{self, SceneSpec};
use serde_json::{Value, json};

use crate::support::{
    Done, folder_scene, json_file, manifest, names, predict, predict_with, probability, program, raster, rgb_model, run,
};

const OFFSET: [&str; 2] = ["--offset", "-1000"];
const NOT_MASKED: &str = "cloud and cloud shadow count as seen ground";

/// A simulated scene with clouds and its item without the classification.
fn simulated(folder: &Path, region: &str) -> (PathBuf, PathBuf) {
    let out = folder.join("sim");
    let size = ["--size", "384", "--years", "2021", "--cloud-cover", "20", "--seed", "3", "--region", region];
    Done::of(program().arg("simulate").arg("-o").arg(&out).args(size)).succeeded_quietly();
    let scene = out.join("2021").join(names(&out.join("2021")).remove(0));
    let mut item = json_file(&scene.join("item.json"));
    let assets = item["assets"].as_object_mut().unwrap();
    let before = assets.len();
    assets.retain(|_, asset| asset["href"] != "./SCL.tif" && asset["href"] != "SCL.tif");
    assert_eq!(assets.len(), before - 1);
    let bare = scene.join("bare.json");
    fs::write(&bare, item.to_string()).unwrap();
    (scene, bare)
}

fn warnings(manifest: &Value) -> Vec<String> {
    manifest["warnings"].as_array().unwrap().iter().map(|warning| warning.as_str().unwrap().to_owned()).collect()
}

/// Hidden pixels of a map of 10 m against the classes of 20 m: shares of cloud, shadow and clear land that are hidden.
fn hidden(map: &Path, classes: &Path) -> [f64; 3] {
    let found = probability(map);
    let (info, classes) = raster(classes);
    let width = 2 * info.grid.width;
    let share = |is: &dyn Fn(f64) -> bool| {
        let of: Vec<usize> =
            (0..found.len()).filter(|i| is(classes[i / width / 2 * info.grid.width + i % width / 2])).collect();
        of.iter().filter(|&&i| found[i].is_nan()).count() as f64 / of.len() as f64
    };
    [
        share(&|class| class == 8.0 || class == 9.0),
        share(&|class| class == 3.0),
        share(&|class| [4.0, 5.0, 6.0, 11.0].contains(&class)),
    ]
}

#[test]
fn a_simulated_scene_without_its_classification_is_masked_by_its_pixels() {
    for region in ["boreal", "tropical"] {
        let folder = tempfile::tempdir().unwrap();
        let (scene, bare) = simulated(folder.path(), region);
        let out = folder.path().join("out");
        let done = predict(&bare, &out, &[]).succeeded();
        assert!(
            done.stdout.contains("of the area assessed (clouds and shadows found from the pixels)"),
            "{}",
            done.stdout
        );
        assert!(!done.stderr.contains("nothing was masked"), "{}", done.stderr);
        let made = manifest(&out);
        assert_eq!((&made["status"], &made["cloud_mask"]["source"]), (&json!("assessed"), &json!("pixels")));
        assert!(made["cloud_mask"]["method"].as_str().unwrap().contains("Zhu & Woodcock 2012"));
        assert_eq!(made["cloud_mask"]["bands"], json!(["B02", "B03", "B04", "B08", "B11", "B12"]));
        let [cloud, shadow, clear] = hidden(&out, &scene.join("SCL.tif"));
        assert!(cloud > 0.95 && shadow > 0.5 && clear < 0.12, "{region}: {cloud} {shadow} {clear}");

        // The mask is the same in a part of the scene as in the whole.
        let whole = probability(&out);
        let (info, _) = raster(&out.join("probability.tif"));
        let part = folder.path().join("part");
        let bbox = json_file(&bare)["bbox"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>();
        let middle = |a: f64, b: f64, at: f64| (a + (b - a) * at).to_string();
        let [w, s, e, n] = [bbox[0], bbox[1], bbox[2], bbox[3]];
        let bbox = [middle(w, e, 0.3), middle(s, n, 0.3), middle(w, e, 0.6), middle(s, n, 0.6)].join(",");
        predict(&bare, &part, &["--bbox", &bbox]).succeeded();
        let (of_part, found) = raster(&part.join("probability.tif"));
        let (a, b) = (&info.grid.transform, &of_part.grid.transform);
        let col = ((b.origin_x - a.origin_x) / 10.0) as usize;
        let row = ((a.origin_y - b.origin_y) / 10.0) as usize;
        let width = of_part.grid.width;
        for (i, p) in found.iter().enumerate() {
            let whole = whole[(row + i / width) * info.grid.width + col + i % width];
            assert_eq!(p.is_nan(), whole.is_nan(), "{i}");
        }
    }
}

#[test]
fn a_data_set_keeps_the_classes_that_the_pixels_show() {
    let folder = tempfile::tempdir().unwrap();
    let (_, bare) = simulated(folder.path(), "boreal");
    let (map, set) = (folder.path().join("map"), folder.path().join("set"));
    predict(&bare, &map, &[]).succeeded();
    let labels = folder.path().join("sim/truth/2021.gpkg");
    let mut command = program();
    command.args(["dataset", "build", "--patch-size", "60", "--negatives", "0.9", "--min-data", "0", "--scenes"]);
    Done::of(command.arg(&bare).arg("--labels").arg(&labels).arg("-o").arg(&set)).succeeded();
    let (info, found) = raster(&map.join("probability.tif"));
    let (mut hidden, mut seen) = (0, 0);
    for patch in names(&set.join("patches")) {
        let (classes_info, classes) = raster(&set.join("patches").join(&patch).join("SCL.tif"));
        let (a, b) = (&info.grid.transform, &classes_info.grid.transform);
        for (i, class) in classes.iter().enumerate() {
            let (row, col) = (i / classes_info.grid.width, i % classes_info.grid.width);
            // The upper left pixel of 10 m under the class.
            let x = (b.origin_x - a.origin_x + col as f64 * b.pixel_width) / 10.0;
            let y = (a.origin_y - b.origin_y + row as f64 * b.pixel_height.abs()) / 10.0;
            let is_hidden = [0.0, 3.0, 8.0, 9.0, 10.0].contains(class);
            // Patches may reach beyond the scene.
            let is_inside = (0.0..info.grid.width as f64).contains(&x) && (0.0..info.grid.height as f64).contains(&y);
            let is_missing = !is_inside || found[y as usize * info.grid.width + x as usize].is_nan();
            assert_eq!(is_missing, is_hidden, "{patch}: {row}, {col}");
            *if is_hidden { &mut hidden } else { &mut seen } += 1;
        }
    }
    assert!(hidden > 100 && seen > 1000, "{hidden} {seen}");
}

#[test]
fn without_a_mask_the_share_is_not_called_assessed() {
    let folder = tempfile::tempdir().unwrap();
    let (_, bare) = simulated(folder.path(), "boreal");
    let out = folder.path().join("out");
    let done = predict(&bare, &out, &["--cloud-mask", "none"]).succeeded();
    assert!(done.stdout.contains("100.0 % of the area has data; clouds were not masked"), "{}", done.stdout);
    assert!(!done.stdout.contains("assessed"), "{}", done.stdout);
    let warning = format!("nothing was masked: the cloud mask is switched off; {NOT_MASKED}");
    assert!(done.stderr.contains(&warning), "{}", done.stderr);
    let made = manifest(&out);
    assert!(warnings(&made).contains(&warning), "{made}");
    assert_eq!((&made["status"], &made["cloud_mask"]), (&json!("clouds not masked"), &json!({"source": "none"})));
    assert_eq!(made["assessed"]["masked_pixels"], json!(0));

    // What is made from such a map says so too.
    let change = folder.path().join("change");
    let (a, b) = (out.to_str().unwrap(), out.to_str().unwrap());
    let done = Done::of(program().args(["change", a, b, "-o"]).arg(&change)).succeeded();
    assert!(done.stderr.contains("nothing was masked in the map of "), "{}", done.stderr);
    let change = manifest(&change);
    assert!(warnings(&change).iter().any(|warning| warning.contains(NOT_MASKED)), "{change}");
}

#[test]
fn bands_that_cannot_tell_clouds_from_ground_give_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SceneSpec { without: &["B11", "B8A", "B08"], ..SceneSpec::new("1C", "02.09") };
    let stack = scenes::write_stack(&folder.path().join("stack.tif"), &spec, true);
    let out = folder.path().join("out");
    let done = Done::of(&mut predict_with(rgb_model(), &stack, &out, &["--offset", "0"])).succeeded();
    let warning = "nothing was masked: the scene has no classification, and lacks B08, B11 to tell cloud from ground";
    assert!(done.stderr.contains(warning), "{}", done.stderr);
    assert!(done.stdout.contains("clouds were not masked") && !done.stdout.contains("assessed"), "{}", done.stdout);
    assert!(warnings(&manifest(&out)).iter().any(|said| said.starts_with(warning)));
    let info = run(["scene", "info", stack.to_str().unwrap(), "--offset", "0"]).succeeded();
    assert!(info.stdout.contains("cloud mask    none") && info.stdout.contains(warning), "{}", info.stdout);
    let with = |mask: &str| predict(&stack, &folder.path().join("other"), &["--offset", "0", "--cloud-mask", mask]);
    with("pixels").failed(1, &["lacks B08, B11"]);
    with("scl").failed(1, &["has no scene classification", "accepted are pixels and none"]);
    with("sun").failed(2, &["scl, pixels, none"]);
}

#[test]
fn a_scene_with_a_classification_is_masked_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder_scene(folder.path());
    let map = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let done = predict(&scene, &out, &[&OFFSET[..], more].concat()).succeeded();
        (fs::read(out.join("probability.tif")).unwrap(), manifest(&out), done)
    };
    let (default, made, done) = map("default", &[]);
    assert_eq!((&made["cloud_mask"], &made["status"]), (&json!({"source": "scl"}), &json!("assessed")));
    assert_eq!(made["assessed"]["masked_pixels"], json!(30 * 120));
    assert!(done.stdout.contains("66.7 % of the area assessed\n"), "{}", done.stdout);
    let (same, ..) = map("scl", &["--cloud-mask", "scl"]);
    assert!(default == same);
    let (_, made, _) = map("pixels", &["--cloud-mask", "pixels"]);
    assert_eq!((&made["cloud_mask"]["source"], &made["assessed"]["masked_pixels"]), (&json!("pixels"), &json!(0)));
    let (_, made, _) = map("none", &["--cloud-mask", "none"]);
    assert_eq!((&made["cloud_mask"]["source"], &made["assessed"]["masked_pixels"]), (&json!("none"), &json!(0)));
}

/// The white pit of a sand quarry is ground; the cumulus beside it is cloud, and its shadow is shadow.
#[test]
fn a_real_quarry_under_cumulus_keeps_its_bright_pit() {
    let Some(quarry) = reference::real_data("real_mines/lommel_l1c") else { return };
    let folder = tempfile::tempdir().unwrap();
    // The date is in no name: shadows need it for the sun.
    let scene = folder.path().join("S2A_MSIL1C_20190411T105031_N0207_R051_T31UFS_20190411T130806");
    fs::create_dir(&scene).unwrap();
    for file in names(&quarry) {
        if let Some(band) = file.strip_prefix("ref_input_S2_") {
            fs::copy(quarry.join(&file), scene.join(band)).unwrap();
        }
    }
    let out = folder.path().join("out");
    Done::of(predict_with(rgb_model(), &scene, &out, &["--overlap", "0"]).args(["--patch-size", "256"])).succeeded();
    let found = probability(&out);
    let hidden = |rows: std::ops::Range<usize>, cols: std::ops::Range<usize>| {
        let size = rows.len() * cols.len();
        let pixels = rows.flat_map(|row| cols.clone().map(move |col| row * 512 + col));
        pixels.filter(|&i| found[i].is_nan()).count() as f64 / size as f64
    };
    assert!(hidden(380..440, 160..240) > 0.95, "cumulus");
    assert!(hidden(220..280, 80..140) > 0.8, "its shadow");
    assert_eq!(hidden(470..510, 410..436), 0.0, "white pit");
    assert_eq!(hidden(760..820, 160..220), 0.0, "lake");
}
