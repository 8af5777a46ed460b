//! A model with what runs it.

use std::path::Path;

use anyhow::bail;
use minesegsat::Segmenter;
use minesegsat_nn::{BurnSegmenter, Device, Model, ModelCard, OwnEngine, VerifyReport, parse_device};
use minesegsat_onnx::{RuntimeKind, RuntimeSegmenter};

use crate::args::{EngineArgs, EngineName};

/// A model that answers patches.
pub(crate) struct OpenModel {
    pub(crate) card: ModelCard,
    pub(crate) segmenter: Box<dyn Segmenter>,
    /// Where it runs, for manifests.
    pub(crate) device: String,
    /// Patches that are best in it at the same time.
    pub(crate) workers: usize,
}

/// Opens a model on a device by the engine that is asked for, with another number of views than the card's if one is given.
pub(crate) fn open(model: &Path, device: &str, args: &EngineArgs, views: Option<usize>) -> anyhow::Result<OpenModel> {
    if let Some(kind) = runtime(args, device)? {
        let mut segmenter = RuntimeSegmenter::open(model, kind, args.library(kind))?;
        if let Some(views) = views {
            segmenter = segmenter.with_views(views)?;
        }
        let (card, device) = (segmenter.card().clone(), format!("{device}, {}", segmenter.engine()));
        return Ok(OpenModel { card, segmenter: Box::new(segmenter), device, workers: 1 });
    }
    let on = parse_device(device)?;
    let mut model = open_own(model, &on, args)?;
    if let Some(views) = views {
        model = model.with_views(views)?;
    }
    let workers = if on == Device::flex() { 2 } else { 1 };
    let card = model.card().clone();
    Ok(OpenModel { card, segmenter: Box::new(BurnSegmenter::new(model)), device: device.to_owned(), workers })
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
        return Ok(minesegsat_onnx::verify_with(model, kind, args.library(kind), against, tolerance)?);
    }
    Ok(open_own(model, &parse_device(device)?, args)?.verify(model, against, tolerance)?)
}

/// The runtime that is asked for, if one is.
fn runtime(args: &EngineArgs, device: &str) -> anyhow::Result<Option<RuntimeKind>> {
    let kind = match args.engine {
        Some(EngineName::OnnxRuntime) => RuntimeKind::OnnxRuntime,
        Some(EngineName::OpenVino) => RuntimeKind::OpenVino,
        Some(EngineName::Native | EngineName::Burn) | None => return Ok(None),
    };
    if device != "cpu" {
        bail!("device `{device}` is not accepted: {kind} runs on `cpu` here; other devices are for burn");
    }
    Ok(Some(kind))
}

fn open_own(model: &Path, device: &Device, args: &EngineArgs) -> minesegsat_nn::Result<Model> {
    let model = Model::open(model, device)?;
    match args.engine {
        Some(EngineName::Native) => model.with_engine(OwnEngine::Native),
        Some(EngineName::Burn) => model.with_engine(OwnEngine::Burn),
        _ => Ok(model),
    }
}
