//! `minesegsat demo`: everything once, from nothing: landscapes, a training set, a network, two maps and their errors, and
//! a workspace in which its mines are watched.

mod report;
mod show;
mod watch;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use anyhow::Context as _;
use minesegsat::{
    Location, Pixels, Scene,
    dataset::{self, BuildOptions, Dataset, MergeOptions, SceneList, Split, SplitOptions, StatsOptions},
    labels::{LabelOptions, Labels},
    manifest::Manifest,
    metrics::ConfusionMatrix,
    open_raster,
    predict::{PredictOptions, predict},
    preview::thumbnail_uri,
    register::SiteSummary,
    scene::OpenOptions,
    simulate::{Region, SimulateOptions, Summary, simulate},
};
use minesegsat_nn::train::{EpochReport, StepReport, TrainConfig, TrainOptions, TrainProgress, TrainReport, train};

use crate::{
    args::{CalibrateArgs, DemoArgs, EngineArgs},
    commands::{
        calibrate::calibrate,
        engine,
        predict::describe,
        train::{Watcher, duration},
    },
    interrupt,
    progress::Bar,
    say,
};

/// How the network is trained; `configs/demo.toml` of the repository.
const CONFIG: &str = include_str!("../../../../configs/demo.toml");
/// The page at the end.
const REPORT_FILE: &str = "report.html";
/// The register of the mines that are watched. The folder of the demo is a workspace of `minesegsat serve`.
const REGISTER_FILE: &str = "sites.gpkg";
/// Years that are mapped; the first is trained on, of another landscape.
const YEARS: [i16; 2] = [2021, 2022];
/// What a demo consists of, without its page.
const PARTS: [&str; 11] = [
    "sim",
    "set",
    "run",
    "predictions",
    "sites.files",
    "scenes",
    REGISTER_FILE,
    "jobs.sqlite",
    show::TOKEN_FILE,
    show::KEY_FILE,
    "evidence.pub",
];

/// How large things are.
struct Scale {
    /// Side of each landscape in pixels.
    size: usize,
    /// Landscapes that are learned from.
    learned: u64,
    /// Years in which the mines are watched, those that are mapped among them.
    watched: &'static [i16],
    /// Side of the landscape on which errors are measured, in pixels.
    measured_size: usize,
    /// Changes to the configuration.
    settings: &'static [&'static str],
}

const FULL: Scale =
    Scale { size: 1536, learned: 2, watched: &[2020, 2021, 2022, 2023], measured_size: 1536, settings: &[] };
const QUICK: Scale = Scale {
    size: 1152,
    learned: 1,
    watched: &YEARS,
    measured_size: 768,
    settings: &["phases.0.epochs=8", "data.samples_per_epoch=160"],
};

/// One year of the landscape that was not learned from.
struct MappedYear {
    year: i16,
    manifest: Manifest,
    /// Pixels of the map beside the truth, where the ground could be seen.
    counts: ConfusionMatrix,
    /// Hectares of the truth where the ground could be seen.
    true_ha: f64,
    /// Hectares of the map.
    measured_ha: f64,
    /// Hectares of the truth that a cloud or its shadow hides.
    hidden_ha: f64,
    /// Address of a picture of the scene.
    scene: String,
    /// Picture of right and wrong, as PNG.
    right_and_wrong: Vec<u8>,
}

/// All that the page tells.
struct Demo {
    seed: u64,
    training: Vec<Summary>,
    samples: usize,
    epochs: Vec<EpochReport>,
    trained: TrainReport,
    years: Vec<MappedYear>,
    /// The mines that are watched, as they stand.
    sites: Vec<SiteSummary>,
    /// Years in which they were watched.
    watched: &'static [i16],
    seconds: Vec<(&'static str, f64)>,
}

pub(crate) fn run(args: &DemoArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::cancel_flag();
    if args.serve && !args.overwrite && args.output.join(REPORT_FILE).is_file() {
        return show::show(&args.output, args.bind, quiet);
    }
    let folder = claim(&args.output, args.overwrite)?;
    let result = make(args, &folder, quiet, cancel);
    let demo = match result {
        Ok(demo) => demo,
        Err(_) if cancel.load(Ordering::SeqCst) => return Err(minesegsat::Error::Interrupted.into()),
        Err(error) => return Err(error),
    };
    let page = folder.join(REPORT_FILE);
    minesegsat::output::atomic_write(&page, report::page(&demo).as_bytes())?;
    if !quiet {
        report::print(&demo)?;
        say(format_args!("look at {}", page.display()));
    }
    if args.serve {
        return show::show(&folder, args.bind, quiet);
    }
    if !quiet {
        say(format_args!("or at a map of it: minesegsat demo --serve -o {}", folder.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Empties the folder of an earlier demo, or makes one.
fn claim(folder: &Path, overwrite: bool) -> anyhow::Result<PathBuf> {
    let is_occupied = folder.exists() && (!folder.is_dir() || fs::read_dir(folder)?.next().is_some());
    if is_occupied {
        if !(overwrite && folder.join("sim").is_dir()) {
            return Err(minesegsat::Error::OutputExists { path: folder.to_owned() }.into());
        }
        // The page first: a demo without it is none.
        for name in [REPORT_FILE].into_iter().chain(PARTS) {
            let path = folder.join(name);
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            match removed {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("cannot remove {}", path.display()));
                }
                _ => {}
            }
        }
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder.to_owned())
}

fn make(args: &DemoArgs, folder: &Path, quiet: bool, cancel: &AtomicBool) -> anyhow::Result<Demo> {
    let scale = if args.quick { QUICK } else { FULL };
    let size = args.size.map_or(scale.size, |size| size as usize);
    let mut steps = Steps { quiet, started: Instant::now(), number: 0, done: Vec::new() };

    steps.next("simulating landscapes with mines");
    let sim = folder.join("sim");
    let mut training = Vec::new();
    let world = |name: &str, seed: u64, years: &[i16], size: usize| -> anyhow::Result<Summary> {
        let options =
            SimulateOptions { seed, region: Region::Boreal, years: years.to_vec(), size, ..SimulateOptions::default() };
        Ok(simulate(&options, &sim.join(name), &minesegsat::simulate::Silent, cancel)?)
    };
    for i in 0..scale.learned {
        training.push(world(&format!("learn-{}", i + 1), args.seed * 100 + i, &YEARS[..1], size)?);
    }
    world("measure", args.seed * 100 + 40, &YEARS[..1], size.min(scale.measured_size))?;
    let unseen = world("unseen", args.seed * 100 + 50, scale.watched, size)?;

    steps.next("cutting patches and masks, dividing them by place");
    let set = folder.join("set");
    let samples = build_sets(&sim, &training, &set, cancel)?;
    let measure_set = folder.join("measure");
    build_set(&sim.join("measure"), &measure_set, 0.95, [100.0, 0.0, 0.0], cancel)?;

    steps.next("training a small SegFormer");
    let settings: Vec<String> = scale
        .settings
        .iter()
        .map(|&s| s.to_owned())
        .chain(args.epochs.map(|epochs| format!("phases.0.epochs={epochs}")))
        .chain([format!("data.dataset={:?}", set.to_string_lossy())])
        .collect();
    let config = TrainConfig::parse(CONFIG, "of the demo", &settings)?;
    let watcher =
        Recorder { watcher: Watcher::new(quiet, &config.validation.metric), epochs: std::sync::Mutex::default() };
    let run = folder.join("run");
    let trained = train(&config, &TrainOptions { run, resume: false }, &watcher, cancel)?;
    watcher.watcher.clear();
    let epochs = watcher.epochs.into_inner().unwrap_or_default();

    steps.next("measuring its errors on a landscape of their own");
    calibrate(
        &CalibrateArgs {
            model: trained.best_model.clone(),
            dataset: measure_set,
            split: Split::Train,
            device: "cpu".to_owned(),
            patch_size: None,
            overlap: None,
            keep_threshold: true,
            json: false,
        },
        quiet,
        cancel,
    )?;

    steps.next("mapping two years of a landscape that the network has not seen");
    let mut years = Vec::new();
    for year in unseen.years.iter().filter(|year| YEARS.contains(&year.year)) {
        let item = sim.join(format!("unseen/{}/{}/item.json", year.year, year.item));
        let truth = sim.join(format!("unseen/truth/{}_mask.tif", year.year));
        let output = folder.join(format!("predictions/{}", year.year));
        years.push(map(year.year, &item, &truth, &trained.best_model, &output, quiet, cancel)?);
    }
    steps.next("watching its mines over the years");
    let sites = watch::watch(folder, &trained.best_model, &sim.join("unseen"), scale.watched, quiet, cancel)?;
    steps.end();
    Ok(Demo {
        seed: args.seed,
        training,
        samples,
        epochs,
        trained,
        years,
        sites,
        watched: scale.watched,
        seconds: steps.done,
    })
}

/// Says what happens and how long it took.
struct Steps {
    quiet: bool,
    started: Instant,
    number: usize,
    done: Vec<(&'static str, f64)>,
}

impl Steps {
    const COUNT: usize = 6;

    fn next(&mut self, what: &'static str) {
        self.end();
        self.number += 1;
        self.started = Instant::now();
        self.done.push((what, 0.0));
        if !self.quiet {
            say(format_args!("{}/{}  {what}", self.number, Self::COUNT));
        }
    }

    fn end(&mut self) {
        if let Some((_, seconds)) = self.done.last_mut() {
            *seconds = self.started.elapsed().as_secs_f64();
            if !self.quiet {
                say(format_args!("     {}", duration(*seconds)));
            }
        }
    }
}

/// The patches of one year of a landscape, with a share of those without a mine.
fn build_set(
    landscape: &Path,
    set: &Path,
    negatives: f64,
    shares: [f64; 3],
    cancel: &AtomicBool,
) -> anyhow::Result<Dataset> {
    let year = YEARS[0];
    let places = [landscape.join(year.to_string()).display().to_string()];
    let scenes = SceneList::open(&places, &OpenOptions::default(), None, |_, _| {})?;
    let labels = Labels::read(&landscape.join(format!("truth/{year}.gpkg")), &LabelOptions::default())?;
    let options = BuildOptions { patch_size: 192, negatives, ..BuildOptions::default() };
    dataset::build(&scenes, &labels, set, &options, &minesegsat::predict::Silent, cancel)?;
    dataset::split(set, &SplitOptions { shares, ..SplitOptions::default() })?;
    Ok(Dataset::open(set)?)
}

/// A set of each landscape, and one of all.
fn build_sets(sim: &Path, training: &[Summary], set: &Path, cancel: &AtomicBool) -> anyhow::Result<usize> {
    let mut sets = Vec::new();
    for i in 1..=training.len() {
        let landscape = sim.join(format!("learn-{i}"));
        sets.push(build_set(&landscape, &set.join(i.to_string()), 0.3, [80.0, 20.0, 0.0], cancel)?);
    }
    let options = MergeOptions { title: Some("Simulated landscapes".to_owned()), overwrite: false };
    let merged = dataset::merge(&sets, set, &options)?;
    dataset::stats(&merged, &StatsOptions::default(), &minesegsat::predict::Silent, cancel)?;
    Ok(merged.samples().len())
}

/// Keeps what it shows.
struct Recorder {
    watcher: Watcher,
    epochs: std::sync::Mutex<Vec<EpochReport>>,
}

impl TrainProgress for Recorder {
    fn step(&self, report: &StepReport) {
        self.watcher.step(report);
    }

    fn validating(&self, done: usize, total: usize) {
        self.watcher.validating(done, total);
    }

    fn epoch(&self, report: &EpochReport) {
        self.watcher.epoch(report);
        if let Ok(mut epochs) = self.epochs.lock() {
            epochs.push(report.clone());
        }
    }

    fn note(&self, text: &str) {
        self.watcher.note(text);
    }
}

/// Maps a scene and compares it with the truth.
fn map(
    year: i16,
    item: &Path,
    truth: &Path,
    model: &Path,
    output: &Path,
    quiet: bool,
    cancel: &AtomicBool,
) -> anyhow::Result<MappedYear> {
    let model = engine::open(model, &EngineArgs::default(), None)?;
    let description = describe(&model.card);
    let patch_size = 512;
    let options = PredictOptions {
        patch_size,
        overlap_px: patch_size / 8,
        formats: vec![minesegsat::vector::VectorFormat::GeoPackage],
        ..model.predict_options()
    };
    let scene = Scene::open(&item.display().to_string(), &OpenOptions::default())?;
    let bar = Bar::new(quiet);
    let result = predict(&scene, &description, model.segmenter(), output, &options, &bar, cancel);
    bar.clear();
    let manifest = result?;

    let read = |path: &Path| -> anyhow::Result<(Vec<u8>, usize)> {
        let raster = open_raster(&Location::from(path))?;
        let window = raster.info().grid.full_window();
        match raster.read(0, window)? {
            Pixels::U8(values) => Ok((values, window.width)),
            other => anyhow::bail!("{} is of type {:?}", path.display(), other.data_type()),
        }
    };
    let (mask, width) = read(&output.join("mask.tif"))?;
    let (truth, _) = read(truth)?;
    let mut counts = ConfusionMatrix::default();
    let mut hidden = 0_u64;
    for (&found, &is) in mask.iter().zip(&truth) {
        match (found, is != 0) {
            (255, true) => hidden += 1,
            (255, false) => {}
            (0, true) => counts.fn_ += 1,
            (0, false) => counts.tn += 1,
            (_, true) => counts.tp += 1,
            (_, false) => counts.fp += 1,
        }
    }
    // Pixels of 10 m.
    let hectares = |pixels: u64| pixels as f64 / 100.0;
    let quicklook = fs::read(output.join("quicklook.png"))?;
    Ok(MappedYear {
        year,
        manifest,
        counts,
        true_ha: hectares(counts.tp + counts.fn_),
        measured_ha: hectares(counts.tp + counts.fp),
        hidden_ha: hectares(hidden),
        scene: thumbnail_uri(&quicklook, report::SIDE)?,
        right_and_wrong: report::right_and_wrong(&mask, &truth, width)?,
    })
}
