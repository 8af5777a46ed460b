//! Chips, masks, indices, weights and data of a training run that were read wrongly once, through the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Done, changed, json_file, names, program, run};
use minesegsat_testing::reference::case;
use serde_json::{Value, json};

/// A GeoTIFF of 8 bits or 32-bit floats in strips of four rows, so that a read decodes several blocks.
struct Tiff {
    side: usize,
    bands: usize,
    origin: (f64, f64),
    pixel: f64,
    epsg: u16,
    south_up: bool,
    is_placed: bool,
    floats: bool,
}

impl Tiff {
    const fn new(side: usize, bands: usize) -> Self {
        Self {
            side,
            bands,
            origin: (500_000.0, 6_100_000.0),
            pixel: 10.0,
            epsg: 32610,
            south_up: false,
            is_placed: true,
            floats: false,
        }
    }

    /// Chip `i`, far from all others.
    fn at(mut self, i: usize) -> Self {
        self.origin.0 += 10_000.0 * (i % 40) as f64;
        self.origin.1 -= 10_000.0 * (i / 40) as f64;
        self
    }

    fn write(&self, path: &Path, value: impl Fn(usize, usize) -> f32) {
        const ROWS: usize = 4;
        let (side, strips) = (self.side, self.side.div_ceil(ROWS));
        let bytes_per_value = if self.floats { 4 } else { 1 };
        let strip_bytes = ROWS * side * self.bands * bytes_per_value;
        let mut out = b"II*\0\0\0\0\0".to_vec();
        for pixel in 0..strips * ROWS * side {
            for band in 0..self.bands {
                let value = value(band, pixel.min(side * side - 1));
                if self.floats { out.extend(value.to_le_bytes()) } else { out.push(value as u8) }
            }
        }
        let long =
            |values: &[u32]| (4_u16, values.len(), values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
        let short =
            |values: &[u16]| (3_u16, values.len(), values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
        let double =
            |values: &[f64]| (12_u16, values.len(), values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
        let offsets: Vec<u32> = (0..strips).map(|i| (8 + i * strip_bytes) as u32).collect();
        let (bits, format) = if self.floats { (32, 3) } else { (8, 1) };
        let mut tags = vec![
            (256_u16, long(&[side as u32])),
            (257, long(&[side as u32])),
            (258, short(&vec![bits; self.bands])),
            (259, short(&[1])),
            (262, short(&[1])),
            (273, long(&offsets)),
            (277, short(&[self.bands as u16])),
            (278, long(&[ROWS as u32])),
            (279, long(&vec![strip_bytes as u32; strips])),
            (339, short(&vec![format; self.bands])),
        ];
        if self.is_placed {
            let (x, y) = self.origin;
            if self.south_up {
                let bottom = y - self.pixel * side as f64;
                let p = self.pixel;
                tags.push((
                    34264,
                    double(&[p, 0.0, 0.0, x, 0.0, p, 0.0, bottom, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]),
                ));
            } else {
                tags.push((33550, double(&[self.pixel, self.pixel, 0.0])));
                tags.push((33922, double(&[0.0, 0.0, 0.0, x, y, 0.0])));
            }
            let (model, key) = if self.epsg == 4326 { (2, 2048) } else { (1, 3072) };
            tags.push((34735, short(&[1, 1, 0, 3, 1024, 0, 1, model, 1025, 0, 1, 1, key, 0, 1, self.epsg])));
            tags.sort_by_key(|(tag, _)| *tag);
        }
        let mut entries = Vec::new();
        for (tag, (kind, count, data)) in tags {
            entries.extend(tag.to_le_bytes());
            entries.extend(kind.to_le_bytes());
            entries.extend((count as u32).to_le_bytes());
            if data.len() <= 4 {
                let mut data = data;
                data.resize(4, 0);
                entries.extend(data);
            } else {
                entries.extend((out.len() as u32).to_le_bytes());
                out.extend(data);
            }
        }
        let directory = out.len() as u32;
        out.extend(((entries.len() / 12) as u16).to_le_bytes());
        out.extend(entries);
        out.extend(0_u32.to_le_bytes());
        out[4..8].copy_from_slice(&directory.to_le_bytes());
        fs::write(path, out).unwrap();
    }
}

/// Folders `image` and `mask` with `count` chips of 16 pixels. The left half of every chip is a mine.
fn chips(folder: &Path, count: usize) {
    chips_with(folder, count, 16, |_, pixel| if pixel % 16 < 8 { 1.0 } else { 0.0 });
}

fn chips_with(folder: &Path, count: usize, side: usize, mask: impl Fn(usize, usize) -> f32) {
    for name in ["image", "mask"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    for i in 0..count {
        let name = format!("c{i:02}.tif");
        let noise = |band: usize, pixel: usize| {
            let noise = (pixel as u64 * 31 + band as u64 * 7 + i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58;
            // Mines are brighter, so that there is something to learn.
            60.0 + noise as f32 + if pixel % side < side / 2 { 60.0 } else { 0.0 }
        };
        Tiff::new(side, 3).at(i).write(&folder.join("image").join(&name), noise);
        Tiff::new(side, 1).at(i).write(&folder.join("mask").join(&name), |_, pixel| mask(i, pixel));
    }
}

fn import_command(folder: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = program();
    command.args(["dataset", "import", "--bands", "B02,B03,B04", "--scale", "0.004", "--images"]);
    command.arg(folder.join("image")).arg("--masks").arg(folder.join("mask")).arg("--output").arg(out).args(more);
    command
}

fn import(folder: &Path, out: &Path, more: &[&str]) -> Done {
    Done::of(&mut import_command(folder, out, more))
}

fn splits(set: &Path) -> Vec<String> {
    let text = fs::read_to_string(set.join("dataset_splits.csv")).unwrap();
    text.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
}

#[test]
fn masks_on_another_grid_than_their_image_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (name, said) in [
        ("othercrs_deg", ["the mask lies on another grid than its image: EPSG:4326", "EPSG:32610"]),
        ("otherres", ["pixels of 20 x 20", "pixels of 10 x 10"]),
        ("southup", ["the mask lies on another grid", "rows from south to north"]),
    ] {
        let Some(chips) = case(&format!("vectors/chips/{name}")) else { continue };
        let out = folder.path().join(name);
        import(&chips, &out, &[]).failed(1, &said);
        assert!(!out.join("dataset.json").exists(), "{name}");
    }
}

#[test]
fn masks_that_are_shifted_or_elsewhere_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("set");
    let zero = |_: usize, _: usize| 0.0;
    let half = |_: usize, pixel: usize| if pixel % 16 < 8 { 1.0 } else { 0.0 };
    chips(folder.path(), 2);
    let mask = folder.path().join("mask/c01.tif");
    let shifted = Tiff { origin: (510_005.0, 6_100_000.0), ..Tiff::new(16, 1) };
    shifted.write(&mask, half);
    import(folder.path(), &out, &[])
        .failed(1, &["c01.tif", "first corner 510005, 6100000", "first corner 510000, 6100000"]);
    // Another zone with the same numbers.
    Tiff { epsg: 32611, ..Tiff::new(16, 1).at(1) }.write(&mask, half);
    import(folder.path(), &out, &[]).failed(1, &["EPSG:32611", "EPSG:32610"]);
    // Both from south to north: they belong together.
    Tiff { south_up: true, ..Tiff::new(16, 1).at(1) }.write(&mask, half);
    Tiff { south_up: true, ..Tiff::new(16, 3).at(1) }
        .write(&folder.path().join("image/c01.tif"), |_, pixel| pixel as f32);
    import(folder.path(), &out, &[]).succeeded();
    // A mask without a georeference is paired by its pixels, and the program says so.
    Tiff { is_placed: false, ..Tiff::new(16, 1) }.write(&folder.path().join("mask/c00.tif"), half);
    let done = import(folder.path(), &out, &["--overwrite"]).succeeded();
    assert!(done.stderr.contains("1 masks or their images have no georeference"), "{}", done.stderr);
    assert!(done.stdout.contains("50.00 % of the pixels"), "{}", done.stdout);
    // A mask that is exchanged after the import is noticed where it is read.
    Tiff { origin: (0.0, 0.0), ..Tiff::new(16, 1) }.write(&folder.path().join("mask/c00.tif"), zero);
    let stats = Done::of(program().args(["dataset", "split"]).arg(&out).args(["--shares", "50,50,0"]));
    assert_eq!(stats.code, Some(0), "{}", stats.stderr);
    let train = folder.path().join("run");
    Done::of(program().args(["dataset", "stats", "--all"]).arg(&out)).succeeded();
    let config = folder.path().join("t.toml");
    fs::write(
        &config,
        "[data]\npatch_size = 32\nbatch_size = 1\n[validation]\nwindow = 32\noverlap = 0\nmetric = \"bce\"",
    )
    .unwrap();
    let done = Done::of(program().args(["train", "-c"]).arg(&config).arg("-o").arg(&train).arg("--dataset").arg(&out));
    done.failed(1, &["another grid than its image", "first corner 0, 0"]);
}

#[test]
fn values_of_masks_need_a_meaning() {
    let folder = tempfile::tempdir().unwrap();
    for (name, said) in [("m0_255", "255 is read as `ignore`"), ("float01", "the mask holds 0.")] {
        let Some(chips) = case(&format!("vectors/chips/{name}")) else { continue };
        let out = folder.path().join(name);
        let done = import(&chips, &out, &[]).failed(1, &[said]);
        assert!(done.stderr.contains("hint: `dataset import --mask-values"), "{}", done.stderr);
        assert!(!out.join("dataset.json").exists(), "{name}");
    }
    // With a word from the user they are what they mean.
    let Some(chips) = case("vectors/chips/m0_255") else { return };
    let out = folder.path().join("m0_255");
    import(&chips, &out, &["--mask-values", "mining=255,other=0"]).succeeded();
    let share = |out: &Path| -> f64 {
        let text = fs::read_to_string(out.join("samples.csv")).unwrap();
        let column = text.lines().next().unwrap().split(',').position(|name| name == "mining_share").unwrap();
        text.lines().nth(1).unwrap().split(',').nth(column).unwrap().parse().unwrap()
    };
    let bytes = fs::read(chips.join("mask/c00.tif")).unwrap();
    // One uncompressed strip of 64 x 64 pixels.
    let counted =
        (0..bytes.len() - 4095).map(|i| &bytes[i..i + 4096]).find(|part| part.iter().all(|b| [0, 255].contains(b)));
    let expected = counted.unwrap().iter().filter(|b| **b == 255).count() as f64 / 4096.0;
    assert!((share(&out) - expected).abs() < 0.02 && expected > 0.0, "{} {expected}", share(&out));
    Done::of(program().args(["dataset", "stats", "--all"]).arg(&out)).succeeded();
    let stats = json_file(&out.join("stats.json"));
    assert!(stats["classes"]["mining"]["share"].as_f64().unwrap() > 0.0, "{stats}");
}

#[test]
fn fractions_and_other_values_get_the_meaning_that_is_stated() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("set");
    chips(folder.path(), 1);
    let mask = folder.path().join("mask/c00.tif");
    // Fractions 0, 1/8, ..., 1: the columns 4 and above are at least one half.
    Tiff { floats: true, ..Tiff::new(16, 1) }.write(&mask, |_, pixel| ((pixel % 16) as f32 / 8.0).min(1.0));
    import(folder.path(), &out, &[]).failed(1, &["c00.tif", "0.125, 0.25, 0.375", "--mask-values"]);
    let done = import(folder.path(), &out, &["--mask-values", "mining=0.5..1,other=0..0.5"]).succeeded();
    assert!(done.stdout.contains("75.00 % of the pixels"), "{}", done.stdout);
    // All readers use the same meaning, also after a merge.
    let both = folder.path().join("both");
    Done::of(program().args(["dataset", "merge"]).arg(&out).arg("-o").arg(&both)).succeeded();
    Done::of(program().args(["dataset", "stats", "--all"]).arg(&both)).succeeded();
    assert_eq!(json_file(&both.join("stats.json"))["classes"]["mining"]["share"], 0.75);
    // Other values, and several bands that differ.
    let other = folder.path().join("other");
    Tiff::new(16, 1).write(&mask, |_, pixel| (1 + pixel % 2) as f32);
    import(folder.path(), &other, &[]).failed(
        1,
        &["the mask holds 2; the values that have a meaning are 0 (background), 1 (mining) and 255 (ignore)"],
    );
    let done = import(folder.path(), &other, &["--mask-values", "mining=2,other=1"]).succeeded();
    assert!(done.stdout.contains("50.00 % of the pixels"), "{}", done.stdout);
    Tiff::new(16, 3).write(&mask, |band, pixel| if band == 0 && pixel < 64 { 255.0 } else { 0.0 });
    import(folder.path(), &folder.path().join("rgb"), &["--mask-values", "mining=255,other=0"])
        .failed(1, &["c00.tif", "the mask has 3 bands that differ"]);
    // A value without a meaning is named by every reader.
    Tiff { floats: true, ..Tiff::new(16, 1) }.write(&mask, |_, _| 3.0);
    Done::of(program().args(["dataset", "stats", "--all"]).arg(&both))
        .failed(1, &["the mask holds 3; the values that have a meaning are mining=0.5..1,other=0..0.5"]);
    let mut bad = import_command(folder.path(), &out, &["--mask-values", "mine=1"]);
    Done::of(&mut bad).failed(2, &["CLASS=VALUE"]);
}

#[test]
fn rows_without_a_split_are_left_out_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    chips(folder.path(), 12);
    let out = folder.path().join("set");
    let Some(index) = case("vectors/i_somesplit.csv") else { return };
    let done = import(folder.path(), &out, &["--index", index.to_str().unwrap()]).succeeded();
    assert!(
        done.stderr.contains("1 of the 12 rows have no split") && done.stderr.contains("`c01` in line 3"),
        "{}",
        done.stderr
    );
    assert!(done.stdout.contains("train 5, val 3, test 3, unused 1"), "{}", done.stdout);
    assert_eq!(splits(&out).iter().filter(|split| *split == "unused").count(), 1);
    // Without any split there is none, as before.
    let index = folder.path().join("none.csv");
    fs::write(&index, "chip\nc00.tif\nc01.tif\n").unwrap();
    let done = import(folder.path(), &out, &["--overwrite", "--index", index.to_str().unwrap()]).succeeded_quietly();
    assert!(done.stdout.contains("not split yet"), "{}", done.stdout);
    fs::write(&index, "chip,split\nc00.tif,train\nc01.tif,trian\n").unwrap();
    import(folder.path(), &folder.path().join("bad"), &["--index", index.to_str().unwrap()])
        .failed(1, &["unknown split `trian` in line 3"]);
}

#[test]
fn indices_of_spreadsheets_and_of_windows_are_understood() {
    let folder = tempfile::tempdir().unwrap();
    chips(folder.path(), 12);
    let expected = "train 6, val 3, test 3";
    for name in ["i_semi", "i_winrel"] {
        let Some(index) = case(&format!("vectors/{name}.csv")) else { continue };
        let out = folder.path().join(name);
        let done = import(folder.path(), &out, &["--index", index.to_str().unwrap()]).succeeded();
        assert!(done.stdout.contains(expected), "{name}: {}", done.stdout);
    }
    let index = folder.path().join("index.csv");
    let out = folder.path().join("set");
    let text = "\u{feff}Chip;SPLIT;Mask\r\nD:\\data\\image\\c00.tif;Train;D:\\data\\mask\\c00.tif\r\nE:\\c01;val;mask\\c01\r\n";
    fs::write(&index, text).unwrap();
    let done = import(folder.path(), &out, &["--index", index.to_str().unwrap()]).succeeded();
    assert!(done.stdout.contains("train 1, val 1"), "{}", done.stdout);
    assert!(
        done.stderr.contains("were read by their ends, such as `D:\\data\\image\\c00.tif` as `c00.tif`"),
        "{}",
        done.stderr
    );
    let rows = fs::read_to_string(out.join("dataset_splits.csv")).unwrap();
    assert!(rows.contains("image/c01.tif,mask/c01.tif"), "{rows}");
    fs::write(&index, "chip\nD:\\nowhere\\x99.tif\n").unwrap();
    import(folder.path(), &folder.path().join("bad"), &["--index", index.to_str().unwrap()]).failed(1, &["x99.tif"]);
}

#[test]
fn a_thousand_chips_fit_on_a_small_stack() {
    let folder = tempfile::tempdir().unwrap();
    chips(folder.path(), 1000);
    let out = folder.path().join("set");
    let on_a_small_stack =
        |command: &mut Command| Done::of(command.env("RUST_MIN_STACK", "400000").env("RAYON_NUM_THREADS", "2"));
    let done = on_a_small_stack(&mut import_command(folder.path(), &out, &[])).succeeded_quietly();
    assert!(done.stdout.contains("1000 of 16 x 16 pixels"), "{}", done.stdout);
    assert!(done.stdout.contains("50.00 % of the pixels"), "{}", done.stdout);
    on_a_small_stack(program().args(["dataset", "stats", "--all"]).arg(&out)).succeeded_quietly();
    assert_eq!(json_file(&out.join("stats.json"))["samples"], 1000);
    let page = folder.path().join("set.html");
    on_a_small_stack(program().args(["dataset", "preview", "--max-items", "1000", "-o"]).arg(&page).arg(&out))
        .succeeded_quietly();
}

/// A set of 12 chips with two splits and statistics, in `folder/set`.
fn set(folder: &Path, mask: impl Fn(usize, usize) -> f32) -> PathBuf {
    chips_with(folder, 12, 32, mask);
    let index = folder.join("index.csv");
    let rows =
        (0..12).map(|i| format!("c{i:02}.tif,{}\n", if i % 3 == 0 { "val" } else { "train" })).collect::<String>();
    fs::write(&index, format!("chip,split\n{rows}")).unwrap();
    let out = folder.join("set");
    import(folder, &out, &["--index", index.to_str().unwrap()]).succeeded();
    Done::of(program().args(["dataset", "stats"]).arg(&out)).succeeded_quietly();
    out
}

fn half(_chip: usize, pixel: usize) -> f32 {
    if pixel % 32 < 16 { 1.0 } else { 0.0 }
}

/// A SegFormer of a few thousand weights.
const TINY: &str = r#"
seed = 1
[data]
bands = ["B04", "B03", "B02"]
patch_size = 32
batch_size = 4
[network]
name = "b0"
embed_dims = [8, 8, 16, 16]
depths = [1, 1, 1, 1]
num_heads = [1, 1, 2, 2]
decoder_dim = 16
[loss]
name = "cross-entropy"
[[phases]]
epochs = 2
learning_rate = 1e-3
[validation]
window = 32
overlap = 0
[output]
pictures = 0
checkpoint_seconds = 0
tensorboard = false
"#;

fn train(folder: &Path, config: &str, run: &str, more: &[&str]) -> Done {
    let path = folder.join("train.toml");
    fs::write(&path, config).unwrap();
    let mut command = program();
    command.args(["train", "-c"]).arg(&path).arg("-o").arg(folder.join(run)).arg("--dataset").arg(folder.join("set"));
    Done::of(command.args(more))
}

#[test]
fn a_run_resumes_on_the_data_that_it_began_with() {
    let folder = tempfile::tempdir().unwrap();
    let set = set(folder.path(), half);
    train(folder.path(), TINY, "run", &[]).succeeded();
    let run_folder = folder.path().join("run");
    let data = json_file(&run_folder.join("data.json"));
    assert_eq!(data["samples"].as_object().unwrap().len(), 12, "{data}");
    train(folder.path(), TINY, "run", &["--resume"]).succeeded();

    // A mask is inverted in place: its file has the same size.
    let mask = folder.path().join("mask/c01.tif");
    let before = fs::read(&mask).unwrap();
    Tiff::new(32, 1).at(1).write(&mask, |_, pixel| 1.0 - half(1, pixel));
    assert_eq!(fs::metadata(&mask).unwrap().len(), before.len() as u64);
    train(folder.path(), TINY, "run", &["--resume"])
        .failed(1, &["its data have changed: 1 mask has changed (c01)", "hint: `--allow-changed-data`"]);
    fs::write(&mask, &before).unwrap();

    // Another split, with its own statistics.
    Done::of(program().args(["dataset", "split", "--seed", "9", "--shares", "60,40,0"]).arg(&set)).succeeded();
    Done::of(program().args(["dataset", "stats"]).arg(&set)).succeeded_quietly();
    train(folder.path(), TINY, "run", &["--resume"])
        .failed(1, &["in another split (", "the statistics have changed: B0"]);
    let done = train(folder.path(), TINY, "run", &["--resume", "--allow-changed-data"]).succeeded();
    assert!(done.stderr.contains("note: the data of the run have changed"), "{}", done.stderr);
    let data = json_file(&run_folder.join("data.json"));
    let what = data["changes"][0]["what"].as_array().unwrap();
    assert!(what.iter().any(|text| text.as_str().unwrap().contains("in another split")), "{data}");
    // What was allowed once is the data of the run from then on.
    let done = train(folder.path(), TINY, "run", &["--resume"]).succeeded();
    assert!(!done.stderr.contains("changed"), "{}", done.stderr);
    // A run of an earlier version has no record.
    fs::remove_file(run_folder.join("data.json")).unwrap();
    let done = train(folder.path(), TINY, "run", &["--resume"]).succeeded();
    assert!(done.stderr.contains("could not be compared"), "{}", done.stderr);
}

#[test]
fn norms_over_one_value_are_refused_before_training() {
    let folder = tempfile::tempdir().unwrap();
    set(folder.path(), half);
    let with = |network: &str, batch: usize, side: usize| {
        let head = format!("[data]\npatch_size = {side}\nbatch_size = {batch}\n[network]\nname = \"{network}\"\n");
        head + "[validation]\nwindow = 32\noverlap = 0\n[[phases]]\nepochs = 1\nlearning_rate = 1e-3\n[output]\npictures = 0\n"
    };
    train(folder.path(), &with("deeplabv3plus-resnet18", 1, 64), "a", &[])
        .failed(1, &["data.batch_size `1` is not accepted: 2 or more; a DeepLabV3+ with ResNet-18 normalises"]);
    train(folder.path(), &with("unet-resnet18", 1, 32), "b", &[])
        .failed(1, &["data.batch_size `1` is not accepted: 2 or more, or a `data.patch_size` above 32"]);
    assert_eq!(names(folder.path()).iter().filter(|name| ["a", "b"].contains(&name.as_str())).count(), 0);
    let Some(config) = case("vectors/dl.toml") else { return };
    train(folder.path(), &fs::read_to_string(config).unwrap(), "c", &[])
        .failed(1, &["data.batch_size `1` is not accepted: 2 or more; a DeepLabV3+"]);
    train(folder.path(), &with("deeplabv3plus-resnet18", 2, 32), "d", &[]).succeeded();
}

#[test]
fn a_metric_of_mines_needs_mines_in_the_validation_split() {
    let folder = tempfile::tempdir().unwrap();
    // Chips 0, 3, 6 and 9 are the validation split.
    set(folder.path(), |i, pixel| if i % 3 == 0 { 0.0 } else { half(i, pixel) });
    train(folder.path(), TINY, "run", &[]).failed(
        1,
        &[
            "validation.metric `f1` is not accepted: accuracy, bce, brier, ece",
            "none of the 4 masks of the validation split",
        ],
    );
    let done = train(folder.path(), TINY, "run", &["--set", "validation.metric=bce"]).succeeded();
    assert!(done.stdout.contains("best bce"), "{}", done.stdout);
}

#[test]
fn a_starting_model_of_another_scale_is_named() {
    let folder = tempfile::tempdir().unwrap();
    set(folder.path(), half);
    let model = folder.path().join("run/best");
    train(folder.path(), TINY, "run", &[]).succeeded();
    let init = |model: &Path| format!("init.weights={:?}", model.to_str().unwrap());
    // The same normalisation: nothing to say.
    let done = train(folder.path(), TINY, "again", &["--set", &init(&model)]).succeeded();
    assert!(!done.stderr.contains("note:"), "{}", done.stderr);
    let with = |divisor: f64| {
        let path = folder.path().join(format!("model{divisor}"));
        fs::create_dir(&path).unwrap();
        for name in names(&model) {
            fs::copy(model.join(&name), path.join(&name)).unwrap();
        }
        let mut card = json_file(&model.join("model.json"));
        card["normalisation"] = json!({ "method": "min-max", "min": [0, 0, 0], "max": [divisor, divisor, divisor] });
        fs::write(path.join("model.json"), card.to_string()).unwrap();
        path
    };
    let done = train(folder.path(), TINY, "near", &["--set", &init(&with(1.0))]).succeeded();
    assert!(
        done.stderr.contains("note: the starting model") && done.stderr.contains("(reflectance - 0) / 1, this run as"),
        "{}",
        done.stderr
    );
    let far = init(&with(10_000.0));
    train(folder.path(), TINY, "far", &["--set", &far])
        .failed(1, &["init.weights", "/ 10000, this run as", "init.other_scale = true"]);
    train(folder.path(), TINY, "far", &["--set", &far, "--set", "init.other_scale=true"]).succeeded();
    let recorded = fs::read_to_string(folder.path().join("far/config.toml")).unwrap();
    assert!(recorded.contains("other_scale = true"), "{recorded}");
}

#[test]
fn an_encoder_of_another_program_starts_a_training() {
    let folder = tempfile::tempdir().unwrap();
    set(folder.path(), half);
    train(folder.path(), TINY, "run", &[]).succeeded();
    let ours = folder.path().join("run/best/model.safetensors");
    let theirs = folder.path().join("hf.safetensors");
    // As Hugging Face writes an encoder with an image classifier.
    let rename = |name: &str| {
        let name = name.replace("encoder.embeddings", "segformer.encoder.patch_embeddings");
        let name = name.replace("encoder.transformers", "segformer.encoder.block");
        let name =
            name.replace("norm1", "layer_norm_1").replace("norm2", "layer_norm_2").replace(".norm.", ".layer_norm.");
        let name = ["query", "key", "value", "sr"]
            .iter()
            .fold(name, |name, part| name.replace(&format!("attention.{part}"), &format!("attention.self.{part}")));
        let name = name.replace("attention.layer_norm", "attention.self.layer_norm");
        let name = name.replace("attention.dense", "attention.output.dense");
        let name = name.replace("feed_forward.mlp_in", "mlp.dense1").replace("feed_forward.mlp_out", "mlp.dense2");
        let name = name.replace("feed_forward.conv", "mlp.dwconv.dwconv");
        if name.starts_with("encoder.layer_norm") {
            format!("segformer.{name}")
        } else {
            name.replace("decoder.", "other.")
        }
    };
    changed(&ours, &theirs, rename, |_, _, value| value);
    run([Path::new("model"), Path::new("import"), &theirs, Path::new("-o"), &folder.path().join("m")])
        .failed(1, &["the encoder of a SegFormer without a decoder", "init.weights"]);
    let init = format!("init.weights={:?}", theirs.to_str().unwrap());
    let bands = "data.bands=[\"B02\",\"B03\",\"B04\"]";
    let done = train(folder.path(), TINY, "start", &["--set", &init, "--set", bands]).succeeded();
    assert!(
        done.stderr.contains("holds an encoder under the names of Hugging Face: the decoder starts with random"),
        "{}",
        done.stderr
    );
    assert!(done.stderr.contains("its 3 channels are taken as B04, B03, B02"), "{}", done.stderr);
}

#[test]
fn hostile_model_cards_and_weights_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let model = crate::support::copy_of_model(folder.path());
    let scene = folder.path().join("scene.tif");
    crate::support::noise_stack(&scene, 64, 64);
    for (name, said) in [
        ("dec", "decoder_dim `1099511627776` is not accepted: 1 to 4096"),
        (
            "depth",
            "depths `[1073741824, 1073741824, 1073741824, 1073741824]` is not accepted: all four must be 1 to 256",
        ),
        ("unet", "decoder_channels `1099511627776` is not accepted: 1 to 2048"),
        ("patch", "its patch_size is 1099511627776; expected at most 4096"),
    ] {
        let Some(card) = case(&format!("hostile/model_{name}.json")) else { continue };
        fs::copy(card, model.join("model.json")).unwrap();
        let said = [model.to_str().unwrap(), said];
        run([Path::new("model"), Path::new("verify"), &model]).failed(1, &said);
        let out = folder.path().join("map");
        Done::of(&mut crate::support::predict_with(&model, &scene, &out, &["--offset", "0"])).failed(1, &said);
        let onnx = folder.path().join("m.onnx");
        Done::of(program().args(["model", "export"]).arg(&model).arg("-o").arg(&onnx)).failed(1, &said);
        let list = Done::of(program().args(["model", "list"]).arg(folder.path())).succeeded();
        assert!(list.stdout.contains("cannot be used"), "{}", list.stdout);
    }
    if let Some(weights) = case("hostile/dims_b.safetensors") {
        run([Path::new("model"), Path::new("import"), &weights, Path::new("-o"), &folder.path().join("m")]).failed(
            1,
            &[
                "dims_b.safetensors is not a readable checkpoint: embed_dims `[42949672960,",
                "is not accepted: all four must be 1 to 4096",
            ],
        );
    }
}

#[test]
fn other_hostile_dimensions_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let model = crate::support::copy_of_model(folder.path());
    let original = json_file(&model.join("model.json"));
    let with = |change: &dyn Fn(&mut Value)| {
        let mut card = original.clone();
        change(&mut card);
        fs::write(model.join("model.json"), card.to_string()).unwrap();
        run([Path::new("model"), Path::new("verify"), &model])
    };
    // Each number is accepted, but not the network of all of them.
    with(&|card| {
        card["architecture"]["embed_dims"] = json!([4096, 4096, 4096, 4096]);
        card["architecture"]["num_heads"] = json!([1, 1, 1, 1]);
        card["architecture"]["depths"] = json!([256, 256, 256, 256]);
    })
    .failed(1, &["model.json", "a network of at most 1073741824 weights"]);
    with(&|card| card["architecture"]["embed_dims"] = json!(vec![1_u64 << 62; 4]))
        .failed(1, &["embed_dims `[4611686018427387904,"]);
    with(&|card| card["architecture"]["mlp_ratios"] = json!(vec![1_u64 << 40; 4]))
        .failed(1, &["mlp_ratios", "1 to 64"]);
    with(&|card| card["patch_size"] = json!(1_u64 << 63))
        .failed(1, &["its patch_size is 9223372036854775808; expected at most 4096"]);
    with(&|card| card["architecture"]["num_classes"] = json!(1_u64 << 40)).failed(1, &["num_classes `1099511627776`"]);
    // Weights that the network does not have are noticed before it is filled.
    with(&|card| card["architecture"]["embed_dims"] = json!([1024, 1024, 1280, 1024])).failed(1, &["expected ["]);
    let network = |name: &str, more: Value| {
        let mut network = json!({ "name": name, "encoder": "resnet18", "in_channels": 12, "num_classes": 1 });
        network.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        with(&|card| card["architecture"] = network.clone())
    };
    network("fpn", json!({ "pyramid_channels": u64::MAX })).failed(1, &["pyramid_channels", "1 to 2048"]);
    network("fpn", json!({ "segmentation_channels": 32_u64 << 40 }))
        .failed(1, &["segmentation_channels", "at most 2048"]);
    network("deeplabv3plus", json!({ "decoder_channels": 1_u64 << 50 })).failed(1, &["decoder_channels", "1 to 2048"]);
    // Sizes on the command line and in configurations.
    fs::write(model.join("model.json"), original.to_string()).unwrap();
    let scene = folder.path().join("scene.tif");
    crate::support::noise_stack(&scene, 64, 64);
    let huge = ["--offset", "0", "--patch-size", "1099511627776", "--overlap", "0"];
    Done::of(&mut crate::support::predict_with(&model, &scene, &folder.path().join("map"), &huge))
        .failed(1, &["patch size `1099511627776` is not accepted: 1 to 4096"]);
    set(folder.path(), half);
    for (key, said) in [
        ("data.patch_size=1099511627776", "`data.patch_size` is 1099511627776; expected at most 4096"),
        ("data.batch_size=1099511627776", "`data.batch_size` is 1099511627776; expected at most 10000000"),
        ("phases.0.epochs=1099511627776", "`epochs` of phase 1 is 1099511627776; expected at most 1000000"),
        ("network.depths=[1073741824,1,1,1]", "depths `[1073741824, 1, 1, 1]` is not accepted"),
    ] {
        let done = train(folder.path(), TINY, "run", &["--set", key, "--set", "network.num_heads=[1,1,1,1]"]);
        done.failed(1, &[said]);
    }
}
