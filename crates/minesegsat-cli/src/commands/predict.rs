//! `minesegsat predict`

use std::{io::Write, process::ExitCode};

use anyhow::Context as _;
use minesegsat::Grouped;
use minesegsat::job::Job;
use minesegsat::{
    Band,
    manifest::Manifest,
    polygonize::Connectivity,
    predict::{Outlines, PredictOptions},
};

use crate::{
    args::PredictArgs,
    commands::{area_of_interest, engine, open_options, open_scene},
    interrupt,
    progress::Bar,
};

/// Metrics of a card that were measured on real ground.
const REAL_GROUND: &str = "real_ground";

pub(crate) fn run(args: &PredictArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::cancel_flag();
    let (area, area_incomplete) = area_of_interest(args.bbox, args.intersects.as_deref(), args.incomplete)?;
    let model = engine::open(args.model.as_deref(), &args.engine, args.views)?;
    let scene = open_scene(&args.scene, &open_options(&args.scene))?;
    for warning in scene.warnings() {
        tracing::warn!("{warning}");
    }

    let description = model.description_for(&scene);
    if !description.absent.is_empty() {
        let count = model.card().band_dropout_max;
        tracing::warn!(
            "the scene lacks {}; the model was trained to work with up to {count} missing bands",
            Band::list(&description.absent)
        );
    }
    if let Some(warning) = description.level_warning(scene.info().level.map(|level| level.to_string()).as_deref()) {
        tracing::warn!("{warning}");
    }
    let defaults = model.predict_options();
    let patch_size = args.patch_size.unwrap_or(defaults.patch_size);
    let options = PredictOptions {
        patch_size,
        overlap_px: args.overlap.unwrap_or(patch_size / 8),
        batch_size: usize::from(args.batch_size),
        workers: args.num_workers.map_or(defaults.workers, usize::from),
        threshold: args.threshold.unwrap_or(defaults.threshold),
        min_area_m2: args.min_area,
        connectivity: if args.connectivity == "8" { Connectivity::Eight } else { Connectivity::Four },
        outlines: if args.outlines == "contour" { Outlines::Contour } else { Outlines::Pixels },
        formats: args.format.clone(),
        area,
        area_incomplete,
        overwrite: args.overwrite,
        ..defaults
    };
    let bar = Bar::new(quiet || args.json);
    let job = Job::new(&bar, cancel);
    let result = model.predict(&scene, &args.output, &options, job);
    bar.clear();
    engine::print_profile(&model)?;
    let manifest = job.finish(result)?;
    if let Some(warning) = manifest.familiarity.and_then(|found| found.warning()) {
        tracing::warn!("{warning}");
    }

    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&manifest)?)?;
    } else if !quiet {
        print_summary(&mut stdout, &manifest, args).context("cannot print the summary")?;
        if !model.card().metrics.contains_key(REAL_GROUND) {
            writeln!(stdout, "note: the card of this model has no figures on real ground")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_summary(out: &mut impl Write, manifest: &Manifest, args: &PredictArgs) -> std::io::Result<()> {
    let assessed = &manifest.assessed;
    if assessed.is_assessable() {
        writeln!(
            out,
            "{:.2} ha of mining-disturbed land mapped in {}; {}",
            Grouped(manifest.totals.area_ha),
            minesegsat::manifest::counted(manifest.totals.polygons, "polygon"),
            manifest.cloud_mask.share_text(assessed)
        )?;
    } else {
        writeln!(out, "not assessable: no pixel has data in every band and a clear view of the ground")?;
    }
    let t = &manifest.timings;
    writeln!(
        out,
        "{} in {:.1} s (reading {:.1} s, network {:.1} s, writing {:.1} s, overlapped)",
        minesegsat::manifest::counted(t.patches, "patch"),
        t.wall_s,
        t.read_s,
        t.infer_s,
        t.write_s
    )?;
    for output in &manifest.outputs {
        writeln!(out, "  {}", args.output.join(&output.name).display())?;
    }
    writeln!(out, "  {}", minesegsat::predict::manifest_path(&args.output).display())
}
