//! A model with what runs it.

use std::io::Write;
use std::path::Path;

use anyhow::bail;
use minesegsat::Segmenter;
use minesegsat_nn::{
    BurnSegmenter, Device, EngineOptions, Model, ModelCard, OwnEngine, Precision, VerifyReport, parse_device,
};
use minesegsat_onnx::{RuntimeKind, RuntimeSegmenter};

use crate::args::{EngineArgs, EngineName};

/// A model that answers patches.
pub(crate) struct OpenModel {
    pub(crate) card: ModelCard,
    engine: Engine,
    /// Where it runs, for manifests.
    pub(crate) device: String,
    /// Patches that are best in it at the same time.
    pub(crate) workers: usize,
}

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

/// Opens a model on a device by the engine that is asked for, with another number of views than the card's if one is given.
pub(crate) fn open(model: &Path, device: &str, args: &EngineArgs, views: Option<usize>) -> anyhow::Result<OpenModel> {
    if let Some(kind) = runtime(args, device)? {
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
        _ => device.to_owned(),
    };
    let card = model.card().clone();
    Ok(OpenModel { card, engine: Engine::Own(Box::new(BurnSegmenter::new(model))), device, workers })
}

/// Compares a model's answer by the engine that is asked for with a recorded one.
pub(crate) fn verify(
    model: &Path,
    device: &str,
    args: &EngineArgs,
    against: Option<&Path>,
    tolerance: f32,
) -> anyhow::Result<VerifyReport> {
    if let Some(kind) = runtime(args, device)? {
        let library = (args.library(kind), args.precision);
        return Ok(minesegsat_onnx::verify_with(model, kind, library, against, tolerance)?);
    }
    let opened = Model::open_with(model, &parse_device(device)?, own(args))?;
    let report = opened.verify(model, against, tolerance)?;
    if let Some(profile) = opened.take_profile() {
        writeln!(std::io::stderr().lock(), "{profile}")?;
    }
    Ok(report)
}

/// The runtime that is asked for, if one is.
fn runtime(args: &EngineArgs, device: &str) -> anyhow::Result<Option<RuntimeKind>> {
    let kind = match args.engine {
        Some(EngineName::OnnxRuntime) => RuntimeKind::OnnxRuntime,
        Some(EngineName::OpenVino) => RuntimeKind::OpenVino,
        Some(EngineName::Native | EngineName::Burn) | None => return Ok(None),
    };
    if args.profile {
        bail!("profiles come from the engine native; {kind} has its own tools for that");
    }
    if device != "cpu" {
        bail!("device `{device}` is not accepted: {kind} runs on `cpu` here; other devices are for burn");
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
