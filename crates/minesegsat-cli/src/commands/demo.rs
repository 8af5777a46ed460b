//! `minesegsat demo`: the whole workflow on simulated landscapes. It builds a training set, trains a network,
//! makes two maps, measures their errors, and monitors the mines in a workspace.

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
use minesegsat::job::Job;
use minesegsat::nn::train::{EpochReport, StepReport, TrainConfig, TrainOptions, TrainProgress, TrainReport, train};
use minesegsat::{
    Grid, Location, Pixels, Scene,
    area::GeodesicMeter,
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
    site::SitePixels,
};

use crate::{
    args::{CalibrateArgs, DemoArgs, EngineArgs, utf8},
    commands::{calibrate::calibrate, engine, train::TrainBar},
    interrupt, print_message,
    progress::{Bar, duration},
};

/// The training configuration: `configs/demo.toml` of the repository.
const CONFIG: &str = include_str!("../../../../configs/demo.toml");
/// The report page.
const REPORT_FILE: &str = "report.html";
/// The register of the monitored mines. The folder of the demo is a workspace of `minesegsat serve`.
const REGISTER_FILE: &str = "sites.gpkg";
/// Years that are mapped. The first is also the year of the training landscapes.
const YEARS: [i16; 2] = [2021, 2022];
/// Files and folders of a demo, without the report page.
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

/// Sizes of a demo.
struct Scale {
    /// Width and height of each landscape, in pixels.
    size: usize,
    /// Number of training landscapes.
    training_landscapes: u64,
    /// Years in which the mines are monitored. They include the mapped years.
    monitored_years: &'static [i16],
    /// Width and height of the landscape for measuring errors, in pixels.
    error_landscape_size: usize,
    /// Settings that override the configuration.
    settings: &'static [&'static str],
}

const FULL: Scale = Scale {
    size: 1536,
    training_landscapes: 2,
    monitored_years: &[2020, 2021, 2022, 2023],
    error_landscape_size: 1536,
    settings: &[],
};
const QUICK: Scale = Scale {
    size: 1152,
    training_landscapes: 1,
    monitored_years: &YEARS,
    error_landscape_size: 768,
    settings: &["phases.0.epochs=8", "data.samples_per_epoch=160"],
};

/// The map of one year of the landscape that the network was not trained on.
struct MappedYear {
    year: i16,
    manifest: Manifest,
    /// Confusion matrix of the map and the truth, over the assessed pixels.
    counts: ConfusionMatrix,
    /// True area of mines in the assessed pixels, in hectares.
    true_ha: f64,
    /// Mapped area of mines, in hectares.
    mapped_ha: f64,
    /// True area of mines hidden by clouds and their shadows, in hectares.
    hidden_ha: f64,
    /// Data URI of a picture of the scene.
    scene: String,
    /// Picture of correct and wrong pixels, as PNG.
    error_map: Vec<u8>,
}

/// The content of the report page.
struct Demo {
    seed: u64,
    training: Vec<Summary>,
    samples: usize,
    epochs: Vec<EpochReport>,
    trained: TrainReport,
    years: Vec<MappedYear>,
    /// The monitored mines with their latest observations.
    sites: Vec<SiteSummary>,
    /// Years in which the mines were monitored.
    monitored_years: &'static [i16],
    seconds: Vec<(&'static str, f64)>,
}

pub(crate) fn run(args: &DemoArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::cancel_flag();
    if args.serve && !args.overwrite && args.output.join(REPORT_FILE).is_file() {
        return show::serve_demo(&args.output, args.bind, quiet);
    }
    utf8(&args.output, "the catalogue of a demo")?;
    let folder = prepare_folder(&args.output, args.overwrite)?;
    let result = run_steps(args, &folder, quiet, cancel);
    let demo = match result {
        Ok(demo) => demo,
        Err(_) if cancel.load(Ordering::SeqCst) => return Err(minesegsat::Error::Interrupted.into()),
        Err(error) => return Err(error),
    };
    let page = folder.join(REPORT_FILE);
    minesegsat::output::atomic_write(&page, report::page(&demo).as_bytes())?;
    if !quiet {
        report::print(&demo)?;
        print_message(format_args!("report: {}", page.display()));
    }
    if args.serve {
        return show::serve_demo(&folder, args.bind, quiet);
    }
    if !quiet {
        print_message(format_args!(
            "to see the results on a map, run: minesegsat demo --serve -o {}",
            folder.display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Empties the folder of an earlier demo, or creates the folder.
fn prepare_folder(folder: &Path, overwrite: bool) -> anyhow::Result<PathBuf> {
    let is_occupied = folder.exists() && (!folder.is_dir() || fs::read_dir(folder)?.next().is_some());
    if is_occupied {
        if !(overwrite && folder.join("sim").is_dir()) {
            return Err(minesegsat::Error::OutputExists { path: folder.to_owned() }.into());
        }
        // The report page is removed first: a folder without it is not a finished demo.
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
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder.to_owned())
}

fn run_steps(args: &DemoArgs, folder: &Path, quiet: bool, cancel: &AtomicBool) -> anyhow::Result<Demo> {
    let scale = if args.quick { QUICK } else { FULL };
    let size = args.size.map_or(scale.size, |size| size as usize);
    let mut steps = Steps { quiet, started: Instant::now(), number: 0, done: Vec::new() };

    steps.next("simulating landscapes with mines");
    let sim = folder.join("sim");
    let mut training = Vec::new();
    let simulate_landscape = |name: &str, seed: u64, years: &[i16], size: usize| -> anyhow::Result<Summary> {
        let options =
            SimulateOptions { seed, region: Region::Boreal, years: years.to_vec(), size, ..SimulateOptions::default() };
        Ok(simulate(&options, &sim.join(name), Job::with_cancel(cancel))?)
    };
    for i in 0..scale.training_landscapes {
        training.push(simulate_landscape(&format!("learn-{}", i + 1), args.seed * 100 + i, &YEARS[..1], size)?);
    }
    simulate_landscape("measure", args.seed * 100 + 40, &YEARS[..1], size.min(scale.error_landscape_size))?;
    let unseen = simulate_landscape("unseen", args.seed * 100 + 50, scale.monitored_years, size)?;

    steps.next("building patches and masks, split by location");
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
        .chain([r#"title="Demo, trained on simulated scenes""#, r#"licence="MIT OR Apache-2.0""#].map(str::to_owned))
        .collect();
    let config = TrainConfig::parse(CONFIG, "of the demo", &settings)?;
    let recorder =
        Recorder { bar: TrainBar::new(quiet, &config.validation.metric), epochs: std::sync::Mutex::default() };
    let run = folder.join("run");
    let trained = train(&config, &TrainOptions { run, resume: false, allow_changed_data: false }, &recorder, cancel)?;
    recorder.bar.clear();
    let best_model = trained.best_model.clone().context("training found no best model")?;
    let epochs = recorder.epochs.into_inner().unwrap_or_default();

    steps.next("measuring its errors on a separate landscape");
    calibrate(
        &CalibrateArgs {
            model: best_model.clone(),
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

    steps.next("mapping two years of a landscape that the network was not trained on");
    let mut years = Vec::new();
    for year in unseen.years.iter().filter(|year| YEARS.contains(&year.year)) {
        let item = sim.join(format!("unseen/{}/{}/item.json", year.year, year.item));
        let truth = sim.join(format!("unseen/truth/{}_mask.tif", year.year));
        let output = folder.join(format!("predictions/{}", year.year));
        years.push(map_year(year.year, &item, &truth, &best_model, &output, quiet, cancel)?);
    }
    steps.next("monitoring its mines over the years");
    let sites = watch::monitor_mines(folder, &best_model, &sim.join("unseen"), scale.monitored_years, quiet, cancel)?;
    steps.end();
    Ok(Demo {
        seed: args.seed,
        training,
        samples,
        epochs,
        trained,
        years,
        sites,
        monitored_years: scale.monitored_years,
        seconds: steps.done,
    })
}

/// Prints the steps and how long they took.
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
            print_message(format_args!("{}/{}  {what}", self.number, Self::COUNT));
        }
    }

    fn end(&mut self) {
        if let Some((_, seconds)) = self.done.last_mut() {
            *seconds = self.started.elapsed().as_secs_f64();
            if !self.quiet {
                print_message(format_args!("     {}", duration(*seconds)));
            }
        }
    }
}

/// Builds a data set of one year of a landscape. `negatives` is the fraction of patches without mines.
fn build_set(
    landscape: &Path,
    set: &Path,
    negatives: f64,
    shares: [f64; 3],
    cancel: &AtomicBool,
) -> anyhow::Result<Dataset> {
    let year = YEARS[0];
    let scene_folders = [landscape.join(year.to_string()).display().to_string()];
    let scenes = SceneList::open(&scene_folders, &OpenOptions::default(), None, |_, _| {})?;
    let labels = Labels::read(&landscape.join(format!("truth/{year}.gpkg")), &LabelOptions::default())?;
    let options = BuildOptions { patch_size: 192, negatives, ..BuildOptions::default() };
    dataset::build(&scenes, &labels, set, &options, Job::with_cancel(cancel))?;
    dataset::split(set, &SplitOptions { shares, ..SplitOptions::default() })?;
    Ok(Dataset::open(set)?)
}

/// Builds a data set of each training landscape, and merges them.
fn build_sets(sim: &Path, training: &[Summary], set: &Path, cancel: &AtomicBool) -> anyhow::Result<usize> {
    let mut sets = Vec::new();
    for i in 1..=training.len() {
        let landscape = sim.join(format!("learn-{i}"));
        sets.push(build_set(&landscape, &set.join(i.to_string()), 0.3, [80.0, 20.0, 0.0], cancel)?);
    }
    let options = MergeOptions { title: Some("Simulated landscapes".to_owned()), ..MergeOptions::default() };
    let merged = dataset::merge(&sets, set, &options)?;
    dataset::stats(&merged, &StatsOptions::default(), Job::with_cancel(cancel))?;
    Ok(merged.samples().len())
}

/// Shows the training progress and records the epochs.
struct Recorder {
    bar: TrainBar,
    epochs: std::sync::Mutex<Vec<EpochReport>>,
}

impl TrainProgress for Recorder {
    fn step(&self, report: &StepReport) {
        self.bar.step(report);
    }

    fn validating(&self, done: usize, total: usize) {
        self.bar.validating(done, total);
    }

    fn epoch(&self, report: &EpochReport) {
        self.bar.epoch(report);
        if let Ok(mut epochs) = self.epochs.lock() {
            epochs.push(report.clone());
        }
    }

    fn note(&self, text: &str) {
        self.bar.note(text);
    }

    fn saved(&self, step: u64, epoch: usize) {
        self.bar.saved(step, epoch);
    }
}

/// Maps a scene and compares it with the truth.
fn map_year(
    year: i16,
    item: &Path,
    truth: &Path,
    model: &Path,
    output: &Path,
    quiet: bool,
    cancel: &AtomicBool,
) -> anyhow::Result<MappedYear> {
    let model = engine::open(Some(model), &EngineArgs::default(), None)?;
    let description = model.card().description();
    let patch_size = 512;
    let options = PredictOptions {
        patch_size,
        overlap_px: patch_size / 8,
        formats: vec![minesegsat::vector::VectorFormat::GeoPackage],
        ..model.predict_options()
    };
    let scene = Scene::open(&item.display().to_string(), &OpenOptions::default())?;
    let bar = Bar::new(quiet);
    let result = predict(&scene, &description, model.segmenter(), output, &options, Job::new(&bar, cancel));
    bar.clear();
    let manifest = result?;

    let read = |path: &Path| -> anyhow::Result<(Vec<u8>, Grid)> {
        let raster = open_raster(&Location::from(path))?;
        let grid = raster.info().grid.clone();
        match raster.read(0, grid.full_window())? {
            Pixels::U8(values) => Ok((values, grid)),
            other => anyhow::bail!("{} has pixels of type {:?}; expected uint8", path.display(), other.data_type()),
        }
    };
    let (mask, grid) = read(&output.join("mask.tif"))?;
    let (truth, _) = read(truth)?;
    let mut counts = ConfusionMatrix::default();
    let mut hidden = 0_u64;
    for (&mapped, &true_class) in mask.iter().zip(&truth) {
        match (mapped, true_class != 0) {
            (255, true) => hidden += 1,
            (255, false) => {}
            (0, true) => counts.fn_ += 1,
            (0, false) => counts.tn += 1,
            (_, true) => counts.tp += 1,
            (_, false) => counts.fp += 1,
        }
    }
    let pixel_m2 = SitePixels::all_area_m2(&grid, &GeodesicMeter::new(&grid.crs)?)?;
    let hectares = |pixels: u64| pixels as f64 * pixel_m2 / 1e4;
    let quicklook = fs::read(output.join("quicklook.png"))?;
    Ok(MappedYear {
        year,
        manifest,
        counts,
        true_ha: hectares(counts.tp + counts.fn_),
        mapped_ha: hectares(counts.tp + counts.fp),
        hidden_ha: hectares(hidden),
        scene: thumbnail_uri(&quicklook, report::SIDE)?,
        error_map: report::error_map(&mask, &truth, grid.width)?,
    })
}
