//! What the tests of the built program share: running it, untrained models, small scenes, and looks at what it wrote.
#![allow(dead_code, reason = "the benchmark of downloads uses a part of this module")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on panics; a skipped one says so")]

pub(crate) mod stac;

pub(crate) use minesegsat_testing::reference::real_data;
pub(crate) use minesegsat_testing::{http, scenes};

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Duration;

use minesegsat::{Location, RasterInfo, open_raster};
use safetensors::{SafeTensors, tensor::TensorView};
use scenes::{GeoTiff, SceneSpec};
use serde_json::Value;

/// Files of a run with the default format, in the order of their names.
pub(crate) const OUTPUTS: [&str; 6] =
    ["manifest.json", "mask.tif", "mask.tif.aux.xml", "polygons.gpkg", "probability.tif", "quicklook.png"];

/// The program under test: the one just built, or the installed or released one that `MINESEGSAT_TEST_PROGRAM` names.
pub(crate) fn program_path() -> PathBuf {
    std::env::var_os("MINESEGSAT_TEST_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_minesegsat").into()).into()
}

/// The model in the box.
pub(crate) fn shipped_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/b0")
}

/// The program in a clean environment, impatient with servers.
pub(crate) fn program() -> Command {
    let mut command = Command::new(program_path());
    clean(&mut command);
    command
}

/// Gives a command, such as a shell that runs the program, the program's clean environment.
pub(crate) fn clean(command: &mut Command) {
    for variable in ["RUST_LOG", "RAYON_NUM_THREADS", "NO_COLOR", "CLICOLOR_FORCE", "LC_ALL", "LC_MESSAGES", "LANG"] {
        command.env_remove(variable);
    }
    // Logins and registers of whoever runs the tests.
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if ["AWS_", "EDS_", "PC_SDK_", "MINESEGSAT_STAC", "MINESEGSAT_OAUTH", "MINESEGSAT_REGISTER"]
            .iter()
            .any(|p| name.starts_with(p))
        {
            command.env_remove(&variable);
        }
    }
    command
        // No lines of progress, however slow the machine is.
        .env("MINESEGSAT_PROGRESS_SECONDS", "0")
        .env("MINESEGSAT_HTTP_ATTEMPTS", "3")
        .env("MINESEGSAT_HTTP_BACKOFF_S", "0.01")
        .env("MINESEGSAT_HTTP_TIMEOUT_S", "10");
}

/// Runs the program to its end.
pub(crate) fn run<I, S>(arguments: I) -> Done
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    Done::of(program().args(arguments))
}

/// `predict` with the model of twelve bands, patches of 64 pixels and an overlap of 16.
pub(crate) fn predict(scene: impl AsRef<OsStr>, output: &Path, more: &[&str]) -> Done {
    Done::of(&mut predict_command(scene, output, more))
}

/// The command that [`predict`] runs.
pub(crate) fn predict_command(scene: impl AsRef<OsStr>, output: &Path, more: &[&str]) -> Command {
    predict_with(model(), scene, output, more)
}

/// `predict` with another model.
pub(crate) fn predict_with(model: &Path, scene: impl AsRef<OsStr>, output: &Path, more: &[&str]) -> Command {
    let mut command = program();
    command.arg("predict").arg(scene).arg("--model").arg(model).arg("--output").arg(output);
    if !more.contains(&"--overlap") {
        command.args(["--overlap", "16"]);
    }
    command.args(more);
    command
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Done {
    pub(crate) fn of(command: &mut Command) -> Self {
        command.output().expect("the program starts").into()
    }

    /// Exit code 0.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "stderr: {}", self.stderr);
        self
    }

    /// Exit code 0, and stderr is empty.
    #[track_caller]
    pub(crate) fn succeeded_quietly(self) -> Self {
        assert_eq!(self.stderr, "");
        self.succeeded()
    }

    /// An exit code, nothing on stdout, and a message that begins as all do and says all of this.
    #[track_caller]
    pub(crate) fn failed(self, code: i32, said: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "stderr: {}", self.stderr);
        assert_eq!(self.stdout, "");
        assert!(self.stderr.lines().any(|line| line.starts_with("error: ")), "{}", self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        for part in said {
            assert!(self.stderr.contains(part), "`{part}` is not said: {}", self.stderr);
        }
        self
    }

    /// What was printed, as the one JSON document it must be.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// A model of the paper's twelve bands. Its network is untrained, and its classifier scaled so that the answers to
/// noise spread around one half: as it is made, it answers with nearly 0 everywhere.
pub(crate) fn model() -> &'static Path {
    static MODEL: OnceLock<PathBuf> = OnceLock::new();
    MODEL.get_or_init(|| {
        made_once("b0-64-7-scaled", |path| {
            let folder = tempfile::tempdir().unwrap();
            let (random, weights) = (folder.path().join("random"), folder.path().join("scaled.safetensors"));
            random_model(&random, &[]);
            let (mean, deviation) = logits(&random);
            changed(&random.join("model.safetensors"), &weights, str::to_owned, |name, _, value| match name {
                "decoder.classifier.weight" => value / deviation,
                "decoder.classifier.bias" => (value - mean) / deviation,
                _ => value,
            });
            let card = ["--title", "scaled", "--training-data", "untrained", "--patch-size", "64", "--output"];
            let max = [0.5; 12].map(|max| max.to_string()).join(",");
            let import = [&["model", "import", weights.to_str().unwrap(), "--max-values", &max], &card[..]].concat();
            Done::of(program().args(import).arg(path)).succeeded_quietly();
        })
    })
}

/// An untrained model of the bands B04, B03 and B02, as it is made.
pub(crate) fn rgb_model() -> &'static Path {
    static MODEL: OnceLock<PathBuf> = OnceLock::new();
    MODEL.get_or_init(|| made_once("b0-64-7-rgb", |path| random_model(path, &["--bands", "B04,B03,B02"])))
}

fn random_model(path: &Path, more: &[&str]) {
    let random = ["model", "random", "b0", "--patch-size", "64", "--seed", "7", "--output"];
    Done::of(program().args(random).arg(path).args(more)).succeeded_quietly();
}

/// Mean and standard deviation of the logits that a model folder has recorded.
fn logits(model: &Path) -> (f32, f32) {
    let bytes = fs::read(model.join("forward.safetensors")).unwrap();
    let record = SafeTensors::deserialize(&bytes).unwrap();
    let bytes = record.tensor("logits").unwrap().data().to_vec();
    let values: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    let mean = |f: &dyn Fn(f32) -> f32| values.iter().map(|&v| f(v)).sum::<f32>() / values.len() as f32;
    let middle = mean(&|v| v);
    (middle, mean(&|v| (v - middle).powi(2)).sqrt())
}

/// Makes a folder in the tests' own, or takes the one that was made with this very program for another test program.
fn made_once(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(folder).unwrap();
    let (path, lock) = (folder.join(name), File::create(folder.join(format!("{name}.lock"))).unwrap());
    lock.lock().unwrap();
    let changed = |path: &Path| fs::metadata(path).and_then(|found| found.modified()).ok();
    if changed(&path.join("model.json")) <= changed(&program_path()) {
        if path.exists() {
            fs::remove_dir_all(&path).unwrap();
        }
        make(&path);
    }
    path
}

/// Writes a copy of a safetensors file with other values or names.
pub(crate) fn changed(
    from: &Path,
    to: &Path,
    rename: impl Fn(&str) -> String,
    change: impl Fn(&str, usize, f32) -> f32,
) {
    let bytes = fs::read(from).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = file
        .iter()
        .map(|(name, view)| {
            let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
            let bytes = values.enumerate().flat_map(|(i, v)| change(name, i, v).to_le_bytes()).collect();
            (rename(name), view.shape().to_vec(), bytes)
        })
        .collect();
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| (name, TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes).unwrap()));
    fs::write(to, safetensors::serialize(views, None::<HashMap<String, String>>).unwrap()).unwrap();
}

/// A copy of the model of twelve bands, to be changed.
pub(crate) fn copy_of_model(folder: &Path) -> PathBuf {
    let copy = folder.join("model");
    fs::create_dir(&copy).unwrap();
    for name in names(model()) {
        fs::copy(model().join(&name), copy.join(&name)).unwrap();
    }
    copy
}

/// 120 x 120 pixels of a level 2A product with clouds in the north.
pub(crate) fn spec() -> SceneSpec {
    SceneSpec::new("2A", "05.10")
}

/// A folder of band files: nothing in it tells the offset, so give `--offset -1000`.
pub(crate) fn folder_scene(folder: &Path) -> PathBuf {
    scenes::write_folder(&folder.join("scene"), &spec())
}

/// A GeoTIFF of the paper's twelve bands with reflectance from a hash of the place: any size. Its blue is too dark for
/// clouds.
pub(crate) fn noise_stack(path: &Path, width: usize, height: usize) {
    let bands = minesegsat::Band::PAPER;
    let pixels = |band: usize| {
        let bits = if bands[band] == minesegsat::Band::B02 { 10 } else { 12 };
        let hash = |i: usize| (i as u64 * 12 + band as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let value = |i: usize| 200 + (hash(i) >> (64 - bits)) as u16;
        (0..width * height).map(value).collect()
    };
    let pixels = (0..bands.len()).map(pixels).collect();
    let mut tiff = GeoTiff::new(32610, (600_000.0, 5_500_020.0), 10.0, width, height, pixels);
    tiff.names = bands.iter().map(ToString::to_string).collect();
    fs::write(path, tiff.encode()).unwrap();
}

/// Names of everything in a folder, sorted, hidden ones as well; of a folder that is not there, none.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// First band of a raster.
pub(crate) fn raster(path: &Path) -> (RasterInfo, Vec<f64>) {
    let raster = open_raster(&Location::from(path)).unwrap();
    let pixels = raster.read(0, raster.info().grid.full_window()).unwrap();
    (raster.info().clone(), (0..pixels.len()).map(|i| pixels.get(i)).collect())
}

/// Probabilities in an output folder.
pub(crate) fn probability(output: &Path) -> Vec<f64> {
    raster(&output.join("probability.tif")).1
}

/// Whether two maps have the same pixels, missing ones included, to a tolerance.
#[track_caller]
pub(crate) fn assert_same(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance, "pixel {i}: {a} and {b}");
    }
}

/// A probability that this part of a map lies below, so that an untrained network finds some shapes.
pub(crate) fn quantile(output: &Path, part: f64) -> String {
    let mut values: Vec<f64> = probability(output).into_iter().filter(|p| !p.is_nan()).collect();
    values.sort_unstable_by(f64::total_cmp);
    values[(values.len() as f64 * part) as usize].to_string()
}

pub(crate) fn json_file(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

pub(crate) fn manifest(output: &Path) -> Value {
    json_file(&output.join("manifest.json"))
}

/// Waits for something that another process or thread does.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    // Two minutes of patience for a machine under load; it takes milliseconds.
    for _ in 0..24_000 {
        if happened() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("waited in vain for {what}");
}

/// The items of a simulated landscape, one for each year, with locations that hold from anywhere. Writes them to a collection too.
pub(crate) fn collection_of(sim: &Path, years: &[&str], path: &Path) -> Vec<Value> {
    let item_of = |year: &&str| {
        let scenes = std::fs::read_dir(sim.join(year)).unwrap();
        let scene = scenes.map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap();
        let mut item = json_file(&scene.join("item.json"));
        for (_, asset) in item["assets"].as_object_mut().unwrap() {
            let name = asset["href"].as_str().unwrap().trim_start_matches("./").to_owned();
            asset["href"] = scene.join(name).to_str().unwrap().into();
        }
        item
    };
    let items: Vec<Value> = years.iter().map(item_of).collect();
    let collection = serde_json::json!({"type": "FeatureCollection", "features": items});
    std::fs::write(path, collection.to_string()).unwrap();
    items
}
