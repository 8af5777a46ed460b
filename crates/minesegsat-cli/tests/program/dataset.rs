//! `minesegsat dataset`, from scenes and labels to a divided and measured set, through the program.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::scenes::{self, Provider, SceneSpec};
use crate::support::{Done, json_file, names, program, run};
use serde_json::{Value, json};

/// A scene of 120 pixels as a STAC item, and labels near its four corners of it.
fn inputs(folder: &Path) -> (PathBuf, PathBuf) {
    let item = scenes::write_stac_item(&folder.join("scene"), &SceneSpec::new("2A", "05.10"), Provider::EarthSearchC1);
    let corners =
        [(600_010.0, 5_499_730.0), (601_100.0, 5_499_730.0), (600_010.0, 5_498_890.0), (601_100.0, 5_498_890.0)];
    let labels = folder.join("mines.geojson");
    write_labels(&labels, &corners);
    (item, labels)
}

fn write_labels(path: &Path, corners: &[(f64, f64)]) {
    let features: Vec<Value> = corners
        .iter()
        .map(|&(x, y)| {
            let ring = [[x, y], [x + 60.0, y], [x + 60.0, y + 60.0], [x, y + 60.0], [x, y]];
            let geometry = json!({ "type": "Polygon", "coordinates": [ring] });
            json!({ "type": "Feature", "properties": { "commodity": "coal" }, "geometry": geometry })
        })
        .collect();
    let crs = json!({ "type": "name", "properties": { "name": "EPSG:32610" } });
    fs::write(path, json!({ "type": "FeatureCollection", "crs": crs, "features": features }).to_string()).unwrap();
}

fn build(scene: &Path, labels: &Path, out: &Path, more: &[&str]) -> Done {
    let mut command = program();
    command.args(["dataset", "build", "--patch-size", "12", "--scenes"]).arg(scene);
    command.arg("--labels").arg(labels).arg("--output").arg(out).args(more);
    Done::of(&mut command)
}

#[test]
fn a_set_is_built_divided_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, labels) = inputs(folder.path());
    let out = folder.path().join("set");
    let done = build(&scene, &labels, &out, &["--negatives", "0.5", "--label-licence", "CC0-1.0"]).succeeded_quietly();
    assert!(done.stdout.starts_with("8 patches (4 with labels) from 1 scene; 8 new, 0 kept"), "{}", done.stdout);
    let done = build(&scene, &labels, &out, &["--negatives", "0.5", "--label-licence", "CC0-1.0"]).succeeded_quietly();
    assert!(done.stdout.contains("0 new, 8 kept"), "{}", done.stdout);

    run(["dataset", "stats"].map(Path::new).into_iter().chain([out.as_path()]))
        .failed(1, &["it is not split yet: run `minesegsat dataset split` first"]);
    let split = |more: &[&str]| Done::of(program().args(["dataset", "split"]).arg(&out).args(more));
    let done = split(&["--shares", "50,25,25", "--seed", "1"]).succeeded();
    assert!(done.stdout.contains("train") && done.stdout.contains("coal"), "{}", done.stdout);
    let first = fs::read(out.join("dataset_splits.csv")).unwrap();
    split(&["--shares", "50,25,25", "--seed", "1"]).succeeded();
    assert_eq!(first, fs::read(out.join("dataset_splits.csv")).unwrap(), "a seed decides");

    let done = Done::of(program().args(["dataset", "stats"]).arg(&out)).succeeded_quietly();
    assert!(done.stdout.contains("B8A") && done.stdout.contains("background"), "{}", done.stdout);
    let done = Done::of(program().args(["dataset", "info"]).arg(&out)).succeeded_quietly();
    assert!(done.stdout.contains("8 of 12 x 12 pixels") && done.stdout.contains("train"), "{}", done.stdout);

    // The page names every sample once; sheets are one picture each; nothing is replaced unasked.
    let (page, sheets) = (folder.path().join("set.html"), folder.path().join("sheets"));
    let preview = |more: &[&str]| {
        let mut command = program();
        command.args(["dataset", "preview"]).arg(&out).arg("--output").arg(&page).args(more);
        Done::of(&mut command)
    };
    let done = preview(&["--sheets", sheets.to_str().unwrap(), "--size", "64"]).succeeded_quietly();
    assert!(done.stdout.contains("8 samples") && done.stdout.contains("8 sheets"), "{}", done.stdout);
    let html = fs::read_to_string(&page).unwrap();
    let ids = names(&out.join("patches"));
    assert!(ids.iter().all(|id| html.matches(&format!("\"id\":\"{id}\"")).count() == 1), "each sample once");
    assert_eq!(names(&sheets), ids.iter().map(|id| format!("{id}.png")).collect::<Vec<_>>());
    preview(&[]).failed(1, &["exists already", "hint: use `--overwrite`"]);
    let done = preview(&["--overwrite", "--split", "train"]).succeeded_quietly();
    let train = String::from_utf8(first.clone()).unwrap().lines().filter(|line| line.starts_with("train,")).count();
    assert!(done.stdout.contains(&format!("{train} sample")), "{train}: {}", done.stdout);

    assert!(json_file(&out.join("stats.json"))["bands"]["B04"]["mean"].as_f64().unwrap() > 0.0);
    assert_eq!(json_file(&out.join("collection.json"))["license"], "CC0-1.0");
}

#[test]
fn bad_input_is_refused_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, labels) = inputs(folder.path());
    let out = folder.path().join("set");
    build(&scene, &folder.path().join("none.gpkg"), &out, &[]).failed(1, &["none.gpkg"]);
    build(Path::new("none"), &labels, &out, &[]).failed(1, &["no such file or folder"]);
    build(&scene, &labels, &out, &["--bands", "B02,B10"]).failed(1, &["lacks band B10"]);
    build(&scene, &labels, &out, &["--max-cloud-cover", "5"]).failed(1, &["more than 5 % cloud", "--max-cloud-cover"]);
    build(&scene, &labels, &out, &["--where", "commodity = gold"]).failed(1, &["commodity = gold"]);
    let far = folder.path().join("far.geojson");
    write_labels(&far, &[(300_000.0, 5_300_000.0)]);
    build(&scene, &far, &out, &[]).failed(1, &["far.geojson"]);
    let left: Vec<String> = names(&out).into_iter().filter(|name| !name.starts_with('.')).collect();
    assert_eq!(left, [""; 0]);
    Done::of(program().args(["dataset", "info"]).arg(folder.path())).failed(1, &["it is not a data set"]);
}

#[cfg(unix)]
#[test]
fn a_build_that_is_interrupted_goes_on_where_it_stopped() {
    use crate::support::wait_until;
    let folder = tempfile::tempdir().unwrap();
    let spec = SceneSpec { size: 1440, ..SceneSpec::new("2A", "05.10") };
    let scene = scenes::write_stac_item(&folder.path().join("scene"), &spec, Provider::EarthSearchC1);
    let labels = folder.path().join("mines.geojson");
    write_labels(&labels, &[(600_010.0, 5_499_700.0)]);
    let arguments = ["--negatives", "0.99", "--min-data", "0"];
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    build(&scene, &labels, &one, &arguments).succeeded();
    let patches = two.join("patches");
    for round in 0..3 {
        let mut command = program();
        command.args(["dataset", "build", "--patch-size", "12", "--scenes"]).arg(&scene).arg("--labels").arg(&labels);
        command.arg("--output").arg(&two).args(arguments);
        let mut child =
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        wait_until("patches of this round", || {
            names(&patches).len() > 5 + 10 * round || child.try_wait().unwrap().is_some()
        });
        let _ = child.kill();
        child.wait().unwrap();
    }
    build(&scene, &labels, &two, &arguments).succeeded();
    let made = |folder: &Path| -> Vec<(String, Vec<u8>)> {
        names(&folder.join("patches"))
            .into_iter()
            .filter(|name| !name.starts_with('.'))
            .flat_map(|name| {
                let patch = folder.join("patches").join(&name);
                names(&patch)
                    .into_iter()
                    .map(move |file| (format!("{name}/{file}"), fs::read(patch.join(&file)).unwrap()))
            })
            .collect()
    };
    assert!(made(&one).len() > 1000);
    assert!(made(&one) == made(&two), "the same files with the same bytes");
    for file in ["samples.csv", "dataset.json", "collection.json"] {
        assert_eq!(fs::read(one.join(file)).unwrap(), fs::read(two.join(file)).unwrap(), "{file}");
    }
}

#[cfg(unix)]
#[test]
fn a_disk_without_room_is_told_and_no_patch_is_half_there() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, labels) = inputs(folder.path());
    let out = folder.path().join("set");
    let mut failed = 0;
    for blocks in [1, 4, 100_000] {
        // No file may be larger than so many blocks.
        let mut shell = std::process::Command::new("sh");
        shell
            .args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""), "sh"])
            .arg(crate::support::program_path());
        crate::support::clean(&mut shell);
        shell.args(["dataset", "build", "--patch-size", "24", "--scenes"]).arg(&scene).arg("--labels").arg(&labels);
        let done = Done::of(shell.arg("--output").arg(&out));
        let patches = names(&out.join("patches"));
        if done.code == Some(0) {
            assert_eq!(patches.len(), 4, "{blocks} blocks");
            continue;
        }
        failed += 1;
        done.failed(1, &["File too large"]);
        for patch in patches {
            assert!(!patch.starts_with('.'), "{blocks} blocks: {patch} is left behind");
            assert_eq!(names(&out.join("patches").join(&patch)).len(), 15, "{blocks} blocks: {patch}");
        }
        assert!(!out.join("dataset.json").exists());
    }
    assert_eq!(failed, 2);
}

#[cfg(unix)]
#[test]
fn a_second_build_into_one_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, labels) = inputs(folder.path());
    let out = folder.path().join("set");
    let lock = minesegsat::output::FolderLock::acquire(&out).unwrap();
    build(&scene, &labels, &out, &[]).failed(1, &["is in use by another run", "wait for it to end"]);
    drop(lock);
    build(&scene, &labels, &out, &[]).succeeded_quietly();
}

#[test]
fn an_index_that_names_missing_files_lists_them_all() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["image", "mask"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let index = folder.path().join("index.csv");
    fs::write(&index, "chip,split\na.tif,train\nb.tif,val\n").unwrap();
    let mut command = program();
    command.args(["dataset", "import", "--bands", "B02"]).arg("--images").arg(folder.path().join("image"));
    command.arg("--masks").arg(folder.path().join("mask")).arg("--index").arg(&index);
    command.arg("--output").arg(folder.path().join("set"));
    Done::of(&mut command).failed(1, &["4 of the files", "image/a.tif", "mask/a.tif", "image/b.tif", "mask/b.tif"]);
}

#[test]
fn the_real_chips_are_described() {
    let Some(chips) = crate::support::real_data("brazil_mining_rgb_2021") else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("set");
    let mut command = program();
    command.args(["dataset", "import"]).arg("--images").arg(chips.join("image")).arg("--masks").arg(chips.join("mask"));
    command.arg("--index").arg(chips.join("index.csv")).arg("--output").arg(&out);
    let done = Done::of(&mut command).succeeded_quietly();
    assert!(done.stdout.contains("64 of 448 x 448 pixels") && done.stdout.contains("B02, B03, B04"), "{}", done.stdout);
    assert!(done.stdout.contains("train 49, val 15"), "{}", done.stdout);
    Done::of(program().args(["dataset", "stats"]).arg(&out)).succeeded_quietly();
    let stats = json_file(&out.join("stats.json"));
    let share = stats["classes"]["mining"]["share"].as_f64().unwrap();
    assert!((0.2..0.5).contains(&share), "{share}");
}

#[test]
fn sets_are_put_together_and_keep_their_parts() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, labels) = inputs(folder.path());
    let all = folder.path().join("all");
    let (a, b) = (all.join("a"), folder.path().join("b"));
    for set in [&a, &b] {
        build(&scene, &labels, set, &["--negatives", "0.5"]).succeeded();
        Done::of(program().args(["dataset", "split"]).arg(set).args(["--shares", "50,25,25"])).succeeded();
    }
    let merge = |out: &Path, sets: &[&PathBuf], more: &[&str]| {
        Done::of(program().args(["dataset", "merge"]).args(sets).arg("-o").arg(out).args(more))
    };
    let done = merge(&all, &[&a, &b], &["--title", "Both"]).succeeded();
    assert!(done.stdout.starts_with("Both\n") && done.stdout.contains("16 of 12 x 12 pixels"), "{}", done.stdout);
    let lines = |set: &Path| -> Vec<String> {
        let text = fs::read_to_string(set.join("dataset_splits.csv")).unwrap();
        text.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
    };
    let count = |set: &Path, split: &str| lines(set).iter().filter(|part| *part == split).count();
    for split in ["train", "val", "test"] {
        assert_eq!(count(&all, split), count(&a, split) + count(&b, split), "{split}");
    }
    // Groups of one set are none of the other's, and those of a set stay together.
    let groups = |set: &Path| -> std::collections::BTreeSet<String> {
        let text = fs::read_to_string(set.join("dataset_splits.csv")).unwrap();
        text.lines().skip(1).map(|line| line.split(',').nth(4).unwrap().to_owned()).collect()
    };
    assert_eq!(groups(&all).len(), groups(&a).len() + groups(&b).len());
    // All files of it are found.
    Done::of(program().args(["dataset", "stats"]).arg(&all)).succeeded();
    let whole = json_file(&all.join("stats.json"));
    Done::of(program().args(["dataset", "stats"]).arg(&a)).succeeded();
    let part = json_file(&a.join("stats.json"));
    assert_eq!(whole["bands"]["B04"]["mean"], part["bands"]["B04"]["mean"], "twice the same");
    merge(&all, &[&a, &b], &[]).failed(1, &["exists already", "--overwrite"]);
    merge(&folder.path().join("none"), &[&folder.path().join("absent")], &[]).failed(1, &["it is not a data set"]);
}
