//! `minesegsat predict`

use std::{io::Write, process::ExitCode, sync::atomic::Ordering};

use anyhow::Context as _;
use minesegsat::{
    Band, Scene,
    manifest::Manifest,
    patch::BandNormalisation,
    polygonize::Connectivity,
    predict::ModelDescription,
    predict::{PredictOptions, predict},
};
use minesegsat_nn::ModelCard;

use crate::{
    args::PredictArgs,
    commands::{area_of_interest, engine, open_options},
    interrupt,
    progress::Bar,
};

pub(crate) fn run(args: &PredictArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::cancel_flag();
    let area = area_of_interest(args.bbox, args.intersects.as_deref())?;
    let model = engine::open(&args.model, &args.engine, args.views)?;
    let card = &model.card;
    let scene = Scene::open(&args.scene.scene, &open_options(&args.scene))?;
    for warning in scene.warnings() {
        tracing::warn!("{warning}");
    }

    let description = describe(card).without_absent(card.band_dropout_max, |band| scene.band(band).is_some());
    if !description.absent.is_empty() {
        let count = card.band_dropout_max;
        tracing::warn!(
            "the scene lacks {}; the model was trained to do without up to {count} bands",
            Band::list(&description.absent)
        );
    }
    let patch_size = args.patch_size.unwrap_or(card.patch_size);
    let options = PredictOptions {
        patch_size,
        overlap_px: args.overlap.unwrap_or(patch_size / 8),
        batch_size: usize::from(args.batch_size),
        workers: args.num_workers.map_or(model.workers, usize::from),
        threshold: args.threshold.unwrap_or(card.threshold),
        min_area_m2: args.min_area,
        connectivity: if args.connectivity == "8" { Connectivity::Eight } else { Connectivity::Four },
        formats: args.format.clone(),
        area,
        overwrite: args.overwrite,
        device: model.device.clone(),
    };
    let bar = Bar::new(quiet || args.json);
    let result = predict(&scene, &description, model.segmenter(), &args.output, &options, &bar, cancel);
    bar.clear();
    model.print_profile()?;
    let manifest = result.map_err(|error| {
        // A reader that was cut off by the interruption reports its own error.
        if cancel.load(Ordering::SeqCst) { minesegsat::Error::Interrupted } else { error }
    })?;

    let mut stdout = std::io::stdout().lock();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&manifest)?)?;
    } else if !quiet {
        print_summary(&mut stdout, &manifest, args).context("cannot print the summary")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What pipelines, manifests and reports need of a card.
pub(crate) fn describe(card: &ModelCard) -> ModelDescription {
    let normalisation = (0..card.bands.len())
        .map(|band| {
            let (offset, divisor) = card.normalisation.offset_divisor(band);
            BandNormalisation { offset, divisor }
        })
        .collect();
    let record = serde_json::json!({
        "title": card.title,
        "licence": card.licence,
        "weights_sha256": card.weights_sha256,
        "network": card.architecture.title(),
        "architecture": card.architecture,
        "normalisation": card.normalisation,
        "classes": card.classes,
        "temperature": card.temperature,
        "views": card.views,
        "training": card.training,
        "area_error": card.area_error,
        "noise_floor": card.noise_floor,
    });
    ModelDescription {
        title: card.title.clone(),
        bands: card.bands.clone(),
        normalisation,
        absent: Vec::new(),
        gsd_m: card.gsd_m,
        record,
    }
}

fn print_summary(out: &mut impl Write, manifest: &Manifest, args: &PredictArgs) -> std::io::Result<()> {
    let assessed = &manifest.assessed;
    if assessed.is_assessable() {
        writeln!(
            out,
            "{:.2} ha of mining-disturbed land in {}; {:.1} % of the area assessed",
            manifest.totals.area_ha,
            minesegsat::manifest::counted(manifest.totals.polygons, "polygon"),
            assessed.share_assessed * 100.0
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
