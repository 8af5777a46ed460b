//! A model with what runs it.

use std::io::Write;
use std::path::Path;

use anyhow::bail;
use minesegsat::Segmenter;
use minesegsat::monitor::MonitorModel;
use minesegsat::polygonize::Connectivity;
use minesegsat::predict::{AreaOfInterest, PredictOptions};
use minesegsat_nn::{
    BurnSegmenter, Device, EngineOptions, Model, ModelCard, OwnEngine, Precision, VerifyReport, parse_device,
};
use minesegsat_onnx::{RuntimeKind, RuntimeSegmenter};

use super::predict::describe;
use crate::args::{EngineArgs, EngineName};

/// A model that answers patches.
#[derive(Debug)]
pub(crate) struct OpenModel {
    pub(crate) card: ModelCard,
    engine: Engine,
    /// Where it runs, for manifests.
    pub(crate) device: String,
    /// Patches that are best in it at the same time.
    pub(crate) workers: usize,
}

#[derive(Debug)]
enum Engine {
    Own(Box<BurnSegmenter>),
    Runtime(Box<RuntimeSegmenter>),
}

impl OpenModel {
    pub(crate) fn segmenter(&self) -> &dyn Segmenter {
        match &self.engine {
            Engine::Own(segmenter) => &**segmenter,
            Engine::Runtime(segmenter) => &**segmenter,
        }
    }

    /// How a scene is mapped where nothing else is asked for.
    pub(crate) fn predict_options(&self) -> PredictOptions {
        let card = &self.card;
        PredictOptions {
            patch_size: card.patch_size,
            overlap_px: card.patch_size / 8,
            batch_size: 1,
            workers: self.workers,
            threshold: card.threshold,
            min_area_m2: 0.0,
            connectivity: Connectivity::Four,
            formats: Vec::new(),
            area: AreaOfInterest::Scene,
            overwrite: false,
            device: self.device.clone(),
        }
    }

    /// The model as a monitor uses it.
    pub(crate) fn monitor_model(&self) -> MonitorModel<'_> {
        let card = &self.card;
        MonitorModel {
            segmenter: self.segmenter(),
            description: describe(card),
            max_absent: card.band_dropout_max,
            sha256: card.weights_sha256.clone(),
            area_error: card.area_error.unwrap_or_default(),
            noise_floor: card.noise_floor.unwrap_or_default(),
        }
    }

    /// Prints where the time went, if that was asked for.
    pub(crate) fn print_profile(&self) -> std::io::Result<()> {
        if let Engine::Own(segmenter) = &self.engine
            && let Some(profile) = segmenter.model().take_profile()
        {
            writeln!(std::io::stderr().lock(), "{profile}")?;
        }
        Ok(())
    }
}

/// Opens a model by the engine that is asked for, with another number of views than the card's if one is given.
pub(crate) fn open(model: &Path, args: &EngineArgs, views: Option<usize>) -> anyhow::Result<OpenModel> {
    let device = &args.device;
    if let Some(kind) = runtime(args)? {
        let mut segmenter = RuntimeSegmenter::open(model, kind, args.library(kind), args.precision)?;
        if let Some(views) = views {
            segmenter = segmenter.with_views(views)?;
        }
        let mut device = format!("{device}, {}", segmenter.engine());
        if args.precision != Precision::Fp32 {
            device = format!("{device}, {}", args.precision);
        }
        let card = segmenter.card().clone();
        return Ok(OpenModel { card, engine: Engine::Runtime(Box::new(segmenter)), device, workers: 1 });
    }
    let on = parse_device(device)?;
    let mut model = Model::open_with(model, &on, own(args))?;
    if let Some(views) = views {
        model = model.with_views(views)?;
    }
    // Patches of two workers fill each other's gaps; a profile is to show one alone.
    let workers = if on == Device::flex() && !args.profile { 2 } else { 1 };
    let device = match model.precision() {
        Some(Precision::Bf16) => format!("{device}, {}", Precision::Bf16),
        _ => device.clone(),
    };
    let card = model.card().clone();
    Ok(OpenModel { card, engine: Engine::Own(Box::new(BurnSegmenter::new(model))), device, workers })
}

/// Compares a model's answer by the engine that is asked for with a recorded one.
pub(crate) fn verify(
    model: &Path,
    args: &EngineArgs,
    against: Option<&Path>,
    tolerance: f32,
) -> anyhow::Result<VerifyReport> {
    if let Some(kind) = runtime(args)? {
        let library = (args.library(kind), args.precision);
        return Ok(minesegsat_onnx::verify_with(model, kind, library, against, tolerance)?);
    }
    let opened = Model::open_with(model, &parse_device(&args.device)?, own(args))?;
    let report = opened.verify(model, against, tolerance)?;
    if let Some(profile) = opened.take_profile() {
        writeln!(std::io::stderr().lock(), "{profile}")?;
    }
    Ok(report)
}

/// The runtime that is asked for, if one is.
fn runtime(args: &EngineArgs) -> anyhow::Result<Option<RuntimeKind>> {
    let kind = match args.engine {
        Some(EngineName::OnnxRuntime) => RuntimeKind::OnnxRuntime,
        Some(EngineName::OpenVino) => RuntimeKind::OpenVino,
        Some(EngineName::Native | EngineName::Burn) | None => return Ok(None),
    };
    if args.profile {
        bail!("profiles come from the engine native; {kind} has its own tools for that");
    }
    if args.device != "cpu" {
        bail!("device `{}` is not accepted: {kind} runs on `cpu` here; other devices are for burn", args.device);
    }
    Ok(Some(kind))
}

/// What is asked of this project's own engines.
fn own(args: &EngineArgs) -> EngineOptions {
    let engine = match args.engine {
        Some(EngineName::Native) => Some(OwnEngine::Native),
        Some(EngineName::Burn) => Some(OwnEngine::Burn),
        _ => None,
    };
    EngineOptions { engine, precision: args.precision, profile: args.profile }
}
