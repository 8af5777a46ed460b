//! `minesegsat area estimate`: what a large area costs, without a catalogue.

use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context as _, bail};
use minesegsat::job::Job;
use minesegsat::large_area::estimate::{Estimate, EstimateOptions, MappingSpeed, Prices, estimate, measured_speed};
use minesegsat::large_area::period::periods;
use minesegsat::scene::manifest::counted;
use minesegsat::simulate::{SimulateOptions, simulate};
use minesegsat::{Location, Model, ModelCard, ModelFolder, OpenOptions, Scene};

use super::area::open_project;
use super::monitor::MonitorBar;
use super::site_tools::open_model;
use super::sites::read_file_boundary;
use crate::args::AreaEstimateArgs;

/// Width and height of a tile in pixels of 10 m.
const TILE_PX: usize = 10_980;

pub(super) fn estimate_area(args: &AreaEstimateArgs, quiet: bool, cancel: &AtomicBool) -> anyhow::Result<ExitCode> {
    let Some(area) = read_file_boundary(&args.scope.area, args.scope.incomplete)? else {
        bail!("there is no area; give one with `--bbox W,S,E,N` or `--boundary FILE`");
    };
    let periods = periods(args.scope.period, args.scope.every)?;
    let card = ModelCard::read(ModelFolder::new(args.model.as_deref())?.path())?;
    let speed = match (&args.measured, args.pixels_per_second) {
        (Some(folder), _) => {
            let project = open_project(folder)?;
            if project.plan.model.sha256 != card.weights_sha256 {
                bail!(
                    "the units of `{}` are mapped by `{}`, not by `{}`; give the project's model with `--model`",
                    folder.display(),
                    project.plan.model.title,
                    card.title
                );
            }
            let cores = args.cores.map_or_else(cores, f64::from);
            measured_speed(&project, cores)?.with_context(|| format!("no unit of `{}` is mapped", folder.display()))?
        }
        (None, Some(rate)) => {
            MappingSpeed { pixels_per_core_second: rate, bytes_written_per_pixel: None, source: "as given".to_owned() }
        }
        (None, None) => {
            let model = open_model(args.model.as_deref(), &args.engine)?;
            let bar = MonitorBar::new(quiet || args.json);
            let job = Job::new(&bar, cancel);
            let speed = measure(&model, job);
            bar.clear();
            speed?
        }
    };
    let options = EstimateOptions {
        area: area.outline,
        periods,
        bands: card.bands.clone(),
        max_cloud_cover_percent: args.max_cloud_cover,
        mean_cloud_cover_percent: args.mean_cloud_cover,
        max_scenes: usize::from(args.max_scenes),
        min_seen: args.min_seen / 100.0,
        composite: args.composite,
        speed,
        prices: Prices { core_hour: args.core_hour_price, gigabyte_read: args.gb_price },
    };
    let found = estimate(&options)?;
    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&found)?)?;
    } else {
        print_estimate(&mut stdout, &found, options.periods.len())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |count| count.get() as f64)
}

/// Maps a simulated scene of four by four patches on all cores.
fn measure(model: &Model, job: Job<'_>) -> anyhow::Result<MappingSpeed> {
    let options = model.predict_options();
    let step = options.patch_size - options.overlap_px;
    // Sides of simulated scenes are multiples of 6.
    let size = ((options.overlap_px + 4 * step) / 6 * 6).clamp(192, TILE_PX);
    let folder = tempfile::tempdir()?;
    let (scenes, map) = (folder.path().join("scenes"), folder.path().join("map"));
    job.progress.stage("simulating a scene to measure the speed");
    let simulated = SimulateOptions { years: vec![2021], size, ..SimulateOptions::default() };
    let summary = simulate(&simulated, &scenes, job.without_progress())?;
    let scene = summary.scenes().next().context("the simulation has no scene")?;
    let item = scenes.join(scene.year.to_string()).join(&scene.item).join("item.json");
    let scene = Scene::open_at(&Location::from(item.as_path()), &OpenOptions::default())?;
    job.progress.stage("measuring the speed");
    let begun = Instant::now();
    model.predict(&scene, &map, &options, job.without_progress())?;
    let seconds = begun.elapsed().as_secs_f64();
    let patches = |px: usize| px.saturating_sub(options.overlap_px).div_ceil(step).max(1).pow(2) as f64;
    let of_tile = seconds * patches(TILE_PX) / patches(size);
    let cores = cores();
    Ok(MappingSpeed {
        pixels_per_core_second: (TILE_PX * TILE_PX) as f64 / of_tile / cores,
        bytes_written_per_pixel: None,
        source: format!(
            "{} of a simulated scene took {seconds:.1} s on {cores} cores, without download",
            counted(patches(size) as usize, "patch")
        ),
    })
}

/// Bytes with a unit.
fn bytes(count: f64) -> String {
    match count {
        ..1e12 => format!("{:.1} GB", count / 1e9),
        ..1e15 => format!("{:.1} TB", count / 1e12),
        _ => format!("{:.1} PB", count / 1e15),
    }
}

fn print_estimate(out: &mut impl Write, found: &Estimate, period_count: usize) -> std::io::Result<()> {
    writeln!(out, "area        {:.0} km2", found.area_km2)?;
    writeln!(
        out,
        "units       {}: {} in {}",
        found.units,
        counted(found.tiles, "tile"),
        counted(period_count, "period")
    )?;
    if found.units_without_scenes > 0 {
        writeln!(out, "            {} of them lie where Sentinel-2 acquires nothing", found.units_without_scenes)?;
    }
    writeln!(
        out,
        "scenes      {:.0} of {:.0} are mapped; they show {:.1} % of the ground without cloud",
        found.scenes,
        found.items,
        found.share_seen * 100.0
    )?;
    writeln!(out, "reading     {} in {:.0} requests", bytes(found.bytes_read), found.requests)?;
    writeln!(out, "mapping     {:.1} core-hours", found.core_hours)?;
    writeln!(out, "maps        {}", bytes(found.bytes_written))?;
    if let Some(price) = found.price_core_hours {
        writeln!(out, "price       {price:.2} for core-hours")?;
    }
    if let Some(price) = found.price_read {
        writeln!(out, "price       {price:.2} for reading")?;
    }
    writeln!(out, "assumptions")?;
    for assumption in &found.assumptions {
        writeln!(out, "  {:<13}  {}", assumption.about, assumption.text)?;
    }
    Ok(())
}
