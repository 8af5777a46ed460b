//! `minesegsat predict`

use std::{io::Write, process::ExitCode, sync::atomic::Ordering};

use anyhow::Context as _;
use minesegsat::{
    Scene,
    manifest::Manifest,
    polygonize::Connectivity,
    predict::{AreaOfInterest, PredictOptions, predict},
    scene::MaskOptions,
    vector::read_area_of_interest,
};
use minesegsat_nn::Model;

use crate::{args::PredictArgs, commands::open_options, interrupt, progress::Bar};

pub(crate) fn run(args: &PredictArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::cancel_flag();
    let area = match (&args.bbox, &args.intersects) {
        (Some(bbox), _) => AreaOfInterest::Bbox(bbox.0),
        (None, Some(path)) => {
            let (polygons, crs) = read_area_of_interest(path)?;
            AreaOfInterest::Polygons(polygons, crs)
        }
        (None, None) => AreaOfInterest::Scene,
    };
    let model = Model::open(&args.model, &args.device)?;
    let card = model.card();
    let scene = Scene::open(&args.scene.scene, &open_options(&args.scene))?;
    for warning in scene.warnings() {
        tracing::warn!("{warning}");
    }

    let patch_size = args.patch_size.unwrap_or(card.patch_size);
    let options = PredictOptions {
        patch_size,
        overlap_px: args.overlap.unwrap_or(patch_size / 8),
        batch_size: usize::from(args.batch_size),
        workers: args.num_workers.map_or(if args.device.is_cpu() { 2 } else { 1 }, usize::from),
        threshold: args.threshold.unwrap_or(card.threshold),
        min_area_m2: args.min_area,
        connectivity: if args.connectivity == "8" { Connectivity::Eight } else { Connectivity::Four },
        formats: args.format.clone(),
        area,
        mask: MaskOptions { snow: args.scene.mask_snow },
        overwrite: args.overwrite,
        device: args.device.to_string(),
    };
    let description = model.description(&args.model);
    let segmenter = model.into_segmenter();
    let bar = Bar::new(quiet || args.json);
    let result = predict(&scene, &description, &segmenter, &args.output, &options, &bar, cancel);
    bar.clear();
    let manifest = result.or_else(|error| {
        // A reader that was cut off by the interruption reports its own error.
        if cancel.load(Ordering::SeqCst) { Err(minesegsat::Error::Interrupted) } else { Err(error) }
    })?;

    let mut stdout = std::io::stdout().lock();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&manifest)?)?;
    } else if !quiet {
        print_summary(&mut stdout, &manifest, args).context("cannot print the summary")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_summary(out: &mut impl Write, manifest: &Manifest, args: &PredictArgs) -> std::io::Result<()> {
    let assessed = &manifest.assessed;
    if assessed.is_assessable() {
        writeln!(
            out,
            "{:.2} ha of mining-disturbed land in {} polygons; {:.1} % of the area assessed",
            manifest.totals.area_ha,
            manifest.totals.polygons,
            assessed.share_assessed * 100.0
        )?;
    } else {
        writeln!(out, "not assessable: no pixel has data in every band and a clear view of the ground")?;
    }
    let t = &manifest.timings;
    writeln!(
        out,
        "{} patches in {:.1} s (reading {:.1} s, network {:.1} s, writing {:.1} s, overlapped)",
        t.patches, t.wall_s, t.read_s, t.infer_s, t.write_s
    )?;
    for output in &manifest.outputs {
        writeln!(out, "  {}", args.output.join(&output.name).display())?;
    }
    writeln!(out, "  {}", minesegsat::predict::manifest_path(&args.output).display())
}
