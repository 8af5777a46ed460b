//! `minesegsat evaluate` and `calibrate` through the program, on chips whose mines are bright squares.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::scenes::GeoTiff;
use crate::support::{Done, json_file, names, program, raster, rgb_model};
use serde_json::Value;

const WIDTH: usize = 96;
const HEIGHT: usize = 80;
/// In hectares, of 10 m.
const PIXEL: f64 = 0.01;

/// Chips of the bands B04, B03 and B02 with a bright square that is a mine, but for the last of each part, which has none.
/// Two chips each in three sites of the test part, and three of the others.
fn chips(folder: &Path) -> PathBuf {
    let (images, masks) = (folder.join("image"), folder.join("mask"));
    fs::create_dir_all(&images).unwrap();
    fs::create_dir_all(&masks).unwrap();
    let mut index = "chip,split,site_group\n".to_owned();
    for n in 0..12_usize {
        let (split, site) = match n {
            0..3 => ("train", "a"),
            3..6 => ("val", "b"),
            _ => ("test", ["c", "d", "e"][(n - 6) / 2]),
        };
        let has_mine = !matches!(n, 2 | 5 | 11);
        let inside =
            |i: usize| has_mine && (10 + n..40 + n).contains(&(i / WIDTH)) && (20..30 + 3 * n).contains(&(i % WIDTH));
        let noise = |i: usize, band: usize| {
            ((i as u64 * 3 + band as u64 + n as u64 * 977).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54) as u16 % 300
        };
        let band = |band: usize| {
            (0..WIDTH * HEIGHT).map(|i| if inside(i) { 3000 } else { 900 } + noise(i, band)).collect::<Vec<u16>>()
        };
        let origin = (600_000.0 + 2000.0 * n as f64, 5_500_020.0);
        let mut image = GeoTiff::new(32610, origin, 10.0, WIDTH, HEIGHT, (0..3).map(band).collect());
        image.names = ["B04", "B03", "B02"].map(str::to_owned).to_vec();
        fs::write(images.join(format!("chip-{n:02}.tif")), image.encode()).unwrap();
        let mask = (0..WIDTH * HEIGHT).map(|i| u16::from(inside(i))).collect();
        let mask = GeoTiff::new(32610, origin, 10.0, WIDTH, HEIGHT, vec![mask]);
        fs::write(masks.join(format!("chip-{n:02}.tif")), mask.encode()).unwrap();
        index += &format!("chip-{n:02}.tif,{split},{site}\n");
    }
    fs::write(folder.join("index.csv"), index).unwrap();
    imported(folder, "set", "index.csv")
}

fn imported(folder: &Path, name: &str, index: &str) -> PathBuf {
    let set = folder.join(name);
    let mut command = program();
    command.args(["dataset", "import", "--images"]).arg(folder.join("image")).arg("--masks").arg(folder.join("mask"));
    command.arg("--index").arg(folder.join(index)).arg("--output").arg(&set);
    Done::of(&mut command).succeeded_quietly();
    set
}

fn evaluate(model: &Path, set: &Path, out: &Path, more: &[&str]) -> Done {
    let mut command = program();
    command.arg("evaluate").arg("--model").arg(model).arg("--dataset").arg(set).arg("--output").arg(out).args(more);
    Done::of(&mut command)
}

/// A copy of the model of three bands, to be changed.
fn own_model(folder: &Path) -> PathBuf {
    let copy = folder.join("model");
    fs::create_dir(&copy).unwrap();
    for name in names(rgb_model()) {
        fs::copy(rgb_model().join(&name), copy.join(&name)).unwrap();
    }
    copy
}

/// A column of a CSV file without quotes.
fn column(path: &Path, name: &str) -> Vec<f64> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let at = lines.next().unwrap().split(',').position(|column| column == name).unwrap();
    lines.map(|line| line.split(',').nth(at).unwrap().parse().unwrap_or(f64::NAN)).collect()
}

fn value(metrics: &Value, name: &str) -> Option<f64> {
    metrics["metrics"][name]["value"].as_f64()
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-6, "{a} and {b}");
}

#[test]
fn a_model_is_measured_beside_baselines_and_the_files_agree() {
    let folder = tempfile::tempdir().unwrap();
    let set = chips(folder.path());
    let out = folder.path().join("out");
    let done = evaluate(rgb_model(), &set, &out, &["--threshold", "auto", "--write-probabilities"]);
    let done = done.succeeded();
    assert_eq!(names(&out), ["metrics.json", "per_patch.csv", "per_site.csv", "probabilities", "report.html"]);
    let metrics = json_file(&out.join("metrics.json"));
    assert_eq!(metrics["dataset"]["patches"], 6);
    assert_eq!(metrics["dataset"]["sites"], 3);
    assert_eq!(metrics["dataset"]["patches_without_mines"], 1);
    assert_eq!(metrics["threshold"]["origin"], "validation");
    assert!(done.stderr.contains("only 3 sites"), "{}", done.stderr);

    // A mine is bright and nothing else is: the tuned threshold finds all of it, which an untrained network does not.
    let brightness = metrics["baselines"].as_array().unwrap().iter().find(|b| b["name"] == "brightness").unwrap();
    close(value(brightness, "f1").unwrap(), 1.0);
    close(value(brightness, "boundary_f1_1px").unwrap(), 1.0);
    close(value(brightness, "area_ratio").unwrap(), 1.0);
    assert_eq!(metrics["beats_baselines"], false);
    assert!(done.stdout.contains("NOT better than no model at all"), "{}", done.stdout);
    let html = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(html.contains("NOT better than no model at all") && html.contains("chip-08"), "the report says so too");
    for outside in ["src=\"http", "href=\"http", "url(", "<script", "@import"] {
        assert!(!html.contains(outside), "the page loads {outside}");
    }

    // What is told per patch and per site adds up to the whole.
    let patches = out.join("per_patch.csv");
    let sum = |name: &str| column(&patches, name).iter().sum::<f64>();
    let (tp, fp, fn_, tn) = (sum("tp"), sum("fp"), sum("fn"), sum("tn"));
    close(tp + fp + fn_ + tn, (6 * WIDTH * HEIGHT) as f64);
    close(value(&metrics, "f1").unwrap(), 2.0 * tp / (2.0 * tp + fp + fn_));
    close(sum("truth_ha"), (tp + fn_) * PIXEL);
    close(column(&out.join("per_site.csv"), "counted_ha").iter().sum(), (tp + fp) * PIXEL);
    let errors = column(&out.join("per_site.csv"), "counted_error_ha");
    close(value(&metrics, "area_mae_ha").unwrap(), errors.iter().map(|e| e.abs()).sum::<f64>() / 3.0);

    // So do the probabilities.
    let threshold = metrics["threshold"]["value"].as_f64().unwrap() as f32;
    let mut counts = [0.0; 4];
    for n in 6..12 {
        let p = raster(&out.join(format!("probabilities/chip-{n:02}.tif"))).1;
        let mask = raster(&folder.path().join(format!("mask/chip-{n:02}.tif"))).1;
        for (p, mask) in p.iter().zip(mask) {
            counts[usize::from(*p as f32 >= threshold) * 2 + usize::from(mask != 0.0)] += 1.0;
        }
    }
    assert_eq!(counts, [tn, fn_, fp, tp]);

    // Nothing is replaced unasked, and the same command gives the same numbers.
    evaluate(rgb_model(), &set, &out, &[]).failed(1, &["exists already", "hint: use `--overwrite`"]);
    let again = evaluate(rgb_model(), &set, &out, &["--threshold", "auto", "--overwrite", "--json"]).succeeded().json();
    assert_eq!((&again["metrics"], &again["baselines"]), (&metrics["metrics"], &metrics["baselines"]));
    let few = ["--threshold", "auto", "--overwrite", "--json", "--resamples", "2", "--seed"];
    let draws =
        |seed: &'static str| evaluate(rgb_model(), &set, &out, &[&few[..], &[seed]].concat()).succeeded().json();
    assert_ne!(draws("1")["metrics"]["f1"], draws("2")["metrics"]["f1"], "the seed decides which sites are drawn");
}

#[test]
fn the_papers_protocol_is_the_mean_over_patches_with_ones_for_what_is_not_defined() {
    let folder = tempfile::tempdir().unwrap();
    let set = chips(folder.path());
    let out = folder.path().join("out");
    let metrics = evaluate(rgb_model(), &set, &out, &["--protocol", "paper", "--json"]).succeeded().json();
    close(metrics["threshold"]["value"].as_f64().unwrap(), 0.5);
    // numpy, as segmentation_models_pytorch 0.3.3 does it (get_stats, then f1_score with reduction="micro-imagewise"):
    // f1 = 2 * tp / (2 * tp + fp + fn); np.where(np.isnan(f1), 1.0, f1).mean()
    let patches = out.join("per_patch.csv");
    let [tp, fp, fn_] = ["tp", "fp", "fn"].map(|name| column(&patches, name));
    let mean = |ratio: &dyn Fn(usize) -> f64| {
        (0..tp.len()).map(|i| if ratio(i).is_nan() { 1.0 } else { ratio(i) }).sum::<f64>() / tp.len() as f64
    };
    close(value(&metrics, "f1_image").unwrap(), mean(&|i| 2.0 * tp[i] / (2.0 * tp[i] + fp[i] + fn_[i])));
    close(value(&metrics, "precision_image").unwrap(), mean(&|i| tp[i] / (tp[i] + fp[i])));
    close(value(&metrics, "recall_image").unwrap(), mean(&|i| tp[i] / (tp[i] + fn_[i])));
    assert_eq!(metrics["headline"], "f1_image");
    evaluate(rgb_model(), &set, &out, &["--protocol", "paper", "--threshold", "0.4", "--overwrite"])
        .failed(1, &["the paper's protocol has a threshold of 0.5"]);
}

#[test]
fn bad_input_is_refused_with_its_reason_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let set = chips(folder.path());
    let out = folder.path().join("deep/out");
    let refused = |set: &Path, more: &[&str], said: &[&str]| {
        evaluate(rgb_model(), set, &out, more).failed(1, said);
        assert!(!out.parent().unwrap().exists(), "{more:?} leaves something");
    };
    refused(&set, &["--patch-size", "0"], &["window `0` is not accepted: 1 to 4096, best a multiple of"]);
    refused(&set, &["--overlap", "40"], &["overlap `40` is not accepted: 0 to 32"]);
    evaluate(crate::support::model(), &set, &out, &[])
        .failed(1, &["the model takes B", "but the data set has B04, B03, B02", "are missing"]);
    refused(folder.path(), &[], &["it is not a data set"]);
    fs::remove_file(set.join("dataset_splits.csv")).unwrap();
    refused(&set, &[], &["it is not split yet: run `minesegsat dataset split` first"]);
    evaluate(rgb_model(), &set, &out, &["--threshold", "2"]).failed(2, &["expected `auto` or a number from 0 to 1"]);
}

#[test]
fn a_split_without_a_mine_has_numbers_where_they_are_defined_and_null_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    chips(folder.path());
    // Only the chips without mines are measured, and tuned on.
    let index = "chip,split,site_group\nchip-02.tif,train,a\nchip-05.tif,val,b\nchip-11.tif,test,c\n";
    fs::write(folder.path().join("empty.csv"), index).unwrap();
    let set = imported(folder.path(), "empty", "empty.csv");
    let out = folder.path().join("out");
    let done = evaluate(rgb_model(), &set, &out, &["--json"]).succeeded();
    assert!(done.stderr.contains("No pixel of the test split is a mine"), "{}", done.stderr);
    let metrics = done.json();
    for name in ["f1", "precision", "recall", "iou", "f1_image", "boundary_f1_1px", "area_ratio"] {
        assert!(metrics["metrics"][name]["value"].is_null(), "{name}");
    }
    assert!(metrics["beats_baselines"].is_null());
    for name in ["accuracy", "specificity_without_mines", "bce", "area_bias_ha"] {
        assert!(value(&metrics, name).is_some(), "{name}");
    }
    evaluate(rgb_model(), &set, &out, &["--threshold", "auto", "--overwrite"])
        .failed(1, &["its val split has no mine pixels"]);
    assert_eq!(json_file(&out.join("metrics.json"))["metrics"], metrics["metrics"], "what was there is still there");
    calibrate(rgb_model(), &set, &[]).failed(1, &["no pixel of its val split is a mine"]);
}

#[test]
fn stability_and_false_land_are_measured_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let set = chips(folder.path());
    let out = folder.path().join("out");
    let refused = "sample `chip-06` has mine pixels (5 of 6 patches have some)";
    evaluate(rgb_model(), &set, &out, &["--negatives"])
        .failed(1, &[refused, "hint: `--skip-mines` leaves out the patches with mines"]);
    evaluate(rgb_model(), &set, &out, &["--samples", "2"]).failed(2, &["--stability"]);
    evaluate(rgb_model(), &set, &out, &["--cover", "cover.tif"]).failed(2, &["--negatives"]);
    let no_name = ["--negatives", "--cover", "cover.tif", "--cover-classes", "moor"];
    evaluate(rgb_model(), &set, &out, &no_name).failed(2, &["expected VALUE=NAME"]);
    assert!(!out.exists());

    // At the threshold 0 all land is mapped, whatever the input is.
    let cover = folder.path().join("cover.tif");
    let map = GeoTiff::new(32610, (622_000.0, 5_500_020.0), 1000.0, 1, 1, vec![vec![7]]);
    fs::write(&cover, map.encode()).unwrap();
    let more = ["--stability", "--samples", "2", "--negatives", "--skip-mines", "--cover-classes", "7=moor"];
    let all = [&more[..], &["--cover", cover.to_str().unwrap(), "--threshold", "0"]].concat();
    let done = evaluate(rgb_model(), &set, &out, &all).succeeded();
    for said in [
        "stability of the map of 2 patches",
        "\nshift by 4 px ",
        "\nreflectance +0.1: offset not subtracted ",
        "\nmoor ",
        "false land without mines: 76.80 ha on 0.77 km2 (5 patches with mines left out)",
        "patches with false land: 1 of 1 patch in 1 site\n",
        "polygons: 1 on 0.77 km2; 1302.1 per 1000 km2\n",
    ] {
        assert!(done.stdout.contains(said), "{said}: {}", done.stdout);
    }
    let metrics = json_file(&out.join("metrics.json"));
    assert_eq!(metrics["stability"]["patches"], 2);
    let changes = metrics["stability"]["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 13, "a model of three bands accepts no missing ones");
    for change in changes {
        assert_eq!(change["changed_share"]["value"], 0.0, "{change}");
        assert_eq!(change["area_change"]["value"], 0.0, "{change}");
    }
    close(metrics["negatives"]["ha_per_1000_km2"]["value"].as_f64().unwrap(), 100_000.0);
    assert_eq!(metrics["negatives"]["cover"][0]["name"], "moor");
    let html = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(html.contains("Stability of the map") && html.contains("False land without mines"));

    // At the threshold 1 none is: one site says little.
    let none = ["--negatives", "--skip-mines", "--threshold", "1", "--overwrite"];
    let done = evaluate(rgb_model(), &set, &out, &none).succeeded();
    let said = "patches with false land: 0 of 1 patch in 1 site; at most 90.0 % at 90 %\n";
    assert!(done.stdout.contains(said), "{}", done.stdout);
}

fn calibrate(model: &Path, set: &Path, more: &[&str]) -> Done {
    Done::of(program().arg("calibrate").arg("--model").arg(model).arg("--dataset").arg(set).args(more))
}

#[test]
fn sets_with_other_bands_are_joined() {
    let folder = tempfile::tempdir().unwrap();
    let set = chips(folder.path());
    let other = folder.path().join("other");
    let mut command = program();
    command.args(["dataset", "import", "--images"]).arg(folder.path().join("image")).arg("--masks");
    command.arg(folder.path().join("mask")).arg("--index").arg(folder.path().join("index.csv"));
    Done::of(command.args(["--bands", "B04,B03,B08", "--title", "other", "-o"]).arg(&other)).succeeded_quietly();
    let merge = |out: &str, more: &[&str]| {
        let out = folder.path().join(out);
        Done::of(program().args(["dataset", "merge"]).arg(&set).arg(&other).arg("-o").arg(&out).args(more)).succeeded();
        Done::of(program().args(["dataset", "stats"]).arg(&out)).succeeded();
        (json_file(&out.join("dataset.json"))["bands"].clone(), json_file(&out.join("stats.json")), out)
    };
    let (bands, ..) = merge("common", &[]);
    assert_eq!(bands, serde_json::json!(["B03", "B04"]));
    let (bands, stats, out) = merge("all", &["--all-bands"]);
    assert_eq!(bands, serde_json::json!(["B02", "B03", "B04", "B08"]));
    let count = |band: &str| stats["bands"][band]["count"].as_u64().unwrap();
    assert_eq!((count("B02"), count("B08"), count("B03")), (count("B02"), count("B02"), 2 * count("B02")));
    let samples = fs::read_to_string(out.join("samples.csv")).unwrap();
    assert_eq!(samples.matches(",B04 B03 B08,other").count(), 12, "{samples}");
}

#[test]
fn land_that_is_unlike_the_training_data_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let set = chips(folder.path());
    let model = own_model(folder.path());
    let scene = |name: &str, add: [u16; 3], spread: u16| {
        let band = |band: usize| {
            let noise =
                |i: usize| ((i as u64 * 3 + band as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54) as u16 % spread;
            (0..WIDTH * HEIGHT).map(|i| add[band] + noise(i)).collect::<Vec<u16>>()
        };
        let mut image = GeoTiff::new(32610, (600_000.0, 5_500_020.0), 10.0, WIDTH, HEIGHT, (0..3).map(band).collect());
        image.names = ["B04", "B03", "B02"].map(str::to_owned).to_vec();
        let path = folder.path().join(name);
        fs::write(&path, image.encode()).unwrap();
        path
    };
    // As the ground of the chips, and a blue desert.
    let (usual, strange) = (scene("usual.tif", [900; 3], 300), scene("strange.tif", [300, 300, 5000], 900));
    let predict = |scene: &Path, out: &str| {
        let mut command = program();
        command.arg("predict").arg(scene).arg("--model").arg(&model).args(["--offset", "0", "--overwrite", "-o"]);
        Done::of(command.arg(folder.path().join(out))).succeeded()
    };
    // A model whose card does not know says nothing, and leaves nothing of an earlier run.
    predict(&strange, "unknown");
    fs::write(folder.path().join("unknown/unlike.tif"), "of an earlier run").unwrap();
    let done = predict(&strange, "unknown");
    assert!(!done.stderr.contains("unlike") && !folder.path().join("unknown/unlike.tif").exists(), "{}", done.stderr);

    calibrate(&model, &set, &[]).succeeded();
    let card = json_file(&model.join("model.json"));
    // Six chips of 3 x 2 whole cells.
    assert_eq!(card["familiarity"]["fitted_to"], 36);
    assert_eq!(card["familiarity"]["prototypes"].as_array().unwrap().len(), 4);
    for (scene, out, is_strange) in [(&usual, "usual", false), (&strange, "strange", true)] {
        let done = predict(scene, out);
        let found = json_file(&folder.path().join(out).join("manifest.json"))["familiarity"].clone();
        // The last row of cells is cut in half: just enough is seen.
        assert_eq!((&found["cell_px"], &found["cells"]), (&32.into(), &9.into()), "{found}");
        assert_eq!(found["unlike_share"], if is_strange { 1.0 } else { 0.0 });
        assert!(done.stdout.contains("note: the card of this model has no figures on real ground"), "{}", done.stdout);
        assert_eq!(done.stderr.contains("100 % of the land is unlike anything"), is_strange, "{}", done.stderr);
        let (info, distances) = raster(&folder.path().join(out).join("unlike.tif"));
        let grid = &info.grid;
        assert_eq!((grid.width, grid.height, grid.transform.pixel_width), (3, 3, 320.0));
        assert!(distances.iter().all(|distance| (*distance > 1.0) == is_strange), "{distances:?}");
    }
}

#[test]
fn calibration_lowers_the_cross_entropy_and_is_kept_in_the_card() {
    let folder = tempfile::tempdir().unwrap();
    let set = chips(folder.path());
    let model = own_model(folder.path());
    let before = json_file(&model.join("model.json"));
    let found = calibrate(&model, &set, &["--json"]).succeeded().json();
    let number = |name: &str| found[name].as_f64().unwrap();
    assert!(number("bce") < number("bce_before") && number("f1") >= number("f1_before"), "{found}");
    let card = json_file(&model.join("model.json"));
    assert!((card["temperature"].as_f64().unwrap() - number("temperature")).abs() < 1e-6);
    assert_ne!(card["threshold"], before["threshold"]);
    assert_eq!(card["weights_sha256"], before["weights_sha256"]);

    // The recorded forward pass holds logits, which do not change.
    Done::of(program().args(["model", "verify"]).arg(&model)).succeeded_quietly();
    let shown = Done::of(program().args(["model", "show"]).arg(&model)).succeeded_quietly();
    assert!(shown.stdout.contains("\ntemperature    "), "{}", shown.stdout);

    // The answers change: the evaluation of the same samples finds what calibration has found.
    let out = folder.path().join("out");
    let done = evaluate(&model, &set, &out, &["--split", "val", "--json"]).succeeded();
    assert!(done.stderr.contains("tuned on the samples evaluated here"), "{}", done.stderr);
    let metrics = done.json();
    assert!((value(&metrics, "bce").unwrap() - number("bce")).abs() < 1e-6);
    assert!((value(&metrics, "f1").unwrap() - number("f1")).abs() < 1e-9);
    // Fitted again there is nothing left to do.
    let again = calibrate(&model, &set, &["--json"]).succeeded().json();
    assert!((again["temperature"].as_f64().unwrap() / number("temperature") - 1.0).abs() < 0.02, "{again}");

    calibrate(&model, &set, &["--split", "test"]).failed(2, &["cannot be evaluated on it"]);
}
